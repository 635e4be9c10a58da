package reactor_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// testFactory notes what it is told, and builds what its hook says.
type testFactory struct {
	reactor.BaseClientFactory
	events   notes
	build    func(addr net.Addr) (reactor.Protocol, error)
	onStart  func(c reactor.Connector)
	onFailed func(c reactor.Connector, reason error)
	onLost   func(c reactor.Connector, reason error)
	onStop   func()
	failed   chan error
	lost     chan error
}

func newFactory() *testFactory {
	return &testFactory{failed: make(chan error, 9), lost: make(chan error, 9)}
}

func (f *testFactory) StartFactory() { f.events.add("start") }

func (f *testFactory) StopFactory() {
	f.events.add("stop")
	if f.onStop != nil {
		f.onStop()
	}
}

func (f *testFactory) BuildProtocol(addr net.Addr) (reactor.Protocol, error) {
	f.events.add("build")
	return f.build(addr)
}

func (f *testFactory) StartedConnecting(c reactor.Connector) {
	f.events.add("connecting")
	if f.onStart != nil {
		f.onStart(c)
	}
}

func (f *testFactory) ClientConnectionFailed(c reactor.Connector, reason error) {
	f.events.add("failed")
	if f.onFailed != nil {
		f.onFailed(c, reason)
	}
	f.failed <- reason
}

func (f *testFactory) ClientConnectionLost(c reactor.Connector, reason error) {
	f.events.add("lost")
	if f.onLost != nil {
		f.onLost(c, reason)
	}
	f.lost <- reason
}

func TestR226_LogPrefix(t *testing.T) {
	if p := reactor.LogPrefix(newRecorder()); p != "recorder" {
		t.Error(p)
	}
	if p := reactor.LogPrefix(prefixed{}); p != "my own" {
		t.Error(p)
	}
}

type prefixed struct{}

func (prefixed) LogPrefix() string { return "my own" }

func TestR216_TheBaseProtocolDoesNothing(t *testing.T) {
	p := new(struct{ reactor.BaseProtocol })
	p.ConnectionMade()
	p.DataReceived(nil)
	p.ConnectionLost(nil)
	f := new(reactor.BaseClientFactory)
	f.StartFactory()
	f.StopFactory()
	f.StartedConnecting(nil)
	f.ClientConnectionFailed(nil, nil)
	f.ClientConnectionLost(nil, nil)
}

func TestR227_R233_BuildProtocol(t *testing.T) {
	made := newRecorder()
	f := reactor.ForProtocol(func() reactor.Protocol { return made })
	p, err := reactor.BuildFrom(f, nil)
	if p != reactor.Protocol(made) || err != nil || made.Factory() != f {
		t.Errorf("%v, %v, factory %v", p, err, made.Factory())
	}
	_, err = reactor.BuildFrom(reactor.ForProtocol(func() reactor.Protocol { return nil }), nil)
	wantErr(t, err, reactor.ErrNoProtocol)
	_, err = reactor.BuildFrom(reactor.ForProtocol(func() reactor.Protocol { panic(errTest) }), nil)
	wantErr(t, err, errTest)
}

func TestR231_DoStartAndDoStop(t *testing.T) {
	f := newFactory()
	reactor.DoStart(f)
	reactor.DoStart(f)
	reactor.DoStop(f)
	f.events.want(t, "start")
	reactor.DoStop(f)
	reactor.DoStop(f)
	f.events.want(t, "start", "stop")
	reactor.DoStart(f)
	f.events.want(t, "start", "stop", "start")
}

func TestR205_R207_Addresses(t *testing.T) {
	a := reactor.IPAddress{AddrPort: netip.MustParseAddrPort("127.0.0.1:80")}
	b := reactor.IPAddress{AddrPort: netip.MustParseAddrPort("127.0.0.1:80")}
	six := reactor.IPAddress{AddrPort: netip.MustParseAddrPort("[fe80::1%eth0]:80")}
	if a != b || a == six || a.Host() != "127.0.0.1" || a.Port() != 80 || six.Host() != "fe80::1%eth0" || six.String() != "[fe80::1%eth0]:80" {
		t.Errorf("%v, %v", a, six)
	}
	if keys := map[net.Addr]int{a: 1}; keys[b] != 1 || a.Network() != "tcp" {
		t.Error("not usable as a key")
	}
	if h := (reactor.HostnameAddress{Host: "example.org", Port: 22}); h.String() != "example.org:22" || h.Network() != "tcp" {
		t.Error(h)
	}
}

func TestR206_UNIXAddresses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	address := func(path string) reactor.UNIXAddress { return reactor.UNIXAddress{Path: path} }
	if !address(path).Same(address(link)) || address(path).Same(address(dir)) || !address("").Same(address("")) || address("").Same(address(path)) {
		t.Error("wrong idea of sameness")
	}
	if a := address(path); a.String() != path || a.Network() != "unix" {
		t.Error(a)
	}
}

func TestR208_Literals(t *testing.T) {
	for _, s := range []string{"1.2.3.4", "0.0.0.0"} {
		if !reactor.IsIPv4Address(s) || reactor.IsIPv6Address(s) {
			t.Error(s)
		}
	}
	for _, s := range []string{"::1", "fe80::1%eth0", "1:2::"} {
		if reactor.IsIPv4Address(s) || !reactor.IsIPv6Address(s) {
			t.Error(s)
		}
	}
	for _, s := range []string{"", ":", "1.2.3", "1.2.3.4%eth0", "1.2.3.4:5", "name", "1:::2"} {
		if reactor.IsIPv4Address(s) || reactor.IsIPv6Address(s) {
			t.Error(s)
		}
	}
}

func TestR209_R210_R211_R212_R213_ErrorTree(t *testing.T) {
	for _, row := range []struct {
		err  error
		is   []error
		not  []error
		text string
	}{
		{reactor.ErrConnectionDone, []error{reactor.ErrConnectionClosed}, []error{reactor.ErrConnectionLost}, "reactor: the connection was closed cleanly"},
		{reactor.ErrConnectionAborted, []error{reactor.ErrConnectionLost, reactor.ErrConnectionClosed}, []error{reactor.ErrConnectionDone}, "reactor: the connection was aborted locally"},
		{reactor.ErrFileDescriptorOverrun, []error{reactor.ErrConnectionLost}, nil, ""},
		{&reactor.ConnectionLostError{Err: syscall.EPIPE}, []error{reactor.ErrConnectionLost, reactor.ErrConnectionClosed, syscall.EPIPE}, []error{reactor.ErrConnectionDone},
			"reactor: the connection was lost: broken pipe"},
		{reactor.ErrConnectTimeout, []error{reactor.ErrUser, reactor.ErrConnect}, nil, ""},
		{&reactor.ConnectError{Address: "a:1", Kind: reactor.ErrConnectionRefused, Err: syscall.ECONNREFUSED},
			[]error{reactor.ErrConnectionRefused, reactor.ErrConnect, syscall.ECONNREFUSED}, []error{reactor.ErrUser},
			"reactor: the connection was refused: a:1: connection refused"},
		{&reactor.ConnectError{Address: "a:1", Kind: reactor.ErrConnectionRefused, Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}},
			[]error{syscall.ECONNREFUSED}, nil, "reactor: the connection was refused: a:1: connection refused"},
		{&reactor.ConnectError{Address: "a:1", Kind: reactor.ErrConnectTimeout}, []error{reactor.ErrUser}, nil, "reactor: the connection was not made in time: a:1"},
		{&reactor.DNSLookupError{Host: "h"}, []error{reactor.ErrUnknownHost, reactor.ErrConnect}, nil, `reactor: no address found for "h"`},
		{&reactor.DNSLookupError{Host: "h", Err: errTest}, []error{reactor.ErrUnknownHost, errTest}, nil, `reactor: looking up "h": failed as it should`},
		{&reactor.CannotListenError{Interface: "i", Port: 7, Err: syscall.EADDRINUSE}, []error{syscall.EADDRINUSE}, nil,
			"reactor: cannot listen on i port 7: address already in use"},
		{&reactor.ConnectingCancelledError{Address: reactor.HostnameAddress{Host: "h", Port: 1}}, []error{deferred.ErrCancelled, reactor.ErrConnect}, nil,
			"reactor: connecting to h:1 was cancelled"},
	} {
		for _, is := range row.is {
			if !errors.Is(row.err, is) {
				t.Errorf("%v is not %v", row.err, is)
			}
		}
		for _, not := range row.not {
			if errors.Is(row.err, not) {
				t.Errorf("%v is %v", row.err, not)
			}
		}
		if row.text != "" && row.err.Error() != row.text {
			t.Errorf("got  %s\nwant %s", row.err, row.text)
		}
	}
}

// panickyFactory panics in its first StartFactory.
type panickyFactory struct {
	reactor.BaseFactory
	starts, stops int
}

func (f *panickyFactory) StartFactory() {
	if f.starts++; f.starts == 1 {
		panic("not yet")
	}
}

func (f *panickyFactory) StopFactory() { f.stops++ }

func (f *panickyFactory) BuildProtocol(net.Addr) (reactor.Protocol, error) { return nil, nil }

// A use that did not begin does not count: the next one starts the factory.
func TestF44_StartFactoryAfterAPanic(t *testing.T) {
	n := startNet(t)
	f := new(panickyFactory)
	for i, fails := range []bool{true, false} {
		n.do(func() {
			port, err := n.r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
			if (err != nil) != fails {
				t.Errorf("attempt %d: %v", i, err)
			}
			if err == nil {
				port.StopListening()
			}
		})
	}
	n.do(func() {
		if f.starts != 2 || f.stops > 1 {
			t.Errorf("started %d times, stopped %d times", f.starts, f.stops)
		}
	})
}
