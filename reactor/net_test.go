package reactor_test

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// recorder is a protocol that notes what happens to it, and does what its hooks
// say.
type recorder struct {
	reactor.BaseProtocol
	events notes
	data   bytes.Buffer
	reason error
	onMade func(p *recorder)
	onData func(p *recorder, data []byte)
	onLost func(p *recorder)
	lost   chan error // gets the reason
}

func newRecorder() *recorder { return &recorder{lost: make(chan error, 16)} }

func (p *recorder) ConnectionMade() {
	p.events.add("made")
	if p.onMade != nil {
		p.onMade(p)
	}
}

func (p *recorder) DataReceived(data []byte) {
	if len(p.events) == 0 || p.events[len(p.events)-1] != "data" {
		p.events.add("data")
	}
	p.data.Write(data)
	if p.onData != nil {
		p.onData(p, data)
	}
}

func (p *recorder) ConnectionLost(reason error) {
	p.events.add("lost")
	p.reason = reason
	if p.onLost != nil {
		p.onLost(p)
	}
	p.lost <- reason
}

// netTest is a reactor on a goroutine of its own, and helpers that talk to it
// from the test's.
type netTest struct {
	*testing.T
	r   *reactor.Reactor
	log *reactortest.Log
}

func startNet(t *testing.T) *netTest {
	t.Helper()
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	return &netTest{t, reactortest.Start(t, reactor.Options{Logger: log.Logger()}), log}
}

// do runs f on the loop and waits for it.
func (t *netTest) do(f func()) {
	t.Helper()
	_, err := reactor.Await(t.Context(), t.r, func() deferred.Deferred[none] {
		f()
		return deferred.Succeed(none{})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// turns lets the loop turn a few times.
func (t *netTest) turns(n int) {
	t.Helper()
	for range n {
		t.do(func() {})
	}
}

// heldUp sends pieces from far, and makes sure that the connection holds it up
// once it has read ahead. The channel tells of each piece that was taken, and
// is closed when far is.
func (t *netTest) heldUp(far net.Conn) <-chan int {
	t.Helper()
	sent := make(chan int)
	go func() { // ends when the test closes the pipe
		defer close(sent)
		for i := 1; ; i++ {
			if _, err := far.Write(make([]byte, 1000)); err != nil {
				return
			}
			sent <- i
		}
	}()
	for range 2 { // what is read ahead
		within(t.T, sent)
	}
	t.turns(20)
	select {
	case i := <-sent:
		t.Errorf("%d pieces were taken", i)
	default:
	}
	return sent
}

// listen listens on a free TCP port of the loopback interface.
func (t *netTest) listen(f reactor.Factory) (port reactor.ListeningPort) {
	t.Helper()
	t.do(func() {
		var err error
		if port, err = t.r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"}); err != nil {
			t.Error(err)
		}
	})
	if port == nil {
		t.FailNow()
	}
	return port
}

// serve listens for one protocol and returns a plain socket that is connected
// to it. The protocol has its transport then.
func (t *netTest) serve(p reactor.Protocol) *net.TCPConn {
	t.Helper()
	port := t.listen(reactor.ForProtocol(func() reactor.Protocol { return p }))
	c, err := net.Dial("tcp", port.GetHost().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.waitFor("the connection", func() bool {
		return p.(interface{ Transport() reactor.Transport }).Transport() != nil
	})
	return c.(*net.TCPConn)
}

// waitFor lets the loop turn until cond, which is asked on the loop, is true.
func (t *netTest) waitFor(what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		done := false
		if t.do(func() { done = cond() }); done {
			return
		}
	}
	t.Fatalf("no %s", what)
}

func (t *netTest) wantReason(p *recorder, want error) {
	t.Helper()
	wantErr(t.T, within(t.T, p.lost), want)
}

func send(t testing.TB, c net.Conn, data string) {
	t.Helper()
	if _, err := c.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
}

// readToEnd reads everything up to the peer's end and then closes c, as peers
// do.
func readToEnd(c net.Conn) ([]byte, error) {
	defer c.Close()
	return io.ReadAll(c)
}
