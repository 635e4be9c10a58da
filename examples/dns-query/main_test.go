package main

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// nameServer knows the addresses of one name. It does not answer the first
// questions, as if they were lost.
type nameServer struct {
	reactor.BaseDatagramProtocol
	name  string
	addrs []netip.Addr
	lost  int
	asked int
}

func (s *nameServer) DatagramReceived(data []byte, from netip.AddrPort) {
	if s.asked++; s.asked <= s.lost {
		return
	}
	_ = s.Transport().Write(s.answer(data), from)
}

func (s *nameServer) answer(data []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(data); err != nil {
		panic(err)
	}
	m.Response = true
	q := m.Questions[0]
	if q.Name.String() != s.name {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range s.addrs {
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}}
		switch {
		case m.RCode != dnsmessage.RCodeSuccess || a.Is4() != (q.Type == dnsmessage.TypeA):
			continue
		case a.Is4():
			r.Body = &dnsmessage.AResource{A: a.As4()}
		default:
			r.Body = &dnsmessage.AAAAResource{AAAA: a.As16()}
		}
		m.Answers = append(m.Answers, r)
	}
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

func newNameServer(lost int) *nameServer {
	return &nameServer{name: "host.example.", lost: lost, addrs: []netip.Addr{
		netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.2"),
	}}
}

func TestLookup(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	for _, row := range []struct {
		iface, name, kind string
		want              string
	}{
		{"127.0.0.1", "host.example", "A", "[192.0.2.1 192.0.2.2] <nil>"},
		{"127.0.0.1", "host.example.", "AAAA", "[2001:db8::1] <nil>"},
		{"::1", "host.example", "A", "[192.0.2.1 192.0.2.2] <nil>"},
		{"127.0.0.1", "other.example", "A", "[] dns-query: other.example.: RCodeNameError"},
	} {
		addrs, err := reactor.Await(t.Context(), r, func() deferred.Deferred[[]netip.Addr] {
			port, err := r.ListenUDP(0, newNameServer(0), reactor.UDPOptions{Interface: row.iface})
			if err != nil {
				return deferred.Fail[[]netip.Addr](err)
			}
			server := port.GetHost().(reactor.UDPAddress).AddrPort
			return lookup(r, server, row.name, types[row.kind])
		})
		if got := fmt.Sprint(addrs, err); got != row.want {
			t.Errorf("%s %s: got %s, want %s", row.name, row.kind, got, row.want)
		}
	}
}

var somewhere = netip.MustParseAddrPort("192.0.2.53:53")

// asked starts a lookup without sockets.
func asked() (m *reactortest.MemoryReactor, u *reactortest.UDPCall, d deferred.Deferred[[]netip.Addr]) {
	m = reactortest.NewMemoryReactor()
	d = lookup(m, somewhere, "host.example", dnsmessage.TypeA)
	return m, m.UDPPorts[0], d
}

func TestRetries(t *testing.T) {
	m, u, d := asked()
	s := newNameServer(2)
	reactortest.ConnectDatagrams(s)
	for range tries {
		s.DatagramReceived(u.Written[len(u.Written)-1].Data, somewhere)
		for _, answer := range s.Transport().(*reactortest.FakeDatagramTransport).Written {
			u.Protocol.DatagramReceived(answer.Data, somewhere)
		}
		m.Advance(patience)
	}
	d.OnValue(func(addrs []netip.Addr) {
		if len(addrs) != 2 {
			t.Errorf("got %v", addrs)
		}
	})
	if !d.Called() || len(u.Written) != 3 || u.Stops != 1 || len(m.GetDelayedCalls()) > 0 {
		t.Errorf("done %v after %d questions, %d timers", d.Called(), len(u.Written), len(m.GetDelayedCalls()))
	}
}

func TestFailures(t *testing.T) {
	answer := func(u *reactortest.UDPCall, change func(m *dnsmessage.Message)) {
		var m dnsmessage.Message
		if err := m.Unpack(u.Written[0].Data); err != nil {
			t.Fatal(err)
		}
		m.Response = true
		change(&m)
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		u.Protocol.DatagramReceived(packed, somewhere)
	}
	for name, row := range map[string]struct {
		happens func(m *reactortest.MemoryReactor, u *reactortest.UDPCall, d deferred.Deferred[[]netip.Addr])
		want    error
	}{
		"no answer": {func(m *reactortest.MemoryReactor, u *reactortest.UDPCall, _ deferred.Deferred[[]netip.Addr]) {
			u.Protocol.DatagramReceived([]byte("nonsense"), somewhere)
			answer(u, func(m *dnsmessage.Message) { m.ID++ })
			answer(u, func(m *dnsmessage.Message) { m.Response = false })
			answer(u, func(m *dnsmessage.Message) { m.Questions[0].Type++ })
			for range tries {
				m.Advance(patience)
			}
		}, errNoAnswer},
		"refused": {func(_ *reactortest.MemoryReactor, u *reactortest.UDPCall, _ deferred.Deferred[[]netip.Addr]) {
			u.Protocol.ConnectionRefused()
			u.Protocol.ConnectionRefused()
		}, errRefused},
		"truncated": {func(_ *reactortest.MemoryReactor, u *reactortest.UDPCall, _ deferred.Deferred[[]netip.Addr]) {
			answer(u, func(m *dnsmessage.Message) { m.Truncated = true })
		}, errTruncated},
		"cancelled": {func(_ *reactortest.MemoryReactor, _ *reactortest.UDPCall, d deferred.Deferred[[]netip.Addr]) {
			d.Cancel()
		}, deferred.ErrCancelled},
	} {
		m, u, d := asked()
		var failure error
		d.OnError(func(err error) { failure = err })
		row.happens(m, u, d)
		if !errors.Is(failure, row.want) || u.Stops != 1 || len(m.GetDelayedCalls()) > 0 {
			t.Errorf("%s: %v", name, failure)
		}
	}
	if _, err := serverAddress("nowhere"); err == nil {
		t.Error("an address from nowhere")
	}
	d := lookup(reactortest.NewMemoryReactor(), somewhere, "a..b", dnsmessage.TypeA)
	if d.OnError(func(error) {}); !d.Called() {
		t.Error("asked for a name that is none")
	}
}
