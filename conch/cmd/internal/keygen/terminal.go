package keygen

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"unicode/utf8"

	"golang.org/x/term"
)

// askTerminal asks for a passphrase on the terminal of the process. Ctrl-C and
// the signals that end a process have their usual effect after the terminal is
// restored.
func askTerminal(prompt string) ([]byte, error) {
	tty, err := openTerminal()
	if err != nil && term.IsTerminal(int(os.Stdin.Fd())) {
		tty, err = &terminal{in: os.Stdin, out: os.Stderr}, nil
	}
	if err != nil {
		return nil, ErrNoTerminal
	}
	answer, err := tty.secret(prompt)
	if ended, ok := errors.AsType[*signalError](err); ok {
		raise(ended.signal, ended.typed)
		err = ErrInterrupted // raise may return
	}
	return answer, err
}

// signalError reports that a signal ended a question. A typed signal would
// reach all processes of the group if the terminal were not raw.
type signalError struct {
	signal os.Signal
	typed  bool
}

func (e *signalError) Error() string { return "keygen: interrupted by a signal: " + e.signal.String() }

// terminal is a terminal. On UNIX both files may be the same.
type terminal struct{ in, out *os.File }

// secret asks for a line that the terminal does not show. It restores the
// terminal in any case. It does not close the files: after a signal, a
// goroutine still reads from the terminal until the process ends.
func (t *terminal) secret(prompt string) ([]byte, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endings()...)
	defer signal.Stop(signals)
	show, err := t.hide()
	if err != nil {
		return nil, fmt.Errorf("cannot hide the passphrase: %w", err)
	}
	defer func() {
		show()
		_, _ = io.WriteString(t.out, "\n") // the terminal may be gone
	}()
	if _, err := io.WriteString(t.out, prompt); err != nil {
		return nil, fmt.Errorf("cannot ask for the passphrase: %w", err)
	}
	var answer []byte
	read := make(chan error, 1)
	go func() {
		line, err := readHidden(t.in)
		answer = line
		read <- err
	}()
	select {
	case err := <-read:
		return answer, err
	case s := <-signals:
		return nil, &signalError{signal: s}
	}
}

// hide turns off echo and line editing; show turns them on again.
func (t *terminal) hide() (show func(), err error) {
	raw, err := t.in.SyscallConn()
	if err != nil {
		return nil, err
	}
	var state *term.State
	if cerr := raw.Control(func(fd uintptr) { state, err = term.MakeRaw(int(fd)) }); cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, err
	}
	return func() {
		_ = raw.Control(func(fd uintptr) { _ = term.Restore(int(fd), state) }) // the terminal may be gone
	}, nil
}

// Keys that a raw terminal sends as bytes.
const (
	ctrlC     = 3
	ctrlD     = 4
	ctrlH     = 8
	ctrlU     = 21
	ctrlZ     = 26
	ctrlSlash = 28 // with a backslash
	del       = 127
)

// readHidden reads a line from a raw terminal. Backspace and Ctrl-U edit the
// line. Keys that would stop the process or dump its memory have no effect. All
// other bytes are part of the line. readHidden reads no byte after the line.
func readHidden(r io.Reader) ([]byte, error) {
	var line []byte
	var one [1]byte
	for {
		n, err := r.Read(one[:])
		if n == 0 && err != nil {
			return nil, err
		}
		if n == 0 {
			continue
		}
		switch b := one[0]; b {
		case '\r', '\n':
			return line, nil
		case ctrlC:
			return nil, &signalError{signal: os.Interrupt, typed: true}
		case ctrlD:
			if len(line) == 0 {
				return nil, io.EOF
			}
		case ctrlH, del:
			_, size := utf8.DecodeLastRune(line)
			line = line[:len(line)-size]
		case ctrlU:
			line = line[:0]
		case ctrlZ, ctrlSlash:
		default:
			if len(line) == maxLine {
				return nil, errTooLong
			}
			line = append(line, b)
		}
	}
}
