package reactor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/hawser-go/hawser/deferred"
)

// conditionError is a node in a tree of errors. errors.Is reports that a node
// matches itself and all nodes above it.
type conditionError struct {
	text  string
	above error // nil at the root
}

func condition(text string, above error) error { return &conditionError{text, above} }

func (e *conditionError) Error() string { return "reactor: " + e.text }
func (e *conditionError) Unwrap() error { return e.above }

// Reasons of ConnectionLost. Each error also matches (errors.Is) the error that
// the list below names after it:
//
//	ErrConnectionDone        ErrConnectionClosed
//	ErrConnectionLost        ErrConnectionClosed
//	ErrConnectionAborted     ErrConnectionLost
//	ErrFileDescriptorOverrun ErrConnectionLost
var (
	ErrConnectionClosed      = condition("the connection was closed", nil)
	ErrConnectionDone        = condition("the connection was closed cleanly", ErrConnectionClosed)
	ErrConnectionLost        = condition("the connection was lost", ErrConnectionClosed)
	ErrConnectionAborted     = condition("the connection was aborted locally", ErrConnectionLost)
	ErrFileDescriptorOverrun = condition("file descriptors were sent without data; write at least one byte after SendFileDescriptor", ErrConnectionLost)
)

// Kinds of a [ConnectError]. Each matches (errors.Is) ErrConnect.
// ErrConnectTimeout also matches ErrUser.
var (
	ErrConnect           = condition("cannot connect", nil)
	ErrConnectBind       = condition("binding the local address failed", ErrConnect)
	ErrUnknownHost       = condition("unknown host", ErrConnect)
	ErrNoRoute           = condition("no route to the host", ErrConnect)
	ErrConnectionRefused = condition("the connection was refused", ErrConnect)
	ErrTCPTimedOut       = condition("the network gave up the attempt to connect", ErrConnect)
	ErrBadFile           = condition("no process holds the lock of the socket", ErrConnect)
	ErrUnknownService    = condition("unknown service name", ErrConnect)
	ErrTLS               = condition("TLS failed", ErrConnect)
	ErrUser              = condition("the attempt to connect was stopped", ErrConnect)
	ErrConnectTimeout    = condition("the connection was not made in time", ErrUser)
)

var (
	// ErrNoProtocol is returned by BuildFrom, and is the failure of an
	// endpoint's Connect, if the factory refused the connection with a nil
	// Protocol.
	ErrNoProtocol = errors.New("reactor: the factory returned no protocol")

	// ErrNotConnecting is returned by Connector.StopConnecting if no attempt to
	// connect is in progress.
	ErrNotConnecting = errors.New("reactor: no attempt to connect is in progress")

	// ErrConnectorBusy is returned by Connector.Connect while the connector
	// connects or is connected.
	ErrConnectorBusy = errors.New("reactor: the connector is busy; call Connect after ClientConnectionFailed or ClientConnectionLost")

	// ErrProducerRegistered is returned by RegisterProducer if the transport
	// has a producer.
	ErrProducerRegistered = errors.New("reactor: a producer is registered already; unregister it first")

	errPort               = errors.New("reactor: a port is a number from 0 to 65535")
	errTooManyDescriptors = errors.New("reactor: too many file descriptors wait to be sent; write data to send them with")

	// ErrNotPushProducer is returned by RegisterProducer for a streaming
	// producer without a PauseProducing method.
	ErrNotPushProducer = errors.New("reactor: a streaming producer needs a PauseProducing method; add it, or register without streaming")
)

// ConnectionLostError is the reason of a connection that did not end cleanly:
// reading or writing failed, or the reactor stopped (ErrReactorEnded). It
// matches ErrConnectionLost and its cause.
type ConnectionLostError struct {
	Err error // the cause; never nil
}

func (e *ConnectionLostError) Error() string { return ErrConnectionLost.Error() + ": " + e.Err.Error() }

// Unwrap returns ErrConnectionLost and the cause.
func (e *ConnectionLostError) Unwrap() []error { return []error{ErrConnectionLost, e.Err} }

// ConnectError is the failure of an attempt to connect. It matches its kind,
// ErrConnect and its cause.
type ConnectError struct {
	Address string // the destination
	Kind    error  // ErrConnect, or one of the errors that match it
	Err     error  // the cause; may be nil
}

func (e *ConnectError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%v: %s", e.Kind, e.Address)
	}
	return fmt.Sprintf("%v: %s: %v", e.Kind, e.Address, systemsPart(e.Err))
}

// systemsPart returns the error of the operating system, without the operation
// and the address that package net adds.
func systemsPart(err error) error {
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		return call.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// Unwrap returns the kind and the cause.
func (e *ConnectError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// ConnectingCancelledError is the failure of an attempt to connect whose
// Deferred was cancelled. It matches ErrUser and deferred.ErrCancelled.
type ConnectingCancelledError struct {
	Address net.Addr // the destination
}

func (e *ConnectingCancelledError) Error() string {
	return fmt.Sprintf("reactor: connecting to %v was cancelled", e.Address)
}

// Unwrap returns ErrUser and deferred.ErrCancelled.
func (e *ConnectingCancelledError) Unwrap() []error { return []error{ErrUser, deferred.ErrCancelled} }

// NilProtocolError is the failure of a factory that returned a nil pointer as
// its protocol, and of Attach for such a protocol.
type NilProtocolError struct {
	Type string // the type of the pointer, or of the protocol that embeds it
}

func (e *NilProtocolError) Error() string {
	return fmt.Sprintf("reactor: the protocol %s is, or embeds, a nil pointer; "+
		"return a plain nil to refuse a connection, and embed protocols by value", e.Type)
}

// DNSLookupError is the failure of a lookup. It matches ErrUnknownHost and its
// cause.
type DNSLookupError struct {
	Host string
	Err  error // the cause; nil if the lookup found no usable address
}

func (e *DNSLookupError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("reactor: no address found for %q", e.Host)
	}
	return fmt.Sprintf("reactor: looking up %q: %v", e.Host, e.Err)
}

// Unwrap returns ErrUnknownHost and the cause.
func (e *DNSLookupError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrUnknownHost}
	}
	return []error{ErrUnknownHost, e.Err}
}

// CannotListenError is the failure of an attempt to listen. It matches its
// cause.
type CannotListenError struct {
	Interface string // the address to listen on, or the path of a UNIX socket
	Port      int    // 0 for a UNIX socket
	Err       error  // the cause, usually the system's error; never nil
}

func (e *CannotListenError) Error() string {
	if _, err := netip.ParseAddr(e.Interface); err != nil && e.Port == 0 {
		return fmt.Sprintf("reactor: cannot listen on %s: %v", e.Interface, e.Err) // a UNIX socket
	}
	return fmt.Sprintf("reactor: cannot listen on %s port %d: %v", e.Interface, e.Port, e.Err)
}

// Unwrap returns the cause.
func (e *CannotListenError) Unwrap() error { return e.Err }

// connectError returns a ConnectError for an error of net.Dialer.
func connectError(address string, err error) error {
	return &ConnectError{Address: address, Kind: connectKind(err), Err: err}
}

func connectKind(err error) error {
	if e, ok := errors.AsType[*os.SyscallError](err); ok && e.Syscall == "bind" {
		return ErrConnectBind
	}
	kinds := map[syscall.Errno]error{
		syscall.ECONNREFUSED:  ErrConnectionRefused,
		syscall.ENETUNREACH:   ErrNoRoute,
		syscall.EHOSTUNREACH:  ErrNoRoute,
		syscall.ETIMEDOUT:     ErrTCPTimedOut,
		syscall.EADDRNOTAVAIL: ErrConnectBind,
	}
	errno, _ := errors.AsType[syscall.Errno](err)
	if kind := kinds[errno]; kind != nil {
		return kind
	}
	return ErrConnect
}
