package main

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

var server = netip.MustParseAddrPort("192.0.2.1:7000")

func TestRetries(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	var out bytes.Buffer
	done := sendLines(m, server, []string{"one", "two"}, &out)
	port := m.UDPPorts[0]
	m.Advance(patience) // "one" is lost
	port.Protocol.DatagramReceived([]byte("one"), server)
	port.Protocol.DatagramReceived([]byte("one"), server) // the answer to the second try
	port.Protocol.DatagramReceived([]byte("two"), server)
	var sent []string
	for _, p := range port.Written {
		sent = append(sent, string(p.Data))
	}
	if got := strings.Join(sent, " "); got != "one one two" || out.String() != "one\ntwo\n" || !done.Called() {
		t.Errorf("sent %q, got %q, done %v", got, &out, done.Called())
	}
	if port.Stops != 1 || len(m.GetDelayedCalls()) > 0 {
		t.Error("the port or a timer is left")
	}
}

func TestNoAnswer(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	var failure error
	sendLines(m, server, []string{"one"}, nil).OnError(func(err error) { failure = err })
	for range tries {
		m.Advance(patience)
	}
	if failure != errNoAnswer || len(m.UDPPorts[0].Written) != tries || m.UDPPorts[0].Stops != 1 {
		t.Errorf("%v after %d datagrams", failure, len(m.UDPPorts[0].Written))
	}
}

func TestEcho(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	for _, iface := range []string{"127.0.0.1", "::1"} {
		var out bytes.Buffer
		_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[struct{}] {
			port, err := r.ListenUDP(0, new(echo), reactor.UDPOptions{Interface: iface})
			if err != nil {
				return deferred.Fail[struct{}](err)
			}
			return send(r, port.GetHost().(reactor.UDPAddress).AddrPort, strings.NewReader("hello\nworld\n"), &out)
		})
		if err != nil || out.String() != "hello\nworld\n" {
			t.Errorf("got %q, %v", &out, err)
		}
	}
}

func TestServe(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	if serve(m, 7000).Called() || m.UDPPorts[0].Port != 7000 {
		t.Error("not serving")
	}
	from := netip.MustParseAddrPort("192.0.2.2:1")
	m.UDPPorts[0].Protocol.DatagramReceived([]byte("x"), from)
	if got := m.UDPPorts[0].Written; len(got) != 1 || got[0].To != from || string(got[0].Data) != "x" {
		t.Errorf("%v", got)
	}
}
