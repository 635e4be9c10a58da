package reactor_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/hawser-go/hawser/reactor"
)

// testProducer is a producer that notes what it is told.
type testProducer struct {
	events   notes
	onResume func()
	onPause  func()
}

func (p *testProducer) ResumeProducing() {
	p.events.add("resume")
	if p.onResume != nil {
		p.onResume()
	}
}

func (p *testProducer) PauseProducing() {
	p.events.add("pause")
	if p.onPause != nil {
		p.onPause()
	}
}

func (p *testProducer) StopProducing() { p.events.add("stop") }

// pullOnly hides PauseProducing.
type pullOnly struct{ p *testProducer }

func (p pullOnly) ResumeProducing() { p.p.ResumeProducing() }
func (p pullOnly) StopProducing()   { p.p.StopProducing() }

// chunks returns n bytes that cannot be compressed into a socket buffer.
func chunks(n int) []byte { return make([]byte, n) }

const tooMuch = 8 << 20 // more than the sockets take

func TestR282_R283_R292_R293_PushProducers(t *testing.T) {
	n := startNet(t)
	p, prod := newRecorder(), new(testProducer)
	rounds := 0
	prod.onResume = func() {
		if rounds++; rounds < 3 {
			p.Transport().WriteSequence([][]byte{chunks(tooMuch / 2), chunks(tooMuch / 2)}) // full again
		}
	}
	c := n.serve(p)
	n.do(func() {
		tr := p.Transport()
		wantErr(t, tr.RegisterProducer(prod, true), nil)
		prod.events.want(t)
		tr.Write(chunks(reactor.BufferLimit))
		prod.events.want(t)
		tr.Write(chunks(1))
		prod.events.want(t, "pause")
		tr.Write(chunks(tooMuch))
		prod.events.want(t, "pause") // R283: once is enough
	})
	n.turns(5)
	n.do(func() { prod.events.want(t, "pause") }) // the peer has not read
	total := reactor.BufferLimit + 1 + 3*tooMuch
	if _, err := io.CopyN(io.Discard, c, int64(total)); err != nil {
		t.Error(err)
	}
	n.waitFor("resume", func() bool { return rounds == 3 })
	n.do(func() {
		prod.events.want(t, "pause", "resume", "pause", "resume", "pause", "resume")
		p.Transport().UnregisterProducer()
	})
}

func TestR284_R289_R455_PullProducers(t *testing.T) {
	n := startNet(t)
	p, prod := newRecorder(), new(testProducer)
	left := 5
	prod.onResume = func() {
		if left--; left == 0 {
			p.Transport().UnregisterProducer()
			return
		}
		p.Transport().Write([]byte("piece "))
	}
	p.onMade = func(p *recorder) {
		wantErr(t, p.Transport().RegisterProducer(pullOnly{prod}, false), nil)
		prod.events.want(t, "resume") // at registration
		p.Transport().LoseConnection()
	}
	c := n.serve(p)
	if got, err := readToEnd(c); string(got) != "piece piece piece piece " || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
	prod.events.want(t, "resume", "resume", "resume", "resume", "resume")
}

func TestR285_R288_OneProducerAtATime(t *testing.T) {
	n := startNet(t)
	p, prod := newRecorder(), new(testProducer)
	n.serve(p)
	n.do(func() {
		tr := p.Transport()
		wantErr(t, tr.RegisterProducer(prod, true), nil)
		wantErr(t, tr.RegisterProducer(new(testProducer), true), reactor.ErrProducerRegistered)
		tr.UnregisterProducer()
		wantErr(t, tr.RegisterProducer(prod, true), nil)
		tr.UnregisterProducer()
		wantErr(t, tr.RegisterProducer(pullOnly{prod}, true), reactor.ErrNotPushProducer)
	})
	n.turns(3)
	n.do(func() {
		prod.events.want(t)
		p.events.want(t, "made") // still open
	})
}

func TestR268_R286_R287_R291_ProducersOfALostConnection(t *testing.T) {
	n := startNet(t)
	p, prod := newRecorder(), new(testProducer)
	p.onLost = func(*recorder) { prod.events.want(t, "stop") }
	n.serve(p)
	n.do(func() {
		_ = p.Transport().RegisterProducer(prod, true)
		p.Transport().AbortConnection()
	})
	n.wantReason(p, reactor.ErrConnectionAborted)
	n.do(func() {
		late := new(testProducer)
		wantErr(t, p.Transport().RegisterProducer(late, true), nil)
		late.events.want(t, "stop")
		p.Transport().UnregisterProducer()
	})
	n.turns(3)
	prod.events.want(t, "stop")
	p.events.want(t, "made", "lost")
}

func TestR290_LoseConnectionWaitsForAPushProducer(t *testing.T) {
	n := startNet(t)
	p, prod := newRecorder(), new(testProducer)
	c := n.serve(p)
	n.do(func() {
		_ = p.Transport().RegisterProducer(prod, true)
		p.Transport().Write([]byte("first "))
		p.Transport().LoseConnection()
	})
	n.turns(5)
	n.do(func() {
		p.events.want(t, "made")
		p.Transport().Write([]byte("last"))
		p.Transport().UnregisterProducer()
	})
	if got, _ := readToEnd(c); string(got) != "first last" {
		t.Errorf("got %q", got)
	}
	n.wantReason(p, reactor.ErrConnectionDone)
	prod.events.want(t)
}

func TestR294_PanicsInProducers(t *testing.T) {
	t.Run("resume", func(t *testing.T) {
		n := startNet(t)
		p, prod := newRecorder(), &testProducer{onResume: func() { panic(errTest) }}
		c := n.serve(p)
		n.do(func() {
			_ = p.Transport().RegisterProducer(prod, true)
			p.Transport().Write(chunks(tooMuch))
		})
		_, _ = io.Copy(io.Discard, c)
		n.wantReason(p, errTest)
	})
	t.Run("pause", func(t *testing.T) {
		n := startNet(t)
		p, prod := newRecorder(), &testProducer{onPause: func() { panic(errTest) }}
		n.serve(p)
		n.do(func() {
			_ = p.Transport().RegisterProducer(prod, true)
			wantPanic(t, "the write", func() { p.Transport().Write(chunks(tooMuch)) })
		})
	})
}

// An echo server that lets a slow client hold it up, by being the producer of
// its own output.
func TestBackPressureFromEndToEnd(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	most := 0
	p.onMade = func(p *recorder) { _ = p.Transport().RegisterProducer(p.Transport(), true) }
	p.onData = func(p *recorder, data []byte) {
		p.Transport().Write(data)
		most = max(most, len(data))
	}
	c := n.serve(p)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
	go func() { _, _ = c.Write(sent) }() // ends when all is sent
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("not what was sent; %v", err)
	}
	c.Close()
	within(t, p.lost)
}
