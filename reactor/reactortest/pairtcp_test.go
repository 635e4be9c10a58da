package reactortest_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// actor is a protocol that notes what happens and does what its script says.
type actor struct {
	reactor.BaseProtocol
	events []string
	script actions
	lost   func()
}

// actions is what an actor does when an event has happened for the first time.
// Data is one event, "data" and all that has come since the last other event.
type actions map[string]func(a *actor)

func (a *actor) note(event string) {
	a.events = append(a.events, event)
	if do := a.script[event]; do != nil {
		do(a)
	}
}

func (a *actor) ConnectionMade() { a.note("made") }

func (a *actor) DataReceived(data []byte) {
	last := len(a.events) - 1
	if text, ok := strings.CutPrefix(a.events[last], "data "); ok {
		data = append([]byte(text), data...)
		a.events = a.events[:last]
	}
	a.note("data " + string(data))
}

func (a *actor) ConnectionLost(reason error) {
	switch {
	case errors.Is(reason, reactor.ErrConnectionDone):
		a.note("done")
	case errors.Is(reason, reactor.ErrConnectionAborted):
		a.note("aborted")
	case errors.Is(reason, reactor.ErrConnectionLost):
		a.note("lost")
	default:
		a.note(reason.Error())
	}
	a.lost()
}

// summary returns the events. "write lost" and what the peer does have no
// order, so it stands behind "made"; but it comes before the loss.
func (a *actor) summary(t *testing.T) string {
	events := slices.Clone(a.events)
	if i := slices.Index(events, "write lost"); i > 0 {
		if slices.Contains(events[:i], "done") {
			t.Errorf("an event after the loss: %v", events)
		}
		events = slices.Insert(slices.Delete(events, i, i+1), 1, "write lost")
	}
	return strings.Join(events, ",")
}

func (a *actor) ResumeProducing() { a.note("resume") }
func (a *actor) StopProducing()   { a.note("stop") }

func (a *actor) write(s string) { a.Transport().Write([]byte(s)) }
func (a *actor) lose()          { a.Transport().LoseConnection() }
func (a *actor) abort()         { a.Transport().AbortConnection() }
func (a *actor) halfClose()     { a.Transport().(reactor.HalfCloserTransport).LoseWriteConnection() }

// halfActor wants half-close events.
type halfActor struct{ actor }

func (a *halfActor) ReadConnectionLost()  { a.note("read lost") }
func (a *halfActor) WriteConnectionLost() { a.note("write lost") }

func newActor(half bool, s actions, lost func()) (reactor.Protocol, *actor) {
	if half {
		p := &halfActor{actor{script: s, lost: lost}}
		return p, &p.actor
	}
	p := &actor{script: s, lost: lost}
	return p, p
}

// overPair and overTCP run two actors until both are lost.
func overPair(client, server reactor.Protocol, _ *int) { reactortest.NewPair(client, server).Flush() }

func overTCP(t *testing.T) func(client, server reactor.Protocol, alive *int) {
	return func(client, server reactor.Protocol, alive *int) {
		reactortest.CheckGoroutines(t)
		reactortest.Run(t, func(r *reactor.Reactor) {
			f := reactor.ForProtocol(func() reactor.Protocol { return server })
			port, err := r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
			if err != nil {
				t.Error(err)
				_ = r.Stop()
				return
			}
			r.ConnectTCP("127.0.0.1", port.GetHost().(reactor.IPAddress).Port(), &clientOf{p: client}, reactor.DialOptions{})
			watch := r.CallLater(20e9, func() { // only if it hangs
				t.Error("not over after 20 s")
				_ = r.Stop()
			})
			var look func()
			look = func() {
				if *alive > 0 && watch.Active() {
					r.CallLater(1e6, look)
					return
				}
				_ = r.Stop()
			}
			look()
		})
	}
}

// clientOf is a client factory for one protocol.
type clientOf struct {
	reactor.BaseClientFactory
	p reactor.Protocol
}

func (f *clientOf) BuildProtocol(net.Addr) (reactor.Protocol, error) { return f.p, nil }

// A Pair does what a TCP connection does: both show the protocols the same.
func TestR530_PairDoesAsTCPDoes(t *testing.T) {
	big := strings.Repeat("x", reactor.BufferLimit+1)
	for name, row := range map[string]struct {
		halfClient, halfServer bool
		client, server         actions
		wantClient, wantServer string
	}{
		"R260 write and close": {
			client:     actions{"made": func(a *actor) { a.write("hello"); a.lose() }},
			wantClient: "made,done", wantServer: "made,data hello,done",
		},
		"R262 both close": {
			client:     actions{"made": (*actor).lose},
			server:     actions{"made": (*actor).lose},
			wantClient: "made,done", wantServer: "made,done",
		},
		"R265 abort": {
			client:     actions{"made": func(a *actor) { a.write("hello") }},
			server:     actions{"data hello": (*actor).abort},
			wantClient: "made,lost", wantServer: "made,data hello,aborted",
		},
		"R265 abort against half-close events": {
			halfClient: true,
			client:     actions{"made": func(a *actor) { a.write("hello") }},
			server:     actions{"data hello": (*actor).abort},
			wantClient: "made,lost", wantServer: "made,data hello,aborted",
		},
		"R273 R274 R276 half-close against a plain protocol": {
			halfClient: true,
			client: actions{
				"made":      func(a *actor) { a.write("hello"); a.halfClose(); a.write("dropped") },
				"read lost": (*actor).lose,
			},
			wantClient: "made,write lost,read lost,done", wantServer: "made,data hello,done",
		},
		"R275 half-close of a plain protocol": {
			halfServer: true,
			client:     actions{"made": func(a *actor) { a.write("hello"); a.halfClose() }},
			server:     actions{"read lost": func(a *actor) { a.write("answer"); a.lose() }},
			wantClient: "made,data answer,done", wantServer: "made,data hello,read lost,done",
		},
		"R277 R279 half-close of both": {
			halfClient: true, halfServer: true,
			client:     actions{"made": func(a *actor) { a.write("hello"); a.halfClose() }, "read lost": (*actor).lose},
			server:     actions{"read lost": func(a *actor) { a.write("answer"); a.halfClose() }, "write lost": (*actor).lose},
			wantClient: "made,write lost,data answer,read lost,done", wantServer: "made,write lost,data hello,read lost,done",
		},
		"R275 a close against half-close events": {
			halfServer: true,
			client:     actions{"made": (*actor).lose},
			server:     actions{"read lost": (*actor).lose},
			wantClient: "made,done", wantServer: "made,read lost,done",
		},
		"R273 close after a half-close": {
			halfClient: true,
			client:     actions{"made": func(a *actor) { a.write("hello"); a.halfClose(); a.lose() }},
			wantClient: "made,write lost,done", wantServer: "made,data hello,done",
		},
		"R284 R289 a pull producer is waited for": {
			client: actions{
				"made": func(a *actor) {
					_ = a.Transport().RegisterProducer(a, false)
					a.lose()
				},
				"resume": func(a *actor) {
					switch slices.Index(a.events, "resume") - len(a.events) {
					case -1:
						a.write("one ")
					case -2:
						a.write("two")
						a.Transport().UnregisterProducer()
					}
				},
			},
			wantClient: "made,resume,resume,done", wantServer: "made,data one two,done",
		},
		"R286 a producer is stopped first": {
			client:     actions{"made": func(a *actor) { _ = a.Transport().RegisterProducer(a, false) }},
			server:     actions{"made": (*actor).lose},
			wantClient: "made,resume,stop,done", wantServer: "made,done",
		},
		"R287 a producer on a lost connection": {
			client:     actions{"done": func(a *actor) { _ = a.Transport().RegisterProducer(a, false) }},
			server:     actions{"made": (*actor).lose},
			wantClient: "made,done,stop", wantServer: "made,done",
		},
		"R250 much data": {
			client:     actions{"made": func(a *actor) { a.write(big); a.lose() }},
			wantClient: "made,done", wantServer: "made,data " + big + ",done",
		},
	} {
		for kind, run := range map[string]func(client, server reactor.Protocol, alive *int){"pair": overPair, "tcp": overTCP(t)} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				alive := 2
				lost := func() { alive-- }
				client, c := newActor(row.halfClient, row.client, lost)
				server, s := newActor(row.halfServer, row.server, lost)
				run(client, server, &alive)
				if got := c.summary(t); got != row.wantClient {
					t.Errorf("client: got  %.200s\nwant %.200s", got, row.wantClient)
				}
				if got := s.summary(t); got != row.wantServer {
					t.Errorf("server: got  %.200s\nwant %.200s", got, row.wantServer)
				}
			})
		}
	}
}
