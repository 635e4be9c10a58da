package endpoints_test

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

type none = struct{}

var errTest = errors.New("failed as it should")

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
