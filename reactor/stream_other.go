//go:build !unix

package reactor

import (
	"errors"
	"net"
)

func newStream(c net.Conn) stream { return newConnStream(c) }

func closeDescriptors([]int) {}

// SendFileDescriptor implements [UNIXTransport]. It always returns
// errors.ErrUnsupported on this system.
func (c *conn) SendFileDescriptor(int) error { return errors.ErrUnsupported }
