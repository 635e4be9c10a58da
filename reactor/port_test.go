package reactor_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// dialPlain connects a plain socket to a port.
func dialPlain(t testing.TB, port interface{ GetHost() net.Addr }) net.Conn {
	t.Helper()
	c, err := net.Dial(port.GetHost().Network(), port.GetHost().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func recorders() func(net.Addr) (reactor.Protocol, error) {
	return func(net.Addr) (reactor.Protocol, error) { return newRecorder(), nil }
}

func TestR301_R302_R304_R312_ListenTCP(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	addrs := make(chan net.Addr, 2)
	f.build = func(addr net.Addr) (reactor.Protocol, error) {
		addrs <- addr
		return newRecorder(), nil
	}
	for _, iface := range []string{"127.0.0.1", "::1"} {
		var port reactor.ListeningPort
		n.do(func() {
			var err error
			if port, err = n.r.ListenTCP(0, f, reactor.ListenOptions{Interface: iface}); err != nil {
				t.Fatal(err)
			}
		})
		host := port.GetHost().(reactor.IPAddress)
		if host.Port() == 0 || host.Host() != iface {
			t.Errorf("listens on %v", host)
		}
		if s := fmt.Sprint(port); !strings.Contains(s, "testFactory") || !strings.Contains(s, host.String()) {
			t.Error(s)
		}
		c := dialPlain(t, port)
		if addr := within(t, addrs); addr.String() != c.LocalAddr().String() {
			t.Errorf("built for %v, not %v", addr, c.LocalAddr())
		}
	}
}

func TestR303_CannotListen(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	port := n.listen(reactor.ForProtocol(func() reactor.Protocol { return newRecorder() }))
	n.do(func() {
		number := port.GetHost().(reactor.IPAddress).Port()
		again, err := n.r.ListenTCP(number, f, reactor.ListenOptions{Interface: "127.0.0.1"})
		e, ok := errors.AsType[*reactor.CannotListenError](err)
		if again != nil || !ok || e.Port != number || e.Interface != "127.0.0.1" || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%v, %v", again, err)
		}
		f.events.want(t)
	})
}

// stopped stops a port and waits for it.
func (t *netTest) stopped(port reactor.ListeningPort) error {
	t.Helper()
	_, err := reactor.Await(t.Context(), t.r, port.StopListening)
	return err
}

func TestR305_R306_R308_StopAndStartListening(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	p := newRecorder()
	f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
	port := n.listen(f)
	c := dialPlain(t, port)
	n.waitFor("connection", p.Connected)
	got := make(chan result[none], 2)
	n.do(func() {
		for range 2 { // R306: both fire
			d := port.StopListening()
			if d.Called() {
				t.Error("fired inside the call")
			}
			d.AddBoth(func(v none, err error) (none, error) {
				f.events.want(t, "start", "build", "stop")
				got <- result[none]{v, err}
				return v, nil
			})
		}
	})
	wantErr(t, within(t, got).err, nil)
	wantErr(t, within(t, got).err, nil)
	wantErr(t, n.stopped(port), nil)
	if _, err := net.Dial("tcp", port.GetHost().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling a stopped port: %v", err)
	}
	send(t, c, "x") // the connection lives on
	n.waitFor("data", func() bool { return p.data.String() == "x" })
	n.do(func() {
		if s := fmt.Sprint(port); !strings.Contains(s, "closed") {
			t.Error(s)
		}
		wantErr(t, port.StartListening(), nil)
		if port.StartListening() == nil {
			t.Error("started twice")
		}
	})
	dialPlain(t, port)
	wantErr(t, n.stopped(port), nil)
}

func TestR307_APanicInStopFactory(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	f.build = recorders()
	f.onStop = func() { panic(errTest) }
	port := n.listen(f)
	wantErr(t, n.stopped(port), errTest)
	f.onStop = nil
	n.do(func() { wantErr(t, port.StartListening(), nil) })
	wantErr(t, n.stopped(port), nil)
}

func TestR228_R229_ServersThatRefuse(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	answers := []func() (reactor.Protocol, error){
		func() (reactor.Protocol, error) { return nil, nil },
		func() (reactor.Protocol, error) { return nil, errTest },
		func() (reactor.Protocol, error) { panic(errTest) },
	}
	i := 0
	f.build = func(net.Addr) (reactor.Protocol, error) { i++; return answers[i-1]() }
	port := n.listen(f)
	for range answers {
		c := dialPlain(t, port)
		if got, _ := io.ReadAll(c); len(got) > 0 {
			t.Errorf("got %q", got)
		}
	}
	n.do(func() {}) // the connection is closed before the record is written
	wantLogged(t, n.log, "building a protocol failed", 2)
}

func TestR309_StopFromBuildProtocol(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	p := newRecorder()
	port := n.listen(f)
	n.do(func() {
		f.build = func(net.Addr) (reactor.Protocol, error) {
			port.StopListening()
			return p, nil
		}
	})
	dialPlain(t, port)
	n.waitFor("stop", func() bool { return len(f.events) == 3 })
	n.do(func() {
		f.events.want(t, "start", "build", "stop")
		if !p.Connected() {
			t.Error("the connection is gone")
		}
	})
}

func TestR311_ManyConnectionsAtOnce(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	built := 0
	f.build = func(net.Addr) (reactor.Protocol, error) { built++; return newRecorder(), nil }
	port := n.listen(f)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() { dialPlain(t, port) })
	}
	wg.Wait()
	n.waitFor("200 connections", func() bool { return built == 200 })
}

// adopt calls Reactor.Listen. It must be called on the loop.
func (t *netTest) adopt(l net.Listener, f reactor.Factory) reactor.ListeningPort {
	t.Helper()
	port, err := t.r.Listen(l, f)
	if err != nil {
		t.Error(err)
	}
	return port
}

// failingListener fails a few times before it accepts.
type failingListener struct {
	net.Listener
	errs chan error
}

func (l *failingListener) Accept() (net.Conn, error) {
	select {
	case err := <-l.errs:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", err)}
	default:
		return l.Listener.Accept()
	}
}

func TestR310_R325_RunningOutOfDescriptors(t *testing.T) {
	n := startNet(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failing := &failingListener{l, make(chan error, 9)}
	for _, err := range []error{syscall.EMFILE, syscall.ECONNABORTED, syscall.ENFILE} {
		failing.errs <- err
	}
	p := newRecorder()
	f := newFactory()
	f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
	var port reactor.ListeningPort
	n.do(func() { port = n.adopt(failing, f) })
	dialPlain(t, port)
	n.waitFor("connection", p.Connected)
	wantLogged(t, n.log, "connections are refused", 1)
	n.do(func() { f.events.want(t, "start", "build") })
	wantErr(t, n.stopped(port), nil)
	n.do(func() { f.events.want(t, "start", "build", "stop") })
	n.do(func() {
		if port.StartListening() == nil {
			t.Error("a given listener was started again")
		}
	})
}

// A client is not refused if there is a free descriptor again.
func TestF47_R310_ADescriptorThatIsFreeAgain(t *testing.T) {
	n := startNet(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failing := &failingTCP{l.(*net.TCPListener), make(chan none, 1)}
	c, err := net.Dial("tcp", l.Addr().String()) // waits in the system's queue
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	failing.failOnce <- none{}
	p := newRecorder()
	n.do(func() { n.adopt(failing, reactor.ForProtocol(func() reactor.Protocol { return p })) })
	n.waitFor("connection", p.Connected)
	wantLogged(t, n.log, "connections are refused", 1)
}

// failingTCP fails once for want of descriptors; unlike failingListener it can
// be given a deadline.
type failingTCP struct {
	*net.TCPListener
	failOnce chan none
}

func (l *failingTCP) Accept() (net.Conn, error) {
	select {
	case <-l.failOnce:
		return nil, syscall.EMFILE
	default:
		return l.TCPListener.Accept()
	}
}

func TestAPortThatFails(t *testing.T) {
	n := startNet(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failing := &failingListener{l, make(chan error, 1)}
	failing.errs <- syscall.EINVAL
	var port reactor.ListeningPort
	n.do(func() { port = n.adopt(failing, newFactory()) })
	n.waitFor("end of the port", func() bool { return strings.Contains(fmt.Sprint(port), "closed") })
	wantLogged(t, n.log, "accepting failed", 1)
}

func TestR35_ShutdownClosesPorts(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	f.build = recorders()
	n.listen(f)
	stopped := make(chan none)
	f.onStop = func() { close(stopped) }
	_ = n.r.Stop()
	within(t, stopped)
}

func TestR112_R113_R117_R118_Resolve(t *testing.T) {
	n := startNet(t)
	resolve := func(network, host string) result[[]string] {
		return onLoop(t, n.r, func() deferred.Deferred[[]string] { return addressTexts(n.r.Resolve(network, host)) })
	}
	asked := make(chan string, 9)
	n.do(func() {
		old := n.r.InstallResolver(fakeResolver(func(network, host string) ([]string, error) {
			asked <- network + " " + host
			switch host {
			case "two.example":
				return []string{"192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1"}, nil
			case "xn--bcher-kva.example":
				return []string{"192.0.2.3"}, nil
			case "none.example":
				return nil, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}))
		if old != reactor.Resolver(net.DefaultResolver) {
			t.Errorf("the resolver was %v", old)
		}
	})
	for _, row := range []struct{ network, host, want, asked string }{
		{"ip", "", "0.0.0.0", ""},
		{"ip", "127.0.0.1", "127.0.0.1", ""},
		{"ip", "::1", "::1", ""},
		{"ip4", "two.example", "192.0.2.1 192.0.2.2 2001:db8::1", "ip4 two.example"},
		{"ip", "Bücher.example", "192.0.2.3", "ip xn--bcher-kva.example"},
	} {
		got := resolve(row.network, row.host)
		if strings.Join(got.v, " ") != row.want || got.err != nil {
			t.Errorf("%s: %v, %v", row.host, got.v, got.err)
		}
		if row.asked != "" && within(t, asked) != row.asked {
			t.Errorf("%s: asked for another name", row.host)
		}
	}
	for _, host := range []string{"none.example", "missing.example"} {
		e, ok := errors.AsType[*reactor.DNSLookupError](resolve("ip", host).err)
		if !ok || e.Host != host {
			t.Errorf("%s: %v", host, e)
		}
	}
	if _, err := reactor.ToASCII("bad\xff.example"); err == nil || !strings.Contains(err.Error(), `"bad\xff.example"`) {
		t.Errorf("got %v", err)
	}
}
