package conch_test

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// brokenConn changes the data that it reads, once it is switched on.
type brokenConn struct {
	net.Conn
	broken atomic.Bool
}

func (c *brokenConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.broken.Load() && n > 0 {
		p[n-1] ^= 1 // the last byte belongs to the authentication tag of a packet
	}
	return n, err
}

// TestF35_BrokenIsNotClosed: if a connection breaks within data, its channels
// do not report a normal close.
func TestF35_BrokenIsNotClosed(t *testing.T) {
	n := 100
	if long && !sshtest.RaceDetector {
		n = 3400 // for each number of processors: 10,000 and more in all
	}
	for _, procs := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(procs), func(t *testing.T) {
			before := runtime.GOMAXPROCS(procs)
			defer runtime.GOMAXPROCS(before)
			r := sshtest.Start(t)
			for i := range n {
				var wire *brokenConn
				conn := &sshtest.PlainConnection{}
				peer := newRawPeer(t, r, conn, func(c net.Conn) net.Conn {
					wire = &brokenConn{Conn: c}
					return wire
				})
				peer.answerAll()
				var seen sshtest.Events
				open := make(chan struct{})
				c := sshtest.NewChannel(&seen, func(*sshtest.RecordingChannel) { close(open) })
				sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
				ch, requests, err := (<-peer.channels).Accept()
				if err != nil {
					t.Fatal(err)
				}
				<-open
				var writing sync.WaitGroup
				writing.Go(func() { gossh.DiscardRequests(requests) })
				wire.broken.Store(i%4 != 0)
				_, _ = ch.Write(make([]byte, 1000+i)) // it may be lost
				if i%4 == 0 {
					peer.pipe.Close() // in mid-stream
				}
				_, err = sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return c.WhenClosed() })
				if !errors.Is(err, conch.ErrConnectionLost) {
					t.Fatalf("%d: the channel ended with %v", i, err)
				}
				sshtest.OnLoop(t, r, func() {
					if slices.Contains(seen, "EOFReceived") || slices.Contains(seen, "CloseReceived") || seen[len(seen)-1] != "Closed" {
						t.Errorf("%d: events %.200q", i, seen)
					}
				})
				peer.Close()
				writing.Wait()
			}
		})
	}
}

// TestF35_CloseIsClosed: a channel that the peer has closed is reported as
// closed even if the connection is lost at once. If that is unknown, it is
// reported as lost.
func TestF35_CloseIsClosed(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	for range 50 {
		var seen sshtest.Events
		c := sshtest.NewChannel(&seen, nil)
		sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
		ch, requests, err := (<-peer.channels).Accept()
		if err != nil {
			t.Fatal(err)
		}
		go gossh.DiscardRequests(requests) // ends with the channel
		if _, err := ch.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		ch.Close()
		if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return c.WhenClosed() }); err != nil {
			t.Fatal(err)
		}
		sshtest.OnLoop(t, r, func() {
			want := sshtest.Events{`ChannelOpen ""`, `DataReceived "x"`, "EOFReceived", "CloseReceived", "Closed"}
			if !slices.Equal(seen, want) {
				t.Errorf("events %q", seen)
			}
		})
	}
}

// TestF35_CloseThenLost: a channel that this side has closed ends normally, even
// if the peer ends the connection right after its answer, as the client of
// OpenSSH does. A channel whose close was not sent is lost.
func TestF35_CloseThenLost(t *testing.T) {
	r := sshtest.Start(t)
	for range 100 {
		conn := &sshtest.PlainConnection{}
		peer := newRawPeer(t, r, conn, nil)
		peer.answerAll()
		c := sshtest.NewChannel(&sshtest.Events{}, nil)
		stuck := sshtest.NewChannel(&sshtest.Events{}, nil)
		sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
		_, requests, err := (<-peer.channels).Accept()
		if err != nil {
			t.Fatal(err)
		}
		sshtest.OnLoop(t, r, func() { conn.OpenChannel(stuck) })
		_, stuckRequests, err := (<-peer.channels).Accept()
		if err != nil {
			t.Fatal(err)
		}
		go gossh.DiscardRequests(stuckRequests) // ends with the connection
		sshtest.OnLoop(t, r, func() {
			stuck.Write(make([]byte, windowSize+1))
			stuck.LoseConnection()
			c.LoseConnection()
		})
		gossh.DiscardRequests(requests) // until the close, which x/crypto/ssh answers
		peer.Close()
		if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return c.WhenClosed() }); err != nil {
			t.Fatal("closed:", err)
		}
		if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return stuck.WhenClosed() }); !errors.Is(err, conch.ErrConnectionLost) {
			t.Fatal("stuck:", err)
		}
	}
}

// TestF35_EOFIsTold: end-of-file of a channel that stays open is reported.
func TestF35_EOFIsTold(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	eof := make(chan struct{})
	c := &eofChannel{*sshtest.NewChannel(&sshtest.Events{}, nil), eof}
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	ch, requests, err := (<-peer.channels).Accept()
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	if err := ch.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	<-eof
	ch.Close()
}

type eofChannel struct {
	sshtest.RecordingChannel
	eof chan struct{}
}

func (c *eofChannel) EOFReceived() { close(c.eof) }
