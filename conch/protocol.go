package conch

import (
	"cmp"

	"github.com/hawser-go/hawser/reactor"
)

// ConnectProtocol makes the channel the transport of p and calls p's
// ConnectionMade. From then on p receives the data of the channel instead of
// DataReceived, its ReadConnectionLost is called at end-of-file if it is a
// reactor.HalfCloser, and its ConnectionLost when the channel has ended: with
// reactor.ErrConnectionDone after a normal close, otherwise with the reason.
// The hooks for extended data, requests and the end are called as well.
// ConnectProtocol must be called once, in ChannelOpen or later. On a channel that
// has ended, ConnectionLost follows at once.
func (c *SSHChannel) ConnectProtocol(p reactor.Protocol) {
	if c.protocol != nil {
		panic("conch: the channel has a protocol already")
	}
	c.protocol = p
	reactor.MakeConnection(p, c.self)
	if c.closed.Fired() {
		c.endProtocol(c.closed.Err())
	}
}

// NetConn returns the channel as a net.Conn, for goroutines that block. It is
// ConnectProtocol with a [reactor.NetConn].
func (c *SSHChannel) NetConn() *reactor.NetConn {
	conn := reactor.NewNetConn(c.conn.transport.r)
	c.ConnectProtocol(conn)
	return conn
}

// endProtocol tells the protocol that the channel has ended, unless Closed has
// told it.
func (c *SSHChannel) endProtocol(reason error) {
	if !c.protocol.Connected() {
		return
	}
	c.guard("ConnectionLost", func() {
		reactor.EndConnection(c.protocol, cmp.Or(reason, error(reactor.ErrConnectionDone)))
	})
}

// eofReceived tells the protocol that the peer will send no more data.
func (c *SSHChannel) eofReceived() {
	if half, ok := reactor.As[reactor.HalfCloser](c.protocol); ok {
		c.guard("ReadConnectionLost", half.ReadConnectionLost)
	}
}
