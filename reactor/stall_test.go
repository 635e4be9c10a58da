package reactor_test

import (
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// stallingConn is a connection whose peer stops reading: a write waits for the
// gate then, or for the end of the connection.
type stallingConn struct {
	net.Conn
	stalled atomic.Bool
	waiting chan none // gets one for each write that waits
	gate    chan none
}

func (c *stallingConn) Write(p []byte) (int, error) {
	if c.stalled.Load() {
		c.waiting <- none{}
		<-c.gate
	}
	return c.Conn.Write(p)
}

// tlsHalfCloser notes the end of its sending direction.
type tlsHalfCloser struct {
	reactortest.AccumulatingProtocol
	shaken, ended chan none
}

func (p *tlsHalfCloser) HandshakeCompleted()  { close(p.shaken) }
func (p *tlsHalfCloser) ReadConnectionLost()  {}
func (p *tlsHalfCloser) WriteConnectionLost() { close(p.ended) }

// The end of the sending direction has a message in TLS. A peer that does not
// read it does not hold the loop.
func TestR273_HalfCloseOverTLSDoesNotHoldTheLoop(t *testing.T) {
	n := startNet(t)
	server, client := reactortest.TLSConfigs(t)
	near, far := net.Pipe()
	c := &stallingConn{Conn: near, waiting: make(chan none, 16), gate: make(chan none)}
	p := &tlsHalfCloser{shaken: make(chan none), ended: make(chan none)}
	n.do(func() {
		_, err := n.r.Attach(c, p, reactor.AttachOptions{TLS: server, Server: true})
		wantErr(t, err, nil)
	})
	peer := tls.Client(far, client)
	read := make(chan error, 1)
	go func() { // ends with the connection
		_, err := peer.Read(make([]byte, 1))
		read <- err
	}()
	within(t, p.shaken)
	c.stalled.Store(true)
	ran := make(chan none)
	n.r.CallFromThread(func() { p.Transport().(reactor.HalfCloserTransport).LoseWriteConnection() })
	within(t, c.waiting)
	n.r.CallFromThread(func() { close(ran) })
	within(t, ran)
	c.stalled.Store(false)
	close(c.gate)
	within(t, p.ended)
	if err := within(t, read); err == nil || err.Error() != "EOF" {
		t.Errorf("the peer got %v", err)
	}
	n.do(func() { p.Transport().AbortConnection() })
}

// A peer that does not read what comes before TLS, and sends without end, is
// held up.
func TestR531_StartTLSHoldsThePeerUp(t *testing.T) {
	n := startNet(t)
	server, _ := reactortest.TLSConfigs(t)
	p := newRecorder()
	near, far := net.Pipe()
	n.do(func() { _, _ = n.r.Attach(near, p, reactor.AttachOptions{}) })
	n.do(func() {
		p.Transport().Write([]byte("go ahead"))
		wantErr(t, p.Transport().(reactor.TLSTransport).StartTLS(server, true), nil)
	})
	sent := n.heldUp(far)
	if _, err := io.ReadFull(far, make([]byte, len("go ahead"))); err != nil {
		t.Error(err)
	}
	n.wantReason(p, reactor.ErrTLS) // the pieces are no handshake
	far.Close()
	for range sent {
	}
}

// A factory that panics as it is started leaves no lock behind.
func TestR329_APanicInStartFactory(t *testing.T) {
	n := startNet(t)
	path := filepath.Join(t.TempDir(), "socket")
	n.do(func() {
		if _, err := n.r.ListenUNIX(path, panickingStart{newFactory()}, reactor.UNIXOptions{WantLock: true}); err == nil {
			t.Error("no error")
		}
		_, err := n.r.ListenUNIX(path, newFactory(), reactor.UNIXOptions{WantLock: true})
		wantErr(t, err, nil)
	})
}

type panickingStart struct{ *testFactory }

func (panickingStart) StartFactory() { panic("in StartFactory") }

// Run is refused while Iterate runs the loop.
func TestR3_RunInsideIterate(t *testing.T) {
	r, _ := newReactor(t)
	ran := false
	r.CallFromThread(func() {
		ran = true
		wantErr(t, r.Run(), reactor.ErrReactorAlreadyRunning)
	})
	wantErr(t, r.Iterate(0), nil)
	if !ran || r.OnLoop() {
		t.Error("not run, or still on the loop")
	}
	r.CallWhenRunning(func() { mustStop(t, r) })
	mustRun(t, r)
}

// Crash ends a shutdown that waits for a thread.
func TestR10_CrashWhileRunWaitsForThreads(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactor.New(reactor.Options{NoSignals: true, ShutdownTimeout: -1})
	gate, waiting := make(chan none), make(chan none)
	r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() { close(waiting) })
	r.CallWhenRunning(func() {
		_ = r.CallInThread(func() { <-gate })
		mustStop(t, r)
	})
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }() // ends with the crash
	within(t, waiting)
	wantErr(t, r.Crash(), nil)
	wantErr(t, within(t, ended), nil)
	close(gate)
}
