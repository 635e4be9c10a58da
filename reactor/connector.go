package reactor

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/hawser-go/hawser/deferred"
)

// Connector is a client connection, or the attempt to make it. All methods belong to the loop.
type Connector interface {
	// Connect begins an attempt, on a connector that is not connected. It returns ErrConnectorBusy otherwise (R322).
	Connect() error

	// StopConnecting ends the attempt in progress: ClientConnectionFailed is called with ErrUser, inside the call (R319). It returns
	// ErrNotConnecting if there is none (R320).
	StopConnecting() error

	// Disconnect ends the attempt, or closes the connection, or does nothing (R321).
	Disconnect()

	// GetDestination returns the address that was asked for (R314).
	GetDestination() net.Addr
}

type connectorState uint8

const (
	connectorIdle connectorState = iota
	connectorConnecting
	connectorConnected
)

// connector is the reactor's Connector.
type connector struct {
	r       *Reactor
	f       ClientFactory
	to      net.Addr
	dial    func() deferred.Deferred[net.Conn]
	tls     *tls.Config // may be nil
	state   connectorState
	started bool // the factory counts this use
	attempt int  // counts them, so that a late answer is known
	pending deferred.Deferred[net.Conn]
	t       Transport // when connected
	drop    bool      // Disconnect was called before there was a t
}

func (r *Reactor) newConnector(f ClientFactory, to net.Addr, dial func() deferred.Deferred[net.Conn], tls *tls.Config) *connector {
	c := &connector{r: r, f: f, to: to, dial: dial, tls: tls}
	_ = c.Connect() // cannot be busy
	return c
}

// GetDestination is part of Connector.
func (c *connector) GetDestination() net.Addr { return c.to }

// Connect is part of Connector.
func (c *connector) Connect() error {
	if c.state != connectorIdle {
		return ErrConnectorBusy
	}
	c.state = connectorConnecting
	c.attempt++
	attempt := c.attempt
	if !c.started {
		c.started = true
		c.guard("StartFactory", func() { DoStart(c.f) })
	}
	c.guard("StartedConnecting", func() { c.f.StartedConnecting(c) })
	if c.state != connectorConnecting || c.attempt != attempt {
		return nil // given up there
	}
	c.pending = c.dial()
	deferred.ThenBoth(c.pending, func(nc net.Conn, err error) (none struct{}, _ error) {
		c.dialled(attempt, nc, err)
		return none, nil
	})
	return nil
}

func (c *connector) dialled(attempt int, nc net.Conn, err error) {
	switch {
	case c.attempt != attempt || c.state != connectorConnecting:
		if err == nil {
			_ = nc.Close()
		}
	case err != nil:
		c.failed(err)
	default:
		c.connected(nc)
	}
}

// connected makes the protocol. Without one, the connection is closed: cleanly if there was no error (R228, R230).
func (c *connector) connected(nc net.Conn) {
	c.state, c.drop = connectorConnected, false
	p, err := BuildFrom(c.f, AddressOf(nc.RemoteAddr()))
	if err != nil {
		_ = nc.Close()
	}
	switch {
	case errors.Is(err, ErrNoProtocol):
		c.lost(ErrConnectionDone)
	case err != nil:
		c.r.logger().Error("reactor: building a protocol failed", "factory", LogPrefix(c.f), "err", err)
		c.failed(err)
	default:
		c.attach(nc, p)
	}
}

func (c *connector) attach(nc net.Conn, p Protocol) {
	t, err := c.r.Attach(nc, p, AttachOptions{TLS: c.tls})
	if t == nil { // else an error is the protocol's, and logged
		c.failed(err)
		return
	}
	OnConnectionLost(p, c.lost) // comes on a later turn
	if c.t = t; c.drop {
		t.LoseConnection()
	}
}

// failed tells the factory that there is no connection, and lost that there is none any more. Unless it connects again, its use ends.
func (c *connector) failed(reason error) {
	c.state = connectorIdle
	c.guard("ClientConnectionFailed", func() { c.f.ClientConnectionFailed(c, reason) })
	c.finish()
}

func (c *connector) lost(reason error) {
	c.state, c.t = connectorIdle, nil
	c.guard("ClientConnectionLost", func() { c.f.ClientConnectionLost(c, reason) })
	c.finish()
}

func (c *connector) finish() {
	if c.state == connectorIdle && c.started {
		c.started = false
		c.guard("StopFactory", func() { DoStop(c.f) })
	}
}

// StopConnecting is part of Connector.
func (c *connector) StopConnecting() error {
	if c.state != connectorConnecting {
		return ErrNotConnecting
	}
	c.state = connectorIdle // what cancelling reports is not for the factory
	if c.pending != (deferred.Deferred[net.Conn]{}) {
		c.pending.Cancel()
	}
	c.failed(&ConnectError{Address: c.to.String(), Kind: ErrUser})
	return nil
}

// Disconnect is part of Connector.
func (c *connector) Disconnect() {
	switch {
	case c.state == connectorConnecting:
		_ = c.StopConnecting()
	case c.t != nil:
		c.t.LoseConnection()
	default:
		c.drop = true // the protocol is being built, or told of its connection
	}
}

func (c *connector) guard(what string, f func()) { c.r.guard(what+" of "+LogPrefix(c.f), f) }
