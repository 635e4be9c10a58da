package reactor_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

func TestF46_R302_AllInterfaces(t *testing.T) {
	n := startNet(t)
	for _, row := range []struct {
		iface    string
		families string
	}{{"", "46"}, {"::", "46"}, {"0.0.0.0", "4"}, {"::1", "6"}, {"127.0.0.1", "4"}, {"::ffff:127.0.0.1", "4"}} {
		f := newFactory()
		var port reactor.ListeningPort
		peers := make(chan string, 2)
		f.build = func(addr net.Addr) (reactor.Protocol, error) {
			peers <- addr.(reactor.IPAddress).Host()
			return newRecorder(), nil
		}
		n.do(func() {
			var err error
			if port, err = n.r.ListenTCP(0, f, reactor.ListenOptions{Interface: row.iface}); err != nil {
				t.Errorf("%q: %v", row.iface, err)
			}
		})
		if port == nil {
			continue
		}
		number := uint16(port.GetHost().(reactor.IPAddress).Port())
		for family, host := range map[string]string{"4": "127.0.0.1", "6": "::1"} {
			c, err := net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(host), number).String())
			if want := strings.Contains(row.families, family); (err == nil) != want {
				t.Errorf("%q, %s: %v", row.iface, host, err)
			}
			if err != nil {
				continue
			}
			if peer := within(t, peers); peer != host {
				t.Errorf("%q: the peer is %s", row.iface, peer)
			}
			c.Close()
		}
		wantErr(t, n.stopped(port), nil)
	}
}

func TestF44_R325_AdoptedListenersStartTheirFactory(t *testing.T) {
	n := startNet(t)
	newListener := func() *net.TCPListener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l.(*net.TCPListener)
	}
	f := newFactory()
	var port reactor.ListeningPort
	n.do(func() {
		port = n.adopt(newListener(), f)
		f.events.want(t, "start")
	})
	number := port.GetHost().(reactor.IPAddress).Port()
	wantErr(t, n.stopped(port), nil)
	n.do(func() {
		f.events.want(t, "start", "stop")
		wantCannotListen(t, port.StartListening(), "127.0.0.1", number)
		f.events.want(t, "start", "stop")
	})

	l := newListener()
	n.do(func() {
		port, err := n.r.Listen(l, &brokenFactory{})
		if port != nil {
			t.Errorf("got %v", port)
		}
		wantErr(t, err, errTest)
		wantCannotListen(t, err, "127.0.0.1", l.Addr().(*net.TCPAddr).Port)
	})
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

// brokenFactory cannot be started.
type brokenFactory struct{ reactor.BaseFactory }

func (f *brokenFactory) StartFactory() { panic(errTest) }

func (f *brokenFactory) BuildProtocol(net.Addr) (reactor.Protocol, error) { return nil, nil }

func wantCannotListen(t *testing.T, err error, iface string, port int) {
	t.Helper()
	e, ok := errors.AsType[*reactor.CannotListenError](err)
	if !ok || e.Interface != iface || e.Port != port || e.Err == nil || !strings.HasPrefix(err.Error(), "reactor: cannot listen on ") {
		t.Errorf("got %T: %v", err, err)
	}
}

// The errors of listening are of the type that the documentation names.
func TestF49_R211_ErrorsOfListening(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	n.do(func() {
		_, err := n.r.ListenTCP(70000, f, reactor.ListenOptions{})
		wantCannotListen(t, err, "::", 70000)
		_, err = n.r.ListenTCP(-1, f, reactor.ListenOptions{Interface: "127.0.0.1"})
		wantCannotListen(t, err, "127.0.0.1", -1)
		_, err = n.r.ListenTCP(0, f, reactor.ListenOptions{Interface: "localhost"})
		wantCannotListen(t, err, "localhost", 0)
		for _, config := range []*tls.Config{nil, {}} {
			_, err = n.r.ListenTLS(1, f, config, reactor.ListenOptions{Interface: "127.0.0.1"})
			wantCannotListen(t, err, "127.0.0.1", 1)
		}
		_, err = n.r.ListenTCP(0, &brokenFactory{}, reactor.ListenOptions{Interface: "127.0.0.1"})
		wantCannotListen(t, err, "127.0.0.1", 0)
		wantErr(t, err, errTest)
		f.events.want(t)

		port, err := n.r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
		wantErr(t, err, nil)
		wantCannotListen(t, port.StartListening(), "127.0.0.1", 0) // it listens
		port.StopListening()
		wantCannotListen(t, port.StartListening(), "127.0.0.1", 0) // it is not closed yet
	})
}

// The errors of connecting and of lookups are of the type that the
// documentation names.
func TestF49_R113_R323_ErrorsOfConnecting(t *testing.T) {
	n := startNet(t)
	dial := func(opts reactor.DialOptions) error {
		_, err := reactor.Await(t.Context(), n.r, func() deferred.Deferred[net.Conn] { return n.r.Dial("tcp", "127.0.0.1:9", opts) })
		return err
	}
	for name, row := range map[string]struct {
		opts reactor.DialOptions
		kind error
	}{
		"not an address":        {reactor.DialOptions{BindAddress: "not an address"}, reactor.ErrConnectBind},
		"not an address's port": {reactor.DialOptions{BindAddress: "127.0.0.1:x"}, reactor.ErrConnectBind},
		"nobody's address":      {reactor.DialOptions{BindAddress: "192.0.2.1"}, reactor.ErrConnectBind},
		"a panic":               {reactor.DialOptions{DialContext: panickingDial}, reactor.ErrConnect},
		"nothing":               {reactor.DialOptions{DialContext: emptyDial}, reactor.ErrConnect},
	} {
		err := dial(row.opts)
		if e, ok := errors.AsType[*reactor.ConnectError](err); !ok || e.Kind != row.kind || e.Err == nil {
			t.Errorf("%s: %T: %v", name, err, err)
		}
	}
	wantErr(t, dial(reactor.DialOptions{DialContext: panickingDial}), errTest)

	for _, host := range []string{"\xff.example", strings.Repeat("ü", 80)} {
		_, err := reactor.Await(t.Context(), n.r, func() deferred.Deferred[[]netip.Addr] { return n.r.Resolve("ip", host) })
		if e, ok := errors.AsType[*reactor.DNSLookupError](err); !ok || e.Host != host || e.Err == nil {
			t.Errorf("Resolve: %T: %v", err, err)
		}
		_, err = reactor.Await(t.Context(), n.r, func() deferred.Deferred[net.Conn] {
			return reactor.DialHost(n.r, "ip", host, 9, reactor.DialOptions{})
		})
		if _, ok := errors.AsType[*reactor.DNSLookupError](err); !ok {
			t.Errorf("DialHost: %T: %v", err, err)
		}
	}
}

// Whatever stage of DialHost is cancelled, the error is the same; and a timeout
// of the lookup is none of a cancellation.
func TestF49_R318_R366_CancelAndTimeoutOfDialHost(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		r.InstallResolver(stuckResolver{make(chan none)})
		want := reactor.HostnameAddress{Host: "host.example", Port: 9}
		d := reactor.DialHost(r, "ip", want.Host, want.Port, reactor.DialOptions{})
		d.Cancel()
		d.AddErrback(func(err error) (net.Conn, error) {
			if e, ok := errors.AsType[*reactor.ConnectingCancelledError](err); !ok || e.Address != want {
				t.Errorf("got %T: %v", err, err)
			}
			return nil, nil
		})
		r.InstallResolver(stuckResolver{make(chan none)})
		reactor.DialHost(r, "ip", want.Host, want.Port, reactor.DialOptions{Timeout: time.Second}).AddErrback(func(err error) (net.Conn, error) {
			if e, ok := errors.AsType[*reactor.ConnectError](err); !ok || e.Kind != reactor.ErrConnectTimeout || errors.Is(err, deferred.ErrCancelled) {
				t.Errorf("got %T: %v", err, err)
			}
			mustStop(t, r)
			return nil, nil
		})
	})
}

// starving is a listener that has no descriptor for a connection until it is
// fed. It ends a test that asks too often.
type starving struct {
	net.Listener
	t      *testing.T
	err    error
	most   int
	asked  int
	fed    atomic.Bool
	closed chan none
}

func (l *starving) Accept() (net.Conn, error) {
	if l.fed.Swap(false) {
		near, far := net.Pipe()
		far.Close()
		return near, nil
	}
	if l.asked++; l.asked > l.most {
		l.t.Errorf("Accept was called %d times", l.asked)
		return nil, net.ErrClosed
	}
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", l.err)}
	}
}

func (l *starving) Close() error   { close(l.closed); return nil }
func (l *starving) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }

// starvingTCP can be given a deadline, so that the port uses its spare
// descriptor, which does not help.
type starvingTCP struct{ *starving }

func (starvingTCP) SetDeadline(time.Time) error { return nil }

func TestF47_R310_APortWithoutDescriptorsWaits(t *testing.T) {
	for name, row := range map[string]struct {
		err      syscall.Errno
		deadline bool
	}{
		"no descriptor":              {syscall.EMFILE, false},
		"no descriptor, not a spare": {syscall.ENFILE, true},
		"a filter":                   {syscall.EPERM, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { starve(t, row.err, row.deadline) })
		})
	}
}

// starve runs a port for ten seconds without a descriptor, then for a while
// with one.
func starve(t *testing.T, err syscall.Errno, deadline bool) {
	r, log := newReactor(t)
	l := &starving{t: t, err: err, most: 700, closed: make(chan none)}
	var given net.Listener = l
	if deadline {
		given = starvingTCP{l}
	}
	p := newRecorder()
	r.CallWhenRunning(func() {
		if _, err := r.Listen(given, reactor.ForProtocol(func() reactor.Protocol { return p })); err != nil {
			t.Error(err)
		}
	})
	r.CallLater(10*time.Second, func() {
		wantLogged(t, log, "connections are refused", 1)
		wantLogged(t, log, "accepted again", 0)
		l.fed.Store(true)
	})
	// A connection in the middle of the trouble does not end it.
	r.CallLater(11*time.Second, func() { wantLogged(t, log, "accepted again", 0) })
	r.CallLater(12*time.Second, func() { mustStop(t, r) })
	mustRun(t, r)
	p.events.want(t, "made", "lost")
	wantLogged(t, log, "connections are refused", 0)
}

// recovering fails once, and accepts when it is told to.
type recovering struct {
	starving
	accept chan none
}

func (l *recovering) Accept() (net.Conn, error) {
	if l.asked++; l.asked == 1 {
		return nil, syscall.EMFILE
	}
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case <-l.accept:
		near, far := net.Pipe()
		far.Close()
		return near, nil
	}
}

func TestF47_TheEndOfTheTroubleIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newReactor(t)
		l := &recovering{starving{t: t, closed: make(chan none)}, make(chan none)}
		r.CallWhenRunning(func() {
			if _, err := r.Listen(l, reactor.ForProtocol(func() reactor.Protocol { return newRecorder() })); err != nil {
				t.Error(err)
			}
		})
		for i := range 3 {
			r.CallLater(time.Duration(2+i)*time.Second, func() { l.accept <- none{} })
		}
		r.CallLater(9*time.Second, func() { mustStop(t, r) })
		mustRun(t, r)
		wantLogged(t, log, "connections are refused", 1)
		wantLogged(t, log, "accepted again", 1)
	})
}

// A port that is stopped while it waits for descriptors stops at once.
func TestF47_StopWhileThePortWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		l := &starving{t: t, err: syscall.EMFILE, most: 700, closed: make(chan none)}
		r.CallWhenRunning(func() {
			port, err := r.Listen(l, newFactory())
			wantErr(t, err, nil)
			r.CallLater(time.Second+time.Millisecond, func() { // between two attempts
				began := r.Now()
				port.StopListening().AddCallback(func(v none) (none, error) {
					if d := r.Now().Sub(began); d != 0 {
						t.Errorf("after %v", d)
					}
					mustStop(t, r)
					return v, nil
				})
			})
		})
		mustRun(t, r)
	})
}

// A Listener that panics does not end the process, but the port.
func TestF47_AnAcceptThatPanics(t *testing.T) {
	n := startNet(t)
	n.do(func() { n.adopt(panickingListener{&starving{closed: make(chan none)}}, newFactory()) })
	n.waitFor("record", func() bool { return len(n.log.Take("accepting failed")) == 1 })
}

type panickingListener struct{ *starving }

func (panickingListener) Accept() (net.Conn, error) { panic(errTest) }

// What a factory returns instead of a protocol closes the connection and is
// reported.
func TestF49_R228_R230_ATypedNilProtocol(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	f.build = func(net.Addr) (reactor.Protocol, error) { return (*recorder)(nil), nil }
	port := n.listen(f)
	c := dialPlain(t, port)
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n.turns(1)
	wantLogged(t, n.log, "building a protocol failed", 1)

	client := newFactory()
	client.build = f.build
	n.connect(n.silent(), client, reactor.DialOptions{})
	if err := within(t, client.failed); err == nil {
		t.Error("no error")
	}
	wantLogged(t, n.log, "building a protocol failed", 1)
	n.do(func() { client.events.want(t, "start", "connecting", "build", "failed", "stop") })
}

func panickingDial(context.Context, string, string) (net.Conn, error) { panic(errTest) }

func emptyDial(context.Context, string, string) (net.Conn, error) { return nil, nil }
