package client_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// fault describes how a connection fails. After a number of bytes in one
// direction, it is cut, or stalls until it is closed.
type fault struct {
	in, out int64 // bytes before the fault: from the server and to the server
	stall   bool
}

const unlimited = 1 << 40

// faultyConn is a net.Conn with a fault.
type faultyConn struct {
	net.Conn
	stall   bool
	in, out atomic.Int64 // bytes before the fault
	met     *atomic.Bool // set when the fault has happened
	once    sync.Once
	closed  chan struct{}
}

func (f fault) on(c net.Conn, met *atomic.Bool) *faultyConn {
	faulty := &faultyConn{Conn: c, stall: f.stall, met: met, closed: make(chan struct{})}
	faulty.in.Store(f.in)
	faulty.out.Store(f.out)
	return faulty
}

func (c *faultyConn) fail() error {
	c.met.Store(true)
	if c.stall {
		<-c.closed
	}
	c.Close()
	return io.EOF
}

func (c *faultyConn) Read(p []byte) (int, error) {
	left := c.in.Load()
	if left <= 0 {
		return 0, c.fail()
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.in.Add(-int64(n))
	return n, err
}

func (c *faultyConn) Write(p []byte) (int, error) {
	left := c.out.Load()
	n, err := c.Conn.Write(p[:min(int64(len(p)), left)])
	c.out.Add(-int64(n))
	switch {
	case err != nil || n == len(p):
		return n, err
	case c.stall: // the remaining bytes stay in the socket's buffer
		c.met.Store(true)
		return len(p), nil
	}
	return n, c.fail()
}

func (c *faultyConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// everything is a session with one operation of each kind that can wait.
type everything struct {
	sshtest.PlainConnection
	t        *testing.T
	fault    fault
	waiting  map[string]int // for each operation: 1 while it waits, 0 after it has fired
	failures int
	done     deferred.Deferred[int] // fires when no operation waits
}

// run starts the session. The Deferred fires with the number of failed
// operations.
func (e *everything) run(r *reactor.Reactor, to sshtest.Target) deferred.Deferred[int] {
	e.waiting, e.done = map[string]int{"connect": 1}, deferred.New[int]()
	e.OnGlobalRequest = func(string, []byte) deferred.Deferred[[]byte] { return deferred.Succeed[[]byte](nil) }
	expect(e, "connect", to.Connect(r, e).AddCallback(func(struct{}) (struct{}, error) {
		expect(e, "exec", client.Exec(e, "cat", []byte("hello")))
		expect(e, "global request", e.SendGlobalRequest("g", []byte("x"), true).AddErrback(refusedIsFine))
		expect(e, "dial", forward.Dial(e, "tcp", "127.0.0.1:1").AddErrback(refusedDial))
		expect(e, "listen", forward.Listen(e, "tcp", "127.0.0.1:0"))
		s := client.NewClientSession(client.Command{Line: "shell", Terminal: &client.Terminal{Term: "vt100"}, Env: [][2]string{{"A", "B"}}})
		e.OpenChannel(s)
		expect(e, "session start", s.Started().AddErrback(refusedStart))
		expect(e, "session end", s.Finished().AddErrback(refusedStart))
		return struct{}{}, nil
	}))
	return e.done
}

// expect registers d as an operation. A failure of d must be ErrConnectionLost
// or a *ConnectError.
func expect[T any](e *everything, what string, d deferred.Deferred[T]) {
	e.waiting[what] = 1
	d.AddBoth(func(v T, err error) (none T, _ error) {
		if e.waiting[what]--; e.waiting[what] < 0 {
			e.t.Errorf("%+v: %s fired twice", e.fault, what)
		}
		if _, setUp := errors.AsType[*client.ConnectError](err); err != nil && !setUp && !errors.Is(err, conch.ErrConnectionLost) {
			e.t.Errorf("%+v: %s: %v", e.fault, what, err)
		}
		if err != nil {
			e.failures++
		}
		for _, n := range e.waiting {
			if n > 0 {
				return none, nil
			}
		}
		e.LoseConnection()
		e.done.Callback(e.failures)
		return none, nil
	})
}

func refusedIsFine(err error) ([]byte, error) {
	if errors.Is(err, conch.ErrRequestRefused) {
		return nil, nil
	}
	return nil, err
}

func refusedStart(err error) (none struct{}, _ error) {
	if errors.Is(err, conch.ErrRequestRefused) {
		return none, nil
	}
	return none, err
}

func refusedDial(err error) (*reactor.NetConn, error) {
	if refused, ok := errors.AsType[*conch.ConchError](err); ok && refused.Data == conch.OpenConnectFailed {
		return nil, nil
	}
	return nil, err
}

// brief makes the key exchange short. It has one algorithm of each kind.
var brief = gossh.Config{KeyExchanges: []string{gossh.KeyExchangeCurve25519}, Ciphers: []string{gossh.CipherAES128GCM}, MACs: []string{gossh.HMACSHA256}}

func briefly(to sshtest.Target) sshtest.Target {
	to.Options.KeyExchanges, to.Options.Ciphers, to.Options.MACs = brief.KeyExchanges, brief.Ciphers, brief.MACs
	return to
}

// TestEveryByte_Cut cuts the connection of a session after every byte in each
// direction. Each operation fires once, with a named error, and no goroutine is
// left. The race detector tests a random sample of the bytes.
func TestEveryByte_Cut(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{
		Exec: sshtest.Shell, Forwarding: true,
		Config:    func(c *gossh.ServerConfig) { c.Config = brief },
		Connected: func(c gossh.Conn) { _, _, _ = c.SendRequest("hello", true, nil) }, // an error means that the connection has ended
	})
	everyByte(t, r, briefly(to), false, 17)
}

// TestEveryByte_Stall is TestEveryByte_Cut with connections that stall until
// the time limits end them. It uses the fake time of synctest.
func TestEveryByte_Stall(t *testing.T) {
	host, err := conchtest.NewKeyFile(filepath.Join(t.TempDir(), "host"))
	if err != nil {
		t.Fatal(err)
	}
	_, to := sshtest.Embedded(t, conchtest.Options{HostKey: host})
	to.Options.Timeout = sshtest.Patience / 3
	to.Options.ServerAliveInterval, to.Options.ServerAliveCountMax = sshtest.Patience/15, 1
	synctest.Test(t, func(t *testing.T) {
		s := &memServer{}
		s.config.Config, s.config.NoClientAuth = brief, true
		s.config.AddHostKey(host)
		to := briefly(to)
		to.Options.UI = sshtest.NoUI{T: t}
		to.Options.Dial = func(context.Context, string, string) (net.Conn, error) { return s.dial(), nil }
		everyByte(t, sshtest.Start(t), to, true, 17)
		s.work.Wait()
	})
}

// memServer is an in-memory server in the bubble of a synctest test.
type memServer struct {
	config gossh.ServerConfig
	work   sync.WaitGroup // the goroutines; they end with the connections
}

func (s *memServer) dial() net.Conn {
	ours, theirs := sshtest.MemPipe()
	s.work.Go(func() {
		defer ours.Close()
		conn, channels, requests, err := gossh.NewServerConn(ours, &s.config)
		if err != nil {
			return
		}
		s.work.Go(func() { _, _, _ = conn.SendRequest("hello", true, nil) }) // an error means that the connection has ended
		s.work.Go(func() {
			for req := range requests {
				_ = req.Reply(req.Type == "tcpip-forward", []byte{0, 0, 1, 1}) // an error means that the connection has ended
			}
		})
		for offered := range channels {
			s.work.Go(func() { s.channel(offered) })
		}
	})
	return theirs
}

// channel accepts a session and its exec request, and echoes the input. It
// refuses all other requests.
func (s *memServer) channel(offered gossh.NewChannel) {
	if offered.ChannelType() != "session" {
		_ = offered.Reject(gossh.ConnectionFailed, "refused") // an error means that the connection has ended
		return
	}
	ch, requests, err := offered.Accept()
	if err != nil {
		return
	}
	for req := range requests {
		_ = req.Reply(req.Type == "exec", nil) // an error means that the connection has ended
		if req.Type == "exec" {
			s.work.Go(func() {
				_, _ = io.Copy(ch, ch)
				_, _ = ch.SendRequest("exit-status", false, conch.PackRequestExitStatus(0)) // an error means that the connection has ended
				ch.Close()
			})
		}
	}
}

// everyByte runs a session for every byte. With the race detector it tests one
// byte in stride.
func everyByte(t *testing.T, r *reactor.Reactor, to sshtest.Target, stall bool, stride int64) {
	passed := measured(t, r, to)
	offset := int64(0)
	if sshtest.RaceDetector || testing.Short() {
		offset = rand.Int64N(stride)
	} else {
		stride = 1
	}
	var points []fault
	for n := offset; n < max(passed.in, passed.out); n += stride {
		if n < passed.in {
			points = append(points, fault{n, unlimited, stall})
		}
		if n < passed.out {
			points = append(points, fault{unlimited, n, stall})
		}
	}
	missed := faults(t, r, to, points)
	t.Logf("%d faults, %d of them behind the end of the session", len(points), len(missed))
	if len(missed) > 5+len(points)/50 { // a session may be a few bytes shorter than the measured one
		t.Errorf("faults that were not met: %+v", missed)
	}
}

// measured runs a session without a fault and returns the number of bytes in
// each direction.
func measured(t *testing.T, r *reactor.Reactor, to sshtest.Target) fault {
	t.Helper()
	f := fault{in: unlimited, out: unlimited}
	var c *faultyConn
	whole := to.Through(func(conn net.Conn) net.Conn {
		c = f.on(conn, new(atomic.Bool))
		return c
	})
	if n, err := sshtest.Await(t, r, func() deferred.Deferred[int] { return (&everything{t: t}).run(r, whole) }); n != 0 || err != nil {
		t.Fatalf("%d failures in an undisturbed session, %v", n, err)
	}
	return fault{in: f.in - c.in.Load(), out: f.out - c.out.Load()}
}

// faults runs a session for each fault, many concurrently. It returns the
// faults that did not happen.
func faults(t *testing.T, r *reactor.Reactor, to sshtest.Target, points []fault) (missed []fault) {
	queue, unmet := make(chan fault), make(chan fault, len(points))
	var work sync.WaitGroup
	for range 128 {
		work.Go(func() { // ends when queue is closed
			for f := range queue {
				var met atomic.Bool
				faulty := to.Through(func(c net.Conn) net.Conn { return f.on(c, &met) })
				if _, err := sshtest.Await(t, r, func() deferred.Deferred[int] { return (&everything{t: t, fault: f}).run(r, faulty) }); err != nil {
					t.Errorf("%+v: %v", f, err)
				}
				if !met.Load() {
					unmet <- f
				}
			}
		})
	}
	for _, f := range points {
		queue <- f
	}
	close(queue)
	work.Wait()
	close(unmet)
	for f := range unmet {
		missed = append(missed, f)
	}
	return missed
}
