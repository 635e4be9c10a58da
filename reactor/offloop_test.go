package reactor_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

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
