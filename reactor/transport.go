package reactor

import (
	"crypto/tls"
	"io"
	"net"
)

// Transport is a connection, as its protocol sees it. All methods belong to the loop, and none blocks.
type Transport interface {
	// Write sends data after what was written before. It keeps a copy, in a buffer without bound: register a producer to write as
	// much as the peer takes. After the connection is lost it does nothing (R250 to R254); after LoseConnection, data is still sent
	// as long as something before it is being sent, except over TLS, where it is dropped unless a producer is registered (R255).
	Write(data []byte)

	// WriteSequence is Write for each of the pieces.
	WriteSequence(pieces [][]byte)

	// LoseConnection sends what was written and then closes the connection. While a producer is registered it waits for that to be
	// unregistered. ConnectionLost comes on a later turn, with ErrConnectionDone, and no more data until then (R260 to R263).
	LoseConnection()

	// AbortConnection closes the connection at once and drops what was not sent. ConnectionLost comes on a later turn, with
	// ErrConnectionAborted (R265 to R269).
	AbortConnection()

	// Disconnecting reports whether LoseConnection was called.
	Disconnecting() bool

	// GetHost and GetPeer return the addresses of this end and of the other, numeric: IPAddress, UNIXAddress, or what the net.Conn says.
	GetHost() net.Addr
	GetPeer() net.Addr

	// A transport is a producer: PauseProducing stops the delivery of data, and with it, soon, the reading; ResumeProducing goes on
	// (R295 to R299). StopProducing is LoseConnection.
	PushProducer

	// A transport is a consumer, see RegisterProducer there.
	Consumer
}

// HalfCloserTransport is implemented by transports over TCP, TLS and UNIX sockets.
type HalfCloserTransport interface {
	// LoseWriteConnection sends what was written, then ends this direction. While a producer is registered it waits for that to be
	// unregistered. Other writes that come later are dropped; reading goes on (R273).
	LoseWriteConnection()
}

// TCPTransport has the options of a transport over TCP (R259). The reactor's transports have these methods; over something else setting an
// option returns errors.ErrUnsupported.
type TCPTransport interface {
	Transport
	HalfCloserTransport
	GetTCPNoDelay() bool
	SetTCPNoDelay(on bool) error
	GetTCPKeepAlive() bool
	SetTCPKeepAlive(on bool) error
}

// UNIXTransport is a transport over a UNIX socket. The reactor's transports have its method; over something else it returns
// errors.ErrUnsupported.
type UNIXTransport interface {
	Transport
	HalfCloserTransport

	// SendFileDescriptor sends a duplicate of fd with the first byte that is not sent yet or that is written next. LoseConnection
	// before any such byte closes with ErrFileDescriptorOverrun (R334). The transport makes its own copy, so fd may be closed when it
	// has returned. No more than MaxDescriptors may wait (R336).
	SendFileDescriptor(fd int) error
}

// TLSTransport is implemented by the transports that can speak TLS.
type TLSTransport interface {
	Transport

	// StartTLS switches the connection to TLS, after what was written so far (R352). Data that comes from here on, and data that has come
	// but was not delivered, belongs to TLS. An unusable config is an error at once. A failure of the handshake is the reason of
	// ConnectionLost (R355).
	StartTLS(config *tls.Config, server bool) error

	// TLSState returns what is known of the TLS connection; ok is false before the handshake is complete (R358).
	TLSState() (state tls.ConnectionState, ok bool)
}

// Producer makes data for a consumer when it is asked to.
type Producer interface {
	// ResumeProducing asks a pull producer for one piece, and a push producer to go on until PauseProducing.
	ResumeProducing()

	// StopProducing tells the producer that the consumer is gone.
	StopProducing()
}

// PushProducer is a producer that goes on by itself until it is told to pause.
type PushProducer interface {
	Producer
	PauseProducing()
}

// Consumer takes data from a producer.
type Consumer interface {
	// RegisterProducer makes p the producer. One that streams, which must be a PushProducer, is told to pause when more than
	// BufferLimit bytes are buffered, and to resume when there are none left. Another one is asked for data now and whenever there is
	// none left (R282 to R284). On a lost connection, and after LoseWriteConnection, p is stopped at once (R287). It returns
	// ErrProducerRegistered if there is one.
	RegisterProducer(p Producer, streaming bool) error

	// UnregisterProducer forgets the producer, and lets a LoseConnection that waited for it go on (R288 to R291).
	UnregisterProducer()

	Write(data []byte)
}

// Writer returns a writer that writes to a consumer, for fmt.Fprintf and the like. It belongs to the loop and never fails.
func Writer(c Consumer) io.Writer { return consumerWriter{c} }

type consumerWriter struct{ c Consumer }

func (w consumerWriter) Write(p []byte) (int, error) {
	w.c.Write(p)
	return len(p), nil
}

// MaxDescriptors is the number of file descriptors that may wait to be sent, and that may come with one read.
const MaxDescriptors = 64

// BufferLimit is the number of buffered bytes above which a transport pauses its producer.
const BufferLimit = 64 << 10

var (
	_ TCPTransport  = (*conn)(nil)
	_ UNIXTransport = (*conn)(nil)
	_ TLSTransport  = (*conn)(nil)
)
