package reactor

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"golang.org/x/term"
)

// TerminalTransport is the transport of [Reactor.StandardIO]. Other transports
// of the reactor have these methods as well, but return errors.ErrUnsupported.
type TerminalTransport interface {
	Transport

	// SetRaw switches the terminal to raw mode, in which the protocol receives
	// each key at once and without an echo, Ctrl-C too, and must end a line
	// with "\r\n". SetRaw(false) restores the mode from before.
	//
	// The end of the connection also restores the mode, whatever the cause: so
	// do LoseConnection, the end of the reactor, and a panic in the protocol.
	// On Unix, unless Options.NoSignals is set, the mode is restored before a
	// signal that the reactor leaves alone ends or stops the process: a second
	// SIGINT or SIGTERM, SIGHUP, SIGQUIT and SIGTSTP. When the process
	// continues in the foreground, raw mode returns. A program that handles
	// SIGHUP or SIGQUIT itself gets the signal twice, and must call SetRaw
	// again. Nothing can restore the mode after SIGKILL, os.Exit or
	// Reactor.Crash.
	//
	// SetRaw returns an error that wraps errors.ErrUnsupported if standard input
	// is no terminal, and ErrConnectionClosed after the end.
	SetRaw(raw bool) error

	// WindowSize returns the size of the terminal. The error wraps
	// errors.ErrUnsupported if neither file is a terminal.
	WindowSize() (WindowSize, error)
}

// WindowListener is an optional interface of protocols that need to know the
// size of the terminal. On Unix, WindowChanged is called after each change. The
// first size is that of [TerminalTransport].
type WindowListener interface{ WindowChanged(size WindowSize) }

var _ TerminalTransport = (*conn)(nil)

var errNoTerminal = fmt.Errorf("reactor: the connection has no terminal: %w", errors.ErrUnsupported)

// SetRaw implements TerminalTransport.
func (c *conn) SetRaw(raw bool) error {
	c.r.mustBeOnLoop("SetRaw")
	switch {
	case c.files == nil || c.files.terminal.in == nil:
		return errNoTerminal
	case c.closed:
		return ErrConnectionClosed
	case !raw:
		c.cook()
		return nil
	}
	t := &c.files.terminal
	return t.makeRaw(func() (release func()) { return c.r.guardTerminal(t) })
}

// WindowSize implements TerminalTransport.
func (c *conn) WindowSize() (WindowSize, error) {
	c.r.mustBeOnLoop("WindowSize")
	if c.files == nil {
		return WindowSize{}, errNoTerminal
	}
	return c.files.terminal.windowSize()
}

// cook restores the mode of the terminal, if the connection has one.
func (c *conn) cook() {
	if c.files != nil {
		c.files.terminal.cook()
	}
}

// terminal is the terminal of a StandardIO connection. Any goroutine may call
// its methods, except init.
type terminal struct {
	in  *os.File // nil if standard input is no terminal
	any *os.File // in, or standard output if only that is a terminal; may be nil

	mu      sync.Mutex  // guards the rest
	cooked  *term.State // the mode from before; nil unless raw mode was asked for
	release func()      // ends guardTerminal
}

func (t *terminal) init(f *standardFiles) {
	if isTerminal(f.in) {
		t.in, t.any = f.in, f.in
	} else if isTerminal(f.out) {
		t.any = f.out
	}
}

func isTerminal(f *os.File) (is bool) {
	_ = controlFile(f, func(fd int) error { // fails if the file is closed
		is = term.IsTerminal(fd)
		return nil
	})
	return is
}

// makeRaw switches to raw mode, unless the terminal is raw already. It calls
// guard before.
func (t *terminal) makeRaw(guard func() (release func())) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cooked != nil {
		return nil
	}
	return controlFile(t.in, func(fd int) error {
		cooked, err := term.GetState(fd)
		if err != nil {
			return err
		}
		if t.release == nil {
			t.release = guard()
		}
		t.cooked = cooked
		_, err = term.MakeRaw(fd)
		return err
	})
}

// makeRawAgain is called when the process continues after a stop. The shell has
// changed the mode.
func (t *terminal) makeRawAgain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cooked == nil {
		return
	}
	_ = controlFile(t.in, func(fd int) error { // the terminal may be gone
		if inForeground(fd) {
			_, _ = term.MakeRaw(fd)
		}
		return nil
	})
}

// cook restores the mode from before raw mode.
func (t *terminal) cook() {
	t.mu.Lock()
	release := t.release
	t.restore()
	t.cooked, t.release = nil, nil
	t.mu.Unlock()
	if release != nil {
		release()
	}
}

// restore restores the mode, but leaves raw mode asked for. The lock must be
// held. In the background the terminal belongs to the shell, and a change would
// stop the process.
func (t *terminal) restore() {
	if t.cooked == nil {
		return
	}
	_ = controlFile(t.in, func(fd int) error { // the terminal may be gone
		if inForeground(fd) {
			_ = term.Restore(fd, t.cooked)
		}
		return nil
	})
}

// suspend restores the mode until makeRawAgain.
func (t *terminal) suspend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restore()
}

func (t *terminal) windowSize() (size WindowSize, err error) {
	if t.any == nil {
		return size, errNoTerminal
	}
	err = controlFile(t.any, func(fd int) (err error) {
		size, err = windowSize(fd)
		return err
	})
	return size, err
}

// rawTerminals are the terminals that must be restored before a signal ends the
// process. Any goroutine may call its methods.
type rawTerminals struct {
	mu          sync.Mutex // guards the rest
	terminals   map[*terminal]struct{}
	interrupted bool // the reactor has received a signal, and the next one ends the process
}

func (r *rawTerminals) add(t *terminal) (interrupted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.terminals == nil {
		r.terminals = make(map[*terminal]struct{})
	}
	r.terminals[t] = struct{}{}
	return r.interrupted
}

func (r *rawTerminals) remove(t *terminal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.terminals, t)
}

// interrupt is called at the first signal. It reports whether there are
// terminals that must be restored before the next one.
func (r *rawTerminals) interrupt() (raw bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupted = true
	return len(r.terminals) > 0
}

// cook restores all terminals.
func (r *rawTerminals) cook() {
	r.mu.Lock()
	terminals := slices.Collect(maps.Keys(r.terminals))
	r.mu.Unlock()
	for _, t := range terminals {
		t.cook() // calls remove
	}
}
