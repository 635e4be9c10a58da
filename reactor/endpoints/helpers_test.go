package endpoints_test

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

type none = struct{}

var errTest = errors.New("failed as it should")

// outcome notes what a Deferred fires with.
type outcome[T any] struct {
	fired bool
	v     T
	err   error
}

func watch[T any](d deferred.Deferred[T]) *outcome[T] {
	o := new(outcome[T])
	d.AddBoth(func(v T, err error) (none T, _ error) {
		if o.fired {
			panic("fired twice")
		}
		*o = outcome[T]{true, v, err}
		return none, nil
	})
	return o
}

func (o *outcome[T]) wantErr(t *testing.T, err error) {
	t.Helper()
	if !o.fired || !errors.Is(o.err, err) {
		t.Errorf("fired %v with error %v, want %v", o.fired, o.err, err)
	}
}

func (o *outcome[T]) wantOK(t *testing.T) {
	t.Helper()
	if !o.fired || o.err != nil {
		t.Errorf("fired %v with error %v", o.fired, o.err)
	}
}

func (o *outcome[T]) wantPending(t *testing.T) {
	t.Helper()
	if o.fired {
		t.Errorf("fired with %v, %v", o.v, o.err)
	}
}

// fakeConn is a connection that notes that it is closed.
type fakeConn struct {
	net.Conn
	closed bool
}

func newConn() *fakeConn {
	near, _ := net.Pipe()
	return &fakeConn{Conn: near}
}

func (c *fakeConn) Close() error {
	c.closed = true
	return c.Conn.Close()
}

// testFactory notes what it is told.
type testFactory struct {
	reactor.BaseFactory
	events []string
	build  func() (reactor.Protocol, error)
	stop   func()
}

func (f *testFactory) StartFactory() { f.events = append(f.events, "start") }

func (f *testFactory) StopFactory() {
	f.events = append(f.events, "stop")
	if f.stop != nil {
		f.stop()
	}
}

func (f *testFactory) BuildProtocol(net.Addr) (reactor.Protocol, error) { return f.build() }

func (f *testFactory) want(t *testing.T, events ...string) {
	t.Helper()
	if !slices.Equal(f.events, events) {
		t.Errorf("got %v, want %v", f.events, events)
	}
}

// factoryFor returns a factory for one protocol.
func factoryFor(p reactor.Protocol) *testFactory {
	return &testFactory{build: func() (reactor.Protocol, error) { return p, nil }}
}

// boom is a protocol whose ConnectionMade panics.
type boom struct {
	reactortest.AccumulatingProtocol
}

func (b *boom) ConnectionMade() { panic(errTest) }

func wantNoCalls(t *testing.T, m *reactortest.MemoryReactor) {
	t.Helper()
	if calls := m.GetDelayedCalls(); len(calls) > 0 {
		t.Errorf("left: %v", calls)
	}
}

const second = time.Second
