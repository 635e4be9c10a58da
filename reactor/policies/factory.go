package policies

import (
	"container/list"
	"fmt"
	"net"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// WrappingFactory is a factory that wraps the protocols of another factory. It
// is a [reactor.ClientFactory], too: the calls reach the wrapped factory if
// that is one. Make one with [NewWrappingFactory] or another function of this
// package.
type WrappingFactory struct {
	reactor.BaseClientFactory
	name    string // for logs
	wrapped reactor.Factory
	wrap    func() Wrapper
	live    list.List // of Wrapper, in the order of the connections

	// Hooks of the policies. Each may be nil.
	build      func(addr net.Addr) (reactor.Protocol, error) // replaces BuildFrom of the wrapped factory
	registered func(w *ProtocolWrapper)
	lost       func(w *ProtocolWrapper)
}

var _ reactor.ClientFactory = (*WrappingFactory)(nil)

// NewWrappingFactory returns a factory that calls wrap for each protocol of f.
// wrap is called on the loop and must return a new wrapper each time. If wrap is
// nil, the wrappers pass everything on.
func NewWrappingFactory(f reactor.Factory, wrap func() Wrapper) *WrappingFactory {
	return newFactory("WrappingFactory", f, wrap)
}

func newFactory(name string, f reactor.Factory, wrap func() Wrapper) *WrappingFactory {
	arg.NotNil("policies: New"+name, "factory", f)
	if wrap == nil {
		wrap = func() Wrapper { return new(ProtocolWrapper) }
	}
	return &WrappingFactory{name: name, wrapped: f, wrap: wrap}
}

// Wrapped returns the wrapped factory.
func (f *WrappingFactory) Wrapped() reactor.Factory { return f.wrapped }

// Wrappers returns the wrappers whose connections are established and not lost,
// in the order of the connections.
func (f *WrappingFactory) Wrappers() []Wrapper {
	wrappers := make([]Wrapper, 0, f.live.Len())
	for e := f.live.Front(); e != nil; e = e.Next() {
		wrappers = append(wrappers, e.Value.(Wrapper))
	}
	return wrappers
}

// LogPrefix returns the names of the wrapped factory and of the policy.
func (f *WrappingFactory) LogPrefix() string {
	return fmt.Sprintf("%s (%s)", reactor.LogPrefix(f.wrapped), f.name)
}

// BuildProtocol makes a wrapper for a protocol of the wrapped factory. If that
// factory, or the policy, refuses the connection, the result is nil.
func (f *WrappingFactory) BuildProtocol(addr net.Addr) (reactor.Protocol, error) {
	var p reactor.Protocol
	var err error
	if f.build != nil {
		p, err = f.build(addr)
	} else {
		p, err = reactor.BuildFrom(f.wrapped, addr)
	}
	switch {
	case err == reactor.ErrNoProtocol || err == nil && p == nil:
		return nil, nil
	case err != nil:
		return nil, err
	}
	w := f.wrap()
	b := w.wrapper()
	b.outer, b.wrapped, b.owner, b.peer = w, p, f, addr
	return w, nil
}

// StartFactory starts a use of the wrapped factory.
func (f *WrappingFactory) StartFactory() { reactor.DoStart(f.wrapped) }

// StopFactory ends the use of the wrapped factory.
func (f *WrappingFactory) StopFactory() { reactor.DoStop(f.wrapped) }

// StartedConnecting calls the method of the wrapped factory.
func (f *WrappingFactory) StartedConnecting(c reactor.Connector) {
	if client, ok := f.wrapped.(reactor.ClientFactory); ok {
		client.StartedConnecting(c)
	}
}

// ClientConnectionFailed calls the method of the wrapped factory.
func (f *WrappingFactory) ClientConnectionFailed(c reactor.Connector, reason error) {
	if client, ok := f.wrapped.(reactor.ClientFactory); ok {
		client.ClientConnectionFailed(c, reason)
	}
}

// ClientConnectionLost calls the method of the wrapped factory.
func (f *WrappingFactory) ClientConnectionLost(c reactor.Connector, reason error) {
	if client, ok := f.wrapped.(reactor.ClientFactory); ok {
		client.ClientConnectionLost(c, reason)
	}
}

// register adds a wrapper whose connection is established.
func (f *WrappingFactory) register(w *ProtocolWrapper) {
	w.element = f.live.PushBack(w.outer)
	if f.registered != nil {
		f.registered(w)
	}
}

// unregister removes a wrapper whose connection is lost.
func (f *WrappingFactory) unregister(w *ProtocolWrapper) {
	if w.element == nil {
		return // its ConnectionMade has panicked, or has not called the one of ProtocolWrapper
	}
	f.live.Remove(w.element)
	w.element = nil
	if f.lost != nil {
		f.lost(w)
	}
}
