package conch_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// long reports whether the long form of the tests runs.
var long = os.Getenv("HAWSER_LONG") != ""

// TestF30_RequestThenClose: a request before LoseConnection is always sent
// before the close. The test does this 500 times.
func TestF30_RequestThenClose(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	const n = 500
	seen := make(chan string, n)
	go func() { // ends with the connection
		for offered := range peer.channels {
			ch, requests, err := offered.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the channel
				names := ""
				for req := range requests {
					names += req.Type + " "
				}
				ch.Close()
				seen <- names
			}()
		}
	}()
	sshtest.OnLoop(t, r, func() {
		for range n {
			conn.OpenChannel(sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) {
				conn.SendRequest(c, "first", nil, false)
				c.Write([]byte("data"))
				conn.SendRequest(c, "second", nil, false)
				c.LoseConnection()
			}))
		}
	})
	for i := range n {
		if names := <-seen; names != "first second " {
			t.Fatalf("channel %d: the peer has seen %q", i, names)
		}
	}
}

// TestF32_OpenInOrder: channels are opened in the order of the calls.
func TestF32_OpenInOrder(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	n := 200
	if long {
		n = 2000
	}
	var want []string
	sshtest.OnLoop(t, r, func() {
		for i := range n {
			data := fmt.Sprint(i)
			want = append(want, data)
			conn.OpenChannel(sshtest.NewChannel(&sshtest.Events{}, nil), []byte(data))
		}
	})
	var got []string
	for offered := range peer.channels {
		got = append(got, string(offered.ExtraData()))
		if len(got) == n {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the peer was asked for %v", got)
	}
	peer.Close()
	for range peer.channels { // ends with the connection
	}
}

// TestF31_PausedChannelLost: a paused channel with undelivered data ends when
// the connection is lost.
func TestF31_PausedChannelLost(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	var seen sshtest.Events
	paused := make(chan struct{})
	c := sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
		c.PauseProducing()
		close(paused)
	})
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	ch, requests, err := (<-peer.channels).Accept()
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	<-paused
	if _, err := ch.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return c.WhenClosed() }); err == nil {
		t.Error("no reason")
	}
	sshtest.OnLoop(t, r, func() {
		if want := (sshtest.Events{`ChannelOpen ""`, "Closed"}); !slices.Equal(seen, want) {
			t.Errorf("events %q", seen)
		}
	})
}

// TestF31_NetConnLost: Write on a NetConn with unread data fails when the
// connection is lost.
func TestF31_NetConnLost(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	opened := make(chan *reactor.NetConn, 1)
	sshtest.OnLoop(t, r, func() {
		conn.OpenChannel(sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) { opened <- c.NetConn() }))
	})
	ch, requests, err := (<-peer.channels).Accept()
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	if _, err := ch.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	c := <-opened
	peer.Close()
	for {
		if _, err := c.Write([]byte("x")); err != nil {
			break // a hanging test fails
		}
	}
}

// TestFlushBeforeLoseConnection: LoseConnection of the connection first sends
// the data that was written to its channels.
func TestFlushBeforeLoseConnection(t *testing.T) {
	r := sshtest.Start(t)
	for range 50 {
		conn := &sshtest.PlainConnection{}
		peer := newRawPeer(t, r, conn, nil)
		peer.answerAll()
		sshtest.OnLoop(t, r, func() {
			conn.OpenChannel(sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) {
				c.Write([]byte("last words"))
				c.Conn().LoseConnection()
			}))
		})
		ch, requests, err := (<-peer.channels).Accept()
		if err != nil {
			t.Fatal(err)
		}
		go gossh.DiscardRequests(requests) // ends with the channel
		buf := make([]byte, 100)
		if n, _ := ch.Read(buf); string(buf[:n]) != "last words" {
			t.Fatalf("got %q", buf[:n])
		}
	}
}
