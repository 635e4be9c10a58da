//go:build unix

package keygen

import (
	"os"
	"syscall"
	"time"
)

// openTerminal opens the controlling terminal of the process.
func openTerminal() (*terminal, error) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &terminal{in: f, out: f}, nil
}

// raise ends the process by a signal, as if the terminal had never been raw, so
// that a shell script around the process sees how it ended. A typed signal is
// sent to the process group, as the terminal does. If the process ignores the
// signal, raise returns after a second.
func raise(s os.Signal, typed bool) {
	to := os.Getpid()
	if typed {
		to = 0
	}
	if syscall.Kill(to, s.(syscall.Signal)) == nil {
		time.Sleep(time.Second) // the signal may reach another thread first
	}
}
