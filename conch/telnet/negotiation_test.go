package telnet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// long makes tests try all cases.
var long = os.Getenv("HAWSER_LONG") != ""

// The letters of programs: calls, and received verbs.
var letters = map[byte]telnet.Command{'w': telnet.WILL, 'n': telnet.WONT, 'd': telnet.DO, 't': telnet.DONT}

const alphabet = "wndtWNDT"

// programs returns all sequences of 1 to n letters.
func programs(n int) (all []string) {
	level := []string{""}
	for range n {
		var next []string
		for _, p := range level {
			for _, letter := range alphabet {
				next = append(next, p+string(letter))
			}
		}
		all, level = append(all, next...), next
	}
	return all
}

// negotiator notes events in the short form of programs.
type negotiator struct {
	telnet.TelnetProtocol
	accepts bool
	events  []string
}

func (n *negotiator) note(e string) { n.events = append(n.events, e) }

func (n *negotiator) EnableLocal(telnet.Option) bool  { n.note("el"); return n.accepts }
func (n *negotiator) EnableRemote(telnet.Option) bool { n.note("er"); return n.accepts }
func (n *negotiator) DisableLocal(telnet.Option)      { n.note("dl") }
func (n *negotiator) DisableRemote(telnet.Option)     { n.note("dr") }

// run runs a program.
func run(accepts bool, program string) string {
	n := &negotiator{accepts: accepts}
	transport := &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return n }}
	tr := reactortest.Connect(transport)
	for i := range len(program) {
		letter := program[i]
		if letter < 'a' {
			transport.DataReceived([]byte(verb(letters[letter|0x20], 1)))
		} else {
			(&connection{TelnetTransport: transport}).call(letters[letter], 1).OnResult(func(ok bool, err error) {
				if err != nil {
					n.note(fmt.Sprintf("%d=%s", i, errorName(err)))
				} else {
					n.note(fmt.Sprintf("%d=%s", i, map[bool]string{true: "True", false: "False"}[ok]))
				}
			})
		}
		for written := tr.TakeValue(); written != ""; written = written[3:] {
			n.note("out" + strings.ToUpper(letterOf(written[1])))
		}
		n.note("|")
	}
	return strings.Join(n.events, " ")
}

func letterOf(verb byte) string {
	for letter, v := range letters {
		if byte(v) == verb {
			return string(letter)
		}
	}
	return "?"
}

// TestT_TELNET_10_12_Tables: all sequences of up to five calls and verbs
// against a model that has the tables of RFC 854 as Twisted reads them.
func TestT_TELNET_10_12_Tables(t *testing.T) {
	all := programs(map[bool]int{true: 5, false: 4}[long])
	for _, accepts := range []bool{true, false} {
		for _, p := range all {
			if got, want := run(accepts, p), expectedBy(accepts, p); got != want {
				t.Fatalf("%s, accepts %v:\n got %s\nwant %s", p, accepts, got, want)
			}
		}
	}
}

// expectedBy returns the events of the model.
func expectedBy(accepts bool, program string) string {
	type side struct{ on, waits bool }
	var us, him side
	var events []string
	note := func(format string, args ...any) { events = append(events, fmt.Sprintf(format, args...)) }
	caller := -1
	for i, letter := range program {
		s, hooks, yes, no := &us, "l", "W", "N" // the side, its hooks, this side's verbs
		if strings.ContainsRune("dtWN", letter) {
			s, hooks, yes, no = &him, "r", "D", "T"
		}
		on := strings.ContainsRune("wdWD", letter)
		switch call := letter >= 'a'; {
		case call && (us.waits || him.waits):
			note("%d=AlreadyNegotiating", i)
		case call && s.on && on:
			note("%d=AlreadyEnabled", i)
		case call && !s.on && !on:
			note("%d=AlreadyDisabled", i)
		case call:
			s.waits, caller = true, i
			note("out%s", map[bool]string{true: yes, false: no}[on])
		case s.waits && on && s.on: // crosses a request to turn it off
		case s.waits && !on && !s.on:
			s.waits = false
			note("%d=OptionRefused", caller)
		case s.waits:
			s.waits, s.on = false, on
			note("%d=True", caller)
			note("%s%s", map[bool]string{true: "e", false: "d"}[on], hooks)
		case on && !s.on:
			note("e%s", hooks)
			s.on = accepts
			note("out%s", map[bool]string{true: yes, false: no}[accepts])
		case !on && s.on:
			s.on = false
			note("d%s", hooks)
			note("out%s", no)
		}
		note("|")
	}
	return strings.Join(events, " ")
}

// TestT_TELNET_10_Twisted: the same sequences on Twisted. Where Twisted raises
// an exception, there must be no answer and no change.
func TestT_TELNET_10_Twisted(t *testing.T) {
	all := programs(map[bool]int{true: 5, false: 3}[long])
	for n, events := range onTwisted(t, all) {
		accepts := n == 0
		for i, want := range events {
			got := run(accepts, all[i])
			before, raised := strings.CutSuffix(want, "raise")
			if got != want && !(raised && strings.HasPrefix(got, before)) {
				t.Fatalf("%s, accepts %v:\n got %s\nwant %s", all[i], accepts, got, want)
			}
		}
	}
}

// onTwisted runs programs on Twisted, with hooks that accept and with hooks that
// refuse.
func onTwisted(t *testing.T, programs []string) (events [2][]string) {
	t.Helper()
	needTwisted(t)
	input, err := json.Marshal(programs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/negotiation_driver.py")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output, &events); err != nil || len(events[0]) != len(programs) || len(events[1]) != len(programs) {
		t.Fatalf("%d and %d results, %v", len(events[0]), len(events[1]), err)
	}
	return events
}

// python is the distribution's Python, which has the distribution's Twisted.
const python = "/usr/bin/python3"

var haveTwisted = sync.OnceValue(func() bool {
	return exec.Command(python, "-c", "import twisted.conch.telnet").Run() == nil
})

func needTwisted(t *testing.T) {
	t.Helper()
	if !haveTwisted() {
		conchtest.MissingPeer(t, python+" with the package twisted")
	}
}

// TestT_TELNET_10_Order: a request is over before its Deferred fires, and the
// Deferred fires before the hook.
func TestT_TELNET_10_Order(t *testing.T) {
	c := record("\x01", "")
	c.Will(1).OnValue(func(bool) {
		c.add("first")
		c.Wont(1).OnValue(func(bool) { c.add("second") })
	})
	c.in(verb(telnet.DO, 1) + verb(telnet.DONT, 1))
	c.expect(t, "a request in a callback", event("out", iac(251, 1)), "first", event("out", iac(252, 1)),
		`enableLocal "\x01" true`,
		"second", `disableLocal "\x01"`)
}

// TestT_TELNET_11_Defaults: TelnetProtocol refuses.
func TestT_TELNET_11_Defaults(t *testing.T) {
	c := connect(&journal{}, &telnet.TelnetProtocol{})
	c.in("data" + iac(246) + sub(24, "x") + verb(telnet.WILL, 1) + verb(telnet.DO, 1))
	c.expect(t, "offers", event("out", iac(254, 1)+iac(252, 1)))
	c.Do(1).OnError(func(err error) { t.Error(err) })
	c.in(verb(telnet.WILL, 1) + verb(telnet.WONT, 1))
	if c.RemoteEnabled(1) {
		t.Error("still on")
	}
}

// TestT_TELNET_12_AcceptedAndRefusedByTheHook: a request of this side holds
// whatever the hook says.
func TestT_TELNET_12_AcceptedAndRefusedByTheHook(t *testing.T) {
	c := record("", "")
	c.request(telnet.DO, 1)
	c.in(verb(telnet.WILL, 1))
	c.request(telnet.WILL, 3)
	c.in(verb(telnet.DO, 3))
	c.expect(t, "both sides", event("out", iac(253, 1)), "fired 0 true", `enableRemote "\x01" false`,
		event("out", iac(251, 3)), "fired 1 true", `enableLocal "\x03" false`)
	if !c.RemoteEnabled(1) || !c.LocalEnabled(3) || c.LocalEnabled(1) || c.RemoteEnabled(3) || c.LocalEnabled(99) {
		t.Error("the options are not on")
	}
}

// TestT_TELNET_12_LateOffers: a WILL that crosses our DONT changes nothing.
func TestT_TELNET_12_LateOffers(t *testing.T) {
	c := record("\x01", "\x01")
	c.in(verb(telnet.WILL, 1))
	c.take()
	c.request(telnet.DONT, 1)
	c.in(verb(telnet.WILL, 1) + verb(telnet.WILL, 1))
	c.expect(t, "WILL", event("out", iac(254, 1)))
	c.in(verb(telnet.WONT, 1))
	c.expect(t, "WONT", "fired 0 true", `disableRemote "\x01"`)
}

// TestT_TELNET_13_OtherSide: offers about the other side are answered.
func TestT_TELNET_13_OtherSide(t *testing.T) {
	c := record("\x01", "\x01")
	c.request(telnet.DO, 1)
	c.in(verb(telnet.DO, 1))
	c.request(telnet.WONT, 1)
	c.in(verb(telnet.WILL, 1))
	c.expect(t, "DO while DO is pending", event("out", iac(253, 1)), `enableLocal "\x01" true`, event("out", iac(251, 1)),
		`failed 1 "AlreadyNegotiating"`, "fired 0 true", `enableRemote "\x01" true`)
}

// TestT_TELNET_14_Loss: requests fail with the reason, in the order of the
// first use of their options. Later ones fail at once, and nothing is sent.
func TestT_TELNET_14_Loss(t *testing.T) {
	c := record("", "")
	c.in(verb(telnet.WONT, 31))
	c.request(telnet.DO, 3)
	c.request(telnet.WILL, 1)
	c.request(telnet.DO, 31)
	c.take()
	c.lose()
	c.expect(t, "loss", `failed 2 "ConnectionDone"`, `failed 0 "ConnectionDone"`, `failed 1 "ConnectionDone"`, "lost")
	c.request(telnet.WILL, 1)
	c.request(telnet.WILL, 99)
	c.expect(t, "after the loss", `failed 3 "ConnectionDone"`, `failed 4 "ConnectionDone"`)
	c.in(verb(telnet.DO, 1) + "x" + sub(1, "y"))
	c.expect(t, "received after the loss")
}

// TestT_TELNET_14_LossInACallback: a callback that loses the connection
// prevents the hook.
func TestT_TELNET_14_LossInACallback(t *testing.T) {
	c := record("\x01", "")
	c.Will(1).OnValue(func(bool) { c.lose() })
	c.Do(3).OnError(func(error) { c.add("failed") })
	c.take()
	c.in(verb(telnet.DO, 1))
	c.expect(t, "loss", "failed", "lost")
}

// TestT_TELNET_15_RequestNegotiation: IAC is doubled, and the state does not
// matter.
func TestT_TELNET_15_RequestNegotiation(t *testing.T) {
	c := record("", "")
	c.RequestNegotiation(31, []byte("a\xff\n\xff\xf0"))
	c.RequestNegotiation(255, nil)
	c.expect(t, "sent", event("out", iac(250, 31)+"a\xff\xff\n\xff\xff\xf0"+iac(240)+iac(250, 255)+iac(240)))
}

// sizer tells its size when it is asked for.
type sizer struct{ telnet.TelnetProtocol }

func (s *sizer) EnableLocal(o telnet.Option) bool {
	s.Telnet().RequestNegotiation(o, []byte{0, 80, 0, 24})
	return o == telnet.NAWS
}

// TestT_TELNET_15_RequestNegotiationInAHook: the subnegotiation follows the
// answer.
func TestT_TELNET_15_RequestNegotiationInAHook(t *testing.T) {
	c := connect(&journal{}, &sizer{})
	size := iac(250, 31) + "\x00\x50\x00\x18" + iac(240)
	c.in(verb(telnet.DO, telnet.NAWS))
	c.expect(t, "offer", event("out", verb(telnet.WILL, telnet.NAWS)+size))
	c.RequestNegotiation(telnet.NAWS, []byte{0, 80, 0, 24})
	c.expect(t, "later", event("out", size))
	c = connect(&journal{}, &sizer{})
	c.request(telnet.WILL, telnet.NAWS)
	c.take()
	c.in(verb(telnet.DO, telnet.NAWS))
	c.expect(t, "request", "fired 0 true", event("out", size))
}

// TestT_TELNET_16_Errors: errors name the option.
func TestT_TELNET_16_Errors(t *testing.T) {
	c := record("", "")
	c.Will(telnet.ECHO).OnError(func(error) {})
	var err error
	c.Do(telnet.ECHO).OnError(func(e error) { err = e })
	e, ok := errors.AsType[*telnet.NegotiationError](err)
	if !ok || e.Option != telnet.ECHO || !errors.Is(err, telnet.ErrAlreadyNegotiating) || errors.Is(err,
		telnet.ErrOptionRefused) {
		t.Errorf("%#v", err)
	}
	for err, want := range map[error]string{
		telnet.ErrAlreadyNegotiating: "telnet: ECHO: an earlier request for the option has no answer yet",
		telnet.ErrOptionRefused:      "telnet: ECHO: the peer has refused the option",
	} {
		if got := (&telnet.NegotiationError{Option: telnet.ECHO, Err: err}).Error(); got != want {
			t.Error(got)
		}
	}
}

// TestCancelledRequest: a cancelled request is still in progress.
func TestCancelledRequest(t *testing.T) {
	clock := reactortest.NewClock()
	c := record("\x01", "")
	c.Will(1).AddTimeout(clock, time.Second).OnError(func(err error) {
		c.add("gave up", errors.Is(err,
			deferred.ErrCancelled))
	})
	clock.Advance(time.Second)
	c.request(telnet.WILL, 1)
	c.in(verb(telnet.DO, 1))
	c.request(telnet.WILL, 1)
	c.expect(t, "timeout", event("out", iac(251, 1)), "gave up false", `failed 0 "AlreadyNegotiating"`,
		`enableLocal "\x01" true`, `failed 1 "AlreadyEnabled"`)
}

// TestT_TELNET_17_Flips: a peer that flips an option gets a bounded number of
// answers. Other options and the other side have their own count.
func TestT_TELNET_17_Flips(t *testing.T) {
	for name, remote := range map[string]string{"accepted": "\x01", "refused": ""} {
		flip := verb(telnet.WILL, 1) + verb(telnet.WONT, 1)
		c := record("\x01", remote)
		c.in(strings.Repeat(flip, 10_000))
		answers := 0
		for _, e := range c.take() {
			if strings.HasPrefix(e, "out") {
				answers++
			}
		}
		if answers != telnet.MaxAnswers {
			t.Errorf("%s: %d answers", name, answers)
		}
		c.in(flip)
		c.expect(t, name+": refused silently")
		c.in(verb(telnet.DO, 1))
		c.expect(t, name+": the other side", `enableLocal "\x01" true`, event("out", iac(251, 1)))
		c.request(telnet.DO, 1)
		c.in(verb(telnet.WILL, 1) + verb(telnet.WONT, 1))
		c.expect(t, name+": requests of this side", event("out", iac(253, 1)), "fired 0 true",
			event("enableRemote", "\x01", remote != ""), `disableRemote "\x01"`)
		if c.RemoteEnabled(1) {
			t.Errorf("%s: on", name)
		}
	}
}

// TestT_TELNET_12_17_BackToBack: two of our own sides agree on every option
// once nothing is in flight, and do not talk for ever, whatever both ask for.
func TestT_TELNET_12_17_BackToBack(t *testing.T) {
	rounds := map[bool]int{true: 20_000, false: 2_000}[long]
	for seed := range uint64(rounds) {
		random := rand.New(rand.NewPCG(seed, 17))
		side := func() *telnet.TelnetTransport {
			n := &negotiator{accepts: random.IntN(2) == 0}
			return &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return n }}
		}
		client, server := side(), side()
		pair := reactortest.NewPair(client, server)
		pair.Chunk = 1 + random.IntN(7)
		var calls []string
		for range 12 {
			switch random.IntN(3) {
			case 0:
				pair.Pump()
			default:
				end, letter := []*telnet.TelnetTransport{client, server}[random.IntN(2)], alphabet[random.IntN(4)]
				calls = append(calls, string(letter))
				(&connection{TelnetTransport: end}).call(letters[letter], 1).OnResult(func(bool, error) {})
			}
		}
		pair.Flush()
		if client.LocalEnabled(1) != server.RemoteEnabled(1) || client.RemoteEnabled(1) != server.LocalEnabled(1) {
			t.Fatalf("seed %d, %v: the sides disagree: %+v, %+v", seed, calls, client.OptionStates(),
				server.OptionStates())
		}
		if s := client.OptionStates()[1]; s.UsNegotiating || s.HimNegotiating {
			t.Fatalf("seed %d, %v: a request has no answer", seed, calls)
		}
	}
}
