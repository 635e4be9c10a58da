package manhole

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/reactor"
)

// RunWithProtocol runs the program that build returns on the terminal of this
// process, and runs the reactor. It returns when the program has ended and the
// reactor has stopped. It is Twisted's stdio.runWithProtocol.
//
// The terminal is in raw mode meanwhile: ^C is a key. At the end the mode is
// restored, whatever the cause, and the terminal is reset, which empties the
// screen. Let the process log to a file. The program gets
// the size of the terminal at the start and, on Unix, after each change.
//
// RunWithProtocol returns an error that wraps errors.ErrUnsupported if standard
// input is no terminal, the error of StandardIO, or the error of Run. The
// goroutine that calls it becomes the loop, as with Run.
func RunWithProtocol(r *reactor.Reactor, build func() insults.Protocol) error {
	return runOn(r, reactor.StandardIOOptions{}, build)
}

// runOn is RunWithProtocol for other files.
func runOn(r *reactor.Reactor, files reactor.StandardIOOptions, build func() insults.Protocol) (err error) {
	terminal := &ownTerminal{ServerProtocol: insults.NewServerProtocol(build)}
	var failed error
	r.CallWhenRunning(func() {
		reactor.OnConnectionLost(terminal, func(error) { _ = r.Stop() }) // it may be stopping
		if _, failed = r.StandardIO(terminal, files); failed != nil {
			_ = r.Stop() // it may be stopping
		}
	})
	defer func() {
		if terminal.raw { // and is not any more
			_, _ = io.WriteString(cmp.Or(files.Stdout, os.Stdout), "\r\x1bc\r") // the terminal may be gone
		}
	}()
	err = r.Run()
	if failed = cmp.Or(failed, terminal.failed); failed != nil {
		return fmt.Errorf("manhole: cannot use the terminal: %w", failed)
	}
	return err
}

// ownTerminal is the terminal of the process.
type ownTerminal struct {
	*insults.ServerProtocol
	raw    bool
	failed error // the error of SetRaw
}

// ConnectionMade switches to raw mode, and connects the program.
func (t *ownTerminal) ConnectionMade() {
	transport := t.Transport().(reactor.TerminalTransport) // that of StandardIO
	if t.failed = transport.SetRaw(true); t.failed != nil {
		transport.AbortConnection()
		return
	}
	t.raw = true
	t.ServerProtocol.ConnectionMade()
}
