package telnet_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/tracetest"
	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// trace is a script, and what Twisted did.
type trace struct {
	Name, Kind string
	Config     struct {
		Local, Remote string
		Users         map[string]string
		Bootstrap     bool
	}
	Tags   []string
	Steps  [][]any
	Open   [][]any
	Events [][][]any
	Final  struct {
		Options map[string][4]any
		State   string
	}
}

// TestT_TELNET_Traces replays the recorded traces of Twisted, as they are and
// byte by byte: T-TELNET-1 to T-TELNET-5, T-TELNET-10, T-TELNET-13 to
// T-TELNET-15, T-TELNET-30, T-TELNET-31, T-TELNET-40 to T-TELNET-44,
// T-TELNET-50 to T-TELNET-55. Events of a quirk that this package does not have
// are changed first, or the trace is left out.
func TestT_TELNET_Traces(t *testing.T) {
	data, err := os.ReadFile("testdata/traces.json")
	if err != nil {
		t.Fatal(err)
	}
	var traces []*trace
	if err := json.Unmarshal(data, &traces); err != nil {
		t.Fatal(err)
	}
	replayed := 0
	for _, tr := range traces {
		if tr.has("hang") || tr.has("cr-nul") || tr.has("newlines") || tr.has("raw-sequence") {
			continue // each is about one quirk, whose fix has a test of its own
		}
		replayed++
		for _, byByte := range []bool{false, true} {
			tr.replay(t, byByte)
		}
	}
	if replayed < 400 {
		t.Errorf("only %d traces", replayed)
	}
}

func (tr *trace) has(tag string) bool { return slices.Contains(tr.Tags, tag) }

// replay compares each step.
func (tr *trace) replay(t *testing.T, byByte bool) {
	c, clock := tr.start()
	got, want := c.take(), tr.expected(tr.Open)
	if !slices.Equal(got, want) {
		t.Errorf("%s: opening:\n got %q\nwant %q", tr.Name, got, want)
	}
	for i, step := range tr.Steps {
		c.do(step, byByte)
		clock.Advance(time.Second) // more than the delay of a refused login
		got, want := c.take(), tr.expected(tr.Events[i])
		if tr.Name == "bootstrap/command" { // T-TELNET-52: IP is a key
			want = slices.Insert(want, 1, event("key", "\x03", nil))
		}
		if byByte {
			got, want = joined(got), joined(want)
		}
		if tr.has("raise") && strings.HasPrefix(last(want), "raise") {
			want = want[:len(want)-1]
			if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
				t.Errorf("%s, by byte %v: step %d:\n got %q\nwant first %q", tr.Name, byByte, i, got, want)
			}
			return // Twisted closes the connection; here it goes on
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s, by byte %v: step %d %q:\n got %q\nwant %q", tr.Name, byByte, i, step, got, want)
		}
	}
	tr.checkFinal(t, c)
}

func last(events []string) string {
	if len(events) == 0 {
		return ""
	}
	return events[len(events)-1]
}

// joined joins adjacent data events.
func joined(events []string) (all []string) {
	for _, e := range events {
		all = join(append(all, e), "data")
	}
	return all
}

// start makes the protocols of a trace.
func (tr *trace) start() (*connection, *reactortest.Clock) {
	clock, j := reactortest.NewClock(), &journal{}
	switch tr.Kind {
	case "telnet":
		return connect(j, &recorder{journal: j, local: string(tracetest.Bytes(tr.Config.Local)), remote: string(tracetest.Bytes(tr.Config.Remote))}), clock
	case "bootstrap":
		return connect(j, bootstrap(j)), clock
	}
	avatar := func(name string) telnet.Protocol {
		j.add("avatar", name)
		if tr.Config.Bootstrap {
			return bootstrap(j)
		}
		return &recorder{journal: j}
	}
	return connect(j, authenticating(clock, tr.Config.Users, avatar)), clock
}

// realm is a realm of protocols.
type realm func(name string) telnet.Protocol

func (f realm) RequestAvatar(name string, _ any) deferred.Deferred[telnet.Protocol] {
	return deferred.Succeed(f(name))
}

func authenticating(clock reactor.Clock, users map[string]string,
	avatar realm) *telnet.AuthenticatingTelnetProtocol[telnet.Protocol] {
	portal := cred.NewPortal[telnet.Protocol](avatar, cred.InMemory(users))
	return &telnet.AuthenticatingTelnetProtocol[telnet.Protocol]{Portal: portal, Clock: clock}
}

func bootstrap(j *journal) *telnet.TelnetBootstrapProtocol {
	return &telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol { return &terminal{journal: j} }}
}

// terminal is a terminal protocol that records keys. It knows characters and
// the two function keys of the traces.
type terminal struct {
	reactor.BaseProtocol
	*journal
	unread string
}

func (p *terminal) DataReceived(data []byte) {
	p.unread += string(data)
	for p.unread != "" {
		key, size := p.unread[:1], 1
		if key == "\x1b" {
			if len(p.unread) < 3 {
				return
			}
			key, size = map[string]string{"\x1b[A": "[UP_ARROW]", "\x1bOP": "[F1]"}[p.unread[:3]], 3
		}
		p.unread = p.unread[size:]
		p.add("key", key, nil)
	}
}

func (p *terminal) TerminalSize(width, height int) { p.add("size", width, height) }
func (p *terminal) ConnectionLost(error)           { p.add("lost") }

// do executes a step of a trace.
func (c *connection) do(step []any, byByte bool) {
	arg := func(i int) string { return string(tracetest.Bytes(step[i].(string))) }
	switch op := step[0].(string); op {
	case "in":
		if !byByte {
			c.in(arg(1))
			return
		}
		for _, b := range []byte(arg(1)) {
			c.in(string([]byte{b}))
		}
	case "write":
		c.TelnetTransport.Write([]byte(arg(1)))
	case "sb":
		c.RequestNegotiation(telnet.Option(arg(1)[0]), []byte(arg(2)))
	case "close":
		c.TelnetTransport.LoseConnection()
	case "lost":
		c.lose()
	default:
		verbs := map[string]telnet.Command{"will": telnet.WILL, "wont": telnet.WONT, "do": telnet.DO, "dont": telnet.DONT}
		c.request(verbs[op], telnet.Option(arg(1)[0]))
	}
}

// expected returns events as a journal has them. Log records are left out.
func (tr *trace) expected(events [][]any) (all []string) {
	for _, e := range events {
		word, args := e[0].(string), []any{}
		for _, a := range e[1:] {
			if s, ok := a.(string); ok {
				a = string(tracetest.Bytes(s))
			}
			args = append(args, a)
		}
		switch {
		case word == "error":
			continue
		case word == "size" && args[0] == 0.0 && args[1] == 0.0:
			continue // T-TELNET-53: unknown sizes are not passed on
		case word == "out" && tr.has("crlf"):
			args[0] = strings.ReplaceAll(args[0].(string), "\r\r\n", "\r\n")
		}
		all = append(all, event(word, args...))
	}
	return all
}

// checkFinal compares the states after the last step.
func (tr *trace) checkFinal(t *testing.T, c *connection) {
	t.Helper()
	if state := c.StateName(); tr.Final.State != "" && state != tr.Final.State {
		t.Errorf("%s: state %s, want %s", tr.Name, state, tr.Final.State)
	}
	got, want := c.OptionStates(), tr.Final.Options
	for name, w := range want {
		o := telnet.Option(tracetest.Bytes(name)[0])
		if got[o] != (telnet.OptionState{Us: w[0] == "yes", UsNegotiating: w[1] == true, Him: w[2] == "yes",
			HimNegotiating: w[3] == true}) {
			t.Errorf("%s: %v is %+v, want %v", tr.Name, o, got[o], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: states of %d options, want %d", tr.Name, len(got), len(want))
	}
}
