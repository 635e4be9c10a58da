//go:build !unix

package remote

// suspend returns false: this system cannot stop a process.
func suspend() bool { return false }

// onReconnect does nothing: this system has no SIGUSR1.
func onReconnect(func()) (stop func()) { return func() {} }
