package reactor

import (
	"crypto/tls"
	"net"

	"github.com/hawser-go/hawser/deferred"
)

// Connector is a client connection, or an attempt to make one. All methods
// must be called on the loop.
type Connector interface {
	// Connect begins an attempt. It returns ErrConnectorBusy while another
	// attempt is in progress or the connection is open.
	Connect() error

	// StopConnecting ends the attempt in progress. Before it returns,
	// ClientConnectionFailed is called with an error that matches ErrUser. It
	// returns ErrNotConnecting if no attempt is in progress.
	StopConnecting() error

	// Disconnect ends the attempt in progress, or calls LoseConnection on the
	// open connection, or does nothing.
	Disconnect()

	// GetDestination returns the address that was asked for.
	GetDestination() net.Addr
}

type connectorState uint8

const (
	connectorIdle connectorState = iota
	connectorConnecting
	connectorConnected
)

// connector is the Connector of a Reactor.
type connector struct {
	r       *Reactor
	f       ClientFactory
	to      net.Addr
	dial    func() deferred.Deferred[net.Conn]
	tls     *tls.Config // nil for a plain connection
	state   connectorState
	started bool // DoStart was called for this connector
	attempt int  // number of the attempt; results of earlier ones are dropped
	pending deferred.Deferred[net.Conn]
	t       Transport // nil unless connected
	drop    bool      // Disconnect was called before t was set
}

func (r *Reactor) newConnector(f ClientFactory, to net.Addr, dial func() deferred.Deferred[net.Conn], tls *tls.Config) *connector {
	c := &connector{r: r, f: f, to: to, dial: dial, tls: tls}
	_ = c.Connect() // a new connector is not busy
	return c
}

// GetDestination implements Connector.
func (c *connector) GetDestination() net.Addr { return c.to }

// Connect implements Connector.
func (c *connector) Connect() error {
	c.r.mustBeOnLoop("Connect")
	if c.state != connectorIdle {
		return ErrConnectorBusy
	}
	c.state = connectorConnecting
	c.pending = deferred.Deferred[net.Conn]{}
	c.attempt++
	attempt := c.attempt
	if !c.started {
		c.started = true
		c.guard("StartFactory", func() { DoStart(c.f) })
	}
	c.guard("StartedConnecting", func() { c.f.StartedConnecting(c) })
	if c.state != connectorConnecting || c.attempt != attempt {
		return nil // StartedConnecting has stopped the attempt
	}
	c.pending = c.dial()
	deferred.ThenBoth(c.pending, func(nc net.Conn, err error) (none struct{}, _ error) {
		c.dialled(attempt, nc, err)
		return none, nil
	})
	return nil
}

// dialled is called when the dial of an attempt has ended.
func (c *connector) dialled(attempt int, nc net.Conn, err error) {
	switch {
	case c.attempt != attempt || c.state != connectorConnecting:
		if err == nil {
			_ = nc.Close() // the attempt was stopped before
		}
	case err != nil:
		c.failed(err)
	default:
		c.connected(nc)
	}
}

// connected makes the protocol and attaches the connection to it. If there is
// no protocol, the connection is closed. A factory that refuses the connection
// is told of a clean end, one that fails of its error.
func (c *connector) connected(nc net.Conn) {
	c.state, c.drop = connectorConnected, false
	p, err := buildFor(c.f, nc)
	switch {
	case err == ErrNoProtocol:
		c.lost(ErrConnectionDone)
	case err != nil:
		c.r.logError("reactor: building a protocol failed", err, "factory", LogPrefix(c.f))
		c.failed(err)
	default:
		c.attachTo(nc, p)
	}
}

func (c *connector) attachTo(nc net.Conn, p Protocol) {
	t, err := c.r.Attach(nc, p, AttachOptions{TLS: c.tls})
	if t == nil { // any other error is a panic, which Attach has logged
		c.failed(err)
		return
	}
	OnConnectionLost(p, c.lost) // is called on a later iteration
	if c.t = t; c.drop {
		t.LoseConnection()
	}
}

// failed calls ClientConnectionFailed, and lost calls ClientConnectionLost.
// StopFactory follows, unless the factory connects again in the call.
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

// StopConnecting implements Connector.
func (c *connector) StopConnecting() error {
	c.r.mustBeOnLoop("StopConnecting")
	if c.state != connectorConnecting {
		return ErrNotConnecting
	}
	c.state = connectorIdle // dialled then drops the result of the cancellation
	if c.pending != (deferred.Deferred[net.Conn]{}) {
		c.pending.Cancel()
	}
	c.failed(&ConnectError{Address: c.to.String(), Kind: ErrUser})
	return nil
}

// Disconnect implements Connector.
func (c *connector) Disconnect() {
	c.r.mustBeOnLoop("Disconnect")
	switch {
	case c.state == connectorConnecting:
		_ = c.StopConnecting() // an attempt is in progress
	case c.t != nil:
		c.t.LoseConnection()
	default:
		c.drop = true // connected is building the protocol, or calls ConnectionMade
	}
}

func (c *connector) guard(what string, f func()) { c.r.guard(what+" of "+LogPrefix(c.f), f) }
