package reactor

import (
	"crypto/tls"
	"errors"
	"net"
)

// conn is a connection on the loop: a net.Conn and the protocol that it belongs to. One goroutine reads. The loop writes itself what the
// socket takes without blocking; a goroutine that comes and goes writes the rest. All fields belong to the loop, except where inbound and
// outbound say otherwise.
type conn struct {
	r      *Reactor
	socket net.Conn
	s      stream
	p      Protocol // nil once told of the loss (R223)
	in     inbound
	out    outbound
	tls    *tlsLayer // nil on a connection that was not switched to TLS
	key    uint64    // in the reactor's register

	producer  Producer
	streaming bool
	held      bool // the producer was told to pause

	disconnecting bool // LoseConnection was called
	closingWrite  bool // LoseWriteConnection was called
	endingWrite   bool // a goroutine ends the sending direction, or has
	writeClosed   bool // it has
	closed        bool // the socket is closed; what remains is to tell the protocol
	dirty         bool // in the list of those to be flushed
	reason        error
	host, peer    net.Addr
	options       socketOptions
}

// AttachOptions configures Attach. The zero value works.
type AttachOptions struct {
	// TLS, if not nil, makes the connection speak TLS from its first byte, as a server or as a client.
	TLS    *tls.Config
	Server bool
}

// Attach makes p the protocol of an established connection (R537): it calls its ConnectionMade, without waiting for a TLS handshake, and delivers
// what comes. nc belongs to the reactor from here on. The error is an unusable TLS config, which leaves p alone, or a panic in
// ConnectionMade; the connection is closed then. Attach must be called on the loop.
func (r *Reactor) Attach(nc net.Conn, p Protocol, opts AttachOptions) (Transport, error) {
	if opts.TLS != nil && !usable(opts.TLS, opts.Server) {
		_ = nc.Close()
		return nil, errTLSConfig
	}
	c := r.newConn(nc, p)
	if opts.TLS != nil {
		c.tls = &tlsLayer{config: opts.TLS, server: opts.Server}
	}
	err := c.guard("ConnectionMade", func() { MakeConnection(p, c) })
	if opts.TLS != nil {
		c.handshake()
	} else {
		c.startReading()
	}
	return c, err
}

func (r *Reactor) newConn(nc net.Conn, p Protocol) *conn {
	c := &conn{r: r, socket: nc, s: newStream(nc), p: p}
	c.host, c.peer = AddressOf(nc.LocalAddr()), AddressOf(nc.RemoteAddr())
	c.in.init(c)
	c.out.init(c)
	c.key = r.register(c)
	return c
}

// guard runs a callback of the protocol or producer. A panic in it is logged and closes the connection, with the panic as the reason (R218,
// R220, R221, R270).
func (c *conn) guard(what string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = c.r.panicked(what+" of "+LogPrefix(c.p), v)
			c.close(err)
			c.reason = err
		}
	}()
	f()
	return nil
}

// close closes the socket, unless that is done, and has the protocol told on a later turn.
func (c *conn) close(reason error) {
	if c.closed {
		return
	}
	c.closed = true
	c.reason = reason
	c.out.drop()
	c.in.drop()
	c.closeSocket()
	c.r.queue.post(c.tell)
}

// closeSocket closes the socket, on a goroutine: TLS has a last word to say, and a socket waits for its reader to let go.
func (c *conn) closeSocket() {
	s := c.s
	c.r.spawn(func() { _ = s.close() }) // ends by the time limit of TLS; why it is closed is told, whatever this returns
}

// tell tells the producer and the protocol that the connection is lost. It does so once.
func (c *conn) tell() {
	if c.p == nil {
		return
	}
	c.r.unregister(c.key)
	what := LogPrefix(c.p)
	if p := c.producer; p != nil {
		c.producer = nil
		c.r.guard("StopProducing of a producer of "+what, p.StopProducing)
	}
	p := c.p
	c.p = nil
	c.r.guard("ConnectionLost of "+what, func() { EndConnection(p, c.reason) })
}

// shutDown ends the connection at once, because the reactor ends (R35, R38).
func (c *conn) shutDown() {
	c.close(&ConnectionLostError{ErrReactorEnded})
	c.tell()
}

// LoseConnection is part of Transport.
func (c *conn) LoseConnection() {
	if c.disconnecting || c.closed {
		return
	}
	c.disconnecting = true
	if c.tls != nil && !c.tls.open && c.out.pending() == 0 {
		c.AbortConnection() // there is nobody to say goodbye to (R356)
		return
	}
	c.markDirty()
}

// AbortConnection is part of Transport.
func (c *conn) AbortConnection() {
	if c.closed {
		return
	}
	c.disconnecting = true
	if socket, ok := c.socket.(*net.TCPConn); ok {
		_ = socket.SetLinger(0) // the peer gets a reset
	}
	c.s = plainStream{c.socket}
	c.close(ErrConnectionAborted)
}

// LoseWriteConnection is part of HalfCloserTransport.
func (c *conn) LoseWriteConnection() {
	if c.closed || c.closingWrite {
		return
	}
	c.closingWrite = true
	c.markDirty()
}

// Disconnecting is part of Transport.
func (c *conn) Disconnecting() bool { return c.disconnecting }

// GetHost is part of Transport.
func (c *conn) GetHost() net.Addr { return c.host }

// GetPeer is part of Transport.
func (c *conn) GetPeer() net.Addr { return c.peer }

// register keeps something that is to be shut down with the reactor.
func (r *Reactor) register(s shutDowner) (key uint64) {
	r.lastKey++
	r.open[r.lastKey] = s
	if r.disconnected {
		r.queue.post(s.shutDown) // it came too late
	}
	return r.lastKey
}

func (r *Reactor) unregister(key uint64) { delete(r.open, key) }

// shutDowner is a connection or a port.
type shutDowner interface{ shutDown() }

// socketOptions remembers the options of a TCP socket, which can be set but not read through package net.
type socketOptions struct{ delay, noKeepAlive bool }

// GetTCPNoDelay is part of TCPTransport.
func (c *conn) GetTCPNoDelay() bool { return !c.options.delay }

// SetTCPNoDelay is part of TCPTransport.
func (c *conn) SetTCPNoDelay(on bool) error {
	socket, ok := c.socket.(*net.TCPConn)
	if !ok {
		return errors.ErrUnsupported
	}
	c.options.delay = !on
	return socket.SetNoDelay(on)
}

// GetTCPKeepAlive is part of TCPTransport.
func (c *conn) GetTCPKeepAlive() bool { return !c.options.noKeepAlive }

// SetTCPKeepAlive is part of TCPTransport.
func (c *conn) SetTCPKeepAlive(on bool) error {
	socket, ok := c.socket.(*net.TCPConn)
	if !ok {
		return errors.ErrUnsupported
	}
	c.options.noKeepAlive = !on
	return socket.SetKeepAlive(on)
}
