package reactor_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// makePipes make two NetConns that are connected to each other, over each kind
// of transport. Where there is another net.Conn of ours or of package net, one
// end may be that.
var makePipes = map[string]func(n, other *netTest) (c1, c2 net.Conn){
	"tcp":                       func(n, _ *netTest) (c1, c2 net.Conn) { return attachedPair(n, "tcp", nil, nil) },
	"unix":                      func(n, _ *netTest) (c1, c2 net.Conn) { return attachedPair(n, "unix", nil, nil) },
	"tls":                       tlsPair,
	"net.Pipe":                  pipePair,
	"Pair of reactortest":       memoryPair,
	"tcp, the other end of net": func(n, _ *netTest) (c1, c2 net.Conn) { return halfAttached(n, "tcp") },
	"two reactors":              twoReactorsPair,
}

func TestF41_R537_NetConnIsANetConn(t *testing.T) {
	for name, pair := range makePipes {
		t.Run(name, func(t *testing.T) {
			n := startNet(t)
			other := &netTest{t, reactortest.Start(t, reactor.Options{Logger: n.log.Logger()}), n.log}
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				c1, c2 = pair(n, other)
				return c1, c2, func() { c1.Close(); c2.Close() }, nil
			})
		})
	}
}

// attach makes a NetConn of a connection.
func (t *netTest) attach(nc net.Conn, opts reactor.AttachOptions) *reactor.NetConn {
	t.Helper()
	c := reactor.NewNetConn(t.r)
	t.do(func() {
		if _, err := t.r.Attach(nc, c, opts); err != nil {
			t.Error(err)
		}
	})
	return c
}

func attachedPair(n *netTest, network string, near, far *tls.Config) (c1, c2 net.Conn) {
	a, b := socketPair(n.T, network)
	return n.attach(a, reactor.AttachOptions{TLS: near}), n.attach(b, reactor.AttachOptions{TLS: far, Server: true})
}

func tlsPair(n, _ *netTest) (c1, c2 net.Conn) {
	server, client := reactortest.TLSConfigs(n.T)
	return attachedPair(n, "tcp", client, server)
}

func pipePair(n, _ *netTest) (c1, c2 net.Conn) {
	a, b := net.Pipe()
	return n.attach(a, reactor.AttachOptions{}), n.attach(b, reactor.AttachOptions{})
}

func halfAttached(n *netTest, network string) (c1, c2 net.Conn) {
	a, b := socketPair(n.T, network)
	return n.attach(a, reactor.AttachOptions{}), b
}

func twoReactorsPair(n, other *netTest) (c1, c2 net.Conn) {
	a, b := socketPair(n.T, "tcp")
	return n.attach(a, reactor.AttachOptions{}), other.attach(b, reactor.AttachOptions{})
}

// memoryPair connects two NetConns with a Pair, which the loop pumps until the
// test ends.
func memoryPair(n, _ *netTest) (c1, c2 net.Conn) {
	a, b := reactor.NewNetConn(n.r), reactor.NewNetConn(n.r)
	n.do(func() {
		pair := reactortest.NewPair(a, b)
		var pump func()
		pump = func() {
			pair.Pump()
			n.r.CallLater(100*time.Microsecond, pump)
		}
		pump()
	})
	return a, b
}
