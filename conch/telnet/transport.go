package telnet

import (
	"bytes"
	"log/slog"
	"net"

	"github.com/hawser-go/hawser/reactor"
)

// TelnetTransport carries a [Protocol] over a telnet connection. To the
// connection it is a protocol, and to the Protocol it is the transport. It is
// Twisted's TelnetTransport. All methods belong to the loop.
//
// A type may embed TelnetTransport by value, and replace methods that the
// Protocol calls, such as Write, or that Telnet calls. Such a method calls the
// same method of TelnetTransport.
type TelnetTransport struct {
	Telnet

	// ProtocolFactory returns the Protocol of a new connection. If it returns a
	// nil Protocol, the connection is closed.
	ProtocolFactory func() Protocol

	// Logger receives the records of the protocols of this package; nil means
	// slog's default.
	Logger *slog.Logger

	protocol Protocol // nil before ConnectionMade and after ConnectionLost
}

var (
	_ reactor.Protocol  = (*TelnetTransport)(nil)
	_ reactor.Transport = (*TelnetTransport)(nil)
)

// Protocol returns the present Protocol. It is nil before ConnectionMade and
// after the loss of the connection.
func (t *TelnetTransport) Protocol() Protocol { return t.protocol }

// SetProtocol replaces the Protocol with p, which must not be nil. It calls p's
// ConnectionMade. From now on all events go to p. The replaced Protocol gets no
// more calls, not even of ConnectionLost. After the loss of the connection,
// SetProtocol does nothing.
func (t *TelnetTransport) SetProtocol(p Protocol) {
	if !t.Connected() {
		return
	}
	t.protocol = p
	p.own().transport = t
	reactor.MakeConnection(p, t.Self().(reactor.Transport))
}

// ConnectionMade makes the Protocol and connects it.
func (t *TelnetTransport) ConnectionMade() {
	p := t.ProtocolFactory()
	if p == nil {
		t.LoseConnection()
		return
	}
	t.SetProtocol(p)
}

// ConnectionLost fails the Deferreds of requests in progress, and then ends the
// connection of the Protocol.
func (t *TelnetTransport) ConnectionLost(reason error) {
	t.Telnet.ConnectionLost(reason)
	if p := t.protocol; p != nil {
		t.protocol = nil
		reactor.EndConnection(p, reason)
	}
}

// Telnet calls the methods below only while the connection is open. So protocol
// is not nil.

// ApplicationDataReceived passes data on to the Protocol.
func (t *TelnetTransport) ApplicationDataReceived(data []byte) { t.protocol.DataReceived(data) }

// UnhandledCommand calls the method of the Protocol.
func (t *TelnetTransport) UnhandledCommand(c Command) { t.protocol.UnhandledCommand(c) }

// UnhandledSubnegotiation calls the method of the Protocol.
func (t *TelnetTransport) UnhandledSubnegotiation(o Option, data []byte) {
	t.protocol.UnhandledSubnegotiation(o, data)
}

// EnableLocal calls the method of the Protocol.
func (t *TelnetTransport) EnableLocal(o Option) bool { return t.protocol.EnableLocal(o) }

// EnableRemote calls the method of the Protocol.
func (t *TelnetTransport) EnableRemote(o Option) bool { return t.protocol.EnableRemote(o) }

// DisableLocal calls the method of the Protocol.
func (t *TelnetTransport) DisableLocal(o Option) { t.protocol.DisableLocal(o) }

// DisableRemote calls the method of the Protocol.
func (t *TelnetTransport) DisableRemote(o Option) { t.protocol.DisableRemote(o) }

// Write sends data. LF is sent as CR LF, unless a CR precedes it, even one of
// an earlier Write. A CR without LF is sent as CR NUL; the NUL is sent with the
// next Write. The byte 255 is doubled. If [BINARY] is on for this side, CR and
// LF are sent unchanged.
func (t *TelnetTransport) Write(data []byte) {
	if len(data) > 0 {
		t.Transport().Write(t.encode(data))
	}
}

// WriteSequence calls Write for each of the pieces.
func (t *TelnetTransport) WriteSequence(pieces [][]byte) {
	encoded := make([][]byte, 0, len(pieces))
	for _, data := range pieces {
		encoded = append(encoded, t.encode(data))
	}
	t.Transport().WriteSequence(encoded)
}

// encode returns data as it is sent.
func (t *TelnetTransport) encode(data []byte) []byte {
	if !t.wroteCR && !bytes.ContainsAny(data, "\r\n") && bytes.IndexByte(data, byte(IAC)) < 0 {
		return data
	}
	binary := t.LocalEnabled(BINARY)
	out := make([]byte, 0, len(data)+len(data)/8+8)
	for _, b := range data {
		out = t.encodeByte(out, b, binary)
	}
	return out
}

// encodeByte appends a byte as it is sent.
func (t *TelnetTransport) encodeByte(out []byte, b byte, binary bool) []byte {
	afterCR := t.wroteCR
	t.wroteCR = b == '\r' && !binary
	switch {
	case b == '\n' && !binary && !afterCR:
		return append(out, '\r', '\n')
	case afterCR && b != '\n':
		out = append(out, 0)
	}
	if b == byte(IAC) {
		out = append(out, b)
	}
	return append(out, b)
}

// LoseConnection calls the method of the connection.
func (t *TelnetTransport) LoseConnection() { t.Transport().LoseConnection() }

// AbortConnection calls the method of the connection.
func (t *TelnetTransport) AbortConnection() { t.Transport().AbortConnection() }

// Disconnecting calls the method of the connection.
func (t *TelnetTransport) Disconnecting() bool { return t.Transport().Disconnecting() }

// GetHost calls the method of the connection.
func (t *TelnetTransport) GetHost() net.Addr { return t.Transport().GetHost() }

// GetPeer calls the method of the connection.
func (t *TelnetTransport) GetPeer() net.Addr { return t.Transport().GetPeer() }

// PauseProducing calls the method of the connection. The rest of a received
// chunk, at most 64 KiB, is still delivered.
func (t *TelnetTransport) PauseProducing() { t.Transport().PauseProducing() }

// ResumeProducing calls the method of the connection.
func (t *TelnetTransport) ResumeProducing() { t.Transport().ResumeProducing() }

// StopProducing calls the method of the connection.
func (t *TelnetTransport) StopProducing() { t.Transport().StopProducing() }

// RegisterProducer calls the method of the connection.
func (t *TelnetTransport) RegisterProducer(p reactor.Producer, streaming bool) error {
	return t.Transport().RegisterProducer(p, streaming)
}

// UnregisterProducer calls the method of the connection.
func (t *TelnetTransport) UnregisterProducer() { t.Transport().UnregisterProducer() }
