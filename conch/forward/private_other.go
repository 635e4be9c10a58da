//go:build !unix

package forward

import "syscall"

// makePrivate does nothing: the directory says who may use a socket.
func makePrivate(syscall.RawConn) error { return nil }
