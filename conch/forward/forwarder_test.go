package forward_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// forwardWith starts a forwarder.
func forwardWith(t *testing.T, r *reactor.Reactor, f func() deferred.Deferred[*forward.Forwarder]) *forward.Forwarder {
	t.Helper()
	forwarder, err := sshtest.Await(t, r, f)
	if err != nil {
		t.Fatal(err)
	}
	return forwarder
}

// TestForward forwards connections in each direction, over TCP and UNIX
// sockets: C-SERVER-60, 61, 64.
func TestForward(t *testing.T) {
	sshtest.BothServers(t, conchtest.Options{Forwarding: true}, func(t *testing.T, to sshtest.Target) {
		r := sshtest.Start(t)
		dir := sshtest.ShortDir(t)
		tcp, unix := sshtest.EchoServer(t, "tcp", "127.0.0.1:0"), sshtest.EchoServer(t, "unix", filepath.Join(dir, "echo"))
		conn := sshtest.Connect(t, r, to)
		rows := []struct {
			name string
			f    func() deferred.Deferred[*forward.Forwarder]
		}{
			{"local", func() deferred.Deferred[*forward.Forwarder] {
				return forward.Local(conn, "tcp", "127.0.0.1:0", "tcp", tcp)
			}},
			{"remote", func() deferred.Deferred[*forward.Forwarder] {
				return forward.Remote(conn, "tcp", "127.0.0.1:0", "tcp", tcp)
			}},
			{"local UNIX", func() deferred.Deferred[*forward.Forwarder] {
				return forward.Local(conn, "unix", filepath.Join(dir, "l"), "unix", unix)
			}},
			{"remote UNIX", func() deferred.Deferred[*forward.Forwarder] {
				return forward.Remote(conn, "unix", filepath.Join(dir, "r"), "unix", unix)
			}},
		}
		for _, row := range rows {
			if strings.HasSuffix(row.name, "UNIX") && strings.HasSuffix(t.Name(), "embedded") {
				continue // the embedded server does not support UNIX sockets
			}
			f := forwardWith(t, r, row.f)
			network := f.Addr().Network()
			for range 2 {
				sshtest.Echoes(t, network, sshtest.DialAddress(f.Addr()))
			}
			if _, err := sshtest.Await(t, r, f.Close); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
		}
	})
}

// TestForwardLocal_Listens: 0.0.0.0 is not for IPv6, and a UNIX socket is not
// for other users, as with ssh.
func TestForwardLocal_Listens(t *testing.T) {
	_, to := sshtest.Embedded(t, conchtest.Options{Forwarding: true})
	r := sshtest.Start(t)
	conn := sshtest.Connect(t, r, to)
	local := func(network, address string) net.Addr {
		return forwardWith(t, r, func() deferred.Deferred[*forward.Forwarder] {
			return forward.Local(conn, network, address, "tcp", "127.0.0.1:1")
		}).Addr()
	}
	if at := local("tcp", "0.0.0.0:0").(*net.TCPAddr); at.IP.To4() == nil {
		t.Errorf("0.0.0.0 listens on %v, which takes connections of both families", at)
	}
	if runtime.GOOS == "windows" {
		return // has no modes
	}
	path := local("unix", filepath.Join(sshtest.ShortDir(t), "l")).String()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestForward_Ends: if the destination is refused, the client is closed. Close
// and a lost connection end all forwarded connections.
func TestForward_Ends(t *testing.T) {
	r := sshtest.Start(t)
	s, to := sshtest.Embedded(t, conchtest.Options{Forwarding: true})
	conn := sshtest.Connect(t, r, to)
	echo := sshtest.EchoServer(t, "tcp", "127.0.0.1:0")
	dead := forwardWith(t, r, func() deferred.Deferred[*forward.Forwarder] {
		return forward.Local(conn, "tcp", "127.0.0.1:0", "tcp", "127.0.0.1:1")
	})
	c, err := net.Dial("tcp", dead.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from nobody", n)
	}
	c.Close()
	for _, end := range []func(f *forward.Forwarder){
		func(f *forward.Forwarder) { sshtest.OnLoop(t, r, func() { f.Close() }) },
		func(*forward.Forwarder) { s.CloseConnections() },
	} {
		f := forwardWith(t, r, func() deferred.Deferred[*forward.Forwarder] {
			return forward.Local(conn, "tcp", "127.0.0.1:0", "tcp", echo)
		})
		c, err := net.Dial("tcp", f.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		end(f)
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection goes on")
		}
		c.Close()
	}
}

// socksDial connects through a SOCKS5 proxy. It returns the connection, or the
// reply code.
func socksDial(t *testing.T, proxy string, request []byte) (net.Conn, byte) {
	t.Helper()
	c, err := net.Dial("tcp", proxy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte{5, 2, 2, 0}); err != nil {
		t.Fatal(err)
	}
	var method [2]byte
	if _, err := io.ReadFull(c, method[:]); err != nil || method != [2]byte{5, 0} {
		t.Fatalf("method %v, %v", method, err)
	}
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	var reply [10]byte
	if _, err := io.ReadFull(c, reply[:]); err != nil {
		t.Fatal(err)
	}
	return c, reply[1]
}

// TestForwardDynamic connects through the proxy to a name and an address, to
// unreachable addresses, and with unsupported commands.
func TestForwardDynamic(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Forwarding: true})
	conn := sshtest.Connect(t, r, to)
	_, port, err := net.SplitHostPort(sshtest.EchoServer(t, "tcp", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	there := []byte{byte(number >> 8), byte(number)}
	proxy := forwardWith(t, r, func() deferred.Deferred[*forward.Forwarder] { return forward.Dynamic(conn, "tcp", "127.0.0.1:0") })
	for _, row := range []struct {
		name    string
		request []byte
		reply   byte
	}{
		{"an IPv4 address", slices.Concat([]byte{5, 1, 0, 1, 127, 0, 0, 1}, there), 0},
		{"a name", slices.Concat([]byte{5, 1, 0, 3, 9}, []byte("localhost"), there), 0},
		{"an IPv4 address as IPv6", slices.Concat([]byte{5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}, there), 0},
		{"nobody listens", []byte{5, 1, 0, 1, 127, 0, 0, 1, 0, 1}, 5},
		{"BIND", []byte{5, 2, 0, 1, 127, 0, 0, 1, 0, 1}, 7},
		{"no such address type", []byte{5, 1, 0, 9, 127, 0, 0, 1, 0, 1}, 8},
	} {
		c, reply := socksDial(t, proxy.Addr().String(), row.request)
		if reply != row.reply {
			t.Errorf("%s: reply %d, want %d", row.name, reply, row.reply)
		} else if reply == 0 {
			sshtest.EchoesOn(t, c)
		}
		c.Close()
	}
	remote := forwardWith(t, r, func() deferred.Deferred[*forward.Forwarder] {
		return forward.RemoteDynamic(conn, "tcp", "127.0.0.1:0", func(_, address string) error {
			if address == "127.0.0.1:1" {
				return errors.New("refused")
			}
			return nil
		})
	})
	c, reply := socksDial(t, sshtest.DialAddress(remote.Addr()), slices.Concat([]byte{5, 1, 0, 1, 127, 0, 0, 1}, there))
	if reply != 0 {
		t.Fatalf("through the peer: reply %d", reply)
	}
	sshtest.EchoesOn(t, c)
	c.Close()
	c, reply = socksDial(t, sshtest.DialAddress(remote.Addr()), []byte{5, 1, 0, 1, 127, 0, 0, 1, 0, 1})
	if c.Close(); reply == 0 {
		t.Error("an address that is not allowed was dialled")
	}
	for name, start := range map[string][]byte{"SOCKS4": {4, 1, 0, 80}, "password only": {5, 1, 2}} {
		c, err := net.Dial("tcp", proxy.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(start); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(c) // the connection may be reset
		if bytes.Contains(answer, []byte{5, 0}) {
			t.Errorf("%s was accepted", name)
		}
		c.Close()
	}
}

// TestJump logs in behind one jump host and behind two.
func TestJump(t *testing.T) {
	r := sshtest.Start(t)
	_, first := sshtest.Embedded(t, conchtest.Options{Forwarding: true})
	_, second := sshtest.OpenSSH(t)
	_, last := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	second.Options.Jump, last.Options.Jump = first.Client(), second.Client()
	last.Options.Jump.Options = second.Options
	for _, to := range []sshtest.Target{second, last} {
		out, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return to.Client().Exec(r, "cat", []byte("through")) })
		if err != nil || string(out.Stdout) != "through" {
			t.Errorf("got %q, %v", out.Stdout, err)
		}
	}
}

// TestJump_Failures: the jump host refuses the login, or the connection to the
// target.
func TestJump_Failures(t *testing.T) {
	r := sshtest.Start(t)
	_, jump := sshtest.Embedded(t, conchtest.Options{})
	_, to := sshtest.Embedded(t, conchtest.Options{})
	to.Options.Jump = jump.Client()
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
	failed, ok := errors.AsType[*client.ConnectError](err)
	at, also := errors.AsType[*client.JumpError](err)
	if !ok || !also || failed.Phase != client.PhaseDial || at.Host != jump.Host {
		t.Errorf("got %v", err)
	}
	to.Options.Jump = jump.WithoutKeys(t, &sshtest.ScriptedUI{Line: sshtest.Answering("wrong")}).Client()
	_, err = sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
	if denied, ok := errors.AsType[*conch.ConchError](err); !ok || denied.Data != conch.DisconnectNoMoreAuthMethodsAllowed {
		t.Errorf("got %v", err)
	}
}

// FuzzSOCKS: for any input of a client, serveSOCKS returns at the end of the
// input. It dials only the address in the input.
func FuzzSOCKS(f *testing.F) {
	f.Add([]byte{5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80})
	f.Add(slices.Concat([]byte{5, 1, 0, 5, 1, 0, 3, 9}, []byte("localhost"), []byte{0, 80}))
	f.Add([]byte{5, 0})
	f.Add([]byte{4, 1, 0, 80, 1, 2, 3, 4, 0})
	f.Fuzz(func(t *testing.T, said []byte) {
		asked := 0
		forward.ServeSOCKS(t.Context(), said, func(_ context.Context, network, address string) (net.Conn, error) {
			asked++
			if _, _, err := net.SplitHostPort(address); network != "tcp" || err != nil && !strings.ContainsAny(address, "[]:%") {
				t.Errorf("asked for %q, %v", address, err)
			}
			return nil, io.EOF
		})
		if asked > 1 {
			t.Errorf("asked %d times", asked)
		}
	})
}
