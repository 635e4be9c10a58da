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

// conditionError is a node in a tree of errors: errors.Is finds each in itself and in those above it (R212).
type conditionError struct {
	text  string
	above error // nil at the root
}

func condition(text string, above error) error { return &conditionError{text, above} }

func (e *conditionError) Error() string { return "reactor: " + e.text }
func (e *conditionError) Unwrap() error { return e.above }

// Why a connection ended; each matches those it is indented under (R209).
var (
	ErrConnectionClosed      = condition("the connection was closed", nil)
	ErrConnectionDone        = condition("the connection was closed cleanly", ErrConnectionClosed)
	ErrConnectionLost        = condition("the connection was lost", ErrConnectionClosed)
	ErrConnectionAborted     = condition("the connection was aborted locally", ErrConnectionLost)
	ErrFileDescriptorOverrun = condition("descriptors were sent without a byte to travel with", ErrConnectionLost)
)

// Why a connection was not made; each matches those it is under (R210).
var (
	ErrConnect           = condition("the connection could not be made", nil)
	ErrConnectBind       = condition("binding the local address failed", ErrConnect)
	ErrUnknownHost       = condition("unknown host", ErrConnect)
	ErrNoRoute           = condition("no route to the host", ErrConnect)
	ErrConnectionRefused = condition("the connection was refused", ErrConnect)
	ErrTCPTimedOut       = condition("the network gave the connection up", ErrConnect)
	ErrBadFile           = condition("nobody holds the lock of the socket", ErrConnect)
	ErrUnknownService    = condition("unknown service name", ErrConnect)
	ErrTLS               = condition("TLS failed", ErrConnect)
	ErrUser              = condition("the attempt was given up", ErrConnect)
	ErrConnectTimeout    = condition("the connection was not made in time", ErrUser)
)

var (
	// ErrNoProtocol is the failure of a connect whose factory returned no protocol (R365).
	ErrNoProtocol = errors.New("reactor: the factory returned no protocol")

	// ErrNotConnecting is returned by Connector.StopConnecting when there is no attempt to stop (R320).
	ErrNotConnecting = errors.New("reactor: no attempt to connect is in progress")

	// ErrConnectorBusy is returned by Connector.Connect while it connects or is connected (R322).
	ErrConnectorBusy = errors.New("reactor: the connector connects or is connected already")

	// ErrProducerRegistered is returned by RegisterProducer when there is one already (R285).
	ErrProducerRegistered = errors.New("reactor: a producer is registered already; unregister it first")

	errPort               = errors.New("reactor: a port is a number from 0 to 65535")
	errTooManyDescriptors = errors.New("reactor: too many file descriptors wait to be sent; write the bytes they travel with")

	// ErrNotPushProducer is returned by RegisterProducer for a streaming producer without PauseProducing.
	ErrNotPushProducer = errors.New("reactor: a streaming producer needs a PauseProducing method")
)

// ConnectionLostError is the reason of a connection that ended other than cleanly. It matches ErrConnectionLost and its cause.
type ConnectionLostError struct{ Err error }

func (e *ConnectionLostError) Error() string { return ErrConnectionLost.Error() + ": " + e.Err.Error() }

// Unwrap returns ErrConnectionLost and the cause.
func (e *ConnectionLostError) Unwrap() []error { return []error{ErrConnectionLost, e.Err} }

// ConnectError is the failure of an attempt to connect. It matches its kind, ErrConnect, and the system's error.
type ConnectError struct {
	Address string // what was connected to
	Kind    error  // one of the errors under ErrConnect, or ErrConnect
	Err     error  // the cause; may be nil
}

func (e *ConnectError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%v: %s", e.Kind, e.Address)
	}
	return fmt.Sprintf("%v: %s: %v", e.Kind, e.Address, systemsPart(e.Err))
}

// systemsPart returns what the system says, without the operation and the address that package net puts in front.
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

// ConnectingCancelledError is the failure of an attempt to connect that was cancelled. It matches ErrUser and
// deferred.ErrCancelled.
type ConnectingCancelledError struct {
	Address net.Addr // what was connected to
}

func (e *ConnectingCancelledError) Error() string {
	return fmt.Sprintf("reactor: connecting to %v was cancelled", e.Address)
}

// Unwrap returns ErrUser and deferred.ErrCancelled.
func (e *ConnectingCancelledError) Unwrap() []error { return []error{ErrUser, deferred.ErrCancelled} }

// DNSLookupError is the failure of a lookup (R113). It matches ErrUnknownHost and its cause.
type DNSLookupError struct {
	Host string
	Err  error // may be nil: there is no usable address
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

// CannotListenError is the failure of listening (R211).
type CannotListenError struct {
	Interface string // the interface, or the path of a UNIX socket
	Port      int
	Err       error
}

func (e *CannotListenError) Error() string {
	if _, err := netip.ParseAddr(e.Interface); err != nil && e.Port == 0 {
		return fmt.Sprintf("reactor: cannot listen on %s: %v", e.Interface, e.Err) // a path
	}
	return fmt.Sprintf("reactor: cannot listen on %s port %d: %v", e.Interface, e.Port, e.Err)
}

// Unwrap returns the system's error.
func (e *CannotListenError) Unwrap() error { return e.Err }

// connectError makes a ConnectError of what a dial returned.
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
