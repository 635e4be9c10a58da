package conch_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// TestF12_Channels: a peer opens 20 channels and fills their windows while no
// one reads. The process uses at most 64 MiB.
func TestF12_Channels(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	conn.OnChannel = func(string, []byte) deferred.Deferred[conch.Channel] {
		return deferred.Succeed[conch.Channel](&pausedChannel{})
	}
	peer := newRawPeer(t, r, conn, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC() // also what had a cleanup
	runtime.ReadMemStats(&before)
	opened := 0
	data := make([]byte, 32<<10)
	for {
		ch, requests, err := peer.OpenChannel("x", nil)
		if err != nil {
			refused, ok := errors.AsType[*gossh.OpenChannelError](err)
			if !ok || refused.Reason != gossh.ResourceShortage {
				t.Errorf("refused with %v", err)
			}
			break
		}
		opened++
		go gossh.DiscardRequests(requests) // ends with the channel
		for range 2 << 20 / len(data) {
			if _, err := ch.Write(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if opened != 20 {
		t.Errorf("%d channels were accepted", opened)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the heap has grown by %d MiB", grown>>20)
	}
	runtime.KeepAlive(conn)
}

// TestTooLong: a request or an opening that x/crypto/ssh cannot send is an error,
// and the connection works on.
func TestTooLong(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	peer := newRawPeer(t, r, conn, nil)
	peer.answerAll()
	open := make(chan struct{})
	c := sshtest.NewChannel(&sshtest.Events{}, func(*sshtest.RecordingChannel) { close(open) })
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	_, requests := peer.accept(t)
	<-open
	for _, n := range []int{255<<10 - 1, 255 << 10} {
		data, name := make([]byte, n), "x"
		_, global := sshtest.Await(t, r, func() deferred.Deferred[[]byte] { return conn.SendGlobalRequest(name, data, false) })
		_, channel := sshtest.Await(t, r, func() deferred.Deferred[[]byte] { return conn.SendRequest(c, name, data, false) })
		if fits := n+len(name) <= 255<<10; (global == nil) != fits || (channel == nil) != fits ||
			!fits && (!errors.Is(global, conch.ErrTooLong) || !errors.Is(channel, conch.ErrTooLong)) {
			t.Errorf("%d bytes: %v, %v", n, global, channel)
		}
	}
	if req := <-requests; len(req.Payload) != 255<<10-1 {
		t.Errorf("the peer has received %d bytes", len(req.Payload))
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	failed := &failingChannel{failed: make(chan error, 1)}
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(failed, make([]byte, 255<<10)) })
	if err := <-failed.failed; !errors.Is(err, conch.ErrTooLong) {
		t.Errorf("opening: %v", err)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[[]byte] { return conn.SendGlobalRequest("x", nil, true) }); !errors.Is(err, conch.ErrRequestRefused) {
		t.Errorf("afterwards: %v", err)
	}
}

type failingChannel struct {
	conch.SSHChannel
	failed chan error
}

func (c *failingChannel) Name() string            { return "x" }
func (c *failingChannel) OpenFailed(reason error) { c.failed <- reason }

// TestF12_Opening: at most 128 channels can wait for an answer, or as many as
// the limit that the program sets. More are refused.
func TestF12_Opening(t *testing.T) {
	r := sshtest.Start(t)
	for _, row := range []struct{ limit, want int }{{0, 128}, {3, 3}} {
		conn := &sshtest.PlainConnection{}
		conn.Limits.Opening = row.limit
		conn.OnChannel = func(string, []byte) deferred.Deferred[conch.Channel] { return deferred.New[conch.Channel]() }
		peer := newRawPeer(t, r, conn, nil)
		answers := make(chan error)
		for range row.want + 5 {
			go func() { // ends with the answer, or with the connection
				_, _, err := peer.OpenChannel("x", nil)
				answers <- err
			}()
		}
		for range 5 {
			if refused, ok := errors.AsType[*gossh.OpenChannelError](<-answers); !ok || refused.Reason != gossh.ResourceShortage {
				t.Errorf("limit %d: got %v", row.limit, refused)
			}
		}
		peer.Close()
		for range row.want {
			<-answers
		}
	}
}

// pausedChannel is always paused.
type pausedChannel struct{ conch.SSHChannel }

func (c *pausedChannel) ChannelOpen([]byte) { c.PauseProducing() }
