package agent_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// memoryTransport keeps what is written to it.
type memoryTransport struct {
	sent    [][]byte
	closed  int
	onWrite func(p []byte)
	onClose func()
}

func (m *memoryTransport) Write(p []byte) {
	m.sent = append(m.sent, p)
	if m.onWrite != nil {
		m.onWrite(p)
	}
}

func (m *memoryTransport) LoseConnection() {
	m.closed++
	if m.onClose != nil {
		m.onClose()
	}
}

// take returns everything written since the last time.
func (m *memoryTransport) take() []byte {
	all := slices.Concat(m.sent...)
	m.sent = nil
	return all
}

// abortingTransport can close at once as well.
type abortingTransport struct {
	memoryTransport
	aborted int
}

func (a *abortingTransport) AbortConnection() { a.aborted++ }

// message frames a message: type, and what body writes.
func message(typ agent.MessageType, body func(*wire.Encoder)) []byte {
	var inner, outer wire.Encoder
	inner.Uint8(uint8(typ))
	if body != nil {
		body(&inner)
	}
	outer.Bytes(inner.Data())
	return outer.Data()
}

func raw(typ agent.MessageType, body string) []byte {
	return message(typ, func(e *wire.Encoder) { e.Raw([]byte(body)) })
}

func str(parts ...string) string {
	var e wire.Encoder
	for _, p := range parts {
		e.String(p)
	}
	return string(e.Data())
}

// connected returns a client on a transport in memory.
func connected(t testing.TB) (*agent.SSHAgentClient, *memoryTransport) {
	t.Helper()
	c, m := agent.NewSSHAgentClient(), new(memoryTransport)
	c.MakeConnection(m)
	return c, m
}

// protocol is a client or a server.
type protocol interface {
	MakeConnection(agent.Transport)
	DataReceived(p []byte)
	ConnectionLost(reason error)
}

// loop stands in for the reactor: the goroutine of the test runs what other goroutines send.
type loop struct {
	t     testing.TB
	calls chan func()
	ended chan struct{} // closed when the test is over
	work  sync.WaitGroup
}

func newLoop(t testing.TB) *loop {
	l := &loop{t: t, calls: make(chan func()), ended: make(chan struct{})}
	t.Cleanup(func() { // runs after the connections, which are made later, are closed
		close(l.ended)
		l.work.Wait()
	})
	return l
}

func (l *loop) call(f func()) {
	select {
	case l.calls <- f:
	case <-l.ended:
	}
}

// deadline bounds a failure, nothing else.
const deadline = time.Minute

// until runs the loop until done is true.
func (l *loop) until(done func() bool) {
	l.t.Helper()
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	for !done() {
		select {
		case f := <-l.calls:
			f()
		case <-timer.C:
			l.t.Fatal("nothing happens")
		}
	}
}

// await runs the loop until d has fired.
func await[T any](l *loop, d deferred.Deferred[T]) (T, error) {
	l.t.Helper()
	o := deferredtest.Observe(d)
	l.until(func() bool { return o.Fired })
	return o.Value, o.Err
}

// must is await for what has to succeed.
func must[T any](l *loop, d deferred.Deferred[T]) T {
	l.t.Helper()
	v, err := await(l, d)
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

// connTransport carries a protocol over a connection.
type connTransport struct {
	out  chan []byte
	conn net.Conn
}

// connect runs a protocol over a connection. Its two goroutines end with the connection, and that with the test.
func (l *loop) connect(p protocol, conn net.Conn) {
	tr := &connTransport{out: make(chan []byte, 1<<12), conn: conn}
	stop := make(chan struct{})
	l.work.Go(func() { // until the test is over
		for {
			select {
			case data := <-tr.out:
				if _, err := conn.Write(data); err != nil {
					return
				}
			case <-stop:
				return
			}
		}
	})
	l.work.Go(func() { tr.read(l, p) }) // until the connection is closed
	l.t.Cleanup(func() {
		close(stop)
		conn.Close()
	})
	p.MakeConnection(tr)
}

func (tr *connTransport) read(l *loop, p protocol) {
	for {
		data := make([]byte, 4<<10)
		n, err := tr.conn.Read(data)
		if n > 0 {
			l.call(func() { p.DataReceived(data[:n]) })
		}
		if err != nil {
			l.call(func() { p.ConnectionLost(err) })
			return
		}
	}
}

// Write fails the test by its panic if the peer does not read for thousands of messages.
func (tr *connTransport) Write(p []byte) {
	select {
	case tr.out <- p:
	default:
		panic("agent_test: too much is queued")
	}
}

func (tr *connTransport) LoseConnection() { tr.conn.Close() }

// background runs a blocking call beside the loop, until it is done.
func background[T any](l *loop, f func() (T, error)) (T, error) {
	l.t.Helper()
	var v T
	var err error
	done := make(chan struct{})
	l.work.Go(func() { // until f returns, at the latest when the connections are closed
		defer close(done)
		v, err = f()
	})
	finished := false
	l.work.Go(func() {
		<-done
		l.call(func() { finished = true })
	})
	l.until(func() bool { return finished })
	return v, err
}

// testKeys has one private key of each kind.
var testKeys = sync.OnceValue(func() []*keys.Key {
	var all []*keys.Key
	for _, kind := range []struct {
		typ  keys.Type
		bits int
	}{{keys.RSA, 2048}, {keys.EC, 256}, {keys.EC, 384}, {keys.EC, 521}, {keys.Ed25519, 0}} {
		k, err := keys.Generate(kind.typ, kind.bits)
		if err != nil {
			panic(err)
		}
		all = append(all, k)
	}
	return all
})

// withDSA adds a DSA key, for which many peers have no use any more.
func withDSA(t testing.TB) []*keys.Key {
	t.Helper()
	k, err := keys.FromFile("testdata/dsa.pem", keys.Guess, nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(testKeys()), k)
}

func privateBlob(t testing.TB, k *keys.Key) []byte {
	t.Helper()
	blob, err := k.PrivateBlob()
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

// has reports whether a key is in a list.
func has(identities []agent.Identity, blob []byte, comment string) bool {
	return slices.ContainsFunc(identities, func(i agent.Identity) bool { return bytes.Equal(i.Blob, blob) && i.Comment == comment })
}

// lostBecause checks that an error is that of a lost connection, for a reason.
func lostBecause(t testing.TB, err, reason error) {
	t.Helper()
	lost, ok := errors.AsType[*agent.ConnectionLostError](err)
	if !ok || !errors.Is(lost, reason) {
		t.Errorf("error %v, want that of a connection lost because of %v", err, reason)
	}
	if _, ok := errors.AsType[*agent.OpError](err); !ok {
		t.Errorf("error %v names no request", err)
	}
}

var errReason = io.ErrClosedPipe
