package reactor_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// listener is a datagram protocol that notes what happens to it, and does what
// its hooks say.
type listener struct {
	reactor.BaseDatagramProtocol
	events  notes
	got     []string
	from    []netip.AddrPort
	onStart func()
	onStop  func()
	onData  func(data []byte, from netip.AddrPort)
}

func (l *listener) StartProtocol() {
	l.events.add("start")
	if l.onStart != nil {
		l.onStart()
	}
}

func (l *listener) StopProtocol() {
	l.events.add("stop")
	if l.onStop != nil {
		l.onStop()
	}
}

func (l *listener) DatagramReceived(data []byte, from netip.AddrPort) {
	l.got = append(l.got, string(data))
	l.from = append(l.from, from)
	if l.onData != nil {
		l.onData(data, from)
	}
}

func (l *listener) ConnectionRefused() { l.events.add("refused") }

// udp opens a port on the loopback interface.
func (t *netTest) udp(p reactor.DatagramProtocol, opts reactor.UDPOptions) (port reactor.DatagramTransport) {
	t.Helper()
	if opts.Interface == "" {
		opts.Interface = "127.0.0.1"
	}
	t.do(func() {
		var err error
		if port, err = t.r.ListenUDP(0, p, opts); err != nil {
			t.Error(err)
		}
	})
	if port == nil {
		t.FailNow()
	}
	return port
}

func hostOf(port reactor.DatagramTransport) netip.AddrPort {
	return port.GetHost().(reactor.UDPAddress).AddrPort
}

// stopUDP stops a port and waits for it.
func (t *netTest) stopUDP(port reactor.DatagramTransport) error {
	t.Helper()
	_, err := reactor.Await(t.Context(), t.r, port.StopListening)
	return err
}

// write sends from a port and reports an error.
func (t *netTest) write(port reactor.DatagramTransport, data string, to netip.AddrPort) {
	t.Helper()
	t.do(func() { wantErr(t.T, port.Write([]byte(data), to), nil) })
}

// wantGot waits for as many datagrams and compares them.
func (t *netTest) wantGot(l *listener, want ...string) {
	t.Helper()
	t.waitFor(fmt.Sprintf("%d datagrams", len(want)), func() bool { return len(l.got) >= len(want) })
	t.do(func() {
		if !slices.Equal(l.got, want) {
			t.Errorf("got %q, want %q", l.got, want)
		}
		l.got = nil
	})
}

func TestR338_R340_Datagrams(t *testing.T) {
	for _, iface := range []string{"127.0.0.1", "::1"} {
		t.Run(iface, func(t *testing.T) {
			n := startNet(t)
			a, b := new(listener), new(listener)
			b.onStart = func() {
				if b.Transport() == nil || b.Transport().GetHost().(reactor.UDPAddress).Host() != iface {
					t.Errorf("transport %v", b.Transport())
				}
			}
			from := n.udp(a, reactor.UDPOptions{Interface: iface})
			to := n.udp(b, reactor.UDPOptions{Interface: iface})
			if s := fmt.Sprint(to); !strings.Contains(s, "listener") || !strings.Contains(s, to.GetHost().String()) {
				t.Error(s)
			}
			long := strings.Repeat("x", reactor.DefaultMaxPacketSize)
			sent := []string{"one", "", "two", strings.Repeat("0123456789", 140), long, long + "cut off"}
			n.do(func() {
				for _, data := range sent {
					wantErr(t, from.Write([]byte(data), hostOf(to)), nil)
				}
				wantErr(t, from.WriteSequence([][]byte{[]byte("a"), nil, []byte("bc")}, hostOf(to)), nil)
				wantErr(t, from.WriteSequence(nil, hostOf(to)), nil)
			})
			sent[len(sent)-1] = long
			if runtime.GOOS == "windows" {
				sent = sent[:len(sent)-1]
			}
			want := append(sent, "abc", "")
			n.wantGot(b, want...)
			n.do(func() {
				for _, addr := range b.from {
					if addr != hostOf(from) {
						t.Errorf("from %v, not %v", addr, hostOf(from))
					}
				}
				a.events.want(t, "start")
				if s := to.Stats(); s.Received != uint64(len(want)) || s.ReceiveDropped != 0 || s.Sent != 0 {
					t.Errorf("%+v", s)
				}
				if s := from.Stats(); s.Sent != 8 || s.SendDropped != 0 || s.Received != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// Data belongs to the protocol: later datagrams do not change it.
func TestR338_DataIsOwned(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	var kept [][]byte
	p.onData = func(data []byte, _ netip.AddrPort) { kept = append(kept, data) }
	port := n.udp(p, reactor.UDPOptions{MaxPacketSize: 4})
	const count = 500
	for i := range count {
		n.write(port, fmt.Sprintf("%04d", i), hostOf(port))
		n.waitFor("datagram", func() bool { return len(kept) > i })
	}
	n.do(func() {
		for i, data := range kept {
			if string(data) != fmt.Sprintf("%04d", i) {
				t.Fatalf("%d is %q", i, data)
			}
		}
	})
}

func TestR339_CannotListen(t *testing.T) {
	n := startNet(t)
	taken := hostOf(n.udp(new(listener), reactor.UDPOptions{}))
	panicking := &listener{onStart: func() { panic(errTest) }}
	invalid := func(err error) bool {
		_, ok := errors.AsType[*reactor.InvalidAddressError](err)
		return ok
	}
	for name, row := range map[string]struct {
		port  int
		iface string
		p     reactor.DatagramProtocol
		want  func(err error) bool
	}{
		"in use": {int(taken.Port()), "127.0.0.1", new(listener), func(err error) bool {
			e, ok := errors.AsType[*reactor.CannotListenError](err)
			return ok && e.Port == int(taken.Port()) && e.Interface == "127.0.0.1" && isInUse(err)
		}},
		"port out of range":    {65536, "", new(listener), func(err error) bool { return strings.Contains(err.Error(), "0 to 65535") }},
		"negative port":        {-1, "", new(listener), func(err error) bool { return strings.Contains(err.Error(), "0 to 65535") }},
		"name":                 {0, "localhost", new(listener), invalid},
		"nothing like an IP":   {0, "1.2.3", new(listener), invalid},
		"foreign address":      {0, "192.0.2.1", new(listener), func(err error) bool { return !invalid(err) }},
		"StartProtocol panics": {0, "127.0.0.1", panicking, func(err error) bool { return errors.Is(err, errTest) }},
		"nil": {0, "", (*listener)(nil), func(err error) bool {
			_, ok := errors.AsType[*reactor.NilProtocolError](err)
			return ok
		}},
	} {
		n.do(func() {
			port, err := n.r.ListenUDP(row.port, row.p, reactor.UDPOptions{Interface: row.iface})
			if port != nil || err == nil || !row.want(err) {
				t.Errorf("%s: %v, %v", name, port, err)
			}
		})
	}
	n.log.Take("StartProtocol")
	n.do(func() {
		panicking.events.want(t, "start") // and no stop
		if panicking.Transport() != nil {
			t.Error("a transport after a panic in StartProtocol")
		}
	})
}

func isInUse(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	const wsaEADDRINUSE = 10048
	return ok && (errno == syscall.EADDRINUSE || errno == wsaEADDRINUSE)
}

func TestR341_InvalidAddresses(t *testing.T) {
	n := startNet(t)
	four := n.udp(new(listener), reactor.UDPOptions{})
	six := n.udp(new(listener), reactor.UDPOptions{Interface: "::1"})
	for _, row := range []struct {
		port reactor.DatagramTransport
		to   netip.AddrPort
	}{
		{four, netip.AddrPort{}},
		{four, hostOf(six)},
		{six, hostOf(four)},
		{six, netip.MustParseAddrPort("[::ffff:127.0.0.1]:9")},
		{six, netip.MustParseAddrPort("255.255.255.255:9")},
	} {
		n.do(func() {
			e, ok := errors.AsType[*reactor.InvalidAddressError](row.port.Write([]byte("x"), row.to))
			if !ok || e.Address != row.to.String() || e.Unwrap() == nil {
				t.Errorf("%v from %v: %v", row.to, row.port.GetHost(), e)
			}
			if _, ok := errors.AsType[*reactor.InvalidAddressError](row.port.Connect(row.to)); !ok {
				t.Errorf("connected %v to %v", row.port.GetHost(), row.to)
			}
		})
	}
	p := new(listener)
	to := hostOf(n.udp(p, reactor.UDPOptions{}))
	n.write(four, "mapped", netip.AddrPortFrom(netip.AddrFrom16(to.Addr().As16()), to.Port()))
	n.wantGot(p, "mapped")
}

func TestR342_TooLong(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	port := n.udp(p, reactor.UDPOptions{MaxPacketSize: 1 << 16})
	n.do(func() {
		e, ok := errors.AsType[*reactor.MessageLengthError](port.Write(make([]byte, 70_000), hostOf(port)))
		if !ok || e.Length != 70_000 || e.Unwrap() == nil || !strings.Contains(e.Error(), "70000") {
			t.Errorf("%v", e)
		}
	})
	longest := strings.Repeat("x", 65_507)
	n.write(port, longest, hostOf(port))
	n.wantGot(p, longest)
}

func TestR343_APanicInDatagramReceived(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	p.onData = func(data []byte, _ netip.AddrPort) {
		if string(data) == "bad" {
			panic(errTest)
		}
	}
	port := n.udp(p, reactor.UDPOptions{})
	n.do(func() {
		for _, data := range []string{"bad", "good", "bad", "end"} {
			wantErr(t, port.Write([]byte(data), hostOf(port)), nil)
		}
	})
	n.wantGot(p, "bad", "good", "bad", "end")
	wantLogged(t, n.log, "panic in DatagramReceived of listener", 2)
}

func TestR344_Connect(t *testing.T) {
	for _, iface := range []string{"127.0.0.1", "::1"} {
		t.Run(iface, func(t *testing.T) {
			n := startNet(t)
			a, b := new(listener), new(listener)
			opts := reactor.UDPOptions{Interface: iface}
			near, far, other := n.udp(a, opts), n.udp(b, opts), n.udp(new(listener), opts)
			n.write(other, "from before", hostOf(near))
			n.do(func() {
				wantErr(t, near.Connect(hostOf(far)), nil)
				wantErr(t, near.Connect(hostOf(far)), reactor.ErrDatagramConnected)
				wantErr(t, near.Connect(hostOf(other)), reactor.ErrDatagramConnected)
				for _, to := range []netip.AddrPort{{}, hostOf(far)} {
					wantErr(t, near.Write([]byte("to the peer"), to), nil)
				}
				wantErr(t, near.Write(nil, netip.AddrPort{}), nil)
				wantErr(t, near.WriteSequence([][]byte{[]byte("p"), []byte("q")}, netip.AddrPort{}), nil)
				if _, ok := errors.AsType[*reactor.InvalidAddressError](near.Write(nil, hostOf(other))); !ok {
					t.Error("sent to another address")
				}
				if h := near.GetHost().(reactor.UDPAddress); h.Host() != iface || h.Network() != "udp" || h.Port() == 0 {
					t.Errorf("host %v", h)
				}
			})
			n.wantGot(b, "to the peer", "to the peer", "", "pq")
			n.do(func() { a.got = nil }) // "from before" may have come before Connect
			n.write(other, "from others", hostOf(near))
			n.write(far, "from the peer", hostOf(near))
			n.wantGot(a, "from the peer")
			wantErr(t, n.stopUDP(far), nil)
			n.waitFor("refusal", func() bool {
				wantErr(t, near.Write([]byte("x"), netip.AddrPort{}), nil)
				return slices.Contains(a.events, "refused")
			})
		})
	}
}

// A datagram of another sender that waits in the system when the port is
// connected is not delivered any more.
func TestR344_DatagramsFromBeforeConnect(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	port := n.udp(p, reactor.UDPOptions{})
	peer := n.udp(new(listener), reactor.UDPOptions{})
	other, err := net.Dial("udp4", port.GetHost().String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	n.do(func() { // nothing is delivered meanwhile
		send(t, other, "from another")
		wantErr(t, port.Connect(hostOf(peer)), nil)
		wantErr(t, peer.Write([]byte("from the peer"), hostOf(port)), nil)
	})
	n.wantGot(p, "from the peer")
}

func TestR345_StopListening(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	p.onStop = func() {
		if p.Transport() != nil {
			t.Error("a transport in StopProtocol")
		}
	}
	port := n.udp(p, reactor.UDPOptions{})
	fired := make(chan error, 2)
	n.do(func() {
		for range 2 {
			d := port.StopListening()
			if d.Called() {
				t.Error("fired inside the call")
			}
			d.AddBoth(func(v none, err error) (none, error) {
				p.events.want(t, "start", "stop")
				fired <- err
				return v, nil
			})
		}
		p.events.want(t, "start")
		wantErr(t, port.Write([]byte("x"), hostOf(port)), net.ErrClosed)
		wantErr(t, port.WriteSequence(nil, hostOf(port)), net.ErrClosed)
		wantErr(t, port.Connect(hostOf(port)), net.ErrClosed)
		wantErr(t, port.SetBroadcastAllowed(true), net.ErrClosed)
	})
	wantErr(t, within(t, fired), nil)
	wantErr(t, within(t, fired), nil)
	wantErr(t, n.stopUDP(port), nil)
	n.do(func() {
		p.events.want(t, "start", "stop")
		if s := fmt.Sprint(port); !strings.Contains(s, "closed") {
			t.Error(s)
		}
		again, err := n.r.ListenUDP(int(hostOf(port).Port()), p, reactor.UDPOptions{Interface: "127.0.0.1"}) // R347
		wantErr(t, err, nil)
		p.events.want(t, "start", "stop", "start")
		port = again
	})
	n.write(port, "to the second port", hostOf(port))
	n.wantGot(p, "to the second port")
}

func TestR345_NothingIsDeliveredAfterStop(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	port := n.udp(p, reactor.UDPOptions{})
	p.onData = func([]byte, netip.AddrPort) { port.StopListening() }
	n.do(func() {
		for range 3 {
			wantErr(t, port.Write([]byte("x"), hostOf(port)), nil)
		}
	})
	n.waitFor("stop", func() bool { return len(p.events) == 2 })
	n.wantGot(p, "x")
}

func TestR345_APanicInStopProtocol(t *testing.T) {
	n := startNet(t)
	port := n.udp(&listener{onStop: func() { panic(errTest) }}, reactor.UDPOptions{})
	wantErr(t, n.stopUDP(port), errTest)
	wantLogged(t, n.log, "panic in StopProtocol of listener", 1)
}

func TestR346_SeveralPorts(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	first, second := n.udp(p, reactor.UDPOptions{}), n.udp(p, reactor.UDPOptions{})
	var on []reactor.DatagramTransport
	p.onData = func([]byte, netip.AddrPort) { on = append(on, p.Transport()) }
	for _, port := range []reactor.DatagramTransport{second, first, second} {
		n.write(port, "x", hostOf(port))
		n.wantGot(p, "x")
	}
	n.do(func() {
		if !slices.Equal(on, []reactor.DatagramTransport{second, first, second}) {
			t.Error("Transport is not the port of the datagram")
		}
	})
	wantErr(t, n.stopUDP(second), nil)
	n.do(func() {
		p.events.want(t, "start")
		if p.Transport() != first {
			t.Error("Transport is not the port that is left")
		}
	})
	wantErr(t, n.stopUDP(first), nil)
	n.do(func() { p.events.want(t, "start", "stop") })
}

func TestR348_ReadErrors(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	var port reactor.DatagramTransport
	n.do(func() {
		var err error
		port, err = n.r.ListenUDPFailing(p, errTest, errTest, syscall.ECONNREFUSED, syscall.EHOSTUNREACH)
		wantErr(t, err, nil)
	})
	n.write(port, "after the errors", hostOf(port))
	n.wantGot(p, "after the errors")
	n.do(func() { p.events.want(t, "start") }) // no refusal: the port has no peer
	wantLogged(t, n.log, "receiving a datagram failed", 1)
	gone := n.udp(new(listener), reactor.UDPOptions{})
	wantErr(t, n.stopUDP(gone), nil)
	for range 3 { // nobody listens there; a port without a peer does not care
		n.write(port, "x", hostOf(gone))
	}
	n.write(port, "end", hostOf(port))
	n.wantGot(p, "end")
	n.do(func() { p.events.want(t, "start") })
}

func TestR349_StopFromDatagramReceived(t *testing.T) {
	r, _ := newReactor(t)
	p := new(listener)
	p.onData = func([]byte, netip.AddrPort) { mustStop(t, r) }
	r.CallWhenRunning(func() {
		port, err := r.ListenUDP(0, p, reactor.UDPOptions{Interface: "127.0.0.1"})
		wantErr(t, err, nil)
		wantErr(t, port.Write([]byte("x"), hostOf(port)), nil)
	})
	mustRun(t, r)
	p.events.want(t, "start", "stop")
}

func TestR35_R338_ShutdownClosesUDPPorts(t *testing.T) {
	r, log := newReactor(t)
	p, bad := new(listener), &listener{onStop: func() { panic(errTest) }}
	var waited deferred.Deferred[none]
	for _, p := range []*listener{p, bad} { // before Run
		port, err := r.ListenUDP(0, p, reactor.UDPOptions{})
		wantErr(t, err, nil)
		r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() {
			waited = port.StopListening()
			p.events.add("during")
		})
	}
	r.CallWhenRunning(func() { mustStop(t, r) })
	mustRun(t, r)
	p.events.want(t, "start", "stop", "during")
	if !waited.Called() {
		t.Error("StopListening of a closed port has not fired")
	}
	wantLogged(t, log, "panic in StopProtocol", 1)
}

func TestR350_Broadcast(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	var port reactor.DatagramTransport
	n.do(func() {
		var err error
		port, err = n.r.ListenUDP(0, p, reactor.UDPOptions{}) // all addresses
		wantErr(t, err, nil)
	})
	to := netip.AddrPortFrom(netip.MustParseAddr("127.255.255.255"), hostOf(port).Port())
	n.do(func() {
		if port.GetBroadcastAllowed() {
			t.Error("allowed at first")
		}
		if runtime.GOOS == "linux" { // others do not know that the loopback interface has a broadcast address
			wantErr(t, port.Write([]byte("x"), to), syscall.EACCES)
		}
		wantErr(t, port.SetBroadcastAllowed(true), nil)
		if !port.GetBroadcastAllowed() {
			t.Error("not allowed")
		}
		if runtime.GOOS == "linux" {
			wantErr(t, port.Write([]byte("to all"), to), nil)
		}
	})
	if runtime.GOOS == "linux" {
		n.wantGot(p, "to all")
	}
	n.do(func() {
		wantErr(t, port.SetBroadcastAllowed(false), nil)
		if port.GetBroadcastAllowed() {
			t.Error("still allowed")
		}
	})
}

// A protocol that is slower than its peers loses datagrams, which the system
// drops and counts.
func TestASlowDatagramProtocol(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	port := n.udp(p, reactor.UDPOptions{})
	c, err := net.Dial("udp4", port.GetHost().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := 0
	say := func(data string) {
		send(t, c, data)
		sent++
	}
	n.do(func() { // the loop is busy meanwhile
		for range 5000 {
			say(strings.Repeat("x", 1000))
		}
	})
	burst := sent
	turn := 0
	n.waitFor("all", func() bool {
		if turn++; turn%1000 == 0 { // a later datagram tells of the drops before it
			say("later")
		}
		s := port.Stats()
		if runtime.GOOS != "linux" {
			return slices.Contains(p.got, "later")
		}
		return int(s.Received+s.ReceiveDropped) == sent && sent > burst
	})
	n.do(func() {
		if got := slices.Index(p.got, "later"); got >= burst || got < 1 {
			t.Errorf("%d of %d were delivered", got, burst)
		}
	})
}

// While the loop is busy, a port reads a bounded number of datagrams. The loop
// delivers a bounded number in each iteration, so that others can run.
func TestDatagramsAhead(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	var counts []int
	var count func()
	n.do(func() {
		_, reads, err := n.r.ListenUDPEndless(p)
		wantErr(t, err, nil)
		for reads.Load() < reactor.DatagramsAhead {
			runtime.Gosched()
		}
		for range 1000 {
			runtime.Gosched()
		}
		if got := reads.Load(); got != reactor.DatagramsAhead {
			t.Errorf("%d datagrams were read", got)
		}
		count = func() { // once in each iteration
			counts = append(counts, len(p.got))
			if p.got = nil; len(counts) < 10 {
				n.r.CallLater(0, count)
				return
			}
			p.Transport().StopListening()
		}
		n.r.CallLater(0, count)
	})
	n.waitFor("stop", func() bool { return len(p.events) == 2 })
	n.do(func() {
		if most := slices.Max(counts); most < 5 || most > reactor.DatagramsAhead {
			t.Errorf("%v datagrams in one iteration", counts)
		}
	})
}

// A port with a large MaxPacketSize reads fewer datagrams ahead.
func TestLargeDatagramsAhead(t *testing.T) {
	n := startNet(t)
	p := new(listener)
	port := n.udp(p, reactor.UDPOptions{MaxPacketSize: 1 << 20}) // one at a time
	n.do(func() {
		for i := range 100 {
			wantErr(t, port.Write([]byte(fmt.Sprint(i)), hostOf(port)), nil)
		}
	})
	n.waitFor("all", func() bool { return len(p.got) == 100 })
	n.do(func() {
		for i, s := range p.got {
			if s != fmt.Sprint(i) {
				t.Fatalf("%d is %s", i, s)
			}
		}
	})
}

// Two protocols that answer each other's datagrams do not keep others from
// running.
func TestUDPDoesNotStarveOthers(t *testing.T) {
	n := startNet(t)
	a, b := new(listener), new(listener)
	near, far := n.udp(a, reactor.UDPOptions{}), n.udp(b, reactor.UDPOptions{})
	a.onData = func(data []byte, from netip.AddrPort) { a.got = nil; _ = near.Write(data, from) }
	b.onData = func(data []byte, from netip.AddrPort) { b.got = nil; _ = far.Write(data, from) }
	for range 50 {
		n.write(near, "x", hostOf(far))
	}
	n.waitFor("many", func() bool { return near.Stats().Received > 500 })
	later := make(chan none)
	n.do(func() { n.r.CallLater(time.Millisecond, func() { close(later) }) })
	within(t, later)
	wantErr(t, n.stopUDP(near), nil)
}

func TestUDPMethodsBelongToTheLoop(t *testing.T) {
	log := reactortest.NewLog(t)
	r := reactortest.Start(t, reactor.Options{Debug: true, Logger: log.Logger()})
	n := &netTest{t, r, log}
	port := n.udp(new(listener), reactor.UDPOptions{}).(reactor.MulticastTransport)
	for name, f := range map[string]func(){
		"ListenUDP":            func() { _, _ = r.ListenUDP(0, new(listener), reactor.UDPOptions{}) },
		"Write":                func() { _ = port.Write(nil, hostOf(port)) },
		"Connect":              func() { _ = port.Connect(hostOf(port)) },
		"StopListening":        func() { port.StopListening() },
		"SetBroadcastAllowed":  func() { _ = port.SetBroadcastAllowed(true) },
		"JoinGroup":            func() { port.JoinGroup("224.0.0.1", "") },
		"LeaveGroup":           func() { port.LeaveGroup("224.0.0.1", "") },
		"SetTTL":               func() { _ = port.SetTTL(1) },
		"GetTTL":               func() { _, _ = port.GetTTL() },
		"SetLoopbackMode":      func() { _ = port.SetLoopbackMode(true) },
		"GetLoopbackMode":      func() { _, _ = port.GetLoopbackMode() },
		"SetOutgoingInterface": func() { _ = port.SetOutgoingInterface("") },
	} {
		wantPanic(t, name, f)
	}
}

func TestDatagramProtocolDefaults(t *testing.T) {
	var p reactor.BaseDatagramProtocol
	p.StartProtocol()
	p.DatagramReceived(nil, netip.AddrPort{})
	p.ConnectionRefused()
	p.StopProtocol()
	if p.Transport() != nil {
		t.Error("a transport from nowhere")
	}
	reactor.StopDatagramProtocol(&p, nil) // is on no port
}
