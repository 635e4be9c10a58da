//go:build unix

package reactor_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/reactor"
)

// listenUNIX listens for one protocol.
func (t *netTest) listenUNIX(path string, p reactor.Protocol, opts reactor.UNIXOptions) (port reactor.ListeningPort, err error) {
	t.Helper()
	f := reactor.ForProtocol(func() reactor.Protocol { return p })
	t.do(func() { port, err = t.r.ListenUNIX(path, f, opts) })
	return port, err
}

func (t *netTest) connectUNIX(path string, f reactor.ClientFactory, opts reactor.UNIXDialOptions) {
	t.Helper()
	t.do(func() { t.r.ConnectUNIX(path, f, opts) })
}

func TestR326_R328_R330_R333_UNIXSockets(t *testing.T) {
	for _, row := range []struct{ mode, want fs.FileMode }{{0, 0o666}, {0o600, 0o600}} {
		t.Run(row.want.String(), func(t *testing.T) { unixSocket(t, row.mode, row.want) })
	}
}

func unixSocket(t *testing.T, mode, want fs.FileMode) {
	n := startNet(t)
	path := filepath.Join(t.TempDir(), "socket")
	server := newRecorder()
	port, err := n.listenUNIX(path, server, reactor.UNIXOptions{Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != want {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	f, client := newFactory(), newRecorder()
	client.onMade = func(p *recorder) { p.Transport().Write([]byte("hello")) }
	f.build = func(net.Addr) (reactor.Protocol, error) { return client, nil }
	n.connectUNIX(path, f, reactor.UNIXDialOptions{})
	n.waitFor("data", func() bool { return server.data.String() == "hello" })
	n.do(func() {
		named := reactor.UNIXAddress{Path: path}
		if server.Transport().GetHost() != named || client.Transport().GetPeer() != named || port.GetHost() != named {
			t.Errorf("addresses %v, %v, %v", server.Transport().GetHost(), client.Transport().GetPeer(), port.GetHost())
		}
		unnamed := reactor.UNIXAddress{}
		if server.Transport().GetPeer() != unnamed || client.Transport().GetHost() != unnamed {
			t.Errorf("the client is called %q, and calls itself %q", server.Transport().GetPeer(), client.Transport().GetHost())
		}
		client.Transport().LoseConnection()
	})
	n.wantReason(server, reactor.ErrConnectionDone)
	wantErr(t, n.stopped(port), nil)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestR326_R327_UnusablePaths(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	path := filepath.Join(t.TempDir(), "missing", "socket")
	n.do(func() {
		_, err := n.r.ListenUNIX(path, f, reactor.UNIXOptions{})
		if e, ok := errors.AsType[*reactor.CannotListenError](err); !ok || e.Interface != path {
			t.Errorf("got %v", err)
		}
		f.events.want(t)
	})
	n.connectUNIX(path, f, reactor.UNIXDialOptions{})
	err := within(t, f.failed)
	wantErr(t, err, reactor.ErrConnect)
	wantErr(t, err, fs.ErrNotExist)
}

func TestR329_R331_LockFiles(t *testing.T) {
	n := startNet(t)
	path := filepath.Join(t.TempDir(), "socket")
	locked := reactor.UNIXOptions{WantLock: true}
	check := reactor.UNIXDialOptions{CheckLock: true}
	f := newFactory()
	f.build = recorders()
	n.connectUNIX(path, f, check)
	wantErr(t, within(t, f.failed), reactor.ErrBadFile)

	// A socket and a lock that a dead process has left behind.
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close()
	if err := os.Symlink(strconv.Itoa(deadProcess(t)), path+".lock"); err != nil {
		t.Fatal(err)
	}
	port, err := n.listenUNIX(path, newRecorder(), locked)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.listenUNIX(path, newRecorder(), locked); err == nil {
		t.Error("a second listener")
	}
	p := newRecorder()
	f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
	n.connectUNIX(path, f, check)
	n.waitFor("connection", p.Connected)
	wantErr(t, n.stopped(port), nil)
	if _, err := os.Lstat(path + ".lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}
}

// deadProcess returns the number of a process that has ended.
func deadProcess(t *testing.T) int {
	t.Helper()
	p, err := os.StartProcess("/bin/true", []string{"true"}, new(os.ProcAttr))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	return p.Pid
}

func TestR332_TheAbstractNamespace(t *testing.T) {
	n := startNet(t)
	name := "\x00hawser-test-" + strconv.Itoa(os.Getpid())
	server := newRecorder()
	if _, err := n.listenUNIX(name, server, reactor.UNIXOptions{WantLock: true}); err != nil {
		t.Fatal(err)
	}
	f := newFactory()
	f.build = recorders()
	n.connectUNIX(name, f, reactor.UNIXDialOptions{})
	n.waitFor("connection", server.Connected)
	if files, _ := filepath.Glob("*hawser-test*"); len(files) > 0 {
		t.Errorf("files: %v", files)
	}
}

// fdReceiver is a recorder that accepts descriptors.
type fdReceiver struct {
	*recorder
	fds []int
}

func (p *fdReceiver) FileDescriptorReceived(fd int) {
	p.events.add("descriptor")
	p.fds = append(p.fds, fd)
}

// unixPair returns the transports of two connected protocols.
func (t *netTest) unixPair(server reactor.Protocol) *recorder {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	if _, err := t.listenUNIX(path, server, reactor.UNIXOptions{}); err != nil {
		t.Fatal(err)
	}
	f, client := newFactory(), newRecorder()
	f.build = func(net.Addr) (reactor.Protocol, error) { return client, nil }
	t.connectUNIX(path, f, reactor.UNIXDialOptions{})
	t.waitFor("connection", func() bool {
		return client.Connected() && server.(interface{ Connected() bool }).Connected()
	})
	return client
}

func TestR334_R335_R369_SendingDescriptors(t *testing.T) {
	n := startNet(t)
	server := &fdReceiver{recorder: newRecorder()}
	client := n.unixPair(server)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n.do(func() {
		tr := client.Transport().(reactor.UNIXTransport)
		wantErr(t, tr.SendFileDescriptor(int(w.Fd())), nil)
		wantErr(t, tr.SendFileDescriptor(int(w.Fd())), nil)
		tr.Write([]byte("two of them"))
		if tr.SendFileDescriptor(-1) == nil {
			t.Error("a descriptor that is none was taken")
		}
	})
	n.waitFor("data", func() bool { return server.data.Len() > 0 })
	w.Close()
	n.do(func() {
		server.events.want(t, "made", "descriptor", "descriptor", "data")
		for i, fd := range server.fds {
			f := os.NewFile(uintptr(fd), "received")
			if _, err := f.WriteString(strconv.Itoa(i)); err != nil {
				t.Error(err)
			}
			f.Close()
		}
	})
	if got, err := io.ReadAll(r); string(got) != "01" || err != nil {
		t.Errorf("got %q, %v", got, err) // ReadAll returns: every other copy is closed
	}
}

func TestR334_ADescriptorNeedsAByte(t *testing.T) {
	n := startNet(t)
	client := n.unixPair(newRecorder())
	n.do(func() {
		wantErr(t, client.Transport().(reactor.UNIXTransport).SendFileDescriptor(0), nil)
		client.Transport().LoseConnection()
	})
	n.wantReason(client, reactor.ErrFileDescriptorOverrun)
}

func TestR335_UnwantedDescriptorsAreClosed(t *testing.T) {
	n := startNet(t)
	server := newRecorder()
	client := n.unixPair(server)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n.do(func() {
		_ = client.Transport().(reactor.UNIXTransport).SendFileDescriptor(int(w.Fd()))
		client.Transport().Write([]byte("x"))
	})
	n.waitFor("data", func() bool { return server.data.Len() > 0 })
	w.Close()
	if got, err := io.ReadAll(r); len(got) > 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	wantLogged(t, n.log, "does not want", 1)
}

func TestR336_ManyDescriptors(t *testing.T) {
	n := startNet(t)
	client := n.unixPair(newRecorder())
	n.do(func() {
		tr := client.Transport().(reactor.UNIXTransport)
		for range reactor.MaxDescriptors {
			wantErr(t, tr.SendFileDescriptor(0), nil)
		}
		if err := tr.SendFileDescriptor(0); err == nil || !strings.HasPrefix(err.Error(), "reactor: ") {
			t.Errorf("got %v", err)
		}
	})
}

func TestDescriptorsBehindAFullSocket(t *testing.T) {
	n := startNet(t)
	server := &fdReceiver{recorder: newRecorder()}
	client := n.unixPair(server)
	n.do(func() {
		server.Transport().PauseProducing()
		client.Transport().Write(make([]byte, tooMuch)) // more than the sockets take
	})
	n.turns(3)
	n.do(func() {
		wantErr(t, client.Transport().(reactor.UNIXTransport).SendFileDescriptor(0), nil)
		client.Transport().Write([]byte("x"))
		server.Transport().ResumeProducing()
	})
	n.waitFor("descriptor", func() bool { return len(server.fds) == 1 })
	n.do(func() { _ = syscall.Close(server.fds[0]) })
}
