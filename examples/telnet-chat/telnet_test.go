//go:build unix

package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// patience is the longest time that a test waits for an event. Only a test that
// fails waits so long.
const patience = 30 * time.Second

// client is a telnet client in a terminal.
type client struct {
	t      *testing.T
	tty    *os.File
	seen   string      // output that shows has not passed yet
	giveUp *time.Timer // kills the client
}

func telnetTo(t *testing.T, program string, address net.Addr) *client {
	t.Helper()
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, host, port)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=xterm", "LC_ALL=C")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	giveUp := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // an error means that it has ended
	t.Cleanup(func() {
		giveUp.Stop()
		tty.Close()
		_ = cmd.Wait() // the exit status does not matter
	})
	return &client{t: t, tty: tty, giveUp: giveUp}
}

// types types a line, or a key.
func (c *client) types(text string) {
	c.t.Helper()
	if _, err := c.tty.WriteString(text); err != nil {
		c.t.Fatal(err)
	}
}

// shows waits until the screen has text, after what was waited for before.
func (c *client) shows(text string) {
	c.t.Helper()
	buffer := make([]byte, 4096)
	for {
		if _, after, ok := strings.Cut(c.seen, text); ok {
			c.seen = after
			return
		}
		n, err := c.tty.Read(buffer)
		if err != nil {
			c.t.Fatalf("no %q, but %q: %v", text, c.seen, err)
		}
		c.seen += string(buffer[:n])
	}
}

// ends waits until the client ends. It need not show the last data before the
// end of the connection.
func (c *client) ends() {
	c.t.Helper()
	_, _ = io.Copy(io.Discard, c.tty) // the error at the end differs for each system
	if !c.giveUp.Stop() {
		c.t.Fatalf("the client does not end within %v", patience)
	}
}

// TestRealTelnet: two users of a real telnet talk, and leave.
func TestRealTelnet(t *testing.T) {
	program := conchtest.Program(t, "telnet")
	r := reactortest.Start(t, reactor.Options{})
	port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) {
			return r.ListenTCP(0, newRoom().factory(), reactor.ListenOptions{Interface: "127.0.0.1"})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	ann, bob := telnetTo(t, program, port.GetHost()), telnetTo(t, program, port.GetHost())
	ann.shows("What is your name? ")
	ann.types("ann\r")
	ann.shows("Welcome, ann. Here: ann.")
	bob.shows("What is your name? ")
	bob.types("bob\r")
	bob.shows("Welcome, bob. Here: ann, bob.")
	ann.shows("bob has come.")
	ann.types("hello\r")
	bob.shows("<ann> hello\r\n")
	bob.types("how are you\r")
	ann.shows("<bob> how are you\r\n")
	bob.types("/quit\r")
	bob.ends()
	ann.shows("bob has gone.")
	ann.types("\x03")
	ann.ends()
}
