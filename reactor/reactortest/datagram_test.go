package reactortest_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// echoDatagrams sends back each datagram.
type echoDatagrams struct {
	reactor.BaseDatagramProtocol
	events []string
}

func (p *echoDatagrams) StartProtocol() { p.events = append(p.events, "start") }
func (p *echoDatagrams) StopProtocol()  { p.events = append(p.events, "stop") }

func (p *echoDatagrams) DatagramReceived(data []byte, from netip.AddrPort) {
	_ = p.Transport().Write(data, from)
}

func TestR526_FakeDatagramTransport(t *testing.T) {
	p := new(echoDatagrams)
	u := reactortest.ConnectDatagrams(p)
	a, b := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2")
	data := []byte("one")
	p.DatagramReceived(data, a)
	clear(data) // the transport has a copy
	if err := u.WriteSequence([][]byte{[]byte("t"), []byte("wo")}, b); err != nil {
		t.Error(err)
	}
	p.DatagramReceived(nil, a)
	var got []string
	for _, packet := range u.Written {
		got = append(got, string(packet.Data)+" to "+packet.To.String())
	}
	if want := []string{"one to 192.0.2.1:1", "two to 192.0.2.2:2", " to 192.0.2.1:1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, ok := errors.AsType[*reactor.InvalidAddressError](u.Write(nil, netip.AddrPort{})); !ok {
		t.Error("sent to nobody")
	}
	if err := u.Connect(a); err != nil {
		t.Error(err)
	}
	if err := u.Connect(b); err != reactor.ErrDatagramConnected {
		t.Error(err)
	}
	if err := u.Write([]byte("x"), netip.AddrPort{}); err != nil || u.Written[3].To != a || u.Stats().Sent != 4 {
		t.Errorf("%v, %v", err, u.Written)
	}
	if err := u.SetBroadcastAllowed(true); err != nil || !u.GetBroadcastAllowed() {
		t.Error("no broadcast", err)
	}
	u.Err = errors.New("an error of the test")
	if err := u.Write(nil, a); err != u.Err || len(u.Written) != 4 {
		t.Error(err)
	}
	if host := u.GetHost().(reactor.UDPAddress); host.Host() != "192.168.1.1" || host.Port() != 54321 {
		t.Error(host)
	}
	for range 2 {
		if !u.StopListening().Called() {
			t.Error("not fired")
		}
	}
	if err := u.Write(nil, a); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if !slices.Equal(p.events, []string{"start", "stop"}) || p.Transport() != nil || u.Stops != 2 {
		t.Errorf("%v, %v", p.events, p.Transport())
	}
}

func TestR517_ListenUDP(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	p := new(echoDatagrams)
	port, err := m.ListenUDP(53, p, reactor.UDPOptions{Interface: "::1", MaxPacketSize: 512})
	if err != nil {
		t.Fatal(err)
	}
	call := m.UDPPorts[0]
	if call.Port != 53 || call.Protocol != reactor.DatagramProtocol(p) || call.Options.MaxPacketSize != 512 ||
		port != reactor.DatagramTransport(call.FakeDatagramTransport) || p.Transport() != port {
		t.Errorf("%+v", call)
	}
	if host := port.GetHost().String(); host != "[::1]:53" {
		t.Error(host)
	}
	m.Err = errors.New("an error of the test")
	q := new(echoDatagrams)
	if port, err := m.ListenUDP(0, q, reactor.UDPOptions{}); port != nil || err != m.Err || len(m.UDPPorts) != 2 || len(q.events) > 0 {
		t.Errorf("%v, %v", port, err)
	}
}
