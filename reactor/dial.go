package reactor

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// DefaultConnectTimeout bounds an attempt to connect unless something else is asked for.
const DefaultConnectTimeout = 30 * time.Second

// DialOptions configures Dial. The zero value works.
type DialOptions struct {
	// Timeout bounds the attempt; 0 means DefaultConnectTimeout, a negative value no bound but the system's.
	Timeout time.Duration

	// BindAddress is the local address, a host or host:port; "" leaves it to the system.
	BindAddress string

	// DialContext, if not nil, makes the connection instead of a net.Dialer: through a proxy, for example. It is called on a
	// goroutine of its own and must return when ctx is done.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o DialOptions) timeout() time.Duration {
	if o.Timeout == 0 {
		return DefaultConnectTimeout
	}
	return o.Timeout
}

// Dial connects to one address, and returns a Deferred that fires with the connection. It is the layer under everything here that connects. For
// network "tcp" the address is an IP literal and a port, for "unix" a path.
//
// The failure is a *ConnectError, with ErrConnectTimeout as its kind when the time was up; after Cancel it is a *ConnectingCancelledError. In
// both cases the attempt is ended, and no timer is left in any (R318). The connection belongs to whoever receives it; see Attach.
// Dial must be called on the loop.
func (r *Reactor) Dial(network, address string, opts DialOptions) deferred.Deferred[net.Conn] {
	a := &attempt{r: r, address: destination(network, address)}
	dial := opts.DialContext
	if dial == nil {
		dialer, err := newDialer(network, address, opts)
		if err != nil {
			return deferred.Fail[net.Conn](&ConnectError{Address: address, Kind: ErrConnect, Err: err})
		}
		dial = dialer.DialContext
	}
	ctx, cancel := context.WithCancel(r.ctx)
	a.cancel = cancel
	a.result = deferred.New(func(deferred.Deferred[net.Conn]) { a.fail(&ConnectingCancelledError{a.address}) })
	if limit := opts.timeout(); limit > 0 {
		a.stopTimer = r.AfterFunc(limit, func() { a.fail(&ConnectError{Address: address, Kind: ErrConnectTimeout}) })
	}
	r.spawn(func() { // ends with the attempt, which cancel ends
		nc, err := dial(ctx, network, address)
		if !r.CallFromThread(func() { a.done(nc, err) }) && err == nil {
			_ = nc.Close() // nobody is left to take it
		}
	})
	return a.result
}

// attempt is a Dial in progress. It belongs to the loop.
type attempt struct {
	r         *Reactor
	address   net.Addr
	cancel    context.CancelFunc
	stopTimer func() bool // nil without a limit
	result    deferred.Deferred[net.Conn]
	over      bool
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

// done is run when the dial has returned.
func (a *attempt) done(nc net.Conn, err error) {
	switch {
	case a.over && err == nil:
		_ = nc.Close() // it came too late
	case a.over:
	case err != nil:
		a.fail(connectError(a.address.String(), err))
	default:
		a.end()
		a.result.Callback(nc)
	}
}

// destination is the address of an attempt, as it was asked for (R314).
func destination(network, address string) net.Addr {
	if network == "unix" {
		return UNIXAddress{address}
	}
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return IPAddress{ap}
	}
	return dialAddress{network, address}
}

// dialAddress is an address that only a DialContext understands.
type dialAddress struct{ network, address string }

func (a dialAddress) Network() string { return a.network }
func (a dialAddress) String() string  { return a.address }

func newDialer(network, address string, opts DialOptions) (*net.Dialer, error) {
	d := new(net.Dialer)
	if network == "unix" {
		return d, nil
	}
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, err
	}
	if opts.BindAddress == "" {
		return d, nil
	}
	local, err := parseBindAddress(opts.BindAddress)
	if err != nil {
		return nil, err
	}
	d.LocalAddr = net.TCPAddrFromAddrPort(local)
	return d, nil
}

// parseBindAddress reads a host, or a host and a port (R391).
func parseBindAddress(s string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(addr, 0), nil
	}
	return netip.ParseAddrPort(s)
}
