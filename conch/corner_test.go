package conch_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// accept accepts the next channel of the peer.
func (p *rawPeer) accept(t *testing.T) (gossh.Channel, <-chan *gossh.Request) {
	t.Helper()
	offered, ok := <-p.channels
	if !ok {
		t.Fatal("the connection has ended")
	}
	ch, requests, err := offered.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return ch, requests
}

// ended waits for the end of a channel, and returns the reason.
func ended(t *testing.T, r *reactor.Reactor, c conch.Channel) error {
	t.Helper()
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return c.(interface {
			WhenClosed() deferred.Deferred[struct{}]
		}).WhenClosed()
	})
	return err
}

// TestChannel_AbortBeforeOpen: a channel that is aborted while it is being
// opened is closed when the peer has opened it.
func TestChannel_AbortBeforeOpen(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	var seen sshtest.Events
	c := sshtest.NewChannel(&seen, nil)
	sshtest.OnLoop(t, r, func() {
		c.Write([]byte("dropped"))
		conn.OpenChannel(c)
		c.AbortConnection()
	})
	ch, requests := peer.accept(t)
	for range requests { // a hanging test fails
	}
	ch.Close()
	if err := ended(t, r, c); err != nil {
		t.Error(err)
	}
}

// TestF36_ReasonWhileOpening: the reason why a connection broke is not replaced
// by what x/crypto/ssh says about a channel that was being opened.
func TestF36_ReasonWhileOpening(t *testing.T) {
	r := sshtest.Start(t)
	n := 100
	if long && !sshtest.RaceDetector {
		n = 5000
	}
	for range n {
		var wire *brokenConn
		conn := &sshtest.PlainConnection{}
		peer := newRawPeer(t, r, conn, func(c net.Conn) net.Conn {
			wire = &brokenConn{Conn: c}
			return wire
		})
		peer.answerAll()
		var seen sshtest.Events
		c := sshtest.NewChannel(&seen, nil)
		sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
		<-peer.channels
		wire.broken.Store(true)
		_, _, _ = peer.SendRequest("spoiled", false, nil)
		err := ended(t, r, c)
		if err == nil || strings.Contains(err.Error(), "unexpected packet") || !errors.Is(err, conch.ErrConnectionLost) {
			t.Fatalf("the channel ended with %v", err)
		}
	}
}

// TestConnection_AbortTellsNothing: after AbortConnection of the connection the
// channels get no data and no end-of-file.
func TestConnection_AbortTellsNothing(t *testing.T) {
	r := sshtest.Start(t)
	for i := range 50 {
		conn := &sshtest.PlainConnection{}
		peer := newRawPeer(t, r, conn, nil)
		peer.answerAll()
		var seen sshtest.Events
		open := make(chan struct{})
		c := sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
			if i%2 == 0 {
				c.PauseProducing()
			}
			close(open)
		})
		sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
		ch, requests := peer.accept(t)
		go gossh.DiscardRequests(requests) // ends with the channel
		<-open
		if i%2 == 0 {
			if _, err := ch.Write(make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
		}
		sshtest.OnLoop(t, r, func() { conn.Transport().AbortConnection() })
		if err := ended(t, r, c); !errors.Is(err, conch.ErrClosedLocally) {
			t.Errorf("ended with %v", err)
		}
		sshtest.OnLoop(t, r, func() {
			if want := (sshtest.Events{`ChannelOpen ""`, "Closed"}); !slices.Equal(seen, want) {
				t.Errorf("%d: events %.200q", i, seen)
			}
		})
	}
}

// TestChannel_LateProtocol: a protocol that is connected to a channel that has
// ended is told so.
func TestChannel_LateProtocol(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	c := sshtest.NewChannel(&sshtest.Events{}, nil)
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	ch, requests := peer.accept(t)
	go gossh.DiscardRequests(requests) // ends with the channel
	ch.Close()
	if err := ended(t, r, c); err != nil {
		t.Fatal(err)
	}
	var stream *reactor.NetConn
	sshtest.OnLoop(t, r, func() { stream = c.NetConn() })
	if n, err := stream.Read(make([]byte, 1)); n != 0 || err != io.EOF { // a hanging test fails
		t.Errorf("Read returned %d, %v", n, err)
	}
}

// TestConnection_ChannelUsedTwice: a channel that cannot be used refuses the
// peer's opening.
func TestConnection_ChannelUsedTwice(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	c := sshtest.NewChannel(&sshtest.Events{}, nil)
	later := deferred.New[conch.Channel]()
	sshtest.OnLoop(t, r, func() {
		conn.HandleChannel("now", func([]byte) deferred.Deferred[conch.Channel] { return deferred.Succeed[conch.Channel](c) })
		conn.HandleChannel("nil", func([]byte) deferred.Deferred[conch.Channel] {
			return deferred.Succeed[conch.Channel]((*sshtest.RecordingChannel)(nil))
		})
		conn.HandleChannel("later", func([]byte) deferred.Deferred[conch.Channel] {
			r.CallLater(0, func() { later.Callback(c) })
			return later
		})
	})
	_, requests, err := peer.OpenChannel("now", nil)
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	for _, name := range []string{"now", "nil", "later"} {
		_, _, err := peer.OpenChannel(name, nil) // a hanging test fails
		if _, refused := errors.AsType[*gossh.OpenChannelError](err); !refused {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestF31_PausedClosedLost: a paused channel that the peer has closed ends when
// the connection is lost. Data was dropped, so it does not end in the normal
// way.
func TestF31_PausedClosedLost(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	var seen sshtest.Events
	open := make(chan struct{})
	c := sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
		c.PauseProducing()
		close(open)
	})
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	ch, requests := peer.accept(t)
	go gossh.DiscardRequests(requests) // ends with the channel
	<-open
	if _, err := ch.Write([]byte("unread")); err != nil {
		t.Fatal(err)
	}
	ch.Close()
	other := sshtest.NewChannel(&sshtest.Events{}, nil)
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(other) })
	second, requests := peer.accept(t)
	go gossh.DiscardRequests(requests) // ends with the channel
	second.Close()
	if err := ended(t, r, other); err != nil { // the close of the first has been proven as well
		t.Fatal(err)
	}
	peer.Close()
	if err := ended(t, r, c); !errors.Is(err, conch.ErrConnectionLost) { // a hanging test fails
		t.Errorf("ended with %v", err)
	}
	sshtest.OnLoop(t, r, func() {
		if want := (sshtest.Events{`ChannelOpen ""`, "Closed"}); !slices.Equal(seen, want) {
			t.Errorf("events %.200q", seen)
		}
	})
}

// TestF35_DroppedIsNotEOF: a stream that loses data with the connection does not
// end with a clean end-of-file, although the peer had sent one.
func TestF35_DroppedIsNotEOF(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	opened := make(chan *reactor.NetConn, 1)
	c := sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) { opened <- c.NetConn() })
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	ch, requests := peer.accept(t)
	go gossh.DiscardRequests(requests) // ends with the channel
	stream := <-opened
	const sent = reactor.NetConnBuffer + 50<<10
	if _, err := ch.Write(make([]byte, sent)); err != nil {
		t.Fatal(err)
	}
	if err := ch.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	proven := deferred.New[struct{}]()
	sshtest.OnLoop(t, r, func() { r.CallLater(conch.EOFGrace, func() { provenThen(conn, proven) }) })
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return proven }); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	if err := ended(t, r, c); !errors.Is(err, conch.ErrConnectionLost) {
		t.Errorf("ended with %v", err)
	}
	n, err := io.Copy(io.Discard, stream)
	if n < sent && err == nil {
		t.Errorf("%d bytes of %d, and no error", n, sent)
	}
}

// provenThen fires d some round trips later.
func provenThen(conn conch.Connection, d deferred.Deferred[struct{}]) {
	conn.SendGlobalRequest("keepalive@openssh.com", nil, true).OnError(func(error) {
		conn.SendGlobalRequest("keepalive@openssh.com", nil, true).OnError(func(error) { d.Callback(struct{}{}) })
	})
}

// TestChannel_LoseAfterClose: LoseConnection of a channel that the peer has
// closed does not wait for a proof that the connection lived on.
func TestChannel_LoseAfterClose(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	c := sshtest.NewChannel(&sshtest.Events{}, nil)
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	ch, requests := peer.accept(t)
	go gossh.DiscardRequests(requests) // ends with the channel
	ch.Close()
	probe := <-peer.requests // the end of the channel is known, and unproven
	waited := false
	sshtest.OnLoop(t, r, func() {
		c.WhenClosed().OnResult(func(struct{}, error) { waited = !conch.Probing(conn.Transport()) })
		c.LoseConnection()
	})
	if err := ended(t, r, c); err != nil {
		t.Error(err)
	}
	if waited {
		t.Error("the end has waited for the proof")
	}
	_ = probe.Reply(false, nil)
	peer.answerAll()
}

// TestLoseConnection_WhileRekeying: what was written before LoseConnection
// reaches the peer, although keys are being renewed.
func TestLoseConnection_WhileRekeying(t *testing.T) {
	r := sshtest.Start(t)
	for i := range 40 {
		conn := &sshtest.PlainConnection{}
		a, b := tcpPair(t)
		peer := newRawPeerOver(t, r, conn, nil, a, b, 32<<10)
		peer.answerAll()
		want := 32<<10 + i*5000
		sshtest.OnLoop(t, r, func() {
			conn.OpenChannel(sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) {
				c.Write(make([]byte, want))
				c.Conn().LoseConnection()
			}))
		})
		ch, requests := peer.accept(t)
		go gossh.DiscardRequests(requests) // ends with the channel
		if n, _ := io.Copy(io.Discard, ch); int(n) != want {
			t.Errorf("%d: %d bytes of %d", i, n, want)
		}
	}
}

// TestLoseConnection_LargeOverTCP: what was written before LoseConnection
// arrives whole at a peer that sends all the time.
func TestLoseConnection_LargeOverTCP(t *testing.T) {
	r := sshtest.Start(t)
	const want = 8 << 20
	for i := range 20 {
		conn := &sshtest.PlainConnection{}
		a, b := tcpPair(t)
		peer := newRawPeerOver(t, r, conn, nil, a, b, 0)
		peer.answerAll()
		sshtest.OnLoop(t, r, func() {
			conn.OpenChannel(sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) {
				c.SetDataReceived(func([]byte) {})
				c.Write(make([]byte, want))
				c.Conn().LoseConnection()
			}))
		})
		ch, requests := peer.accept(t)
		go gossh.DiscardRequests(requests) // ends with the channel
		var sending sync.WaitGroup
		sending.Go(func() {
			for {
				if _, err := ch.Write(make([]byte, 32<<10)); err != nil {
					return // the connection has ended
				}
			}
		})
		if n, _ := io.Copy(io.Discard, ch); n != want {
			t.Errorf("%d: %d bytes of %d", i, n, want)
		}
		peer.Close()
		sending.Wait()
	}
}

// tcpPair returns both ends of a TCP connection.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}
