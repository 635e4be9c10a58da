//go:build unix

package cftp

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// endings are the signals that end the program.
func endings() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} }

// raise ends the process by a signal, so that a shell script around the process
// sees how it ended. If the process ignores the signal, raise returns after a
// second.
func raise(s os.Signal) {
	signal.Reset(s)
	if syscall.Kill(os.Getpid(), s.(syscall.Signal)) == nil {
		time.Sleep(time.Second) // the signal may reach another thread first
	}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// ignoreKeys makes the process ignore the signals of keys, which a local
// program gets too. Other than with signal.Ignore, the program does not inherit
// that.
func ignoreKeys() (free func()) {
	dropped := make(chan os.Signal, 1)
	signal.Notify(dropped, syscall.SIGQUIT)
	return func() { signal.Stop(dropped) }
}

// inForeground reports whether the process may change the mode of a terminal.
func inForeground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp() // an error: it is not the controlling terminal
}

// maxSuspend is how long a process waits to be stopped. A process that no shell
// controls is not stopped.
const maxSuspend = time.Second

// suspendProcess stops the process group, as the terminal does for Ctrl-Z. It
// calls before at once, and after on the loop when the process continues in the
// foreground.
func (d *dialogue) suspendProcess(before, after func()) {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	before()
	_ = syscall.Kill(0, syscall.SIGTSTP) // cannot fail
	go func() {                          // ends after the process continues, or with the dialogue
		defer signal.Stop(continued)
		limit := time.After(maxSuspend)
		for waits := true; waits; waits = !inForeground(stdin) {
			select {
			case <-continued:
			case <-limit:
			case <-d.ended:
				return
			}
		}
		d.r.CallFromThread(after)
	}()
}
