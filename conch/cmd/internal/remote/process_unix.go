//go:build unix

package remote

import (
	"os"
	"os/signal"
	"syscall"
)

// suspend stops the process, as Ctrl-Z does at a terminal that is not raw. The
// reactor restores the terminal first.
func suspend() bool { return syscall.Kill(os.Getpid(), syscall.SIGTSTP) == nil }

// onReconnect calls f, on a goroutine, for each SIGUSR1 until stop is called.
func onReconnect(f func()) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1)
	go func() { // ends with stop
		for {
			select {
			case <-signals:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
