//go:build unix

package reactor

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

func windowSize(fd int) (WindowSize, error) {
	ws, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return WindowSize{}, err
	}
	return WindowSize{Rows: ws.Row, Columns: ws.Col, Width: ws.Xpixel, Height: ws.Ypixel}, nil
}

// inForeground reports whether the process may change the mode of the terminal.
func inForeground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp() // an error: it is not the controlling terminal
}

// watchTerminal reports changes of the window size to the protocol, and
// switches to raw mode again after the process was stopped.
func (c *conn) watchTerminal() {
	t := &c.files.terminal
	if t.any == nil {
		return
	}
	last, _ := t.windowSize() // an error gives an empty size
	changed := func() {
		size, err := t.windowSize()
		listener, ok := c.p.(WindowListener)
		if c.closed || err != nil || !ok || size == last {
			return
		}
		last = size
		_ = c.guard("WindowChanged", func() { listener.WindowChanged(size) })
	}
	c.files.unwatch = c.r.onSignals(func(os.Signal) bool {
		t.makeRawAgain() // after SIGCONT; else it changes nothing
		c.r.queue.post(changed)
		return true
	}, unix.SIGWINCH, unix.SIGCONT)
}

// guardTerminal restores a raw terminal before a signal ends or stops the
// process. release ends that.
func (r *Reactor) guardTerminal(t *terminal) (release func()) {
	if r.opts.NoSignals {
		return nop
	}
	signals := []os.Signal{unix.SIGTSTP, unix.SIGHUP, unix.SIGQUIT}
	if interrupted := r.raw.add(t); interrupted {
		signals = append(signals, unix.SIGINT, unix.SIGTERM) // else watchSignals cares for these
	}
	end := r.onSignals(func(s os.Signal) bool {
		if s == unix.SIGTSTP {
			t.suspend()
			_ = unix.Kill(unix.Getpid(), unix.SIGSTOP) // cannot fail
			return true
		}
		t.cook()
		return false
	}, signals...)
	return func() {
		end()
		r.raw.remove(t)
	}
}

// onSignals calls f, on a goroutine, for each of the signals that arrives,
// except those that the process ignores. If f returns false, the signal is sent
// again and has the effect that it would have had; that ends the calls. end
// ends them, too.
func (r *Reactor) onSignals(f func(s os.Signal) bool, signals ...os.Signal) (end func()) {
	arrived := make(chan os.Signal, signalsAhead)
	for _, s := range signals {
		if !signal.Ignored(s) {
			signal.Notify(arrived, s)
		}
	}
	ended := make(chan struct{})
	r.spawn(func() { // ends with end
		defer signal.Stop(arrived)
		for {
			select {
			case s := <-arrived:
				if !f(s) {
					signal.Stop(arrived)
					resend(s)
					return
				}
			case <-ended:
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(ended) })
}

// signalsAhead is the number of signals that may wait for onSignals. The system
// drops the others.
const signalsAhead = 16

// resend sends a signal to the process again, which has no handler for it any
// more.
func resend(s os.Signal) {
	if s, ok := s.(syscall.Signal); ok {
		_ = unix.Kill(unix.Getpid(), s) // cannot fail
	}
}
