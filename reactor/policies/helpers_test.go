package policies_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/policies"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

var errTest = errors.New("an error of the test")

// notes collects what happened, in order.
type notes []string

func (n *notes) add(s string) { *n = append(*n, s) }

// want compares the notes and forgets them.
func (n *notes) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*n, want) {
		t.Errorf("got  %q\nwant %q", *n, want)
	}
	*n = nil
}

// recorder is a protocol that notes what happens to it.
type recorder struct {
	reactor.BaseProtocol
	events notes
	data   string
	reason error
}

func (p *recorder) ConnectionMade() { p.events.add("made") }

func (p *recorder) DataReceived(data []byte) {
	p.events.add("data")
	p.data += string(data)
}

func (p *recorder) ConnectionLost(reason error) {
	p.events.add("lost")
	p.reason = reason
}

// eager is a recorder with all optional methods.
type eager struct {
	recorder
	fds []int
}

func (p *eager) ReadConnectionLost()           { p.events.add("read lost") }
func (p *eager) WriteConnectionLost()          { p.events.add("write lost") }
func (p *eager) HandshakeCompleted()           { p.events.add("handshake") }
func (p *eager) FileDescriptorReceived(fd int) { p.fds = append(p.fds, fd) }

// factory builds recorders, and notes the calls of a client factory.
type factory struct {
	reactor.BaseClientFactory
	events notes
	build  func(addr net.Addr) (reactor.Protocol, error)
}

func (f *factory) BuildProtocol(addr net.Addr) (reactor.Protocol, error) {
	if f.build != nil {
		return f.build(addr)
	}
	return new(recorder), nil
}

func (f *factory) StartFactory()                       { f.events.add("start") }
func (f *factory) StopFactory()                        { f.events.add("stop") }
func (f *factory) StartedConnecting(reactor.Connector) { f.events.add("connecting") }

func (f *factory) ClientConnectionFailed(_ reactor.Connector, reason error) {
	f.events.add("failed: " + reason.Error())
}

func (f *factory) ClientConnectionLost(_ reactor.Connector, reason error) {
	f.events.add("lost: " + reason.Error())
}

func peer(host string, port uint16) net.Addr {
	return reactor.IPAddress{AddrPort: netip.AddrPortFrom(netip.MustParseAddr(host), port)}
}

// link is a connection made by a factory.
type link struct {
	*reactortest.StringTransport
	w reactor.Protocol // as the factory built it
}

// connect connects a protocol of f to a transport. It returns nil if f refuses.
func connect(t *testing.T, f reactor.Factory, addr net.Addr) *link {
	t.Helper()
	p, err := reactor.BuildFrom(f, addr)
	if err == reactor.ErrNoProtocol {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &link{reactortest.NewStringTransport(), p}
	l.Lenient = true
	l.OnLose = func(reason error) { reactor.EndConnection(p, reason) }
	reactor.MakeConnection(p, l)
	return l
}

// inner returns the protocol that is wrapped.
func (l *link) inner() reactor.Protocol { return l.w.(policies.Wrapper).Wrapped() }

// pauser is a push producer that notes what it is asked.
type pauser struct{ notes }

func (p *pauser) PauseProducing()  { p.add("pause") }
func (p *pauser) ResumeProducing() { p.add("resume") }
func (p *pauser) StopProducing()   { p.add("stop") }

// puller is a pull producer.
type puller struct{ notes }

func (p *puller) ResumeProducing() { p.add("resume") }
func (p *puller) StopProducing()   { p.add("stop") }
