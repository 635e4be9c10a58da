package reactortest

import (
	"net"

	"github.com/hawser-go/hawser/reactor"
)

// FakeConnector is a reactor.Connector that records the calls of its methods
// and connects to nothing.
type FakeConnector struct {
	Destination net.Addr
	Connects    int  // calls of Connect
	Stopped     bool // StopConnecting was called
	Dropped     bool // Disconnect was called
}

var _ reactor.Connector = (*FakeConnector)(nil)

// Connect counts the call and returns nil.
func (c *FakeConnector) Connect() error {
	c.Connects++
	return nil
}

// StopConnecting sets Stopped and returns nil.
func (c *FakeConnector) StopConnecting() error {
	c.Stopped = true
	return nil
}

// Disconnect sets Dropped.
func (c *FakeConnector) Disconnect() { c.Dropped = true }

// GetDestination returns Destination.
func (c *FakeConnector) GetDestination() net.Addr { return c.Destination }
