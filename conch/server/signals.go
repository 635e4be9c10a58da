package server

import (
	"strconv"
	"syscall"
)

// opensshDomain ends names that the RFC does not list.
const opensshDomain = "@openssh.com"

// signals has the names of signals on the wire: those of RFC 4254, section 6.10,
// that every system has, and on UNIX all others with opensshDomain.
var signals = map[syscall.Signal]string{
	syscall.SIGABRT: "ABRT", syscall.SIGALRM: "ALRM", syscall.SIGFPE: "FPE", syscall.SIGHUP: "HUP",
	syscall.SIGILL: "ILL", syscall.SIGINT: "INT", syscall.SIGKILL: "KILL", syscall.SIGPIPE: "PIPE",
	syscall.SIGQUIT: "QUIT", syscall.SIGSEGV: "SEGV", syscall.SIGTERM: "TERM",
}

// deliverable are the signals that a client may send to a program.
var deliverable = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM,
}

// signalName returns the name of a signal on the wire.
func signalName(s syscall.Signal) string {
	if name, ok := signals[s]; ok {
		return name
	}
	return strconv.Itoa(int(s)) + opensshDomain
}
