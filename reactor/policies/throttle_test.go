package policies_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/policies"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func throttling(opts policies.ThrottleOptions) (*reactortest.Clock, *policies.WrappingFactory) {
	clock := reactortest.NewClock()
	return clock, policies.NewThrottlingFactory(clock, new(factory), opts)
}

func (l *link) receive(n int) { l.w.DataReceived([]byte(strings.Repeat("x", n))) }

func (l *link) state(t *testing.T, want reactortest.ProducerState) {
	t.Helper()
	if l.State != want {
		t.Errorf("the connection is %s, not %s", l.State, want)
	}
}

func TestR461_Connections(t *testing.T) {
	clock, f := throttling(policies.ThrottleOptions{MaxConnections: 1, ReadLimit: 10, WriteLimit: 10})
	l := connect(t, f, nil)
	if connect(t, f, nil) != nil {
		t.Error("accepted a second one")
	}
	if len(clock.GetDelayedCalls()) == 0 {
		t.Error("no timers")
	}
	l.LoseConnection()
	if n := len(clock.GetDelayedCalls()); n > 0 {
		t.Errorf("%d timers are left", n)
	}
	if connect(t, f, nil) == nil {
		t.Error("refused after the first was lost")
	}
	clock, f = throttling(policies.ThrottleOptions{})
	for range 100 {
		connect(t, f, nil)
	}
	if n := len(clock.GetDelayedCalls()); n > 0 || len(f.Wrappers()) != 100 {
		t.Errorf("%d timers without a limit", n)
	}
}

func TestR461_Reading(t *testing.T) {
	clock, f := throttling(policies.ThrottleOptions{ReadLimit: 10})
	a, b := connect(t, f, nil), connect(t, f, nil)
	a.receive(5)
	b.receive(5)
	clock.Advance(time.Second)
	a.state(t, reactortest.Producing) // at the limit
	a.receive(20)
	b.receive(10) // three times the limit
	clock.Advance(time.Second)
	a.state(t, reactortest.Paused)
	b.state(t, reactortest.Paused)
	c := connect(t, f, nil) // while reading is throttled
	c.state(t, reactortest.Paused)
	clock.Advance(2*time.Second - 1)
	a.state(t, reactortest.Paused)
	clock.Advance(1)
	for _, l := range []*link{a, b, c} {
		l.state(t, reactortest.Producing)
	}
	a.receive(1000)
	clock.Advance(time.Second)
	a.state(t, reactortest.Paused)
	for _, l := range []*link{a, b, c} {
		l.LoseConnection()
	}
	if n := len(clock.GetDelayedCalls()); n > 0 {
		t.Errorf("%d timers are left", n)
	}
	connect(t, f, nil).state(t, reactortest.Producing)
}

// A protocol that has paused its connection stays in charge.
func TestR461_TheProtocolPauses(t *testing.T) {
	clock, f := throttling(policies.ThrottleOptions{ReadLimit: 1})
	l := connect(t, f, nil)
	own := l.inner().Transport()
	l.receive(2)
	own.PauseProducing()
	clock.Advance(time.Second) // throttled for a second
	l.state(t, reactortest.Paused)
	clock.Advance(time.Second)
	l.state(t, reactortest.Paused)
	own.ResumeProducing()
	l.state(t, reactortest.Producing)
	l.receive(3)
	clock.Advance(time.Second) // throttled for two seconds
	own.PauseProducing()
	own.ResumeProducing()
	l.state(t, reactortest.Paused)
	clock.Advance(2 * time.Second)
	l.state(t, reactortest.Producing)
	l.receive(2)
	l.OnLose = nil
	l.inner().Transport().LoseConnection()
	clock.Advance(time.Second)
	l.state(t, reactortest.Producing) // a closing connection is left alone
}

func TestR461_WritingWithAPushProducer(t *testing.T) {
	clock, f := throttling(policies.ThrottleOptions{WriteLimit: 10})
	l := connect(t, f, nil)
	own := l.inner().Transport()
	p := new(pauser)
	if err := own.RegisterProducer(p, true); err != nil {
		t.Fatal(err)
	}
	if err := own.RegisterProducer(p, true); err != reactor.ErrProducerRegistered {
		t.Error(err)
	}
	own.Write(make([]byte, 10))
	own.WriteSequence([][]byte{make([]byte, 5), make([]byte, 5)}) // twice the limit
	clock.Advance(time.Second)
	p.want(t, "pause")
	clock.Advance(time.Second)
	p.want(t, "resume")

	held := l.Producer.(reactor.PushProducer) // what the connection does in between
	held.PauseProducing()
	p.want(t, "pause")
	own.Write(make([]byte, 20))
	clock.Advance(time.Second)
	held.ResumeProducing()
	p.want(t)
	clock.Advance(time.Second)
	p.want(t, "resume")
	own.Write(make([]byte, 20))
	clock.Advance(time.Second)
	held.PauseProducing()
	clock.Advance(time.Second)
	p.want(t, "pause")
	held.ResumeProducing()
	p.want(t, "resume")

	own.Write(make([]byte, 30))
	clock.Advance(time.Second) // for two seconds
	own.Write(make([]byte, 20))
	clock.Advance(time.Second) // for one more
	p.want(t, "pause")
	own.UnregisterProducer()
	late := new(pauser)
	if err := own.RegisterProducer(late, true); err != nil {
		t.Fatal(err)
	}
	late.want(t, "pause")
	clock.Advance(2*time.Second - 1)
	late.want(t)
	clock.Advance(1)
	late.want(t, "resume")
	p.want(t)
	l.Producer.StopProducing()
	l.Producer = nil
	late.want(t, "stop")
	if err := own.RegisterProducer(new(puller), true); err != reactor.ErrNotPushProducer {
		t.Error(err)
	}
	l.LoseConnection()
	if n := len(clock.GetDelayedCalls()); n > 0 {
		t.Errorf("%d timers are left", n)
	}
}

func TestR461_WritingWithAPullProducer(t *testing.T) {
	clock, f := throttling(policies.ThrottleOptions{WriteLimit: 10})
	l := connect(t, f, nil)
	own := l.inner().Transport()
	p := new(puller)
	if err := own.RegisterProducer(p, false); err != nil {
		t.Fatal(err)
	}
	l.Producer.ResumeProducing()
	p.want(t, "resume")
	own.Write(make([]byte, 20))
	clock.Advance(time.Second)
	l.Producer.ResumeProducing()
	p.want(t)
	clock.Advance(time.Second)
	p.want(t, "resume")
	own.Write(make([]byte, 20))
	clock.Advance(2 * time.Second)
	p.want(t) // it was not asked meanwhile
}

// broken panics when it is resumed.
type broken struct{ pauser }

func (p *broken) ResumeProducing() { panic(errTest) }

// A producer that panics loses its connection. The others go on.
func TestR461_APanicInAProducer(t *testing.T) {
	clock, f := throttling(policies.ThrottleOptions{WriteLimit: 10})
	bad, good := connect(t, f, nil), connect(t, f, nil)
	p := new(pauser)
	for l, p := range map[*link]reactor.Producer{bad: new(broken), good: p} {
		if err := l.inner().Transport().RegisterProducer(p, true); err != nil {
			t.Fatal(err)
		}
	}
	good.inner().Transport().Write(make([]byte, 20))
	clock.Advance(time.Second)
	p.want(t, "pause")
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, errTest) {
				t.Errorf("panic with %v", err)
			}
		}()
		clock.Advance(time.Second)
	}()
	p.want(t, "resume")
	if !bad.Disconnected() || good.Disconnecting() {
		t.Error("the wrong connection was aborted")
	}
}
