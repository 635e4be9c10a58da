package policies

import (
	"container/list"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/hawser-go/hawser/reactor"
)

// Wrapper is a protocol that wraps another protocol and is its transport. To
// make one, embed [ProtocolWrapper] by value.
type Wrapper interface {
	reactor.Protocol
	reactor.Transport

	// Wrapped returns the wrapped protocol. It returns nil when the connection
	// is lost and the wrapped protocol knows that.
	Wrapped() reactor.Protocol

	wrapper() *ProtocolWrapper
}

// ProtocolWrapper implements [Wrapper]. Embed it by value in your own wrappers,
// which a [WrappingFactory] connects to their protocols.
//
// A wrapper has all optional methods of protocols and transports. The reactor
// treats it as a HalfCloser, HandshakeListener or FileDescriptorReceiver only
// if the wrapped protocol is one. The methods of [reactor.TCPTransport],
// [reactor.UNIXTransport] and [reactor.TLSTransport] return
// errors.ErrUnsupported if the connection does not have them. For other methods
// of the connection, use Transport of the wrapper.
type ProtocolWrapper struct {
	reactor.BaseProtocol
	outer         Wrapper // embeds this ProtocolWrapper
	wrapped       reactor.Protocol
	owner         *WrappingFactory
	peer          net.Addr      // as given to BuildProtocol
	element       *list.Element // in the list of the factory; nil if not there
	disconnecting bool
}

var (
	_ Wrapper                        = (*ProtocolWrapper)(nil)
	_ reactor.Wrapper                = (*ProtocolWrapper)(nil)
	_ reactor.HalfCloser             = (*ProtocolWrapper)(nil)
	_ reactor.HandshakeListener      = (*ProtocolWrapper)(nil)
	_ reactor.FileDescriptorReceiver = (*ProtocolWrapper)(nil)
	_ reactor.HalfCloserTransport    = (*ProtocolWrapper)(nil)
	_ reactor.TCPTransport           = (*ProtocolWrapper)(nil)
	_ reactor.UNIXTransport          = (*ProtocolWrapper)(nil)
	_ reactor.TLSTransport           = (*ProtocolWrapper)(nil)
)

func (w *ProtocolWrapper) wrapper() *ProtocolWrapper { return w }

// Wrapped implements [Wrapper].
func (w *ProtocolWrapper) Wrapped() reactor.Protocol { return w.wrapped }

// LogPrefix returns the names of the wrapped protocol and of the wrapper.
func (w *ProtocolWrapper) LogPrefix() string {
	if w.wrapped == nil {
		return typeName(w.outer)
	}
	return fmt.Sprintf("%s (%s)", reactor.LogPrefix(w.wrapped), typeName(w.outer))
}

// typeName returns the name of x's type, without its package.
func typeName(x any) string {
	name := fmt.Sprintf("%T", x)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// ConnectionMade adds the wrapper to those of the factory and connects the
// wrapped protocol to the wrapper.
func (w *ProtocolWrapper) ConnectionMade() {
	w.owner.register(w)
	reactor.MakeConnection(w.wrapped, w.outer)
}

// DataReceived calls the method of the wrapped protocol.
func (w *ProtocolWrapper) DataReceived(data []byte) { w.wrapped.DataReceived(data) }

// ConnectionLost removes the wrapper from those of the factory and calls the
// method of the wrapped protocol. The wrapper then forgets that protocol.
func (w *ProtocolWrapper) ConnectionLost(reason error) {
	w.owner.unregister(w)
	defer func() { w.wrapped = nil }()
	reactor.EndConnection(w.wrapped, reason)
}

// ReadConnectionLost calls the method of the wrapped protocol.
func (w *ProtocolWrapper) ReadConnectionLost() {
	if half, ok := reactor.As[reactor.HalfCloser](w.wrapped); ok {
		half.ReadConnectionLost()
	}
}

// WriteConnectionLost calls the method of the wrapped protocol.
func (w *ProtocolWrapper) WriteConnectionLost() {
	if half, ok := reactor.As[reactor.HalfCloser](w.wrapped); ok {
		half.WriteConnectionLost()
	}
}

// HandshakeCompleted calls the method of the wrapped protocol.
func (w *ProtocolWrapper) HandshakeCompleted() {
	if p, ok := reactor.As[reactor.HandshakeListener](w.wrapped); ok {
		p.HandshakeCompleted()
	}
}

// FileDescriptorReceived calls the method of the wrapped protocol.
func (w *ProtocolWrapper) FileDescriptorReceived(fd int) {
	if p, ok := reactor.As[reactor.FileDescriptorReceiver](w.wrapped); ok {
		p.FileDescriptorReceived(fd)
	}
}

// Write calls the method of the connection.
func (w *ProtocolWrapper) Write(data []byte) { w.Transport().Write(data) }

// WriteSequence calls the method of the connection.
func (w *ProtocolWrapper) WriteSequence(pieces [][]byte) { w.Transport().WriteSequence(pieces) }

// LoseConnection calls the method of the connection.
func (w *ProtocolWrapper) LoseConnection() {
	w.disconnecting = true
	w.Transport().LoseConnection()
}

// AbortConnection calls the method of the connection.
func (w *ProtocolWrapper) AbortConnection() {
	w.disconnecting = true
	w.Transport().AbortConnection()
}

// Disconnecting reports whether LoseConnection or AbortConnection of the
// wrapper or of the connection was called.
func (w *ProtocolWrapper) Disconnecting() bool {
	return w.disconnecting || w.Transport().Disconnecting()
}

// GetHost calls the method of the connection.
func (w *ProtocolWrapper) GetHost() net.Addr { return w.Transport().GetHost() }

// GetPeer calls the method of the connection.
func (w *ProtocolWrapper) GetPeer() net.Addr { return w.Transport().GetPeer() }

// PauseProducing calls the method of the connection.
func (w *ProtocolWrapper) PauseProducing() { w.Transport().PauseProducing() }

// ResumeProducing calls the method of the connection.
func (w *ProtocolWrapper) ResumeProducing() { w.Transport().ResumeProducing() }

// StopProducing calls LoseConnection of the wrapper.
func (w *ProtocolWrapper) StopProducing() { w.outer.LoseConnection() }

// RegisterProducer calls the method of the connection.
func (w *ProtocolWrapper) RegisterProducer(p reactor.Producer, streaming bool) error {
	return w.Transport().RegisterProducer(p, streaming)
}

// UnregisterProducer calls the method of the connection.
func (w *ProtocolWrapper) UnregisterProducer() { w.Transport().UnregisterProducer() }

// LoseWriteConnection calls the method of the connection. It does nothing if the
// connection is no [reactor.HalfCloserTransport].
func (w *ProtocolWrapper) LoseWriteConnection() {
	if half, ok := w.Transport().(reactor.HalfCloserTransport); ok {
		half.LoseWriteConnection()
	}
}

// GetTCPNoDelay calls the method of the connection. It returns false if there
// is none.
func (w *ProtocolWrapper) GetTCPNoDelay() bool {
	t, ok := w.Transport().(reactor.TCPTransport)
	return ok && t.GetTCPNoDelay()
}

// SetTCPNoDelay calls the method of the connection.
func (w *ProtocolWrapper) SetTCPNoDelay(on bool) error {
	if t, ok := w.Transport().(reactor.TCPTransport); ok {
		return t.SetTCPNoDelay(on)
	}
	return errors.ErrUnsupported
}

// GetTCPKeepAlive calls the method of the connection. It returns false if there
// is none.
func (w *ProtocolWrapper) GetTCPKeepAlive() bool {
	t, ok := w.Transport().(reactor.TCPTransport)
	return ok && t.GetTCPKeepAlive()
}

// SetTCPKeepAlive calls the method of the connection.
func (w *ProtocolWrapper) SetTCPKeepAlive(on bool) error {
	if t, ok := w.Transport().(reactor.TCPTransport); ok {
		return t.SetTCPKeepAlive(on)
	}
	return errors.ErrUnsupported
}

// SendFileDescriptor calls the method of the connection.
func (w *ProtocolWrapper) SendFileDescriptor(fd int) error {
	if t, ok := w.Transport().(reactor.UNIXTransport); ok {
		return t.SendFileDescriptor(fd)
	}
	return errors.ErrUnsupported
}

// StartTLS calls the method of the connection.
func (w *ProtocolWrapper) StartTLS(config *tls.Config, server bool) error {
	if t, ok := w.Transport().(reactor.TLSTransport); ok {
		return t.StartTLS(config, server)
	}
	return errors.ErrUnsupported
}

// TLSState calls the method of the connection. ok is false if there is none.
func (w *ProtocolWrapper) TLSState() (state tls.ConnectionState, ok bool) {
	if t, has := w.Transport().(reactor.TLSTransport); has {
		return t.TLSState()
	}
	return state, false
}
