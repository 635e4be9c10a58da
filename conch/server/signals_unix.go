//go:build unix

package server

import "syscall"

func init() {
	for name, signal := range map[string]syscall.Signal{"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2} {
		deliverable[name], signals[signal] = signal, name
	}
}
