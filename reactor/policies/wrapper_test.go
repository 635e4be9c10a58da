package policies_test

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/policies"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestR457_BothWays(t *testing.T) {
	l := connect(t, policies.NewWrappingFactory(new(factory), nil), nil)
	p := l.inner().(*recorder)
	w := p.Transport().(policies.Wrapper)
	if w != l.w || w.Transport() != reactor.Transport(l) || p.Self() != reactor.Protocol(p) || p.Factory() == nil {
		t.Errorf("the protocol's transport is %v, its factory %v", w, p.Factory())
	}
	w.DataReceived([]byte("in"))
	w.Write([]byte("out "))
	w.WriteSequence([][]byte{[]byte("in "), []byte("pieces")})
	if p.data != "in" || l.Value() != "out in pieces" {
		t.Errorf("in %q, out %q", p.data, l.Value())
	}
	if w.GetHost() != l.Host || w.GetPeer() != l.Peer {
		t.Errorf("host %v, peer %v", w.GetHost(), w.GetPeer())
	}
	w.PauseProducing()
	paused := l.State
	w.ResumeProducing()
	if paused != reactortest.Paused || l.State != reactortest.Producing {
		t.Errorf("paused %v, resumed %v", paused, l.State)
	}
	producer := new(pauser)
	if err := w.RegisterProducer(producer, true); err != nil || l.Producer != reactor.Producer(producer) || !l.Streaming {
		t.Errorf("%v, %v", err, l.Producer)
	}
	if err := w.RegisterProducer(producer, true); err != reactor.ErrProducerRegistered {
		t.Error(err)
	}
	w.UnregisterProducer()
	if l.Producer != nil {
		t.Error("still registered")
	}
	if s := reactor.LogPrefix(w); s != "recorder (ProtocolWrapper)" {
		t.Error(s)
	}
	w.StopProducing()
	if !l.Disconnecting() || p.reason != reactor.ErrConnectionDone {
		t.Errorf("disconnecting %v, reason %v", l.Disconnecting(), p.reason)
	}
	p.events.want(t, "made", "data", "lost")
}

// transport has all optional methods of a connection.
type transport struct {
	*link
	notes
	on bool
}

func (c *transport) LoseWriteConnection()             { c.add("lose write") }
func (c *transport) GetTCPNoDelay() bool              { return c.on }
func (c *transport) SetTCPNoDelay(on bool) error      { c.on = on; return errTest }
func (c *transport) GetTCPKeepAlive() bool            { return c.on }
func (c *transport) SetTCPKeepAlive(on bool) error    { c.on = on; return errTest }
func (c *transport) SendFileDescriptor(int) error     { c.add("descriptor"); return errTest }
func (c *transport) StartTLS(*tls.Config, bool) error { c.add("TLS"); return errTest }
func (c *transport) TLSState() (tls.ConnectionState, bool) {
	return tls.ConnectionState{ServerName: "name"}, true
}

type everything interface {
	reactor.TCPTransport
	reactor.UNIXTransport
	reactor.TLSTransport
}

func TestR457_OptionalMethodsOfTransports(t *testing.T) {
	f := policies.NewWrappingFactory(new(factory), nil)
	c := &transport{link: connect(t, f, nil)}
	p := c.inner().(*recorder)
	reactor.MakeConnection(c.w, c)
	w := p.Transport().(everything)
	w.LoseWriteConnection()
	for _, err := range []error{
		w.SetTCPNoDelay(true), w.SetTCPKeepAlive(true), w.SendFileDescriptor(1), w.StartTLS(nil, false),
	} {
		if err != errTest {
			t.Error(err)
		}
	}
	if state, ok := w.TLSState(); !ok || state.ServerName != "name" || !w.GetTCPNoDelay() || !w.GetTCPKeepAlive() {
		t.Errorf("%v, %v", state, ok)
	}
	c.want(t, "lose write", "descriptor", "TLS")

	plain := connect(t, f, nil).inner().(*recorder).Transport().(everything)
	plain.LoseWriteConnection()
	for _, err := range []error{
		plain.SetTCPNoDelay(true), plain.SetTCPKeepAlive(true), plain.SendFileDescriptor(1), plain.StartTLS(nil, false),
	} {
		if err != errors.ErrUnsupported {
			t.Error(err)
		}
	}
	if _, ok := plain.TLSState(); ok || plain.GetTCPNoDelay() || plain.GetTCPKeepAlive() {
		t.Error("a StringTransport has options")
	}
}

func TestR457_OptionalMethodsOfProtocols(t *testing.T) {
	both := &factory{build: func(net.Addr) (reactor.Protocol, error) { return new(eager), nil }}
	for depth, f := range []reactor.Factory{policies.NewWrappingFactory(both, nil),
		policies.NewWrappingFactory(policies.NewWrappingFactory(both, nil), nil)} {
		l := connect(t, f, nil)
		p := innermost(l.w).(*eager)
		half, ok := reactor.As[reactor.HalfCloser](l.w)
		if !ok {
			t.Fatal("not a HalfCloser at depth", depth)
		}
		half.ReadConnectionLost()
		half.WriteConnectionLost()
		l.w.(reactor.HandshakeListener).HandshakeCompleted()
		l.w.(reactor.FileDescriptorReceiver).FileDescriptorReceived(7)
		p.events.want(t, "made", "read lost", "write lost", "handshake")
		if !slices.Equal(p.fds, []int{7}) {
			t.Errorf("descriptors %v", p.fds)
		}
	}
	l := connect(t, policies.NewWrappingFactory(new(factory), nil), nil)
	for name, ok := range map[string]bool{
		"HalfCloser":             is[reactor.HalfCloser](l.w),
		"HandshakeListener":      is[reactor.HandshakeListener](l.w),
		"FileDescriptorReceiver": is[reactor.FileDescriptorReceiver](l.w),
		"HalfCloser itself":      is[reactor.HalfCloser](new(recorder)),
	} {
		if ok {
			t.Error("a plain protocol counts as a", name)
		}
	}
	all := l.w.(everythingOfProtocols) // without effect
	all.ReadConnectionLost()
	all.WriteConnectionLost()
	all.HandshakeCompleted()
	all.FileDescriptorReceived(7)
	l.inner().(*recorder).events.want(t, "made")
	if !is[reactor.HalfCloser](new(eager)) {
		t.Error("eager is a HalfCloser")
	}
}

type everythingOfProtocols interface {
	reactor.HalfCloser
	reactor.HandshakeListener
	reactor.FileDescriptorReceiver
}

func is[T any](p reactor.Protocol) bool {
	_, ok := reactor.As[T](p)
	return ok
}

func innermost(p reactor.Protocol) reactor.Protocol {
	for {
		w, ok := p.(reactor.Wrapper)
		if !ok {
			return p
		}
		p = w.Wrapped()
	}
}

// meter is a wrapper of a program. It embeds ProtocolWrapper.
type meter struct {
	policies.ProtocolWrapper
	in, out int
}

func (m *meter) DataReceived(data []byte) {
	m.in += len(data)
	m.ProtocolWrapper.DataReceived(data)
}

func (m *meter) Write(data []byte) {
	m.out += len(data)
	m.ProtocolWrapper.Write(data)
}

func TestR457_AWrapperOfAProgram(t *testing.T) {
	f := policies.NewWrappingFactory(new(factory), func() policies.Wrapper { return new(meter) })
	l := connect(t, f, nil)
	m := l.w.(*meter)
	m.DataReceived([]byte("12345"))
	p := l.inner().(*recorder)
	p.Transport().Write([]byte("123"))
	if m.in != 5 || m.out != 3 || l.Value() != "123" || p.data != "12345" {
		t.Errorf("%d in, %d out", m.in, m.out)
	}
	if s := reactor.LogPrefix(m); s != "recorder (meter)" {
		t.Error(s)
	}
}

func TestR458_LiveWrappers(t *testing.T) {
	f := policies.NewWrappingFactory(new(factory), nil)
	links := []*link{connect(t, f, nil), connect(t, f, nil), connect(t, f, nil)}
	if _, err := f.BuildProtocol(nil); err != nil { // has no connection
		t.Error(err)
	}
	for gone, lost := range []int{0, 2, 1} {
		if n := len(f.Wrappers()); n != 3-gone {
			t.Errorf("%d wrappers, not %d", n, 3-gone)
		}
		links[lost].LoseConnection()
		if slices.Contains(f.Wrappers(), links[lost].w.(policies.Wrapper)) {
			t.Error("a lost connection is in the list")
		}
	}
	if n := len(f.Wrappers()); n != 0 {
		t.Errorf("%d wrappers are left", n)
	}
}

func TestR459_HooksOfTheFactory(t *testing.T) {
	inner := new(factory)
	f := policies.NewWrappingFactory(inner, nil)
	if f.Wrapped() != reactor.Factory(inner) || reactor.LogPrefix(f) != "factory (WrappingFactory)" {
		t.Errorf("%v, %s", f.Wrapped(), reactor.LogPrefix(f))
	}
	reactor.DoStart(f)
	reactor.DoStart(f)
	f.StartedConnecting(nil)
	f.ClientConnectionFailed(nil, errTest)
	f.ClientConnectionLost(nil, errTest)
	reactor.DoStop(f)
	reactor.DoStop(f)
	inner.events.want(t, "start", "connecting", "failed: "+errTest.Error(), "lost: "+errTest.Error(), "stop")

	server := policies.NewWrappingFactory(reactor.ForProtocol(func() reactor.Protocol { return new(recorder) }), nil)
	server.StartedConnecting(nil) // no client factory: nothing happens
	server.ClientConnectionFailed(nil, errTest)
	server.ClientConnectionLost(nil, errTest)

	l := connect(t, f, nil)
	l.OnLose = nil
	w := l.w.(policies.Wrapper)
	if w.Disconnecting() {
		t.Error("disconnecting at first")
	}
	w.LoseConnection()
	if !w.Disconnecting() || !l.Disconnecting() {
		t.Error("not disconnecting")
	}
	l = connect(t, f, nil)
	l.OnLose = nil
	w = l.w.(policies.Wrapper)
	w.AbortConnection()
	if !w.Disconnecting() || !l.Disconnected() {
		t.Error("not aborted")
	}
}

func TestR459_RefusedProtocols(t *testing.T) {
	inner := new(factory)
	f := policies.NewWrappingFactory(inner, nil)
	for _, row := range []struct {
		build func(net.Addr) (reactor.Protocol, error)
		want  func(err error) bool
	}{
		{func(net.Addr) (reactor.Protocol, error) { return nil, nil }, func(err error) bool { return err == reactor.ErrNoProtocol }},
		{func(net.Addr) (reactor.Protocol, error) { return nil, errTest }, func(err error) bool { return err == errTest }},
		{func(net.Addr) (reactor.Protocol, error) { panic(errTest) }, func(err error) bool {
			_, ok := errors.AsType[*deferred.PanicError](err)
			return ok && errors.Is(err, errTest)
		}},
		{func(net.Addr) (reactor.Protocol, error) { return (*recorder)(nil), nil }, func(err error) bool {
			_, ok := errors.AsType[*reactor.NilProtocolError](err)
			return ok
		}},
	} {
		inner.build = row.build
		if p, err := reactor.BuildFrom(f, nil); p != nil || !row.want(err) {
			t.Errorf("%v, %v", p, err)
		}
	}
	for name, g := range map[string]func(){
		"NewWrappingFactory":       func() { policies.NewWrappingFactory(nil, nil) },
		"NewTimeoutFactory":        func() { policies.NewTimeoutFactory(nil, inner, 0) },
		"NewThrottlingFactory":     func() { policies.NewThrottlingFactory(nil, inner, policies.ThrottleOptions{}) },
		"NewTrafficLoggingFactory": func() { policies.NewTrafficLoggingFactory(inner, nil, 0) },
	} {
		func() {
			defer func() {
				if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "policies: "+name) {
					t.Errorf("%s: panic with %v", name, err)
				}
			}()
			g()
		}()
	}
}

func TestR460_TheyForgetEachOther(t *testing.T) {
	l := connect(t, policies.NewWrappingFactory(new(factory), nil), nil)
	p := l.inner().(*recorder)
	l.LoseConnection()
	if l.inner() != nil || is[reactor.HalfCloser](l.w) {
		t.Error("the wrapper still knows the protocol")
	}
	p.Transport().Write([]byte("x")) // like any write after the loss, without a panic
	if s := reactor.LogPrefix(l.w); s != "ProtocolWrapper" {
		t.Error(s)
	}
	p.events.want(t, "made", "lost")
}

// A panic of the wrapped protocol reaches the connection, and leaves nothing
// behind.
func TestR460_PanicsOfTheProtocol(t *testing.T) {
	f := policies.NewWrappingFactory(&factory{build: func(net.Addr) (reactor.Protocol, error) { return new(panicking), nil }}, nil)
	l := connect(t, f, nil)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		l.LoseConnection()
	}()
	if len(f.Wrappers()) != 0 || l.inner() != nil {
		t.Error("something is left")
	}
}

type panicking struct{ reactor.BaseProtocol }

func (*panicking) ConnectionLost(error) { panic(errTest) }
