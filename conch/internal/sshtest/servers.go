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

// BothServers runs a test against the embedded server and against OpenSSH.
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

// ShortDir is a directory whose name fits into the address of a socket.
func ShortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func DialAddress(a net.Addr) string {
	if tcp, ok := a.(forward.HostPort); ok {
		tcp.Host = "127.0.0.1"
		return tcp.String()
	}
	return a.String()
}

func EchoesOn(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 5<<16)
	sent := make(chan error, 1)
	go func() { // ends with the write
		_, err := c.Write(want)
		sent <- errors.Join(err, c.(interface{ CloseWrite() error }).CloseWrite())
	}()
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

// Echoes sends more than a window to an echo server, then ends its direction, and compares what comes back until the end.
func Echoes(t *testing.T, network, address string) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	EchoesOn(t, c)
}

// ServerProcess starts a server, which ends when its standard input is closed or it is killed, and returns its standard output.
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
		_ = cmd.Wait() // however it ends
		if t.Failed() {
			t.Logf("log of %s:\n%s", cmd.Path, log.String())
		}
	})
	return out
}

// EchoServer listens on the network and sends everything back, until the test ends.
func EchoServer(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with the listener
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
