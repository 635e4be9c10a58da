package reactor_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// socketPair returns the two ends of a connection over a real socket. The
// second one closes with the test.
func socketPair(t *testing.T, network string) (near, far net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

// answerReads answers each read with as much as answer returns, and returns
// what it has read.
func answerReads(c net.Conn, answer func(n int) []byte) ([]byte, error) {
	defer c.Close()
	var got bytes.Buffer
	buf := make([]byte, 32<<10)
	for {
		n, err := c.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return got.Bytes(), err
		}
		if _, err := c.Write(answer(n)); err != nil {
			return got.Bytes(), err
		}
	}
}

// A peer that answers, while it reads, gets all that was written before
// LoseConnection.
func TestF42_LoseConnectionToAPeerThatAnswers(t *testing.T) {
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
	answers := map[string]func(n int) []byte{
		"a little":   func(int) []byte { return []byte("ok") },
		"everything": func(n int) []byte { return make([]byte, n) }, // who does not read meanwhile would wait for ever
	}
	for _, kind := range []string{"tcp", "tls", "unix"} {
		for name, answer := range answers {
			t.Run(kind+"/"+name, func(t *testing.T) {
				n := startNet(t)
				for range 4 {
					loseToAPeerThatAnswers(n, kind, sent, answer)
				}
			})
		}
	}
}

func loseToAPeerThatAnswers(n *netTest, kind string, sent []byte, answer func(n int) []byte) {
	n.Helper()
	network, opts, far := kind, reactor.AttachOptions{}, net.Conn(nil)
	if kind == "tls" {
		network = "tcp"
	}
	near, far := socketPair(n.T, network)
	if kind == "tls" {
		config, clientConfig := reactortest.TLSConfigs(n.T)
		opts = reactor.AttachOptions{TLS: config, Server: true}
		far = tls.Client(far, clientConfig)
	}
	p := newRecorder()
	p.onMade = func(p *recorder) {
		p.Transport().Write(sent)
		p.Transport().LoseConnection()
	}
	n.do(func() { _, _ = n.r.Attach(near, p, opts) })
	if got, err := answerReads(far, answer); !bytes.Equal(got, sent) || err != nil {
		n.Errorf("the peer got %d bytes of %d, %v", len(got), len(sent), err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
	n.do(func() { p.events.want(n.T, "made", "lost") })
}

// memConn is one end of a connection in memory, which works in a bubble of
// synctest. It has no deadlines.
type memConn struct {
	*io.PipeReader
	*io.PipeWriter
}

func memPair() (near, far memConn) {
	r1, w1 := io.Pipe()
	r2, w2 := io.Pipe()
	return memConn{r1, w2}, memConn{r2, w1}
}

func (c memConn) CloseWrite() error { return c.PipeWriter.Close() }

func (c memConn) Close() error {
	_ = c.PipeReader.Close()
	return c.PipeWriter.Close()
}

func (memConn) LocalAddr() net.Addr              { return reactor.UNIXAddress{Path: "here"} }
func (memConn) RemoteAddr() net.Addr             { return reactor.UNIXAddress{Path: "there"} }
func (memConn) SetDeadline(time.Time) error      { return nil }
func (memConn) SetReadDeadline(time.Time) error  { return nil }
func (memConn) SetWriteDeadline(time.Time) error { return nil }

// withoutCloseWrite hides the method.
type withoutCloseWrite struct{ net.Conn }

// closingTest is a connection in a bubble on which LoseConnection is called.
type closingTest struct {
	name string
	tls  bool
	near func(c memConn) net.Conn // what is attached; nil: the end itself

	lose   func(r *reactor.Reactor, p *halfCloser) // calls LoseConnection; nil: writes and calls it
	peer   func(far net.Conn)
	after  func(r *reactor.Reactor, p *halfCloser) // runs a second after the peer has got the data
	takes  time.Duration
	reason error
}

// ending lets the peer read up to the end, and then do something else.
func ending(then func(far net.Conn)) func(far net.Conn) {
	return func(far net.Conn) {
		_, _ = io.Copy(io.Discard, far)
		then(far)
	}
}

func silent(net.Conn) {}

// talk sends something every second, in the time of the bubble, until that
// fails.
func talk(far net.Conn) {
	for {
		if _, err := far.Write([]byte("x")); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func closeIt(far net.Conn) { _ = far.Close() }

var closingTests = []closingTest{
	{name: "a peer that closes", peer: ending(closeIt)},
	{name: "a peer that closes, over TLS", tls: true, peer: ending(closeIt)},
	{name: "a peer that is silent", peer: ending(silent), takes: reactor.LingerIdleTimeout},
	{name: "a peer that is silent, over TLS", tls: true, peer: ending(silent), takes: reactor.LingerIdleTimeout},
	{name: "a peer that talks", peer: ending(talk), takes: reactor.LingerTimeout},
	{name: "a peer that talks, over TLS", tls: true, peer: ending(talk), takes: reactor.LingerTimeout},
	{name: "a peer that cannot be told", near: func(c memConn) net.Conn { return withoutCloseWrite{c} },
		peer: func(far net.Conn) {
			_, _ = io.ReadFull(far, make([]byte, len("everything")))
			talk(far)
		}},
	{name: "a peer that has ended already", peer: func(far net.Conn) {
		_ = far.(memConn).CloseWrite()
		_, _ = io.Copy(io.Discard, far)
	}, lose: func(r *reactor.Reactor, p *halfCloser) {
		p.onReadLost = func(p *halfCloser) { p.Transport().LoseConnection() }
	}},
	{name: "abort", peer: ending(silent), takes: time.Second, reason: reactor.ErrConnectionAborted,
		after: func(r *reactor.Reactor, p *halfCloser) { p.Transport().AbortConnection() }},
	{name: "the reactor stops", peer: ending(silent), takes: time.Second,
		after: func(r *reactor.Reactor, p *halfCloser) { _ = r.Stop() }},
	{name: "a paused transport", peer: ending(closeIt), lose: func(r *reactor.Reactor, p *halfCloser) {
		p.Transport().PauseProducing()
		loseIt(r, p)
	}},
	{name: "a producer", peer: ending(silent), takes: 10*time.Second + reactor.LingerIdleTimeout,
		lose: func(r *reactor.Reactor, p *halfCloser) {
			_ = p.Transport().RegisterProducer(new(testProducer), true)
			loseIt(r, p)
			r.CallLater(10*time.Second, func() {
				p.Transport().Write([]byte("last"))
				p.Transport().UnregisterProducer()
			})
		}},
	{name: "after LoseWriteConnection", peer: ending(silent), takes: reactor.LingerIdleTimeout,
		lose: func(r *reactor.Reactor, p *halfCloser) {
			half(p).LoseWriteConnection()
			p.onWriteLost = func(p *halfCloser) { p.Transport().LoseConnection() }
		}},
	{name: "calls that come too late", peer: ending(silent), takes: reactor.LingerIdleTimeout,
		after: func(r *reactor.Reactor, p *halfCloser) {
			p.Transport().Write([]byte("dropped"))
			p.Transport().LoseConnection()
			half(p).LoseWriteConnection()
			prod := new(testProducer)
			_ = p.Transport().RegisterProducer(prod, true)
			if len(prod.events) != 1 {
				panic("the producer was not stopped")
			}
		}},
}

func loseIt(_ *reactor.Reactor, p *halfCloser) {
	p.Transport().Write([]byte("everything"))
	p.Transport().LoseConnection()
}

// LoseConnection waits for the peer's end, within limits, and says so once.
func TestF42_R260_R263_R265_R271_LoseConnectionWaitsForThePeer(t *testing.T) {
	for _, row := range closingTests {
		t.Run(row.name, func(t *testing.T) { synctest.Test(t, row.run) })
	}
}

func (row closingTest) run(t *testing.T) {
	nearEnd, farEnd := memPair()
	var near, far net.Conn = nearEnd, farEnd
	var opts reactor.AttachOptions
	if row.near != nil {
		near = row.near(nearEnd)
	}
	if row.tls {
		config, clientConfig := reactortest.TLSConfigs(t)
		opts = reactor.AttachOptions{TLS: config, Server: true}
		far = tls.Client(far, clientConfig)
	}
	if row.lose == nil {
		row.lose = loseIt
	}
	if row.reason == nil {
		row.reason = reactor.ErrConnectionDone
	}
	began, peerEnded := time.Now(), make(chan none)
	reactortest.Run(t, func(r *reactor.Reactor) {
		late := r.CallLater(time.Hour, func() { t.Error("never ended"); _ = r.Stop() })
		p := newHalfCloser()
		p.onLost = func(*recorder) {
			if got := time.Since(began); got != row.takes {
				t.Errorf("it took %v, want %v", got, row.takes)
			}
			_ = late.Cancel()
			if calls := r.GetDelayedCalls(); len(calls) > 0 {
				t.Errorf("left: %v", calls)
			}
			_ = r.Stop()
		}
		p.onMade = func(*recorder) { row.lose(r, p) }
		_, _ = r.Attach(near, p, opts)
		go func() { // ends with the connection
			defer close(peerEnded)
			row.peer(far)
		}()
		if row.after != nil {
			r.CallLater(time.Second, func() { row.after(r, p) })
		}
		t.Cleanup(func() {
			if len(p.lost) != 1 {
				t.Fatalf("%d ends", len(p.lost))
			}
			wantErr(t, <-p.lost, row.reason)
		})
	})
	if got := time.Since(began); got != row.takes {
		t.Errorf("the reactor stopped after %v, want %v", got, row.takes)
	}
	_ = far.Close()
	<-peerEnded
}

// LoseConnection right after StartTLS sends what was written before StartTLS.
func TestR356_F42_LoseConnectionRightAfterStartTLS(t *testing.T) {
	n := startNet(t)
	serverConfig, _ := reactortest.TLSConfigs(t)
	p := newRecorder()
	c := n.serve(p)
	n.do(func() {
		p.Transport().Write(chunks(tooMuch))
		wantErr(t, overTLS(p).StartTLS(serverConfig, true), nil)
		p.Transport().LoseConnection()
	})
	if got, err := readToEnd(c); len(got) != tooMuch || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
}

// What is written before the first iteration of the loop does not wait for the
// second.
func TestR250_WritingInTheStartup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memPair()
		reactortest.Run(t, func(r *reactor.Reactor) {
			p := newRecorder()
			p.onMade = func(p *recorder) { p.Transport().Write([]byte("hello")) }
			_, _ = r.Attach(near, p, reactor.AttachOptions{})
			go func() { // ends with the data
				_, _ = io.ReadFull(far, make([]byte, 5))
				_ = r.Stop()
			}()
		})
	})
}
