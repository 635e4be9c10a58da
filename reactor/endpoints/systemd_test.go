//go:build unix

package endpoints_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// TestF44_R402 runs this test binary again, as a service to which two listening
// sockets are passed. The second one is asked for.
func TestF44_R402_Systemd(t *testing.T) {
	if description := os.Getenv("HAWSER_TEST_SYSTEMD"); description != "" {
		systemdService(t, description)
		return
	}
	first, _ := passable(t)
	second, addr := passable(t)
	for _, description := range []string{"systemd:domain=INET:index=1", "systemd:domain=INET:name=web", "systemd:INET:1"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestF44_R402_Systemd$")
		cmd.ExtraFiles = []*os.File{first, second}
		cmd.Env = append(os.Environ(), "HAWSER_TEST_SYSTEMD="+description, "LISTEN_FDS=2", "LISTEN_FDNAMES=other:web")
		cmd.Stderr = os.Stderr
		out := new(strings.Builder)
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
			t.Errorf("%s: got %q, %v", description, got, err)
		}
		c.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", description, err, out)
		}
	}
}

// passable returns the file of a listener.
func passable(t *testing.T) (f *os.File, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if f, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, l.Addr().String()
}

// systemdService greets one client. Before that it asks for the socket in ways
// that must not take it.
func systemdService(t *testing.T, description string) {
	for fd := range 2 {
		// The manager's child inherits them; exec.Cmd does the same.
		if flags, err := unix.FcntlInt(uintptr(3+fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
			t.Errorf("descriptor %d: flags %d, %v", 3+fd, flags, err)
		}
	}
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	reactortest.Run(t, func(r *reactor.Reactor) {
		if _, err := endpoints.ServerFromString(r, description+":surprise=1"); err == nil {
			t.Error("no error")
		}
		e, err := endpoints.ServerFromString(r, description)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
			if value, ok := os.LookupEnv(name); ok {
				t.Errorf("%s is still %q", name, value)
			}
		}
		if flags, err := unix.FcntlInt(3, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("the other socket is inherited: %d, %v", flags, err)
		}
		if _, err := endpoints.ServerFromString(r, description); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("the socket was given twice: %v", err)
		}
		if _, err := endpoints.ServerFromString(r, "systemd:index=2"); err == nil || !strings.Contains(err.Error(), "no socket 2") {
			t.Errorf("got %v", err)
		}
		e.Listen(reactor.ForProtocol(func() reactor.Protocol {
			p := new(greeter)
			reactor.OnConnectionLost(p, func(error) { _ = r.Stop() })
			return p
		}))
	})
}

// A process to which nothing was passed, for example the child of one, does not
// use the descriptors of somebody else.
func TestF44_SystemdOfAnotherProcess(t *testing.T) {
	if os.Getenv("HAWSER_TEST_SYSTEMD_OTHER") != "" {
		_, err := endpoints.ServerFromString(reactortest.NewMemoryReactor(), "systemd:index=0")
		if err == nil || !strings.Contains(err.Error(), "no socket 0") {
			t.Errorf("got %v", err)
		}
		return
	}
	f, _ := passable(t)
	for _, pid := range []string{"", "LISTEN_PID=1", "LISTEN_PID=x"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestF44_SystemdOfAnotherProcess$")
		cmd.ExtraFiles = []*os.File{f}
		cmd.Env = append(os.Environ(), "HAWSER_TEST_SYSTEMD_OTHER=1", "LISTEN_FDS=1")
		if pid != "" {
			cmd.Env = append(cmd.Env, pid)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", pid, err, out)
		}
	}
}
