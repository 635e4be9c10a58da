package reactor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestR214_R215_R217_OneConnection(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	sent := strings.Repeat("0123456789abcdef", 20_000)
	p.onData = func(p *recorder, data []byte) {
		if len(data) == 0 || len(data) > 64<<10 {
			t.Errorf("%d bytes at once", len(data))
		}
	}
	c := n.serve(p)
	send(t, c, sent)
	c.Close()
	n.wantReason(p, reactor.ErrConnectionDone)
	p.events.want(t, "made", "data", "lost")
	if p.data.String() != sent {
		t.Error("other data")
	}
	if p.Connected() || p.Factory() == nil || p.Self() != reactor.Protocol(p) {
		t.Errorf("connected %v, factory %v, self %v", p.Connected(), p.Factory(), p.Self())
	}
}

func TestR250_R251_R252_R253_Writing(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onMade = func(p *recorder) {
		data := []byte("one ")
		p.Transport().Write(data)
		copy(data, "XXXX") // the transport has its own copy
		p.Transport().WriteSequence([][]byte{[]byte("two "), nil, []byte("three ")})
		p.Transport().Write(nil)
		p.Transport().Write([]byte("four"))
		p.Transport().LoseConnection()
	}
	c := n.serve(p)
	if got, err := readToEnd(c); string(got) != "one two three four" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
}

func TestR250_ManyMegabytesToASlowReader(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
	p.onMade = func(p *recorder) {
		for i := 0; i < len(sent); i += 1000 {
			p.Transport().Write(sent[i:min(i+1000, len(sent))])
		}
		p.Transport().LoseConnection()
	}
	c := n.serve(p)
	n.turns(100) // nothing is read meanwhile
	if got, err := readToEnd(c); !bytes.Equal(got, sent) || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
}

func TestR254_WritesAfterTheLoss(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	c := n.serve(p)
	c.Close()
	n.wantReason(p, reactor.ErrConnectionDone)
	n.do(func() {
		p.Transport().Write([]byte("nobody"))
		p.Transport().WriteSequence([][]byte{[]byte("nobody")})
		p.Transport().LoseConnection()
		p.Transport().AbortConnection()
		p.Transport().(reactor.TCPTransport).LoseWriteConnection()
	})
	n.turns(3)
	p.events.want(t, "made", "lost")
}

func TestR255_WritesAfterLoseConnection(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onMade = func(p *recorder) {
		p.Transport().Write([]byte("before "))
		p.Transport().LoseConnection()
		p.Transport().Write([]byte("after"))
	}
	c := n.serve(p)
	if got, _ := readToEnd(c); string(got) != "before after" {
		t.Errorf("got %q", got)
	}
}

func TestR257_R264_AFailedSend(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onMade = func(p *recorder) { p.Transport().PauseProducing() } // so that only the writing can tell
	c := n.serve(p)
	_ = c.SetLinger(0)
	c.Close()
	for began := time.Now(); time.Since(began) < 30*time.Second; {
		select {
		case err := <-p.lost:
			wantErr(t, err, reactor.ErrConnectionLost)
			return
		default:
			n.do(func() { p.Transport().Write([]byte("x")) })
		}
	}
	t.Error("nobody noticed")
}

func TestR258_Addresses(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	c := n.serve(p)
	send(t, c, "x")
	c.Close()
	within(t, p.lost)
	host, peer := p.Transport().GetHost().(reactor.IPAddress), p.Transport().GetPeer().(reactor.IPAddress)
	if host.String() != c.RemoteAddr().String() || peer.String() != c.LocalAddr().String() || host.Host() != "127.0.0.1" {
		t.Errorf("host %v, peer %v", host, peer)
	}
}

func TestR259_SocketOptions(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onMade = func(p *recorder) {
		tr := p.Transport().(reactor.TCPTransport)
		for _, on := range []bool{false, true} {
			wantErr(t, tr.SetTCPNoDelay(on), nil)
			wantErr(t, tr.SetTCPKeepAlive(on), nil)
			if tr.GetTCPNoDelay() != on || tr.GetTCPKeepAlive() != on {
				t.Errorf("no delay %v, keep alive %v", tr.GetTCPNoDelay(), tr.GetTCPKeepAlive())
			}
		}
		tr.LoseConnection()
	}
	n.serve(p).Close()
	n.wantReason(p, reactor.ErrConnectionDone)
}

func TestR260_R261_R262_R263_LoseConnection(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onData = func(p *recorder, _ []byte) {
		p.Transport().Write([]byte("bye"))
		p.Transport().LoseConnection()
		p.Transport().LoseConnection()
		if !p.Transport().Disconnecting() {
			t.Error("not disconnecting")
		}
		p.events.add("returned")
	}
	c := n.serve(p)
	send(t, c, "x")
	if got, err := readToEnd(c); string(got) != "bye" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
	p.events.want(t, "made", "data", "returned", "lost")
}

func TestR262_NoDataAfterLoseConnection(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onData = func(p *recorder, data []byte) {
		p.Transport().Write(bytes.Repeat([]byte("x"), 4<<20)) // keeps it busy until the test reads
		p.Transport().LoseConnection()
	}
	c := n.serve(p)
	send(t, c, "1")
	buf := make([]byte, 1)
	if _, err := c.Read(buf); err != nil {
		t.Fatal(err)
	}
	send(t, c, "2")
	n.turns(20)
	_, _ = readToEnd(c)
	within(t, p.lost)
	if got := p.data.String(); got != "1" {
		t.Errorf("got %q", got)
	}
}

func TestR264_AResetByThePeer(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	c := n.serve(p)
	_ = c.SetLinger(0)
	c.Close()
	err := within(t, p.lost)
	wantErr(t, err, reactor.ErrConnectionLost)
	wantErr(t, err, syscall.ECONNRESET)
	if errors.Is(err, reactor.ErrConnectionDone) {
		t.Error("it counts as clean")
	}
}

func TestR265_R266_R267_R271_AbortConnection(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onData = func(p *recorder, _ []byte) {
		p.Transport().Write([]byte("dropped"))
		p.Transport().AbortConnection()
		p.Transport().AbortConnection()
		p.Transport().LoseConnection()
		p.Transport().Write([]byte("dropped"))
		p.events.add("returned")
	}
	c := n.serve(p)
	send(t, c, "x")
	if got, err := readToEnd(c); len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %q, %v", got, err)
	}
	n.wantReason(p, reactor.ErrConnectionAborted)
	n.turns(3)
	p.events.want(t, "made", "data", "returned", "lost")
}

func TestR269_R272_AbortWithFullBuffers(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onMade = func(p *recorder) { p.Transport().Write(make([]byte, 16<<20)) }
	n.serve(p)
	n.turns(5)
	n.do(func() { p.Transport().AbortConnection() })
	n.wantReason(p, reactor.ErrConnectionAborted)
	n.do(func() {
		if calls := n.r.GetDelayedCalls(); len(calls) > 0 {
			t.Errorf("left: %v", calls)
		}
	})
}

func TestR218_R270_APanicInAHandler(t *testing.T) {
	for _, abort := range []bool{false, true} {
		t.Run(fmt.Sprintf("abort=%v", abort), func(t *testing.T) {
			n := startNet(t)
			p := newRecorder()
			p.onData = func(p *recorder, _ []byte) {
				if abort {
					p.Transport().AbortConnection()
				}
				panic(errTest)
			}
			c := n.serve(p)
			send(t, c, "x")
			_, _ = readToEnd(c)
			n.wantReason(p, errTest)
			wantLogged(t, n.log, "DataReceived of recorder", 1)
		})
	}
}

func TestR221_APanicInConnectionMade(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onMade = func(*recorder) { panic(errTest) }
	c := n.serve(p)
	_, _ = readToEnd(c)
	n.wantReason(p, errTest)
	p.events.want(t, "made", "lost")
}

// halfCloser is a recorder that wants half-close events.
type halfCloser struct {
	*recorder
	onReadLost, onWriteLost func(p *halfCloser)
	told                    chan string
}

func newHalfCloser() *halfCloser {
	return &halfCloser{recorder: newRecorder(), told: make(chan string, 2)}
}

func (p *halfCloser) ReadConnectionLost() {
	p.told <- "read"
	if p.onReadLost != nil {
		p.onReadLost(p)
	}
}

func (p *halfCloser) WriteConnectionLost() {
	p.told <- "write"
	if p.onWriteLost != nil {
		p.onWriteLost(p)
	}
}

func half(p *halfCloser) reactor.HalfCloserTransport {
	return p.Transport().(reactor.HalfCloserTransport)
}

func TestR273_R274_R275_R277_HalfClose(t *testing.T) {
	n := startNet(t)
	p := newHalfCloser()
	p.onMade = func(*recorder) {
		p.Transport().Write([]byte("first"))
		half(p).LoseWriteConnection()
		half(p).LoseWriteConnection()
		p.Transport().Write([]byte("dropped"))
	}
	c := n.serve(p)
	if got, err := io.ReadAll(c); string(got) != "first" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if what := within(t, p.told); what != "write" {
		t.Errorf("told of %s", what)
	}
	send(t, c, "still heard")
	c.CloseWrite()
	if what := within(t, p.told); what != "read" {
		t.Errorf("told of %s", what)
	}
	n.turns(5)
	n.do(func() {
		p.events.want(t, "made", "data") // nobody has closed it
		p.Transport().LoseConnection()
		p.events.want(t, "made", "data") // R278: not inside the call
	})
	n.wantReason(p.recorder, reactor.ErrConnectionDone)
}

func TestR275_WritingAfterTheEndOfInput(t *testing.T) {
	n := startNet(t)
	p := newHalfCloser()
	p.onReadLost = func(p *halfCloser) {
		p.Transport().Write([]byte("answer"))
		p.Transport().LoseConnection()
	}
	c := n.serve(p)
	c.CloseWrite()
	if got, err := readToEnd(c); string(got) != "answer" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n.wantReason(p.recorder, reactor.ErrConnectionDone)
}

func TestR276_EndOfInputForOtherProtocols(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	c := n.serve(p)
	c.CloseWrite()
	if _, err := readToEnd(c); err != nil {
		t.Error(err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
}

func TestR279_LoseConnectionInHalfCloseEvents(t *testing.T) {
	n := startNet(t)
	p := newHalfCloser()
	p.onMade = func(*recorder) { half(p).LoseWriteConnection() }
	p.onWriteLost = func(p *halfCloser) { p.Transport().LoseConnection() }
	c := n.serve(p)
	if _, err := readToEnd(c); err != nil {
		t.Error(err)
	}
	n.wantReason(p.recorder, reactor.ErrConnectionDone)
}

func TestR280_PanicsInHalfCloseEvents(t *testing.T) {
	boom := func(*halfCloser) { panic(errTest) }
	for _, which := range []string{"read", "write"} {
		t.Run(which, func(t *testing.T) {
			n := startNet(t)
			p := newHalfCloser()
			p.onReadLost, p.onWriteLost = boom, boom
			c := n.serve(p)
			if which == "read" {
				c.CloseWrite()
			} else {
				n.do(func() { half(p).LoseWriteConnection() })
			}
			_, _ = readToEnd(c)
			n.wantReason(p.recorder, errTest)
		})
	}
}

func TestR281_LoseWriteConnectionAfterThePeerHasClosed(t *testing.T) {
	n := startNet(t)
	p := newHalfCloser()
	p.onReadLost = func(p *halfCloser) { half(p).LoseWriteConnection() }
	p.onWriteLost = func(p *halfCloser) { p.Transport().LoseConnection() }
	c := n.serve(p)
	c.Close()
	within(t, p.lost)
}

func TestR295_R296_R297_R298_R299_R532_PausingTheTransport(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onMade = func(p *recorder) { p.Transport().PauseProducing() }
	c := n.serve(p)
	sent := strings.Repeat("0123456789", 30_000)
	done := make(chan none)
	go func() { // ends when everything is sent
		defer close(done)
		send(t, c, sent)
		c.Close()
	}()
	n.turns(50)
	n.do(func() {
		p.events.want(t, "made")
		p.onData = func(p *recorder, _ []byte) { p.Transport().PauseProducing() }
	})
	for began := time.Now(); len(p.lost) == 0 && time.Since(began) < 30*time.Second; {
		n.do(func() {
			before := p.data.Len()
			p.Transport().ResumeProducing()
			p.Transport().ResumeProducing()
			if p.data.Len() != before {
				t.Error("delivered inside the call")
			}
		})
	}
	within(t, done)
	n.wantReason(p, reactor.ErrConnectionDone)
	if p.data.String() != sent {
		t.Errorf("%d bytes of %d", p.data.Len(), len(sent))
	}
	n.do(func() { p.Transport().ResumeProducing() }) // R298: no effect
}

func TestR531_APausedConnectionHoldsThePeerUp(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	p.onMade = func(p *recorder) { p.Transport().PauseProducing() }
	near, far := net.Pipe()
	n.do(func() { _, _ = n.r.Attach(near, p, reactor.AttachOptions{}) })
	sent := n.heldUp(far)
	n.do(func() { p.Transport().ResumeProducing() })
	within(t, sent)
	far.Close()
	for range sent {
	}
	n.wantReason(p, reactor.ErrConnectionDone)
}

func TestR38_R39_ShutdownTellsEveryConnection(t *testing.T) {
	n := startNet(t)
	protocols := []*recorder{newRecorder(), newRecorder(), newRecorder()}
	protocols[1].onMade = func(p *recorder) { p.Transport().PauseProducing() }
	protocols[2].onLost = func(*recorder) { defer panic(errTest) }
	half := newHalfCloser()
	for _, p := range protocols {
		c := n.serve(p)
		send(t, c, "x")
	}
	c := n.serve(half)
	c.CloseWrite()
	within(t, half.told)
	_ = n.r.Stop()
	for _, p := range append(protocols, half.recorder) {
		if p != protocols[2] {
			wantErr(t, within(t, p.lost), reactor.ErrConnectionLost)
		}
	}
}

func TestR537_AttachToAnyConn(t *testing.T) {
	n := startNet(t)
	near, far := net.Pipe()
	p := newRecorder()
	p.onData = func(p *recorder, data []byte) { p.Transport().Write(bytes.ToUpper(data)) }
	n.do(func() { _, _ = n.r.Attach(near, p, reactor.AttachOptions{}) })
	send(t, far, "hello")
	got := make([]byte, 5)
	if _, err := io.ReadFull(far, got); string(got) != "HELLO" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n.do(func() {
		wantErr(t, p.Transport().(reactor.TCPTransport).SetTCPNoDelay(true), errors.ErrUnsupported)
		wantErr(t, p.Transport().(reactor.TCPTransport).SetTCPKeepAlive(true), errors.ErrUnsupported)
		wantErr(t, p.Transport().(reactor.UNIXTransport).SendFileDescriptor(1), errors.ErrUnsupported)
		p.Transport().LoseConnection()
	})
	if _, err := far.Read(got); err != io.EOF {
		t.Error(err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
}

func TestR223_ALostConnectionKeepsNothing(t *testing.T) {
	n := startNet(t)
	freed := make(chan none, 1)
	port := n.listen(reactor.ForProtocol(func() reactor.Protocol {
		p := newRecorder()
		runtime.AddCleanup(p, func(none) { freed <- none{} }, none{})
		return p
	}))
	c := dialPlain(t, port)
	send(t, c, "x")
	c.Close()
	for collected := false; !collected; {
		n.turns(1)
		runtime.GC()
		select {
		case <-freed:
			collected = true
		default:
		}
	}
}

func TestWriter(t *testing.T) {
	tr := reactortest.NewStringTransport()
	if n, err := fmt.Fprintf(reactor.Writer(tr), "%d items", 3); n != 7 || err != nil || tr.Value() != "3 items" {
		t.Errorf("%d, %v, %q", n, err, tr.Value())
	}
}

// wrappedEnd is a connection whose Read fails with an error that wraps io.EOF.
type wrappedEnd struct{ net.Conn }

func (c wrappedEnd) Read([]byte) (int, error) { return 0, fmt.Errorf("the proxy is gone: %w", io.EOF) }

// F40: only io.EOF itself is the end of the data. An error that wraps it is the
// connection's own, and is kept.
func TestF40_AnErrorThatWrapsTheEnd(t *testing.T) {
	n := startNet(t)
	here, there := net.Pipe()
	defer there.Close()
	p := newRecorder()
	n.do(func() {
		if _, err := n.r.Attach(wrappedEnd{here}, p, reactor.AttachOptions{}); err != nil {
			t.Error(err)
		}
	})
	var lost *reactor.ConnectionLostError
	if reason := within(t, p.lost); !errors.As(reason, &lost) || !strings.Contains(reason.Error(), "the proxy is gone") {
		t.Errorf("got %v", reason)
	}
}
