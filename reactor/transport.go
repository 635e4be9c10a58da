package reactor

import (
	"crypto/tls"
	"io"
	"net"
)

// Transport is the connection of a [Protocol]. All methods belong to the loop,
// and none blocks.
//
// The reactor's own transports also implement [HalfCloserTransport],
// [TCPTransport], [UNIXTransport], [TLSTransport] and [TerminalTransport]; use a
// type assertion.
type Transport interface {
	// Write sends a copy of data, after all data that was written before. Data
	// that cannot be sent yet is buffered without a bound; a protocol that
	// writes much should register a [Producer], which is paused above
	// BufferLimit bytes.
	//
	// After the connection is lost, Write does nothing. After LoseConnection,
	// data is still sent while earlier data or a producer delays the end of the
	// connection; over TLS only a registered producer can write then.
	Write(data []byte)

	// WriteSequence calls Write for each of the pieces.
	WriteSequence(pieces [][]byte)

	// LoseConnection closes the connection after all written data is sent. If a
	// producer is registered, it first waits until the producer is
	// unregistered. No data is delivered any more.
	//
	// When all data is sent, the connection sends its end (over TLS a close
	// alert too) and waits until the peer ends the connection, so that the peer
	// receives all data even if it is still sending. Data from the peer is
	// dropped meanwhile. The wait is bounded by LingerTimeout, and by
	// LingerIdleTimeout while the peer sends nothing; it is skipped for a
	// net.Conn without a CloseWrite method. Then ConnectionLost is called with
	// ErrConnectionDone. If sending fails, it is called with a
	// *ConnectionLostError.
	//
	// There is no bound on the time for sending: call AbortConnection to give
	// up. A stopping reactor closes the connection at once; to let the peer
	// receive all data, stop the reactor in ConnectionLost or later.
	LoseConnection()

	// AbortConnection closes the connection at once. Data that is not sent is
	// dropped, and over TCP the peer gets a reset. ConnectionLost is called in
	// a later iteration of the loop, with ErrConnectionAborted.
	AbortConnection()

	// Disconnecting reports whether LoseConnection or AbortConnection was
	// called.
	Disconnecting() bool

	// GetHost returns the address of this end of the connection, and GetPeer
	// the peer's address. Both are numeric: an [IPAddress], a [UNIXAddress], or
	// the address that the underlying net.Conn returns.
	GetHost() net.Addr
	GetPeer() net.Addr

	// A Transport is a producer of received data. PauseProducing stops the
	// delivery of data, and soon also the reading, so that the peer must wait.
	// The end of the connection is not reported while paused. ResumeProducing
	// continues; it never delivers data inside the call. StopProducing calls
	// LoseConnection.
	PushProducer

	// A Transport is a consumer of written data.
	Consumer
}

// HalfCloserTransport is a transport whose directions can be closed separately:
// those over TCP, TLS and UNIX sockets, and standard input and output.
type HalfCloserTransport interface {
	// LoseWriteConnection ends the sending direction after all written data is
	// sent. If a producer is registered, it first waits until the producer is
	// unregistered. Data that others write is dropped. Reading continues. A
	// protocol that implements [HalfCloser] is told when the direction has
	// ended.
	LoseWriteConnection()
}

// TCPTransport is a transport with the options of a TCP socket. On a transport
// that is not a TCP socket the setters return errors.ErrUnsupported. Both
// options are initially on.
type TCPTransport interface {
	Transport
	HalfCloserTransport
	GetTCPNoDelay() bool
	SetTCPNoDelay(on bool) error
	GetTCPKeepAlive() bool
	SetTCPKeepAlive(on bool) error
}

// UNIXTransport is a transport that can send file descriptors.
type UNIXTransport interface {
	Transport
	HalfCloserTransport

	// SendFileDescriptor sends a duplicate of fd together with the first byte
	// that is not sent yet, or else with the next byte that is written. fd may
	// be closed after the call. If LoseConnection is called and there is no
	// such byte, the connection ends with [ErrFileDescriptorOverrun].
	//
	// SendFileDescriptor returns an error if MaxDescriptors descriptors are
	// waiting, the system's error if fd cannot be duplicated, and
	// errors.ErrUnsupported on a transport that is not a UNIX socket.
	SendFileDescriptor(fd int) error
}

// TLSTransport is a transport that can switch to TLS.
type TLSTransport interface {
	Transport

	// StartTLS switches the connection to TLS, after all data written so far is
	// sent. Received data that was not delivered yet belongs to TLS. Data
	// written from now on is sent after the handshake, which may take up to
	// TLSHandshakeTimeout. If the handshake fails, the reason given to
	// ConnectionLost matches [ErrTLS].
	//
	// StartTLS returns [ErrConnectionClosed] if the connection is closed, and
	// an error that wraps [ErrTLS] if config cannot be used or the connection
	// uses TLS already.
	StartTLS(config *tls.Config, server bool) error

	// TLSState returns the state of the TLS connection. ok is false before the
	// handshake is complete.
	TLSState() (state tls.ConnectionState, ok bool)
}

// Producer produces data for a consumer on request. Its methods are called on
// the loop.
type Producer interface {
	// ResumeProducing asks a pull producer for one piece of data, and allows a
	// push producer to write until the next PauseProducing.
	ResumeProducing()

	// StopProducing is called when the consumer accepts no more data, because
	// the connection is lost.
	StopProducing()
}

// PushProducer is a producer that writes by itself until it is paused.
type PushProducer interface {
	Producer
	PauseProducing()
}

// Consumer consumes the data of a producer. All methods belong to the loop.
type Consumer interface {
	// RegisterProducer makes p the producer.
	//
	// With streaming, p must be a PushProducer. It starts unpaused, is paused
	// when more than BufferLimit bytes are buffered, and resumed when none are.
	// Without streaming, p is resumed now, and again each time the data that it
	// wrote is sent.
	//
	// p is stopped when the connection is lost. If the connection is lost
	// already, or its sending direction has ended, p is stopped at once.
	//
	// RegisterProducer returns [ErrProducerRegistered] if there is a producer,
	// and [ErrNotPushProducer] if streaming is set and p is no PushProducer.
	RegisterProducer(p Producer, streaming bool) error

	// UnregisterProducer removes the producer, if there is one. A
	// LoseConnection or LoseWriteConnection that waits for the producer then
	// proceeds.
	UnregisterProducer()

	Write(data []byte)
}

// Writer returns an io.Writer that writes to c, for fmt.Fprintf and the like.
// Its Write belongs to the loop and never fails.
func Writer(c Consumer) io.Writer { return consumerWriter{c} }

type consumerWriter struct{ c Consumer }

func (w consumerWriter) Write(p []byte) (int, error) {
	w.c.Write(p)
	return len(p), nil
}

// MaxDescriptors is the largest number of file descriptors that may wait to be
// sent on a UNIX socket, and that are accepted with one read.
const MaxDescriptors = 64

// BufferLimit is the number of buffered bytes above which a transport pauses
// its push producer.
const BufferLimit = 64 << 10

var (
	_ Transport           = (*conn)(nil)
	_ HalfCloserTransport = (*conn)(nil)
	_ TCPTransport        = (*conn)(nil)
	_ UNIXTransport       = (*conn)(nil)
	_ TLSTransport        = (*conn)(nil)
)
