//go:build !unix

package reactor

import (
	"errors"
	"net"
)

func newStream(c net.Conn) stream { return plainStream{c} }

func closeDescriptors([]int) {}

// SendFileDescriptor is part of UNIXTransport.
func (c *conn) SendFileDescriptor(int) error { return errors.ErrUnsupported }
