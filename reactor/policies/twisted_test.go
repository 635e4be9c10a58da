package policies_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/twistedtest"
	"github.com/hawser-go/hawser/reactor/policies"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// program is a policy and what happens to its connections. Times are quarters
// of seconds, and Rate is a power of two, so that Twisted's numbers are exact.
type program struct {
	Kind  string `json:"kind"`  // throttle, timeout, limit, overflow
	Limit int    `json:"limit"` // of connections
	Rate  int    `json:"rate"`  // bytes per second, or the period of the timeout
	Ops   []op   `json:"ops"`
}

// op is a step. Data is received by connections that are not paused only, and
// written unless the producer is paused. Steps for a connection that is gone or
// not there do nothing.
type op struct {
	Op       string `json:"op"`
	Link     int    `json:"link"`
	Size     int    `json:"size"`
	Quarters int    `json:"quarters"`
}

// generate makes a random program. What Twisted does differently is left out: a
// connection that is made while reading is throttled is not paused there, and
// there data that is written without a producer while writing is throttled ends
// the throttling early. So a throttled program makes its connections first, and
// writes with a producer or, before the first second has passed, without.
func generate(seed uint64) program {
	r := rand.New(rand.NewPCG(seed, 2))
	p := program{Kind: []string{"throttle", "timeout", "limit", "overflow"}[r.IntN(4)], Limit: 3, Rate: 16}
	steps := map[string][]string{
		"throttle": {"receive", "receive", "receive", "write", "write", "advance", "advance", "advance", "lose"},
		"timeout":  {"connect", "receive", "write", "advance", "advance", "advance", "setTimeout", "cancelTimeout", "lose"},
		"limit":    {"connect", "connect", "receive", "lose"},
		"overflow": {"connect", "connect", "receive", "lose"},
	}[p.Kind]
	for i := range 2 + r.IntN(3) {
		p.Ops = append(p.Ops, op{Op: "connect"})
		if p.Kind == "throttle" {
			p.Ops = append(p.Ops, op{Op: "producer", Link: i})
		}
	}
	for range 30 {
		next := op{Op: steps[r.IntN(len(steps))], Link: r.IntN(4), Size: r.IntN(40), Quarters: 1 + r.IntN(6)}
		if p.Kind == "timeout" {
			next.Quarters *= 10
		}
		p.Ops = append(p.Ops, next)
	}
	return p
}

// tracer is a wrapped protocol of a program.
type tracer struct {
	reactor.BaseProtocol
	run  *run
	kind string
}

func (p *tracer) ConnectionMade()          { p.run.note(p.kind, "made") }
func (p *tracer) DataReceived(data []byte) { p.run.note(p.kind, "got", len(data)) }

func (p *tracer) ConnectionLost(reason error) {
	name := reason.Error()
	if reason == reactor.ErrConnectionDone {
		name = "ConnectionDone"
	}
	p.run.note(p.kind, "lost", name)
}

// overflowTracer notes what Twisted's driver notes of an overflow protocol.
type overflowTracer struct{ tracer }

func (p *overflowTracer) ConnectionMade() { p.run.note("overflow made") }

// innerFactory notes its start and its end.
type innerFactory struct {
	factory
	run *run
}

func (f *innerFactory) StartFactory() { f.run.note("start") }
func (f *innerFactory) StopFactory()  { f.run.note("stop") }

// run runs a program on this package.
type run struct {
	t       *testing.T
	program program
	events  notes
	clock   *reactortest.Clock
	factory *policies.WrappingFactory
	links   []*tracedLink
}

// tracedLink is a connection and the producer of its protocol.
type tracedLink struct {
	*link
	run      *run
	number   int
	gone     bool
	producer bool
	paused   bool
	last     reactortest.ProducerState
}

func (l *tracedLink) note(what ...any) { l.run.note(append([]any{l.number}, what...)...) }

func (l *tracedLink) PauseProducing()  { l.paused = true; l.note("pause") }
func (l *tracedLink) ResumeProducing() { l.paused = false; l.note("resume") }
func (l *tracedLink) StopProducing()   { l.note("stop producing") }

// look notes a change of the transport, and ends a connection that was closed.
func (l *tracedLink) look() {
	if l.gone {
		return
	}
	if l.State != l.last {
		l.last = l.State
		l.note(l.State)
	}
	if l.Disconnecting() {
		l.lose()
	}
}

func (l *tracedLink) lose() {
	l.gone = true
	l.note("closed")
	reactor.EndConnection(l.w, reactor.ErrConnectionDone)
}

func (r *run) note(what ...any) { r.events.add(strings.TrimSuffix(fmt.Sprintln(what...), "\n")) }

func newRun(t *testing.T, p program) *run {
	r := &run{t: t, program: p, clock: reactortest.NewClock()}
	build := func() reactor.Protocol { return &tracer{run: r, kind: "inner"} }
	inner := &innerFactory{run: r}
	inner.build = func(net.Addr) (reactor.Protocol, error) { return build(), nil }
	switch p.Kind {
	case "throttle":
		opts := policies.ThrottleOptions{MaxConnections: p.Limit, ReadLimit: p.Rate, WriteLimit: p.Rate}
		r.factory = policies.NewThrottlingFactory(r.clock, inner, opts)
	case "timeout":
		r.factory = policies.NewTimeoutFactory(r.clock, inner, time.Duration(p.Rate)*time.Second)
	case "limit":
		r.factory = policies.NewLimitTotalConnectionsFactory(reactor.ForProtocol(build), p.Limit, nil)
	case "overflow":
		r.factory = policies.NewLimitTotalConnectionsFactory(reactor.ForProtocol(build), p.Limit, func() reactor.Protocol {
			return &overflowTracer{tracer{run: r, kind: "inner"}}
		})
	}
	return r
}

func (r *run) step(o op) {
	var l *tracedLink
	if o.Link < len(r.links) {
		l = r.links[o.Link]
	}
	quarters := time.Duration(o.Quarters) * time.Second / 4
	switch {
	case o.Op == "connect":
		r.connect()
	case o.Op == "advance":
		r.clock.Advance(quarters)
	case l == nil || l.gone:
		return
	case o.Op == "receive" && l.last == reactortest.Producing:
		l.receive(o.Size)
	case o.Op == "write" && !l.paused:
		l.inner().Transport().Write(make([]byte, o.Size))
		l.note("wrote", len(l.Value()))
	case o.Op == "producer" && !l.producer:
		l.producer = true
		wantNil(r.t, l.inner().Transport().RegisterProducer(l, true))
	case o.Op == "setTimeout":
		if w, ok := l.w.(*policies.TimeoutProtocol); ok {
			w.SetTimeout(quarters)
		}
	case o.Op == "cancelTimeout":
		if w, ok := l.w.(*policies.TimeoutProtocol); ok {
			w.CancelTimeout()
		}
	case o.Op == "lose":
		l.inner().Transport().LoseConnection()
	}
	for _, l := range r.links {
		l.look()
	}
}

func (r *run) connect() {
	l := connect(r.t, r.factory, peer("192.0.2.1", 1))
	if l == nil {
		r.note("refused")
		return
	}
	l.OnLose = nil // look sees it
	r.links = append(r.links, &tracedLink{link: l, run: r, number: len(r.links), last: reactortest.Producing})
}

func wantNil(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func trace(t *testing.T, p program) []string {
	r := newRun(t, p)
	reactor.DoStart(r.factory)
	for _, o := range p.Ops {
		r.step(o)
	}
	for _, l := range r.links {
		if !l.gone {
			l.lose()
		}
	}
	r.note("timers", len(r.clock.GetDelayedCalls()))
	reactor.DoStop(r.factory)
	return r.events
}

// TestR457_R461_R462_R464_AgainstTwisted runs random programs on this package
// and on Twisted and compares what happens.
func TestR457_R461_R462_R464_AgainstTwisted(t *testing.T) {
	programs := make([]program, 60)
	if os.Getenv("HAWSER_LONG") != "" {
		programs = make([]program, 2000)
	}
	for i := range programs {
		programs[i] = generate(uint64(i))
	}
	want := twistedtest.Traces(t, "policies", programs)
	failures := 0
	for i := range want {
		if got := trace(t, programs[i]); !slices.Equal(got, want[i]) && failures < 3 {
			failures++
			text, _ := json.Marshal(programs[i])
			t.Errorf("program %d: %s\nhere:    %s\nTwisted: %s", i, text, strings.Join(got, "; "), strings.Join(want[i], "; "))
		}
	}
}
