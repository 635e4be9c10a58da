package reactor_test

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// Disconnect works from the first moment of a connection, where its protocol is
// built or told.
func TestR321_DisconnectWhileTheConnectionIsMade(t *testing.T) {
	for _, at := range []string{"BuildProtocol", "ConnectionMade"} {
		t.Run(at, func(t *testing.T) {
			n := startNet(t)
			f, p := newFactory(), newRecorder()
			var connector reactor.Connector
			f.onStart = func(c reactor.Connector) { connector = c }
			f.build = func(net.Addr) (reactor.Protocol, error) {
				if at == "BuildProtocol" {
					connector.Disconnect()
				}
				return p, nil
			}
			p.onMade = func(*recorder) {
				if at == "ConnectionMade" {
					connector.Disconnect()
				}
			}
			n.connect(n.silent(), f, reactor.DialOptions{})
			wantErr(t, within(t, f.lost), reactor.ErrConnectionDone)
			n.do(func() { p.events.want(t, "made", "lost") })
		})
	}
}

// A connection over which TLS cannot even begin has failed.
func TestR234_ConnectTLSWithoutAName(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	f.build = recorders()
	_, client := reactortest.TLSConfigs(t)
	client.ServerName = ""
	port := n.silent().GetHost().(reactor.IPAddress).Port()
	n.do(func() { n.r.ConnectTLS("", port, f, client, reactor.DialOptions{}) })
	if err := within(t, f.failed); err == nil {
		t.Error("no error")
	}
	n.do(func() { f.events.want(t, "start", "connecting", "build", "failed", "stop") })
}

// A port that no port has is an error, and not another port.
func TestR317_PortsOutOfRange(t *testing.T) {
	n := startNet(t)
	dialled := make(chan string, 9)
	opts := reactor.DialOptions{DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
		dialled <- address
		return nil, errors.New("not dialled")
	}}
	for _, port := range []int{-1, 65536, 65536 + 22} {
		for _, opts := range []reactor.DialOptions{{}, opts} {
			_, err := reactor.BlockingCallFromThread(n.r, func() deferred.Deferred[net.Conn] {
				return reactor.DialHost(n.r, "ip", "127.0.0.1", port, opts)
			})
			wantErr(t, err, reactor.ErrConnect)
		}
	}
	select {
	case to := <-dialled:
		t.Errorf("dialled %s", to)
	default:
	}
}

// What befalls one connection before it is accepted does not end the port.
func TestR310_ErrorsOfOneConnection(t *testing.T) {
	n := startNet(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	errs := []error{syscall.EPERM, syscall.ECONNABORTED, syscall.EPROTO, syscall.ENETDOWN, syscall.EHOSTUNREACH}
	failing := &failingListener{l, make(chan error, len(errs))}
	for _, err := range errs {
		failing.errs <- err
	}
	f := newFactory()
	p := newRecorder()
	f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
	n.do(func() { n.adopt(failing, f) })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, "x")
	c.Close()
	n.wantReason(p, reactor.ErrConnectionDone)
}

// A stop that was asked for stays asked for, also if the loop then crashes
// (R4).
func TestR4_CrashAfterStop(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, n.adder("shutdown"))
	r.CallWhenRunning(func() {
		mustStop(t, r)
		wantErr(t, r.Crash(), nil)
	})
	mustRun(t, r)
	n.want(t)
	wantErr(t, r.Run(), reactor.ErrReactorNotRestartable)
	wantErr(t, r.Stop(), reactor.ErrReactorNotRunning)
	wantErr(t, r.Crash(), reactor.ErrReactorNotRunning)
	if r.CallFromThread(func() {}) {
		t.Error("CallFromThread")
	}
	wantErr(t, r.CallInThread(func() {}), reactor.ErrThreadPoolStopped)
}

// A NetConn that was closed reads nothing more, whatever is there.
func TestR537_ReadAfterClose(t *testing.T) {
	n := startNet(t)
	c := reactor.NewNetConn(n.r)
	peer := n.serve(c)
	send(t, peer, "unread")
	n.waitFor("data", func() bool { return true })
	one := make([]byte, 1)
	if _, err := io.ReadFull(c, one); err != nil {
		t.Fatal(err)
	}
	wantErr(t, c.Close(), nil)
	if k, err := c.Read(one); k != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %d, %v", k, err)
	}
	if _, err := c.Write(one); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestR81_NilFunctionForAThread(t *testing.T) {
	r, _ := newReactor(t)
	wantPanic(t, "CallInThread", func() { _ = r.CallInThread(nil) })
}
