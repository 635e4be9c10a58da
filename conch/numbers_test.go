package conch_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// writer is a channel that records calls of StopWriting and StartWriting.
type writer struct {
	sshtest.RecordingChannel
	started chan struct{}
}

func (w *writer) StopWriting()  { w.Events.Add("StopWriting") }
func (w *writer) StartWriting() { w.Events.Add("StartWriting"); close(w.started) }

// TestChannel_Writing: StopWriting and StartWriting, the identity of a channel,
// and a second close: C-CHAN-13, 14, 15, 22, 30, 31.
func TestChannel_Writing(t *testing.T) {
	r := sshtest.Start(t)
	release := make(chan struct{})
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		<-release
		_, _ = io.Copy(io.Discard, ch) // the end of the channel
		return 0
	}})
	conn := sshtest.Connect(t, r, to)
	var seen sshtest.Events
	w := &writer{*sshtest.NewChannel(&seen, nil), make(chan struct{})}
	w.Opened = func(c *sshtest.RecordingChannel) {
		conn.SendRequest(w, "exec", conch.NS("wait"), true).AddCallback(func([]byte) ([]byte, error) {
			w.WriteSequence([][]byte{make([]byte, 8<<20), make([]byte, 1)}) // more than the window
			close(release)
			return nil, nil
		})
	}
	sshtest.OnLoop(t, r, func() {
		conn.OpenChannel(w)
		if !strings.Contains(w.String(), "session 0") || w.GetPeer().String() != conn.Transport().GetPeer().String() || w.GetHost() == nil {
			t.Errorf("%v, %v, %v", w, w.GetPeer(), w.GetHost())
		}
	})
	<-w.started
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		w.LoseConnection()
		w.LoseConnection()
		return w.Done
	}); err != nil {
		t.Fatal(err)
	}
	sshtest.OnLoop(t, r, func() {
		w.LoseConnection()
		if stop, go1 := slices.Index(seen, "StopWriting"), slices.Index(seen, "StartWriting"); stop < 0 || go1 < stop {
			t.Errorf("events %q", seen)
		}
	})
}

// TestChannel_PeerCloses: when the peer closes a channel, unsent data is
// dropped: C-CHAN-24, C-CHAN-3, C-CONN-42, 43.
func TestChannel_PeerCloses(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(string, gossh.Channel) uint32 { return 0 }})
	conn := sshtest.Connect(t, r, to)
	seen := exec(t, r, conn, "exit", func(c *sshtest.RecordingChannel) { c.Write(make([]byte, 16<<20)) })
	if !slices.Equal(seen[len(seen)-2:], []string{"CloseReceived", "Closed"}) {
		t.Errorf("events %q", seen)
	}
}

// numbered is a producer that counts the calls of its methods.
type numbered struct {
	c                        *conch.SSHChannel
	pull                     int // pieces left, for one that is asked for them
	paused, resumed, stopped int
	done                     func()
}

func (p *numbered) PauseProducing() { p.paused++ }
func (p *numbered) StopProducing()  { p.stopped++ }
func (p *numbered) ResumeProducing() {
	p.resumed++
	if p.pull == 0 {
		p.done()
		return
	}
	p.pull--
	p.c.Write([]byte("piece"))
}

// TestChannel_Producers: push and pull producers, and their end: C-CHAN-32.
func TestChannel_Producers(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Echo})
	conn := sshtest.Connect(t, r, to)
	var text strings.Builder
	var puller, pusher *numbered
	seen := exec(t, r, conn, "echo", func(c *sshtest.RecordingChannel) {
		c.SetDataReceived(func(p []byte) { text.Write(p) })
		pusher = &numbered{c: &c.SSHChannel, done: func() {
			c.UnregisterProducer()
			c.LoseConnection()
		}}
		puller = &numbered{c: &c.SSHChannel, pull: 3, done: func() {
			c.UnregisterProducer()
			if err := c.RegisterProducer(pusher, true); err != nil {
				t.Error(err)
			}
			c.Write(make([]byte, conch.HighWater+1))
		}}
		if err := c.RegisterProducer(puller, false); err != nil {
			t.Error(err)
		}
		if err := c.RegisterProducer(pusher, true); err != reactor.ErrProducerRegistered {
			t.Errorf("a second producer: %v", err)
		}
	})
	// Data that the echo sends after our close is dropped.
	came := text.String()[:min(text.Len(), len("piecepiecepiece"))]
	if seen[len(seen)-1] != "Closed" || !strings.HasPrefix("piecepiecepiece", came) {
		t.Errorf("events %q, %.20q", seen, text.String())
	}
	if puller.resumed != 4 || pusher.paused != 1 || pusher.resumed != 1 || puller.stopped+pusher.stopped != 0 {
		t.Errorf("puller %+v, pusher %+v", *puller, *pusher)
	}
}

// TestChannel_SendClose: extended data arrives. SendClose does not wait for
// data that cannot be sent: C-CHAN-12, C-CONN-41.
func TestChannel_SendClose(t *testing.T) {
	r := sshtest.Start(t)
	errors := make(chan string, 1)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		text := make([]byte, 5)
		_, _ = io.ReadFull(ch.Stderr(), text) // the comparison shows what is missing
		errors <- string(text)
		for { // without reading data, until the channel is closed
			if _, err := ch.SendRequest("wait", true, nil); err != nil {
				return 0
			}
		}
	}})
	conn := sshtest.Connect(t, r, to)
	var seen sshtest.Events
	c := sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
		conn.SendRequest(c, "exec", conch.NS("stuck"), true).AddCallback(func([]byte) ([]byte, error) {
			c.WriteExtended(conch.ExtendedDataStderr, []byte("he"))
			c.WriteExtended(conch.ExtendedDataStderr, []byte("lp!"))
			c.WriteExtended(7, []byte("dropped"))
			return nil, nil
		})
	})
	sshtest.OnLoop(t, r, func() { conn.OpenChannel(c) })
	if text := <-errors; text != "help!" {
		t.Errorf("the peer got %q", text)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		c.Write(make([]byte, 16<<20)) // more than the window
		conn.SendClose(c)
		return c.Done
	}); err != nil {
		t.Error(err)
	}
}
