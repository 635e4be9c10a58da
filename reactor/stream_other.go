//go:build !unix

package reactor

import (
	"errors"
	"net"
)

func newStream(c net.Conn) stream { return newConnStream(c) }

// canWatch reports whether the read of an end that only writes returns when the
// other end is closed.
func canWatch(stream) bool { return false }

func closeDescriptors([]int) {}

// SendFileDescriptor implements [UNIXTransport]. It always returns
// errors.ErrUnsupported on this system.
func (c *conn) SendFileDescriptor(int) error { return errors.ErrUnsupported }
