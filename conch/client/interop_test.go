package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// peer is a server of another project, with its features. docs/interop.md has
// the same table.
type peer struct {
	name                          string
	start                         func(t *testing.T) sshtest.Target
	sftp, remote, unix, halfClose bool
	cannot                        []string // names of features
}

var peers = []peer{
	{"OpenSSH", openSSHPeer, true, true, true, true, []string{"signal", "keyboard-interactive"}},
	{"Twisted", func(t *testing.T) sshtest.Target { return pythonServer(t, "twisted", "twisted.conch") }, true, true, false, false,
		[]string{"signal", "keyboard-interactive", "certificate", "agent"}},
	{"asyncssh", func(t *testing.T) sshtest.Target { return pythonServer(t, "asyncssh", "asyncssh") }, true, true, true, true, nil},
	{"Dropbear", func(t *testing.T) sshtest.Target { to, _ := sshtest.Dropbear(t); return to }, true, true, false, true, []string{"environment", "keyboard-interactive", "certificate"}},
}

// openSSHPeer starts an sshd that accepts certificates and environment
// variables.
func openSSHPeer(t *testing.T) sshtest.Target {
	authority := filepath.Join(t.TempDir(), "ca")
	sshtest.KeyPair(t, authority)
	s, to := sshtest.OpenSSH(t, "AcceptEnv LC_*", "TrustedUserCAKeys "+authority+".pub")
	if err := os.Rename(authority, filepath.Join(filepath.Dir(s.ClientKey), "ca")); err != nil {
		t.Fatal(err)
	}
	return to
}

// pythonServer starts a Python server from testdata.
func pythonServer(t *testing.T, name, needs string) sshtest.Target {
	to, _ := sshtest.PythonServer(t, filepath.Join("testdata", name+"_server.py"), needs)
	return to
}

// TestInterop tests each peer's features.
func TestInterop(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			r := sshtest.Start(t)
			to := p.start(t)
			conn := sshtest.Connect(t, r, to)
			defer sshtest.OnLoop(t, r, conn.LoseConnection) // must run before the server is stopped
			interopExec(t, r, conn, p)
			if p.sftp {
				interopSFTP(t, r, conn)
			}
			interopForward(t, r, conn, p)
			for _, f := range features {
				if err := f.try(t, r, to); (err == nil) == slices.Contains(p.cannot, f.name) {
					t.Errorf("%s: %v", f.name, err)
				}
			}
		})
	}
}

func interopExec(t *testing.T, r *reactor.Reactor, conn *sshtest.PlainConnection, p peer) {
	t.Helper()
	for command, want := range map[string]string{
		"printf out; printf err >&2": "out err <nil>",
		"cat":                        "in  <nil>",
		"exit 3":                     "  client: remote command exited with status 3",
		"kill -TERM $$":              "  client: remote command was ended by signal TERM",
	} {
		out, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, command, []byte("in")) })
		if exit, ok := errors.AsType[*client.ExitError](err); ok {
			out = exit.Output
		}
		if got := fmt.Sprintf("%s %s %v", out.Stdout, out.Stderr, err); got != want {
			t.Errorf("%s: got %q, want %q", command, got, want)
		}
	}
}

func interopSFTP(t *testing.T, r *reactor.Reactor, conn *sshtest.PlainConnection) {
	t.Helper()
	s := &sftpSession{ClientSession: client.ClientSession{Command: client.Command{Line: "sftp", Subsystem: true}}}
	s.client = filetransfer.NewFileTransferClient()
	_, err := sshtest.Await(t, r, func() deferred.Deferred[filetransfer.Status] {
		conn.OpenChannel(s)
		return deferred.ThenDeferred(s.Started(), func(struct{}) deferred.Deferred[filetransfer.Status] {
			return s.client.MakeDirectory("made", filetransfer.Attrs{})
		})
	})
	if err != nil {
		t.Errorf("SFTP: %v", err)
	}
	sshtest.OnLoop(t, r, s.LoseConnection)
}

type sftpSession struct {
	client.ClientSession
	client *filetransfer.FileTransferClient
}

func (s *sftpSession) SessionStarted()       { s.client.MakeConnection(s) }
func (s *sftpSession) DataReceived(p []byte) { s.client.DataReceived(p) }
func (s *sftpSession) Closed()               { s.client.ConnectionLost(conch.ErrConnectionLost) }

func interopForward(t *testing.T, r *reactor.Reactor, conn *sshtest.PlainConnection, p peer) {
	t.Helper()
	dir := sshtest.ShortDir(t)
	tcp, unix := sshtest.EchoServer(t, "tcp", "127.0.0.1:0"), sshtest.EchoServer(t, "unix", filepath.Join(dir, "e"))
	for _, row := range []struct {
		name string
		can  bool
		f    func() deferred.Deferred[*forward.Forwarder]
	}{
		{"local", true, func() deferred.Deferred[*forward.Forwarder] {
			return forward.Local(conn, "tcp", "127.0.0.1:0", "tcp", tcp)
		}},
		{"remote", p.remote, func() deferred.Deferred[*forward.Forwarder] {
			return forward.Remote(conn, "tcp", fmt.Sprint("127.0.0.1:", sshtest.FreePort(t)), "tcp", tcp)
		}},
		{"local UNIX", p.unix, func() deferred.Deferred[*forward.Forwarder] {
			return forward.Local(conn, "unix", filepath.Join(dir, "l"), "unix", unix)
		}},
		{"remote UNIX", p.unix, func() deferred.Deferred[*forward.Forwarder] {
			return forward.Remote(conn, "unix", filepath.Join(dir, "r"), "unix", unix)
		}},
	} {
		if !row.can {
			continue
		}
		f, err := sshtest.Await(t, r, row.f)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		t.Log(row.name)
		if p.halfClose {
			sshtest.Echoes(t, f.Addr().Network(), sshtest.DialAddress(f.Addr()))
		} else {
			echoesOpen(t, f.Addr().Network(), sshtest.DialAddress(f.Addr()))
		}
		if _, err := sshtest.Await(t, r, f.Close); err != nil {
			t.Error(err)
		}
	}
}

// echoesOpen is echoes for peers that close a forwarded connection at the EOF
// of one direction.
func echoesOpen(t *testing.T, network, address string) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	got := make([]byte, len(want))
	sent := make(chan error, 1)
	go func() { // ends after the write
		_, err := c.Write(want)
		sent <- err
	}()
	_, err = io.ReadFull(c, got)
	if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, want) {
		t.Errorf("other bytes came back, %v", err)
	}
}
