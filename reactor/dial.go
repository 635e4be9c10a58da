package reactor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// DefaultConnectTimeout is the time limit of an attempt to connect, unless
// DialOptions.Timeout sets another.
const DefaultConnectTimeout = 30 * time.Second

// DialOptions configures Dial. The zero value works.
type DialOptions struct {
	// Timeout is the time limit of the attempt. 0 means DefaultConnectTimeout.
	// A negative value means the limit of the operating system.
	Timeout time.Duration

	// BindAddress is the local address: an IP literal, alone or with a port.
	// "" leaves the choice to the system. It is not used with DialContext or
	// for UNIX sockets.
	BindAddress string

	// DialContext, if not nil, makes the connection instead of a net.Dialer,
	// for example through a proxy. It is called on its own goroutine and must
	// return when ctx is done.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o DialOptions) timeout() time.Duration {
	if o.Timeout == 0 {
		return DefaultConnectTimeout
	}
	return o.Timeout
}

var errNoConnection = errors.New("reactor: DialContext returned neither a connection nor an error")

// Dial connects to one address. All functions of this module that connect use
// it. For network "tcp" the address is an IP literal and a port, for "unix" a
// path; a DialContext may accept others. The Deferred fires with the
// connection, which belongs to the caller; see Attach.
//
// The Deferred fails with a *ConnectError. Its Kind is ErrConnectTimeout after
// the time limit, and ErrConnectBind for a bad BindAddress. A panic in
// DialContext is its Err. After Cancel the Deferred fails with a
// *ConnectingCancelledError. Both limits end the attempt. Dial must be called
// on the loop.
func (r *Reactor) Dial(network, address string, opts DialOptions) deferred.Deferred[net.Conn] {
	r.mustBeOnLoop("Dial")
	a := &attempt{r: r, address: destination(network, address)}
	dial := opts.DialContext
	if dial == nil {
		dialer, err := newDialer(network, address, opts)
		if err != nil {
			return deferred.Fail[net.Conn](err)
		}
		dial = dialer.DialContext
	}
	ctx, cancel := context.WithCancel(r.ctx)
	a.cancel = cancel
	a.result = deferred.New(func(deferred.Deferred[net.Conn]) { a.fail(&ConnectingCancelledError{a.address}) })
	if limit := opts.timeout(); limit > 0 {
		a.stopTimer = r.AfterFunc(limit, func() {
			a.fail(&ConnectError{Address: a.address.String(), Kind: ErrConnectTimeout})
		})
	}
	r.spawn(func() { // ends with the attempt, because that ends ctx
		nc, err := protect(func() (net.Conn, error) { return dial(ctx, network, address) })
		if err == nil && nc == nil {
			err = errNoConnection
		}
		if !r.CallFromThread(func() { a.done(nc, err) }) && err == nil {
			_ = nc.Close() // the loop has ended
		}
	})
	return a.result
}

// attempt is a Dial in progress. It belongs to the loop.
type attempt struct {
	r         *Reactor
	address   net.Addr
	cancel    context.CancelFunc
	stopTimer func() bool // nil without a time limit
	result    deferred.Deferred[net.Conn]
	over      bool // result has fired or is about to
}

func (a *attempt) end() {
	a.over = true
	a.cancel()
	if a.stopTimer != nil {
		a.stopTimer()
	}
}

func (a *attempt) fail(err error) {
	a.end()
	a.result.Errback(err)
}

// done runs on the loop when the dial function has returned.
func (a *attempt) done(nc net.Conn, err error) {
	switch {
	case a.over && err == nil:
		_ = nc.Close() // the attempt was cancelled, or timed out, before
	case a.over:
	case err != nil:
		a.fail(connectError(a.address.String(), err))
	default:
		a.end()
		a.result.Callback(nc)
	}
}

// destination returns the address of an attempt, as the caller wrote it.
func destination(network, address string) net.Addr {
	if network == "unix" {
		return UNIXAddress{address}
	}
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return IPAddress{ap}
	}
	return dialAddress{network, address}
}

// dialAddress is an address in the syntax of a DialContext.
type dialAddress struct{ network, address string }

func (a dialAddress) Network() string { return a.network }
func (a dialAddress) String() string  { return a.address }

// newDialer returns the dialer for an address. The error is a *ConnectError.
func newDialer(network, address string, opts DialOptions) (*net.Dialer, error) {
	d := new(net.Dialer)
	if network == "unix" {
		return d, nil
	}
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, &ConnectError{Address: address, Kind: ErrConnect, Err: err}
	}
	if opts.BindAddress == "" {
		return d, nil
	}
	local, err := parseBindAddress(opts.BindAddress)
	if err != nil {
		return nil, &ConnectError{Address: address, Kind: ErrConnectBind, Err: err}
	}
	d.LocalAddr = net.TCPAddrFromAddrPort(local)
	return d, nil
}

// parseBindAddress parses an IP literal, alone or with a port.
func parseBindAddress(s string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(addr, 0), nil
	}
	return netip.ParseAddrPort(s)
}
