package reactor

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// TLSHandshakeTimeout bounds a TLS handshake, from the moment when what was written before it has been sent.
const TLSHandshakeTimeout = 30 * time.Second

var errTLSConfig = errors.New("reactor: a TLS server needs a certificate in its config, and a client a server name or InsecureSkipVerify")

// tlsLayer is what a connection knows about its TLS. It is switching until the reader of the plain connection has stopped and what was
// written before is sent, and open once the handshake is complete.
type tlsLayer struct {
	config    *tls.Config
	server    bool
	switching bool
	plain     []byte // written before the switch
	early     []byte // came before the reader stopped
	conn      *tls.Conn
	under     *prefixedConn
	open      bool

	interrupted bool // the reader was told to stop
}

// StartTLS is part of TLSTransport.
func (c *conn) StartTLS(config *tls.Config, server bool) error {
	switch {
	case c.closed:
		return ErrConnectionClosed
	case c.tls != nil:
		return errors.New("reactor: the connection speaks TLS already")
	case !usable(config, server):
		return errTLSConfig
	}
	c.tls = &tlsLayer{config: config, server: server, plain: c.out.buf, switching: true}
	c.out.buf = nil
	c.sendPlain()
	return nil
}

func usable(config *tls.Config, server bool) bool {
	switch {
	case config == nil:
		return false
	case server:
		return len(config.Certificates) > 0 || config.GetCertificate != nil || config.GetConfigForClient != nil
	default:
		return config.ServerName != "" || config.InsecureSkipVerify
	}
}

// sendPlain sends what was written before the switch; what is written from now on belongs to TLS.
func (c *conn) sendPlain() {
	if c.out.flight != nil {
		return // written comes here again
	}
	s, plain, fds := c.s, c.tls.plain, c.out.fds
	c.tls.plain, c.out.fds = nil, nil
	if len(plain) == 0 {
		c.interruptReader()
		return
	}
	c.r.spawn(func() { // ends when the peer has taken it, or with the connection
		err := s.write(plain, fds)
		c.r.queue.post(func() { c.plainSent(err) })
	})
}

func (c *conn) plainSent(err error) {
	switch {
	case c.closed:
	case err != nil:
		c.close(&ConnectionLostError{err})
	default:
		c.interruptReader()
	}
}

// interruptReader makes the reader of the plain connection end with an error of its own kind.
func (c *conn) interruptReader() {
	if !c.in.started { // in ConnectionMade
		c.tls.switching = false
		c.handshake()
		return
	}
	c.tls.interrupted = true
	if err := c.socket.SetReadDeadline(time.Now()); err != nil {
		c.close(&ConnectionLostError{err})
		return
	}
	c.deliver() // the reader may wait for room
}

// collect takes a chunk that arrived while the connection is switching.
func (c *conn) collect(got piece) {
	c.tls.early = append(c.tls.early, got.data...)
	closeDescriptors(got.fds)
	switch {
	case got.err == nil:
	case errors.Is(got.err, os.ErrDeadlineExceeded):
		c.tls.switching = false
		c.handshake()
	default:
		c.readEnded(got.err)
	}
}

// switching reports whether the connection is on its way from plain to TLS.
func (c *conn) switching() bool { return c.tls != nil && c.tls.switching }

// handshake starts the reader of the TLS connection, whose first duty is the handshake.
func (c *conn) handshake() {
	if c.closed {
		return
	}
	_ = c.socket.SetReadDeadline(time.Time{}) // a failure shows in the handshake
	layer := c.tls
	under := &prefixedConn{Conn: c.socket, prefix: layer.early}
	layer.under = under
	if layer.server {
		layer.conn = tls.Server(under, layer.config)
	} else {
		layer.conn = tls.Client(under, layer.config)
	}
	layer.early = nil
	c.s = plainStream{layer.conn}
	c.spawnReader(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), TLSHandshakeTimeout)
		defer cancel()
		err := layer.conn.HandshakeContext(ctx)
		c.r.queue.post(func() { c.shaken(err) })
		return err
	})
}

// shaken is run on the loop after the handshake.
func (c *conn) shaken(err error) {
	switch {
	case c.closed:
		return
	case err != nil:
		c.close(&ConnectionLostError{&tlsError{err}})
		return
	}
	c.tls.open = true
	c.markDirty()
	if listener, ok := c.p.(HandshakeListener); ok {
		_ = c.guard("HandshakeCompleted", listener.HandshakeCompleted)
	}
}

// tlsError is a failed handshake.
type tlsError struct{ err error }

func (e *tlsError) Error() string   { return "reactor: TLS handshake: " + e.err.Error() }
func (e *tlsError) Unwrap() []error { return []error{ErrTLS, e.err} }

// cutOff reports whether the stream ended without a close alert (R357).
func (l *tlsLayer) cutOff() bool { return l.under != nil && l.under.ended }

// TLSState is part of TLSTransport.
func (c *conn) TLSState() (state tls.ConnectionState, ok bool) {
	if c.tls == nil || !c.tls.open {
		return state, false
	}
	return c.tls.conn.ConnectionState(), true
}

// prefixedConn is a connection of which something has been read already. The reader of the connection reads it.
type prefixedConn struct {
	net.Conn
	prefix []byte
	ended  bool // the peer has closed the connection under TLS
}

func (c *prefixedConn) Read(p []byte) (int, error) {
	if len(c.prefix) == 0 {
		n, err := c.Conn.Read(p)
		c.ended = c.ended || err == io.EOF
		return n, err
	}
	n := copy(p, c.prefix)
	c.prefix = c.prefix[n:]
	return n, nil
}
