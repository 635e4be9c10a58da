//go:build unix

package insults_test

import (
	"io"
	"testing"

	"github.com/creack/pty"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// A program on the terminal of the process, which knows its size.
func TestOverStandardIO(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer tty.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	r := reactortest.Start(t, reactor.Options{})
	lost := make(chan error, 1)
	terminal := insults.NewServerProtocol(func() insults.Protocol { return &mirror{lost: func(err error) { lost <- err }} })
	start := func() deferred.Deferred[struct{}] {
		return deferred.Maybe(func() (struct{}, error) {
			transport, err := r.StandardIO(terminal, reactor.StandardIOOptions{Stdin: tty, Stdout: tty})
			if err == nil {
				err = transport.(reactor.TerminalTransport).SetRaw(true)
			}
			return struct{}{}, err
		})
	}
	if _, err := reactor.Await(t.Context(), r, start); err != nil {
		t.Fatal(err)
	}
	readUntil(t, master, "size 100 30\r\n")
	r.CallFromThread(func() { terminal.WindowChanged(reactor.WindowSize{Rows: 5, Columns: 7}) })
	readUntil(t, master, "size 7 5\r\n")
	if _, err := io.WriteString(master, "\x1bOPq"); err != nil {
		t.Fatal(err)
	}
	readUntil(t, master, "key [F1]\r\nkey q\r\n\x1bc")
	<-lost
}
