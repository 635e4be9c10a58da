package sshtest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/forward"
)

// BothServers runs f as two subtests, with the server of conchtest and with
// OpenSSH.
func BothServers(t *testing.T, opts conchtest.Options, f func(t *testing.T, to Target)) {
	t.Run("embedded", func(t *testing.T) {
		_, to := Embedded(t, opts)
		f(t, to)
	})
	t.Run("OpenSSH", func(t *testing.T) {
		_, to := OpenSSH(t)
		f(t, to)
	})
}

// ShortDir returns a temporary directory with a name that is short enough for
// the address of a UNIX socket.
func ShortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// DialAddress returns the address to dial for a listener's address. The host of
// a TCP address is replaced with the loopback address.
func DialAddress(a net.Addr) string {
	if tcp, ok := a.(forward.HostPort); ok {
		tcp.Host = "127.0.0.1"
		return tcp.String()
	}
	return a.String()
}

// EchoesOn sends more data than a channel window to an echo server, closes the
// direction for writing, and compares the data that it receives until EOF. c
// must have a method CloseWrite.
func EchoesOn(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 5<<16)
	sent := make(chan error, 1)
	go func() { // ends when all data is sent, or at the deadline
		_, err := c.Write(want)
		sent <- errors.Join(err, c.(interface{ CloseWrite() error }).CloseWrite())
	}()
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

// Echoes dials the address and calls EchoesOn.
func Echoes(t *testing.T, network, address string) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	EchoesOn(t, c)
}

// ServerProcess starts a server and returns its standard output. When the test
// ends, the cleanup closes the standard input of the server and waits for the
// server to exit. If the test fails, it logs the standard error of the server.
func ServerProcess(t *testing.T, cmd *osexec.Cmd) io.Reader {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // the exit status does not matter
		if t.Failed() {
			t.Logf("log of %s:\n%s", cmd.Path, log.String())
		}
	})
	return out
}

// EchoServer starts a server that sends all data back. It listens until the
// test ends. EchoServer returns its address.
func EchoServer(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when l is closed
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection
				_, _ = io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}
