package reactor

import (
	"errors"
	"fmt"
	"net"
)

// ErrDatagramConnected is returned by DatagramTransport.Connect if the port is
// connected.
var ErrDatagramConnected = errors.New("reactor: the UDP port is connected already; open another one for another peer")

var (
	errUDPClosed    = fmt.Errorf("reactor: the UDP port is closed: %w", net.ErrClosed)
	errNotLiteral   = errors.New("it is not an IP address; look the name up first")
	errNoAddress    = errors.New("the address is missing")
	errOtherFamily  = errors.New("it is not of the address family of the port")
	errNotPeer      = errors.New("the port is connected to another address")
	errNotMulticast = errors.New("it is not a multicast address of the port's family")
)

// InvalidAddressError is the failure of a call that cannot use an address.
type InvalidAddressError struct {
	Address string
	Err     error // says why; never nil
}

func (e *InvalidAddressError) Error() string {
	return fmt.Sprintf("reactor: cannot use the address %q: %v", e.Address, e.Err)
}

// Unwrap returns the cause.
func (e *InvalidAddressError) Unwrap() error { return e.Err }

// MessageLengthError is the failure to send a datagram that is too long for the
// system. It matches its cause.
type MessageLengthError struct {
	Length int   // of the datagram, in bytes
	Err    error // the system's error
}

func (e *MessageLengthError) Error() string {
	return fmt.Sprintf("reactor: a datagram of %d bytes is too long; send less at once", e.Length)
}

// Unwrap returns the cause.
func (e *MessageLengthError) Unwrap() error { return e.Err }

// MulticastJoinError is the failure to join or to leave a multicast group. It
// matches its cause.
type MulticastJoinError struct {
	Group     string
	Interface string // as in the call: a name, an address, or "" for the system's choice
	Err       error  // the cause; never nil
}

func (e *MulticastJoinError) Error() string {
	if e.Interface == "" {
		return fmt.Sprintf("reactor: multicast group %s: %v", e.Group, e.Err)
	}
	return fmt.Sprintf("reactor: multicast group %s on the interface %s: %v", e.Group, e.Interface, e.Err)
}

// Unwrap returns the cause.
func (e *MulticastJoinError) Unwrap() error { return e.Err }
