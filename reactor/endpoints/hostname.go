package endpoints

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// DefaultAttemptDelay is the time between the attempts of a HostnameEndpoint,
// unless HostnameOptions.AttemptDelay sets another.
const DefaultAttemptDelay = 300 * time.Millisecond

// HostnameOptions configures a HostnameEndpoint. The zero value works.
type HostnameOptions struct {
	reactor.DialOptions // applies to each attempt

	// AttemptDelay is the time until the next address is tried; 0 means
	// DefaultAttemptDelay.
	AttemptDelay time.Duration
}

// HostnameEndpoint connects to a host by name. It looks up the name and tries
// the IPv4 and IPv6 addresses in the order of the resolver. The attempt at the
// next address begins after AttemptDelay, or as soon as an attempt fails. The
// first connection is used and the other attempts are cancelled.
type HostnameEndpoint struct {
	r    reactor.Network
	host string
	port int
	opts HostnameOptions
}

// NewHostnameEndpoint returns an endpoint for a host, which is a name or an IP
// literal. A name that is not ASCII is looked up in its IDNA form.
func NewHostnameEndpoint(r reactor.Network, host string, port int, opts HostnameOptions) *HostnameEndpoint {
	if opts.AttemptDelay == 0 {
		opts.AttemptDelay = DefaultAttemptDelay
	}
	return &HostnameEndpoint{r, host, port, opts}
}

// String returns the type, the name in its IDNA form and the port, with
// brackets around an IPv6 literal.
func (e *HostnameEndpoint) String() string {
	host, err := reactor.ToASCII(e.host)
	if err != nil {
		host = fmt.Sprintf("%+q", e.host)
	}
	return fmt.Sprintf("<HostnameEndpoint %v>", reactor.HostnameAddress{Host: host, Port: e.port})
}

// Connect implements StreamClientEndpoint.
func (e *HostnameEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return connect(e.r, e.Dial, f, nil)
}

// Dial implements StreamClientEndpoint. The Deferred fails with an
// *AttemptsError if all attempts fail, with a *reactor.DNSLookupError if the
// name has no address or no IDNA form, and with a
// *reactor.ConnectingCancelledError after Cancel.
func (e *HostnameEndpoint) Dial() deferred.Deferred[net.Conn] {
	name, err := reactor.ToASCII(e.host)
	if err != nil {
		return deferred.Fail[net.Conn](&reactor.DNSLookupError{Host: e.host, Err: err})
	}
	d := deferred.ThenDeferred(e.r.Resolve("ip", name), func(addrs []netip.Addr) deferred.Deferred[net.Conn] {
		if len(addrs) == 0 {
			return deferred.Fail[net.Conn](&reactor.DNSLookupError{Host: e.host})
		}
		return e.race(addrs)
	})
	return d.AddErrback(func(err error) (net.Conn, error) {
		if errors.Is(err, deferred.ErrCancelled) {
			err = &reactor.ConnectingCancelledError{Address: reactor.HostnameAddress{Host: e.host, Port: e.port}}
		}
		return nil, err
	})
}

// AttemptsError reports that all attempts to connect to a host failed. Its
// text is that of the last error. It matches each of them (errors.Is).
type AttemptsError struct{ Errors []error }

func (e *AttemptsError) Error() string { return e.Errors[len(e.Errors)-1].Error() }

// Unwrap returns the errors of the attempts, in the order of the failures.
func (e *AttemptsError) Unwrap() []error { return e.Errors }

// race is the attempts of one Dial.
type race struct {
	e      *HostnameEndpoint
	left   []netip.Addr                        // addresses not tried yet
	runs   map[int]deferred.Deferred[net.Conn] // attempts in progress
	begun  int
	errs   []error
	next   *reactor.DelayedCall // begins the next attempt; nil for the last
	result deferred.Deferred[net.Conn]
	ended  bool // result has fired or is about to
}

func (e *HostnameEndpoint) race(addrs []netip.Addr) deferred.Deferred[net.Conn] {
	r := &race{e: e, left: addrs, runs: make(map[int]deferred.Deferred[net.Conn])}
	r.result = deferred.New(func(deferred.Deferred[net.Conn]) { r.end() })
	r.begin()
	return r.result
}

// begin begins the next attempt and schedules the one after it.
func (r *race) begin() {
	r.cancelNext()
	addr := r.left[0]
	if r.left = r.left[1:]; len(r.left) > 0 {
		r.next = r.e.r.CallLater(r.e.opts.AttemptDelay, r.begin)
	}
	r.begun++
	id := r.begun
	to := reactor.HostnameAddress{Host: addr.String(), Port: r.e.port}.String() // Dial checks the port
	d := r.e.r.Dial("tcp", to, r.e.opts.DialOptions)
	r.runs[id] = d
	deferred.ThenBoth(d, func(nc net.Conn, err error) (none struct{}, _ error) {
		r.over(id, nc, err)
		return none, nil
	})
}

// over is called when an attempt has ended.
func (r *race) over(id int, nc net.Conn, err error) {
	delete(r.runs, id)
	switch {
	case r.ended && err == nil:
		_ = nc.Close() // another attempt was faster, or the race was cancelled
	case r.ended:
	case err == nil:
		r.end()
		r.result.Callback(nc)
	default:
		r.failed(err)
	}
}

// failed begins the next attempt at once. After the last failure it fails.
func (r *race) failed(err error) {
	r.errs = append(r.errs, err)
	switch {
	case len(r.left) > 0:
		r.begin()
	case len(r.runs) == 0:
		r.result.Errback(&AttemptsError{r.errs})
	}
}

// end cancels the attempts in progress.
func (r *race) end() {
	r.ended = true
	r.cancelNext()
	for _, d := range r.runs {
		d.Cancel()
	}
}

func (r *race) cancelNext() {
	if r.next != nil {
		_ = r.next.Cancel() // fails if this call is the running one
		r.next = nil
	}
}
