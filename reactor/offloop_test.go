package reactor_test

import (
	"errors"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// With Options.Debug the methods of a transport panic off the loop.
func TestTransportsOffTheLoop(t *testing.T) {
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	n := &netTest{t, reactortest.Start(t, reactor.Options{Logger: log.Logger(), Debug: true}), log}
	p := newRecorder()
	c := n.serve(p)
	tr := p.Transport()
	for name, call := range map[string]func(){
		"Write":               func() { tr.Write([]byte("x")) },
		"LoseConnection":      tr.LoseConnection,
		"AbortConnection":     tr.AbortConnection,
		"LoseWriteConnection": tr.(reactor.HalfCloserTransport).LoseWriteConnection,
		"PauseProducing":      tr.PauseProducing,
		"ResumeProducing":     tr.ResumeProducing,
		"RegisterProducer":    func() { _ = tr.RegisterProducer(new(testProducer), true) },
		"UnregisterProducer":  tr.UnregisterProducer,
		"StartTLS":            func() { _ = overTLS(p).StartTLS(nil, true) },
		"TLSState":            func() { overTLS(p).TLSState() },
		"SetTCPNoDelay":       func() { _ = tr.(reactor.TCPTransport).SetTCPNoDelay(true) },
		"SetTCPKeepAlive":     func() { _ = tr.(reactor.TCPTransport).SetTCPKeepAlive(true) },
		"Attach":              func() { _, _ = n.r.Attach(nil, p, reactor.AttachOptions{}) },
	} {
		func() {
			defer func() {
				err, _ := recover().(error)
				off, ok := errors.AsType[*reactor.OffLoopError](err)
				if !ok || off.Op != name {
					t.Errorf("%s: %v", name, err)
				}
			}()
			call()
		}()
	}
	n.do(func() {
		tr.Write([]byte("x"))
		tr.LoseConnection()
	})
	if got, err := readToEnd(c); string(got) != "x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
}
