package reactor_test

import (
	"crypto/tls"
	"errors"
	"net"
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

// In debug mode, what belongs to the loop says so when it is called elsewhere.
func TestR16_PortsAndConnectorsOffTheLoop(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{Debug: true})
	n := &netTest{t, r, reactortest.NewLog(t)}
	port := n.silent()
	f := newFactory()
	f.build = recorders()
	connector := n.connect(port, f, reactor.DialOptions{})
	for op, call := range map[string]func(){
		"ListenTCP":       func() { _, _ = r.ListenTCP(0, f, reactor.ListenOptions{}) },
		"ListenTLS":       func() { _, _ = r.ListenTLS(0, f, nil, reactor.ListenOptions{}) },
		"ListenUNIX":      func() { _, _ = r.ListenUNIX("/nowhere", f, reactor.UNIXOptions{}) },
		"Listen":          func() { _, _ = r.Listen((*net.TCPListener)(nil), f) },
		"StartListening":  func() { _ = port.StartListening() },
		"StopListening":   func() { port.StopListening() },
		"ConnectTCP":      func() { r.ConnectTCP("", 0, f, reactor.DialOptions{}) },
		"ConnectTLS":      func() { r.ConnectTLS("", 0, f, new(tls.Config), reactor.DialOptions{}) },
		"ConnectUNIX":     func() { r.ConnectUNIX("", f, reactor.UNIXDialOptions{}) },
		"Connect":         func() { _ = connector.Connect() },
		"StopConnecting":  func() { _ = connector.StopConnecting() },
		"Disconnect":      func() { connector.Disconnect() },
		"Dial":            func() { r.Dial("tcp", "", reactor.DialOptions{}) },
		"DialUNIX":        func() { r.DialUNIX("", reactor.UNIXDialOptions{}) },
		"Resolve":         func() { r.Resolve("ip", "") },
		"ResolveHostName": func() { r.ResolveHostName(nil, "ip", "", 0) },
		"InstallResolver": func() { r.InstallResolver(nil) },
	} {
		func() {
			defer func() {
				err, _ := recover().(error)
				if e, ok := errors.AsType[*reactor.OffLoopError](err); !ok || e.Op != op {
					t.Errorf("%s: %v", op, err)
				}
			}()
			call()
		}()
	}
}
