package endpoints

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// DefaultAttemptDelay is the time between the attempts of a HostnameEndpoint unless something else is asked for.
const DefaultAttemptDelay = 300 * time.Millisecond

// HostnameOptions configures a HostnameEndpoint. The zero value works.
type HostnameOptions struct {
	reactor.DialOptions // applies to each attempt (R391)

	// AttemptDelay is the time after which the next address is tried as well; 0 means DefaultAttemptDelay.
	AttemptDelay time.Duration
}

// HostnameEndpoint connects to a host by name: it looks the name up and tries the addresses, IPv4 and IPv6, in the order of the answer, each
// some time after the one before, or as soon as one has failed; the first connection wins and the other attempts are cancelled (R379 to
// R382).
type HostnameEndpoint struct {
	r    reactor.Network
	host string
	port int
	opts HostnameOptions
}

// NewHostnameEndpoint returns an endpoint for a host, by name or literal. A name that is not ASCII is looked up in its IDNA form; one that has none
// makes Connect and Dial fail (R389, R390).
func NewHostnameEndpoint(r reactor.Network, host string, port int, opts HostnameOptions) *HostnameEndpoint {
	if opts.AttemptDelay == 0 {
		opts.AttemptDelay = DefaultAttemptDelay
	}
	return &HostnameEndpoint{r, host, port, opts}
}

// String shows the name as it is looked up, and a literal of IPv6 in brackets (R390).
func (e *HostnameEndpoint) String() string {
	host, err := reactor.ToASCII(e.host)
	if err != nil {
		host = fmt.Sprintf("%+q", e.host)
	}
	return fmt.Sprintf("<HostnameEndpoint %v>", reactor.HostnameAddress{Host: host, Port: e.port})
}

// Connect is part of StreamClientEndpoint.
func (e *HostnameEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return connect(e.r, e.Dial, f, nil)
}

// Dial is part of StreamClientEndpoint. If all attempts fail it fails with an *AttemptsError (R383 to R385), if the name has no addresses with a
// *reactor.DNSLookupError (R386), and if it is cancelled with a *reactor.ConnectingCancelledError, at any stage (R387, R388).
func (e *HostnameEndpoint) Dial() deferred.Deferred[net.Conn] {
	name, err := reactor.ToASCII(e.host)
	if err != nil {
		return deferred.Fail[net.Conn](err)
	}
	to := reactor.HostnameAddress{Host: e.host, Port: e.port}
	d := deferred.ThenDeferred(e.r.Resolve("ip", name), func(addrs []netip.Addr) deferred.Deferred[net.Conn] {
		if len(addrs) == 0 {
			return deferred.Fail[net.Conn](&reactor.DNSLookupError{Host: e.host})
		}
		return e.race(addrs)
	})
	return connecting(d, to)
}

// AttemptsError is the failure of all attempts to connect to a host. Its text is that of the last one; errors.Is finds each.
type AttemptsError struct{ Errors []error }

func (e *AttemptsError) Error() string { return e.Errors[len(e.Errors)-1].Error() }

// Unwrap returns the errors of the attempts, in the order in which they failed.
func (e *AttemptsError) Unwrap() []error { return e.Errors }

// race is the attempts for one Dial.
type race struct {
	e      *HostnameEndpoint
	left   []netip.Addr
	runs   map[int]deferred.Deferred[net.Conn] // the attempts in progress
	begun  int
	errs   []error
	next   *reactor.DelayedCall // nil when no address is left
	result deferred.Deferred[net.Conn]
	ended  bool // what the other attempts come to is of no interest
}

func (e *HostnameEndpoint) race(addrs []netip.Addr) deferred.Deferred[net.Conn] {
	r := &race{e: e, left: addrs, runs: make(map[int]deferred.Deferred[net.Conn])}
	r.result = deferred.New(func(deferred.Deferred[net.Conn]) { r.end() })
	r.begin()
	return r.result
}

// begin begins the next attempt, and arranges for the one after it.
func (r *race) begin() {
	if r.next != nil {
		_ = r.next.Cancel() // it is this call, or too late
		r.next = nil
	}
	addr := r.left[0]
	if r.left = r.left[1:]; len(r.left) > 0 {
		r.next = r.e.r.CallLater(r.e.opts.AttemptDelay, r.begin)
	}
	r.begun++
	id := r.begun
	to := reactor.HostnameAddress{Host: addr.String(), Port: r.e.port}.String() // a port that is none is an error of Dial
	d := r.e.r.Dial("tcp", to, r.e.opts.DialOptions)
	r.runs[id] = d
	deferred.ThenBoth(d, func(nc net.Conn, err error) (none struct{}, _ error) {
		r.over(id, nc, err)
		return none, nil
	})
}

// over is told of the end of an attempt.
func (r *race) over(id int, nc net.Conn, err error) {
	delete(r.runs, id)
	switch {
	case r.ended && err == nil:
		_ = nc.Close() // it came too late
	case r.ended:
	case err == nil:
		r.end()
		r.result.Callback(nc)
	default:
		r.failed(err)
	}
}

// failed brings the next attempt forward, or fails when there is nothing to hope for (R382, R384).
func (r *race) failed(err error) {
	r.errs = append(r.errs, err)
	switch {
	case len(r.left) > 0:
		r.begin()
	case len(r.runs) == 0:
		r.result.Errback(&AttemptsError{r.errs})
	}
}

// end cancels what is in progress.
func (r *race) end() {
	r.ended = true
	if r.next != nil {
		_ = r.next.Cancel() // it may be the call that runs
		r.next = nil
	}
	for _, d := range r.runs {
		d.Cancel()
	}
}
