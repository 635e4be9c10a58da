package client_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// peer is a server of somebody else's, with what it can do (docs/interop.md has
// the same table).
type peer struct {
	name                          string
	start                         func(t *testing.T) sshtest.Target
	sftp, remote, unix, halfClose bool
	cannot                        []string // names of features
}

var peers = []peer{
	{"OpenSSH", openSSHPeer, true, true, true, true, []string{"signal", "keyboard-interactive"}},
	{"Twisted", func(t *testing.T) sshtest.Target { return pythonServer(t, "twisted_server.py", "twisted.conch") }, true, true, false, false,
		[]string{"signal", "keyboard-interactive", "certificate", "agent"}},
	{"asyncssh", func(t *testing.T) sshtest.Target { return pythonServer(t, "asyncssh_server.py", "asyncssh") }, true, true, true, true, nil},
	{"Dropbear", dropbear, true, true, false, true, []string{"environment", "keyboard-interactive", "certificate"}},
}

// openSSHPeer is an sshd that takes certificates, and environment variables.
func openSSHPeer(t *testing.T) sshtest.Target {
	authority := filepath.Join(t.TempDir(), "ca")
	newKeyPair(t, authority)
	s, to := sshtest.OpenSSH(t, "AcceptEnv LC_*", "TrustedUserCAKeys "+authority+".pub")
	if err := os.Rename(authority, filepath.Join(filepath.Dir(s.ClientKey), "ca")); err != nil {
		t.Fatal(err)
	}
	return to
}

// newKeyPair makes a key in a file, and its public half beside it.
func newKeyPair(t *testing.T, file string) gossh.PublicKey {
	t.Helper()
	key, err := conchtest.NewKeyFile(file)
	if err == nil {
		err = os.WriteFile(file+".pub", gossh.MarshalAuthorizedKey(key.PublicKey()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key.PublicKey()
}

// credentials makes a host key, a user's key and an authority's in files, and a
// target that has the user's.
func credentials(t *testing.T) (dir string, to sshtest.Target) {
	t.Helper()
	dir = t.TempDir()
	newKeyPair(t, filepath.Join(dir, "host"))
	id, authority := newKeyPair(t, filepath.Join(dir, "id")), newKeyPair(t, filepath.Join(dir, "ca"))
	authorized := fmt.Sprintf("%scert-authority %s", gossh.MarshalAuthorizedKey(id), gossh.MarshalAuthorizedKey(authority))
	if err := os.WriteFile(filepath.Join(dir, "authorized"), []byte(authorized), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, sshtest.Target{User: "guest", Host: "127.0.0.1", Options: client.Options{
		Identities: []string{filepath.Join(dir, "id")}, NoAgent: true, KnownHosts: []string{filepath.Join(dir, "known")},
		HostKeys: client.AcceptNewHosts, UI: sshtest.NoUI{T: t}, Timeout: sshtest.Patience,
	}}
}

// pythonServer starts a server out of testdata, which ends with the test.
func pythonServer(t *testing.T, script, needs string) sshtest.Target {
	t.Helper()
	const python = "/usr/bin/python3"
	if osexec.Command(python, "-W", "ignore", "-c", "import "+needs).Run() != nil {
		conchtest.MissingPeer(t, python+" with the package "+needs)
	}
	dir, to := credentials(t)
	keyFile := "id.pub"
	if needs == "asyncssh" {
		keyFile = "authorized"
	}
	script, err := filepath.Abs(filepath.Join("testdata", script))
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command(python, "-W", "ignore", script, filepath.Join(dir, "host"), filepath.Join(dir, keyFile))
	cmd.Dir = dir
	out := sshtest.ServerProcess(t, cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		to.Port, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// dropbear starts a Dropbear in a mount namespace in which the user's home
// directory is one of the test's: it takes keys from nowhere else.
func dropbear(t *testing.T) sshtest.Target {
	t.Helper()
	for _, file := range []string{"/usr/sbin/dropbear", "/usr/bin/dropbearkey", "/usr/bin/unshare"} {
		if _, err := os.Stat(file); err != nil {
			conchtest.MissingPeer(t, file)
		}
	}
	if err := osexec.Command("unshare", "--mount", "true").Run(); err != nil {
		conchtest.MissingPeer(t, fmt.Sprintf("the right to make a mount namespace for Dropbear (%v)", err))
	}
	dir, to := credentials(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	to.User = me.Username
	to.Options.HostKeyAlgorithms = []string{gossh.KeyAlgoED25519} // its 2022.83 aborts when an RSA key is offered first that it does not have
	home, hostKey := filepath.Join(dir, "home"), filepath.Join(dir, "dropbear_key")
	err = errors.Join(os.MkdirAll(filepath.Join(home, ".ssh"), 0o700),
		os.Rename(filepath.Join(dir, "id.pub"), filepath.Join(home, ".ssh", "authorized_keys")),
		osexec.Command("dropbearkey", "-t", "ed25519", "-f", hostKey).Run())
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	cmd := osexec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$1" "$2" && exec dropbear -F -E -p "$3" -r "$4" -P "$5" 2>&1`,
		"sh", home, me.HomeDir, "127.0.0.1:"+port, hostKey, filepath.Join(dir, "pid"))
	log := bufio.NewReader(sshtest.ServerProcess(t, cmd))
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // before it is waited for
	if line, err := log.ReadString('\n'); err != nil || !strings.Contains(line, "Not backgrounding") {
		t.Fatalf("%q, %v", line, err)
	}
	to.Port, err = strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestInterop does with each peer what it can do.
func TestInterop(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			r := sshtest.Start(t)
			to := p.start(t)
			conn := sshtest.Connect(t, r, to)
			defer sshtest.OnLoop(t, r, conn.LoseConnection) // before the server is waited for
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
			return forward.Remote(conn, "tcp", "127.0.0.1:"+freePort(t), "tcp", tcp)
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

// echoesOpen is echoes for peers that end a forwarded connection when one
// direction ends.
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
	go func() { // ends with the write
		_, err := c.Write(want)
		sent <- err
	}()
	_, err = io.ReadFull(c, got)
	if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, want) {
		t.Errorf("other bytes came back, %v", err)
	}
}

// freePort returns a port that was free a moment ago, for servers that cannot
// choose one.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
