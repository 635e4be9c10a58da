package conch_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// windowSize is the number of bytes that a channel of x/crypto/ssh accepts
// while no one reads.
const windowSize = 2 << 20

// deaf is an Exec that reads nothing until the channel ends.
func deaf(_ string, ch gossh.Channel) uint32 {
	for {
		if _, err := ch.SendRequest("wait", true, nil); err != nil {
			return 0
		}
	}
}

// tappedConn is a net.Conn that reports when more than a window was written.
// Its writes can fail, or block until Close.
type tappedConn struct {
	net.Conn
	written       atomic.Int64
	full          chan struct{} // closed when more than a window was written
	broken, stuck atomic.Bool
	closed        chan struct{}
	once          sync.Once
}

func newTappedConn() *tappedConn {
	return &tappedConn{full: make(chan struct{}), closed: make(chan struct{})}
}

// tap makes the target use c.
func tapTo(to sshtest.Target, c *tappedConn) sshtest.Target {
	return to.Through(func(inner net.Conn) net.Conn {
		c.Conn = inner
		return c
	})
}

func (c *tappedConn) Write(p []byte) (int, error) {
	if c.stuck.Load() {
		<-c.closed
	}
	if c.broken.Load() {
		return 0, syscall.EPIPE
	}
	n, err := c.Conn.Write(p)
	if before := c.written.Add(int64(n)) - int64(n); before <= windowSize && before+int64(n) > windowSize {
		close(c.full)
	}
	return n, err
}

func (c *tappedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// TestChannel_AbortStuck: AbortConnection does not wait for a blocked write,
// even if LoseConnection waits for it: C-CONN-41.
func TestChannel_AbortStuck(t *testing.T) {
	for _, lose := range []bool{false, true} {
		t.Run("", func(t *testing.T) {
			r := sshtest.Start(t)
			_, to := sshtest.Embedded(t, conchtest.Options{Exec: deaf})
			tap := newTappedConn()
			conn := sshtest.Connect(t, r, tapTo(to, tap))
			c := sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) {
				conn.SendRequest(c, "exec", conch.NS("stuck"), true)
				c.Write(make([]byte, windowSize+1))
			})
			sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
			<-tap.full
			if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				if lose {
					c.LoseConnection()
				}
				c.AbortConnection()
				return c.Done
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestChannel_PausedEnd: a channel that is closed while it is paused ends
// without ResumeProducing, as other transports do. Its undelivered data is
// dropped.
func TestChannel_PausedEnd(t *testing.T) {
	for name, end := range map[string]func(c *sshtest.RecordingChannel){
		"abort": func(c *sshtest.RecordingChannel) { c.AbortConnection() },
		"lose":  func(c *sshtest.RecordingChannel) { c.LoseConnection() },
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
				_, _ = ch.Write(make([]byte, windowSize/2))
				_, _ = io.Copy(io.Discard, ch) // the end of the channel
				return 0
			}})
			conn := sshtest.Connect(t, r, to)
			var seen sshtest.Events
			answered := deferred.New[struct{}]()
			c := sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
				c.PauseProducing()
				conn.SendRequest(c, "exec", conch.NS("write"), true).AddCallback(func([]byte) ([]byte, error) {
					answered.Callback(struct{}{})
					return nil, nil
				})
			})
			if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				conn.OpenChannel(c)
				return answered
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				end(c)
				return c.Done
			}); err != nil {
				t.Error(err)
			}
			sshtest.OnLoop(t, r, func() {
				if seen[len(seen)-1] != "Closed" || strings.Contains(strings.Join(seen, " "), "DataReceived") {
					t.Errorf("events %.200q", seen)
				}
			})
		})
	}
}

// TestChannel_PausedKeepAlive: a paused channel answers keepalive requests, so
// the server keeps the connection.
func TestChannel_PausedKeepAlive(t *testing.T) {
	r := sshtest.Start(t)
	alive := make(chan error, 1)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		_, err := ch.SendRequest("keepalive@openssh.com", true, nil)
		alive <- err
		_, _ = io.Copy(io.Discard, ch) // the end of the channel
		return 0
	}})
	conn := sshtest.Connect(t, r, to)
	c := sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) {
		c.PauseProducing()
		conn.SendRequest(c, "exec", conch.NS("ask"), true)
	})
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	answered := deferred.New[error]()
	go func() { // ends with the channel
		err := <-alive
		r.CallFromThread(func() { answered.Callback(err) })
	}()
	if got, err := sshtest.Await(t, r, func() deferred.Deferred[error] { return answered }); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestChannel_WriteFails: all received data is delivered although writing to
// the connection fails.
func TestChannel_WriteFails(t *testing.T) {
	r := sshtest.Start(t)
	conns := make(chan gossh.Conn, 1)
	_, to := sshtest.Embedded(t, conchtest.Options{Connected: func(c gossh.Conn) { conns <- c }, Exec: func(_ string, ch gossh.Channel) uint32 {
		_, _ = ch.Write(make([]byte, windowSize/2))
		_, _, _ = (<-conns).SendRequest("written", false, nil)
		_, _ = io.Copy(io.Discard, ch) // the end of the channel
		return 0
	}})
	tap := newTappedConn()
	conn := sshtest.Connect(t, r, tapTo(to, tap))
	got := 0
	written := deferred.New[struct{}]()
	c := sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) {
		c.SetDataReceived(func(p []byte) { got += len(p) })
		c.PauseProducing()
		conn.SendRequest(c, "exec", conch.NS("write"), true)
	})
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OnGlobalRequest = func(string, []byte) deferred.Deferred[[]byte] {
			written.Callback(struct{}{})
			return deferred.Deferred[[]byte]{}
		}
		conn.OpenChannel(c)
		return written
	}); err != nil {
		t.Fatal(err)
	}
	tap.broken.Store(true)
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		c.ResumeProducing()
		return c.Done
	}); err != nil {
		t.Error(err)
	}
	sshtest.OnLoop(t, r, func() {
		if got != windowSize/2 || !errors.Is(c.CloseReason(), syscall.EPIPE) {
			t.Errorf("got %d bytes of %d; ended with %v", got, windowSize/2, c.CloseReason())
		}
	})
}

// TestConnection_Flood: a server that sends requests and reads no replies loses
// the connection.
func TestConnection_Flood(t *testing.T) {
	r := sshtest.Start(t)
	conns := make(chan gossh.Conn, 1)
	_, to := sshtest.Embedded(t, conchtest.Options{Connected: func(c gossh.Conn) { conns <- c }})
	tap := newTappedConn()
	conn := sshtest.Connect(t, r, tapTo(to, tap))
	lost := deferred.New[struct{}]()
	sshtest.OnLoop(t, r, func() { conn.Stopped = func() { lost.Callback(struct{}{}) } })
	tap.stuck.Store(true)
	server := <-conns
	var opening sync.WaitGroup
	for range 2000 {
		opening.Go(func() { _, _, _ = server.OpenChannel("x", nil) }) // ends with the connection
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return lost }); err != nil {
		t.Error(err)
	}
	sshtest.OnLoop(t, r, conn.LoseConnection)
	opening.Wait()
}

// TestAuth_BannerFlood: of a long banner a limited part is shown, and the login
// continues: C-AUTH-20.
func TestAuth_BannerFlood(t *testing.T) {
	r := sshtest.Start(t)
	const piece = 5000
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		var pre gossh.ServerPreAuthConn
		c.PreAuthConnCallback = func(conn gossh.ServerPreAuthConn) { pre = conn }
		check := c.PublicKeyCallback
		c.PublicKeyCallback = func(who gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
			for _, text := range []string{strings.Repeat("x", piece), "", "y"} {
				for range 100 {
					if err := pre.SendAuthBanner(text); err != nil {
						return nil, err
					}
				}
			}
			return check(who, key)
		}
	}})
	ui := &sshtest.ScriptedUI{}
	to.Options.UI = ui
	sshtest.Connect(t, r, to)
	sshtest.OnLoop(t, r, func() {
		all := strings.Join(ui.Warned, "")
		if len(ui.Warned) > 64 || len(all) < piece || len(all) > 64<<10 {
			t.Errorf("%d texts of %d bytes", len(ui.Warned), len(all))
		}
	})
}

// TestNetConn_WriteOnLoop: a Write on the loop does not wait for a blocked
// Write of another goroutine.
func TestNetConn_WriteOnLoop(t *testing.T) {
	r := sshtest.Start(t)
	s, to := sshtest.Embedded(t, conchtest.Options{Exec: deaf})
	tap := newTappedConn()
	c := openStream(t, r, sshtest.Connect(t, r, tapTo(to, tap)), client.Command{Line: "stuck"})
	waiting := make(chan error, 1)
	go func() { // ends with the connection
		_, err := c.Write(make([]byte, 8*windowSize))
		waiting <- err
	}()
	<-tap.full
	got := make(chan error, 1)
	r.CallFromThread(func() {
		_, err := c.Write([]byte("x"))
		got <- err
	})
	if err := <-got; !errors.Is(err, reactor.ErrOnLoop) {
		t.Errorf("got %v", err)
	}
	s.CloseConnections()
	if err := <-waiting; !errors.Is(err, conch.ErrConnectionLost) {
		t.Errorf("got %v", err)
	}
}

// TestChannel_WriteNew: before OpenChannel more than HighWater bytes can be
// written to a channel: C-CHAN-16.
func TestChannel_WriteNew(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Echo})
	conn := sshtest.Connect(t, r, to)
	want := bytes.Repeat([]byte("early"), conch.HighWater)
	var got []byte
	c := sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) {
		c.SetDataReceived(func(p []byte) { got = append(got, p...) })
		conn.SendRequest(c, "exec", conch.NS("echo"), true)
		conn.SendEOF(c)
	})
	c.Write(want[:conch.HighWater+1])
	c.Write(want[conch.HighWater+1:])
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(c)
		return c.Done
	}); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

// spentChannel answers requests with a stale Deferred.
type spentChannel struct{ sshtest.RecordingChannel }

func (c *spentChannel) RequestReceived(string, []byte) deferred.Deferred[bool] {
	d := deferred.Succeed(true)
	deferred.Then(d, func(bool) (string, error) { return "", nil })
	return d
}

// TestChannel_SpentAnswer: a hook that returns a stale Deferred closes the
// channel, as a panic does.
func TestChannel_SpentAnswer(t *testing.T) {
	r := sshtest.Start(t)
	conn, server := sshtest.Peered(t, r)
	c := &spentChannel{*sshtest.NewChannel(&sshtest.Events{}, nil)}
	sshtest.OnLoop(t, r, func() {
		conn.OnChannel = func(string, []byte) deferred.Deferred[conch.Channel] { return deferred.Succeed[conch.Channel](c) }
	})
	ch, requests, err := server.OpenChannel("mine", nil)
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	if granted, _ := ch.SendRequest("ask", true, nil); granted {
		t.Error("the request was granted")
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return c.Done }); err != nil {
		t.Error(err)
	}
}

// panickyFactory builds protocols whose ConnectionMade panics.
type panickyFactory struct{ reactor.BaseFactory }

func (*panickyFactory) BuildProtocol(net.Addr) (reactor.Protocol, error) {
	return &panickyProtocol{}, nil
}

type panickyProtocol struct{ reactor.BaseProtocol }

func (*panickyProtocol) ConnectionMade() { panic(io.ErrNoProgress) }

// TestCommandEndpoint_Panic: Connect returns the error of a panic in
// ConnectionMade.
func TestCommandEndpoint_Panic(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	conn := sshtest.Connect(t, r, to)
	_, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.Protocol] {
		return client.ExistingConnection(conn, "cat").Connect(&panickyFactory{})
	})
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}
