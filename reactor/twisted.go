package reactor

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/hawser-go/hawser/deferred"
)

// The names of this file are for programs ported from Twisted. New code does
// not need them.

// Default returns the reactor of the process, for ported code that expects a
// global one. The first call makes it, with zero Options. Any goroutine may
// call Default.
func Default() *Reactor { return defaultReactor() }

var defaultReactor = sync.OnceValue(func() *Reactor { return New(Options{}) })

// BlockingCallFromThread is Await without a context.
func BlockingCallFromThread[T any](r *Reactor, f func() deferred.Deferred[T]) (T, error) {
	return Await(context.Background(), r, f)
}

// CallMultipleInThread runs functions one after another in one thread of the
// reactor's pool. An error or a panic ends the list and is logged. Any
// goroutine may call CallMultipleInThread. The errors are those of
// ThreadPool.CallInThread.
func (r *Reactor) CallMultipleInThread(fs ...func() error) error {
	return r.pool.CallInThread(func() {
		for _, f := range fs {
			if err := f(); err != nil {
				r.logger().Error("reactor: error in a function given to CallMultipleInThread", "err", err)
				return
			}
		}
	})
}

// SuggestThreadPoolSize is ThreadPool().AdjustPoolSize. Any goroutine may call
// SuggestThreadPoolSize.
func (r *Reactor) SuggestThreadPoolSize(maximum int) { r.pool.AdjustPoolSize(maximum) }

// GetDelayedCalls returns the pending calls, by due time. Call GetDelayedCalls
// on the loop, or before Run.
func (r *Reactor) GetDelayedCalls() []*DelayedCall {
	r.mustBeOnLoop("GetDelayedCalls")
	return r.timers.GetDelayedCalls()
}

// GetDelayedCalls returns the pending calls, by due time.
func (t *Timers) GetDelayedCalls() []*DelayedCall {
	entries := slices.Concat(t.heap.entries(), t.added)
	slices.SortFunc(entries, timerEntry.compare)
	calls := make([]*DelayedCall, 0, t.live)
	seen := make(map[*DelayedCall]bool)
	for _, e := range entries {
		if !e.stale() && !seen[e.call] {
			seen[e.call] = true
			calls = append(calls, e.call)
		}
	}
	return calls
}

// FireSystemEvent runs the triggers of an event, which may be one of your own.
// FireSystemEvent returns before the event is over if a "before" trigger
// returned a Deferred that has not fired. FireSystemEvent does nothing while
// the event is in progress. Call FireSystemEvent on the loop, or before Run.
func (r *Reactor) FireSystemEvent(name string) {
	r.mustBeOnLoop("FireSystemEvent")
	r.fireEvent(r.event(name))
}

// HostResolution receives the progress of ResolveHostName: one call of
// ResolutionBegan, a call of AddressResolved for each address in order, and
// one call of ResolutionComplete. A name that cannot be resolved has no
// addresses. All calls are made on the loop.
type HostResolution interface {
	ResolutionBegan(host string)
	AddressResolved(addr IPAddress)
	ResolutionComplete()
}

// ResolveHostName looks up a host name, as Resolve does, and reports the
// addresses to receiver, with the given port. The Deferred fires after
// ResolutionComplete. Cancel stops the lookup: the Deferred fails with
// deferred.ErrCancelled and receiver is not called again. ResolveHostName must
// be called on the loop.
func (r *Reactor) ResolveHostName(receiver HostResolution, network, host string, port int) deferred.Deferred[struct{}] {
	r.mustBeOnLoop("ResolveHostName")
	receiver.ResolutionBegan(host)
	return deferred.ThenBoth(r.Resolve(network, host), func(addrs []netip.Addr, err error) (none struct{}, _ error) {
		if isCancelled(err) {
			return none, err
		}
		for _, a := range addrs {
			receiver.AddressResolved(IPAddress{netip.AddrPortFrom(a, uint16(port))})
		}
		receiver.ResolutionComplete()
		return none, nil
	})
}

// IsIPv4Address reports whether s is an IPv4 literal. netip.ParseAddr does
// more.
func IsIPv4Address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

// IsIPv6Address reports whether s is an IPv6 literal, with or without a zone.
func IsIPv6Address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6()
}
