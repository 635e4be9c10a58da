package sshconfig

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"golang.org/x/net/nettest"
)

// TestMain makes the test binary a ProxyCommand that connects to an address.
func TestMain(m *testing.M) {
	address := os.Getenv("PROXY_TO")
	if address == "" {
		os.Exit(m.Run())
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		os.Exit(1)
	}
	go func() {
		_, _ = io.Copy(c, os.Stdin)
		_ = c.(*net.TCPConn).CloseWrite() // sends EOF to the peer
	}()
	_, _ = io.Copy(os.Stdout, c)
}

// relay returns a command that connects to an address.
func relay(address string) string {
	return "env PROXY_TO=" + address + " " + os.Args[0]
}

func dialTest(t *testing.T, command string) net.Conn {
	t.Helper()
	c, err := dialCommand(command)(t.Context(), "tcp", "host:22")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestF21_CommandIsNetConn runs the net.Conn tests of x/net with the connection
// to a command.
func TestF21_CommandIsNetConn(t *testing.T) {
	reactortest.CheckGoroutines(t)
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, nil, err
		}
		defer func() { _ = l.Close() }() // one connection
		c1, err = dialCommand(relay(l.Addr().String()))(t.Context(), "tcp", "host:22")
		if err != nil {
			return nil, nil, nil, err
		}
		c2, err = l.Accept()
		if err != nil {
			return nil, nil, nil, err
		}
		return c1, c2, func() {
			_ = c1.Close() // an error means that a test has closed it
			_ = c2.Close() // an error means that a test has closed it
			<-c1.(*commandConn).ended
		}, nil
	})
}

// TestCommandFails: the error contains the end of the command's stderr.
func TestCommandFails(t *testing.T) {
	reactortest.CheckGoroutines(t)
	t.Setenv("SHELL", "/bin/sh")
	for command, want := range map[string]string{
		"sh -c 'echo no such gate >&2; exit 3'":          `exit status 3; its stderr ends with: no such gate`,
		"sh -c 'printf \"\\033[31mred\\n\" >&2; exit 1'": `ends with: \x1b[31mred`,
		"false": `"false" failed: exit status 1`,
		"sh -c 'i=0; while [ $i -lt 9999 ]; do echo line $i >&2; i=$((i+1)); done; exit 4'": "line 9998",
	} {
		c := dialTest(t, command)
		_, err := io.ReadAll(c)
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 2*text.MaxLine {
			t.Errorf("%s: got %v, want %s", command, err, want)
		}
		if _, err := c.Write([]byte("x")); err == nil {
			t.Errorf("%s: a Write to a command that has ended succeeds", command)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
	}
}

// TestCommandEnds: Close ends a command that ignores the end of its input.
func TestCommandEnds(t *testing.T) {
	reactortest.CheckGoroutines(t)
	c := dialTest(t, "sh -c 'trap \"\" HUP TERM; while :; do sleep 1; done'").(*commandConn)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestCommandIsNotStarted(t *testing.T) {
	t.Setenv("SHELL", filepath.Join(t.TempDir(), "missing"))
	if _, err := dialCommand("true")(t.Context(), "tcp", "h:22"); err == nil || !strings.Contains(err.Error(), "cannot be started") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dialCommand("true")(ctx, "tcp", "h:22"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestF22_MatchExecIsEnded: a command is killed together with its children,
// which would keep the pipe open.
func TestF22_MatchExecIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := exec.Command("mkfifo", path).Run(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := runShell(ctx, "(echo x; exec sleep 1000) >"+path+" & wait")
		ended <- err
	}()
	r, err := os.Open(path) // waits for the child
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }() // only read
	if _, err := io.ReadFull(r, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := io.ReadAll(r); err != nil { // up to the end of the last child
		t.Error(err)
	}
}
