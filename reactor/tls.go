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

// TLSHandshakeTimeout is the longest time that a TLS handshake may take. It
// counts from the moment when all data from before the handshake is sent.
const TLSHandshakeTimeout = 30 * time.Second

var (
	errTLSConfig = condition("a TLS server's config needs a certificate, a client's needs ServerName or InsecureSkipVerify", ErrTLS)
	errTLSTwice  = condition("the connection uses TLS already; call StartTLS once", ErrTLS)
)

// tlsLayer is the TLS state of a connection. After StartTLS the connection is
// switching: it sends the data that was written before, and then stops the
// reader of the plain connection. Then the handshake begins. After a successful
// handshake the layer is open.
type tlsLayer struct {
	config      *tls.Config
	server      bool
	switching   bool
	interrupted bool   // the reader of the plain connection was told to stop
	plain       []byte // written before the switch, and not sent
	early       []byte // received before the reader stopped; belongs to TLS
	conn        *tls.Conn
	under       *tlsSocket
	open        bool
}

// StartTLS implements [TLSTransport].
func (c *conn) StartTLS(config *tls.Config, server bool) error {
	c.r.mustBeOnLoop("StartTLS")
	switch {
	case c.closed:
		return ErrConnectionClosed
	case c.tls != nil:
		return errTLSTwice
	}
	if err := checkTLSConfig(config, server); err != nil {
		return err
	}
	c.tls = &tlsLayer{config: config, server: server, plain: c.out.buf, switching: true}
	c.out.buf = nil
	c.sendPlain()
	return nil
}

// checkTLSConfig returns errTLSConfig if a handshake with config would fail.
func checkTLSConfig(config *tls.Config, server bool) error {
	if usable(config, server) {
		return nil
	}
	return errTLSConfig
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

// sendPlain sends the data that was written before the switch. Data that is
// written from now on belongs to TLS.
func (c *conn) sendPlain() {
	if c.out.flight != nil {
		return // written calls sendPlain again
	}
	s, plain, fds := c.s, c.tls.plain, c.out.fds
	c.tls.plain, c.out.fds = nil, nil
	if len(plain) == 0 {
		c.plainSent(nil)
		return
	}
	c.r.spawn(func() { // ends when the peer has accepted the data, or with the connection
		err := s.write(plain, fds)
		c.r.queue.post(func() { c.plainSent(err) })
	})
}

func (c *conn) plainSent(err error) {
	switch {
	case c.closed:
	case err != nil:
		c.close(&ConnectionLostError{err})
	case c.disconnecting && c.out.pending() == 0:
		c.tls = nil // LoseConnection came first: close without TLS
		c.markDirty()
		c.deliver()
	default:
		c.interruptReader()
	}
}

// interruptReader makes the reader of the plain connection stop with
// os.ErrDeadlineExceeded.
func (c *conn) interruptReader() {
	if !c.in.started { // StartTLS was called in ConnectionMade
		c.tls.switching = false
		c.handshake()
		return
	}
	c.tls.interrupted = true
	if err := c.socket.SetReadDeadline(time.Now()); err != nil {
		c.close(&ConnectionLostError{err})
		return
	}
	c.deliver() // the reader may wait for a slot
}

// collect handles a piece that arrived while the connection is switching.
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

// switching reports whether the connection is changing from plain to TLS.
func (c *conn) switching() bool { return c.tls != nil && c.tls.switching }

// sendingPlain reports whether data from before StartTLS is not sent.
func (l *tlsLayer) sendingPlain() bool { return l.switching && !l.interrupted }

// handshake starts the reader of the TLS connection, which begins with the
// handshake.
func (c *conn) handshake() {
	if c.closed {
		return
	}
	_ = c.socket.SetReadDeadline(time.Time{}) // an error appears in the handshake
	layer := c.tls
	layer.under = &tlsSocket{Conn: c.socket, prefix: layer.early}
	if layer.server {
		layer.conn = tls.Server(layer.under, layer.config)
	} else {
		layer.conn = tls.Client(layer.under, ClientTLSConfig(layer.config, ""))
	}
	layer.early = nil
	c.s = newTLSStream(layer)
	c.spawnReader(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), TLSHandshakeTimeout)
		defer cancel()
		err := layer.conn.HandshakeContext(ctx)
		c.r.queue.post(func() { c.shaken(err) })
		return err
	})
}

// shaken runs on the loop after the handshake.
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
	if listener, ok := As[HandshakeListener](c.p); ok {
		_ = c.guard("HandshakeCompleted", listener.HandshakeCompleted)
	}
}

// tlsError is the error of a failed handshake. It matches ErrTLS.
type tlsError struct{ err error }

func (e *tlsError) Error() string   { return "reactor: TLS handshake: " + e.err.Error() }
func (e *tlsError) Unwrap() []error { return []error{ErrTLS, e.err} }

// truncated reports whether the stream ended without a close alert.
func (l *tlsLayer) truncated() bool { return l.under != nil && l.under.ended }

// TLSState implements [TLSTransport].
func (c *conn) TLSState() (state tls.ConnectionState, ok bool) {
	c.r.mustBeOnLoop("TLSState")
	if c.tls == nil || !c.tls.open {
		return state, false
	}
	return c.tls.conn.ConnectionState(), true
}

// tlsStream is the stream of a TLS connection.
type tlsStream struct {
	connStream
	under *tlsSocket
	first [1]byte
	whole bool // read must not be split, because the second part may need a handshake
}

func newTLSStream(l *tlsLayer) *tlsStream {
	return &tlsStream{
		connStream: connStream{Conn: l.conn},
		under:      l.under,
		whole:      l.config.Renegotiation != tls.RenegotiateNever,
	}
}

// read waits for one byte, and then takes a buffer and reads the rest of the
// data that crypto/tls has decrypted or received. So an idle connection holds
// no buffer.
func (s *tlsStream) read() (piece, error) {
	if s.whole {
		return s.connStream.read()
	}
	if n, err := s.Read(s.first[:]); n == 0 || err != nil {
		return piece{data: cloneBytes(s.first[:n])}, err
	}
	buf := readBuffers.get()
	buf[0] = s.first[0]
	n, err := s.readReceived(buf[1:])
	return piece{data: readBuffers.detach(buf, 1+n)}, err
}

// readReceived reads data until p is full, or more would have to be received.
func (s *tlsStream) readReceived(p []byte) (n int, err error) {
	s.under.asleep = true
	for n < len(p) && err == nil {
		var m int
		m, err = s.Read(p[n:])
		n += m
	}
	s.under.asleep = false
	if err == errAsleep {
		err = nil
	}
	return n, err
}

// closeWrite sends a close alert, and then ends the sending direction of the
// socket if that can be ended.
func (s *tlsStream) closeWrite() error {
	if err := s.connStream.closeWrite(); err != nil {
		return err
	}
	_ = closeWrite(s.under.Conn) // the peer has the alert
	return nil
}

// tlsSocket is the net.Conn below crypto/tls. Only the reader of the connection
// reads from it.
type tlsSocket struct {
	net.Conn
	prefix []byte // received before the switch to TLS; is read first
	ended  bool   // the peer has closed its sending direction
	asleep bool   // Read must not wait, and fails with errAsleep
}

func (s *tlsSocket) Read(p []byte) (int, error) {
	switch {
	case len(s.prefix) > 0:
		n := copy(p, s.prefix)
		s.prefix = s.prefix[n:]
		return n, nil
	case s.asleep:
		return 0, errAsleep
	}
	n, err := s.Conn.Read(p)
	s.ended = s.ended || err == io.EOF
	return n, err
}

// errAsleep is temporary, so crypto/tls continues after it.
var errAsleep net.Error = asleepError{}

type asleepError struct{}

func (asleepError) Error() string   { return "reactor: no received data is left" }
func (asleepError) Timeout() bool   { return false }
func (asleepError) Temporary() bool { return true }
