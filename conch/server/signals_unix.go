//go:build unix

package server

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func init() {
	for name, signal := range map[string]syscall.Signal{"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2} {
		deliverable[name], signals[signal] = signal, name
	}
	for number := syscall.Signal(1); number < 64; number++ {
		if name := unix.SignalName(number); name != "" && signals[number] == "" {
			signals[number] = strings.TrimPrefix(name, "SIG") + opensshDomain
		}
	}
}
