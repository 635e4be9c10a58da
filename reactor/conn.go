package reactor

import (
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// conn is a connection of a reactor: a net.Conn and its protocol. One
// goroutine reads. The loop itself writes the data that the socket accepts
// without blocking, and a temporary goroutine writes the rest. All fields
// belong to the loop, except where inbound and outbound say otherwise.
type conn struct {
	r      *Reactor
	socket net.Conn
	s      stream
	p      Protocol // nil after ConnectionLost
	in     inbound
	out    outbound
	tls    *tlsLayer      // nil without TLS
	files  *standardFiles // nil unless made by StandardIO
	key    uint64         // in Reactor.open; 0 for the pipe of a process

	producer  Producer
	streaming bool
	held      bool // the producer must not write before it is resumed

	disconnecting bool // LoseConnection was called
	closingWrite  bool // LoseWriteConnection was called
	endingWrite   bool // stream.closeWrite was called
	writeClosed   bool // stream.closeWrite has returned
	writeErr      error
	linger        *DelayedCall // closes the connection; nil if it does not linger
	lingerEnd     time.Time    // when lingering ends at the latest
	closed        bool         // the socket is closed
	dirty         bool         // in Reactor.dirty
	reason        error        // for ConnectionLost
	host, peer    net.Addr
	options       socketOptions
}

// AttachOptions configures [Reactor.Attach]. The zero value means no TLS.
type AttachOptions struct {
	// TLS makes the connection speak TLS from its first byte. nil means no TLS.
	TLS *tls.Config

	// Server selects the server's side of the TLS handshake. It has no effect
	// without TLS.
	Server bool
}

// Attach makes p the protocol of an established connection. It calls p's
// ConnectionMade, without waiting for a TLS handshake, and then delivers data
// to p. The reactor owns nc from the call on, also if Attach fails.
//
// If the TLS config cannot be used, or p is a nil pointer, Attach closes nc and
// returns an error and no transport; p is not called. The first error wraps
// [ErrTLS]. If ConnectionMade panics, Attach returns the transport and a
// *deferred.PanicError; p's ConnectionLost follows.
//
// If p is a ConnTaker and there is no TLS, p gets nc, and Attach returns no
// transport.
//
// Attach must be called on the loop.
func (r *Reactor) Attach(nc net.Conn, p Protocol, opts AttachOptions) (Transport, error) {
	r.mustBeOnLoop("Attach")
	_, err := baseOf(p)
	if taker, ok := p.(ConnTaker); ok && err == nil && opts.TLS == nil {
		if err = r.try("TakeConn of "+LogPrefix(p), func() { taker.TakeConn(r, nc) }); err != nil {
			_ = nc.Close() // the panic is the error to report
		}
		return nil, err
	}
	if err == nil && opts.TLS != nil {
		err = checkTLSConfig(opts.TLS, opts.Server)
	}
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	c := r.newConn(nc, p)
	c.key = r.register(c)
	if opts.TLS != nil {
		c.tls = &tlsLayer{config: opts.TLS, server: opts.Server}
	}
	err = c.guard("ConnectionMade", func() { MakeConnection(p, c) })
	if opts.TLS != nil {
		c.handshake()
	} else {
		c.startReading()
	}
	return c, err
}

// newConn returns a conn that the reactor does not close when it stops.
func (r *Reactor) newConn(nc net.Conn, p Protocol) *conn {
	c := &conn{r: r, socket: nc, s: newStream(nc), p: p}
	c.host, c.peer = AddressOf(nc.LocalAddr()), AddressOf(nc.RemoteAddr())
	c.in.init(c)
	c.out.init(c)
	return c
}

// guard runs a callback of the protocol or the producer. A panic in f is
// logged and closes the connection; the panic is then the reason.
func (c *conn) guard(what string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.cook() // the log may go to the terminal
			err = c.r.panicked(what+" of "+LogPrefix(c.p), v)
			c.close(err)
			c.reason = err
		}
	}()
	f()
	return nil
}

// GetHost implements [Transport].
func (c *conn) GetHost() net.Addr { return c.host }

// GetPeer implements [Transport].
func (c *conn) GetPeer() net.Addr { return c.peer }

// register adds a connection, port or process to those that the reactor closes when it
// stops.
func (r *Reactor) register(s shutDowner) (key uint64) {
	r.lastKey++
	r.open[r.lastKey] = s
	if r.disconnected {
		r.queue.post(s.shutDown) // the others are closed already
	}
	return r.lastKey
}

func (r *Reactor) unregister(key uint64) { delete(r.open, key) }

// shutDowner is a connection, a port or a process.
type shutDowner interface{ shutDown() }

// socketOptions holds the options of a TCP socket, because package net can set
// but not read them.
type socketOptions struct{ delay, noKeepAlive bool }

// GetTCPNoDelay implements [TCPTransport].
func (c *conn) GetTCPNoDelay() bool { return !c.options.delay }

// SetTCPNoDelay implements [TCPTransport].
func (c *conn) SetTCPNoDelay(on bool) error {
	c.r.mustBeOnLoop("SetTCPNoDelay")
	socket, ok := c.socket.(*net.TCPConn)
	if !ok {
		return errors.ErrUnsupported
	}
	c.options.delay = !on
	return socket.SetNoDelay(on)
}

// GetTCPKeepAlive implements [TCPTransport].
func (c *conn) GetTCPKeepAlive() bool { return !c.options.noKeepAlive }

// SetTCPKeepAlive implements [TCPTransport].
func (c *conn) SetTCPKeepAlive(on bool) error {
	c.r.mustBeOnLoop("SetTCPKeepAlive")
	socket, ok := c.socket.(*net.TCPConn)
	if !ok {
		return errors.ErrUnsupported
	}
	c.options.noKeepAlive = !on
	return socket.SetKeepAlive(on)
}
