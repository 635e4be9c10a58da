package telnet_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// TestT_TELNET_1_Table enters each state, and receives each byte there.
func TestT_TELNET_1_Table(t *testing.T) {
	for before, row := range map[string]func(b byte) (events []string, state string){
		"":            inData,
		"\r":          inNewline,
		iac():         inEscaped,
		iac(251):      func(b byte) ([]string, string) { return refusal("enableRemote", b, telnet.DONT), "data" },
		iac(252):      func(b byte) ([]string, string) { return nil, "data" },
		iac(253):      func(b byte) ([]string, string) { return refusal("enableLocal", b, telnet.WONT), "data" },
		iac(254):      func(b byte) ([]string, string) { return nil, "data" },
		iac(250, 1):   inSubnegotiation,
		iac(250, 255): inSubEscaped,
	} {
		for b := range 256 {
			c := record("", "")
			c.in(before + string([]byte{byte(b)}))
			want, state := row(byte(b))
			c.expect(t, fmt.Sprintf("%q then %#x", before, b), want...)
			if got := c.StateName(); got != state {
				t.Errorf("%q then %#x: state %s, want %s", before, b, got, state)
			}
		}
	}
}

// inData and the functions below return the events for a byte in a state, and the
// next state.
func inData(b byte) (events []string, state string) {
	switch b {
	case 255:
		return nil, "escaped"
	case '\r':
		return nil, "newline"
	}
	return application(b), "data"
}

func inNewline(b byte) (events []string, state string) {
	switch b {
	case '\n':
		return application('\n'), "data"
	case 0:
		return application('\r'), "data"
	case 255:
		return application('\r'), "escaped"
	}
	return application('\r', b), "data"
}

func inEscaped(b byte) (events []string, state string) {
	switch b {
	case 255:
		return application(255), "data"
	case 250:
		return nil, "subnegotiation"
	case 251, 252, 253, 254:
		return nil, "command"
	case 236, 237, 238, // T-TELNET-3
		239, 241, 242, 243, 244, 245, 246, 247, 248, 249:
		return []string{event("command", string([]byte{b}), nil)}, "data"
	}
	return nil, "data" // T-TELNET-3
}

func inSubnegotiation(b byte) (events []string, state string) {
	if b == 255 {
		return nil, "subnegotiation-escaped"
	}
	return nil, "subnegotiation"
}

func inSubEscaped(b byte) (events []string, state string) {
	if b == 240 {
		return nil, "data" // T-TELNET-5: it is empty
	}
	return nil, "subnegotiation"
}

// application returns the event of application bytes.
func application(data ...byte) []string { return []string{event("data", string(data))} }

// refusal returns the events of an offer that is refused.
func refusal(hook string, b byte, answer telnet.Command) []string {
	o := telnet.Option(b)
	return []string{event(hook, name(o), false), event("out", verb(answer, o))}
}

// when returns the events if ok is set.
func when(ok bool, events ...string) []string {
	if ok {
		return events
	}
	return nil
}

// TestT_TELNET_1_Order: the order of the calls is that on the wire, and data of
// a chunk is delivered together.
func TestT_TELNET_1_Order(t *testing.T) {
	c := record("", "\x03")
	c.in("a\r\nb" + iac(255) + iac(246) + "c" + verb(telnet.WILL, 3) + "d\r" + sub(31, "x"+iac(255)+"\r\n") + "e")
	c.expect(t, "one chunk", `data "a\nb\xff"`, `command "\xf6" <nil>`, `data "c"`, `enableRemote "\x03" true`,
		`out "\xff\xfd\x03"`,
		`data "d\r"`, `subnegotiation "\x1f" "x\xff\r\n"`, `data "e"`)
}

// TestT_TELNET_2_Chunks: a CR waits for its successor, wherever a chunk ends.
func TestT_TELNET_2_Chunks(t *testing.T) {
	for wire, want := range map[string]string{
		"a\r\nb": "a\nb", "a\r\x00b": "a\rb", "a\rb": "a\rb", "\n\x00": "\n\x00",
		"\r\r\n": "\r\r\n", "\r\r\r\n": "\r\r\n", "a\r" + iac(255): "a\r\xff",
	} {
		for cut := range len(wire) + 1 {
			c := record("", "")
			c.in(wire[:cut])
			c.in(wire[cut:])
			if got := joined(c.take()); !slices.Equal(got, []string{event("data", want)}) {
				t.Errorf("%q, cut at %d: %q, want data %q", wire, cut, got, want)
			}
		}
	}
	c := record("", "")
	c.in("a\r")
	c.expect(t, "CR at the end", `data "a"`)
}

// TestT_TELNET_3_UnknownCommands: bytes that are no commands are dropped.
func TestT_TELNET_3_UnknownCommands(t *testing.T) {
	for b := range byte(telnet.EOF) {
		c := record("", "")
		c.in("a" + iac(b) + "b")
		c.expect(t, fmt.Sprint("byte ", b), `data "ab"`)
	}
	c := record("", "")
	c.in("a" + iac(byte(telnet.SE)) + "b")
	c.in(iac(byte(telnet.EOF)) + iac(byte(telnet.SUSP)) + iac(byte(telnet.ABORT)))
	c.expect(t, "SE and LINEMODE", `data "ab"`, `command "\xec" <nil>`, `command "\xed" <nil>`, `command "\xee" <nil>`)
}

// TestT_TELNET_4_HandleCommand: a function replaces the hook, or the
// negotiation.
func TestT_TELNET_4_HandleCommand(t *testing.T) {
	c := record("", "\x01")
	c.HandleCommand(telnet.AYT, func(o telnet.Option) { c.add("ayt", int(o)) })
	c.HandleCommand(telnet.WILL, func(o telnet.Option) { c.add("will", int(o)) })
	c.in(iac(246) + iac(244) + iac(251, 1))
	c.expect(t, "with functions", "ayt 0", `command "\xf4" <nil>`, "will 1")
	c.HandleCommand(telnet.AYT, nil)
	c.HandleCommand(telnet.WILL, nil)
	c.in(iac(246) + iac(251, 1))
	c.expect(t, "without", `command "\xf6" <nil>`, `enableRemote "\x01" true`, `out "\xff\xfd\x01"`)
}

// TestT_TELNET_5_Subnegotiations: functions, empty ones, and the bound.
func TestT_TELNET_5_Subnegotiations(t *testing.T) {
	c := record("", "")
	c.HandleSubnegotiation(31, func(data []byte) { c.add("naws", string(data)) })
	c.in(sub(31, "abc") + sub(32, "d") + iac(250) + iac(240) + "e")
	c.expect(t, "functions", `naws "abc"`, `subnegotiation " " "d"`, `data "e"`)
	c.HandleSubnegotiation(31, nil)
	c.in(sub(31, ""))
	c.expect(t, "without", `subnegotiation "\x1f" ""`)

	longest := strings.Repeat("x", telnet.MaxSubnegotiation-1)
	c.in(sub(31, longest) + sub(31, longest+"y") + "after")
	got := c.take()
	if len(got) != 2 || got[0] != event("subnegotiation", "\x1f", longest) || got[1] != `data "after"` {
		t.Errorf("%d events, the last %.100q", len(got), last(got))
	}
}

// TestT_TELNET_5_Bounds: what a peer sends without an end is not kept.
func TestT_TELNET_5_Bounds(t *testing.T) {
	c := record("", "")
	c.in(iac(250))
	chunk := strings.Repeat("x", 1<<16)
	for range 64 {
		c.in(chunk)
		if kept := c.Kept(); kept > telnet.MaxSubnegotiation {
			t.Fatalf("%d bytes are kept", kept)
		}
	}
	c.in(iac(240) + "a")
	c.expect(t, "4 MiB of a subnegotiation", `data "a"`)
}

// TestT_TELNET_6_Binary: with BINARY, CR and LF are as they are. Each direction
// has its own option.
func TestT_TELNET_6_Binary(t *testing.T) {
	c := record("\x00", "\x00")
	c.in(verb(telnet.WILL, telnet.BINARY) + "a\r\n\r\x00\r" + iac(255) + iac(246))
	c.expect(t, "the peer's BINARY", `enableRemote "\x00" true`, `out "\xff\xfd\x00"`, `data "a\r\n\r\x00\r\xff"`,
		`command "\xf6" <nil>`)
	c.TelnetTransport.Write([]byte("\n"))
	c.expect(t, "not yet ours", `out "\r\n"`)
	c.in(verb(telnet.DO, telnet.BINARY))
	c.take()
	c.TelnetTransport.Write([]byte("\n\r\r\x00\xff"))
	c.expect(t, "ours", `out "\n\r\r\x00\xff\xff"`)
	c.in(verb(telnet.WONT, telnet.BINARY) + verb(telnet.DONT, telnet.BINARY) + "\r\n")
	c.TelnetTransport.Write([]byte("\n"))
	c.expect(t, "text again", `disableRemote "\x00"`, `out "\xff\xfe\x00"`, `disableLocal "\x00"`,
		`out "\xff\xfc\x00"`, `data "\n"`, `out "\r\n"`)
}

// TestNothingAfterTheEnd: what arrives behind the end of the connection, in the
// same chunk too, is dropped.
func TestNothingAfterTheEnd(t *testing.T) {
	for name, stop := range map[string]func(c *connection){
		"LoseConnection":  func(c *connection) { c.TelnetTransport.LoseConnection() },
		"AbortConnection": func(c *connection) { c.TelnetTransport.AbortConnection() },
		"ConnectionLost":  func(c *connection) { c.lose() },
	} {
		for what, behind := range map[string]string{"data": "x", "a command": iac(246), "an offer": iac(251, 1),
			"a subnegotiation": sub(31, "x")} {
			for _, first := range []string{iac(241), "a" + iac(246), sub(24, ""), iac(251, 3)} {
				c := record("", "")
				c.HandleCommand(telnet.NOP, func(telnet.Option) { stop(c) })
				c.HandleCommand(telnet.AYT, func(telnet.Option) { stop(c) })
				c.HandleCommand(telnet.WILL, func(telnet.Option) { stop(c) })
				c.HandleSubnegotiation(24, func([]byte) { stop(c) })
				c.in(first + behind)
				for _, e := range c.take() {
					if e != `data "a"` && e != "close" && e != "abort" && e != "lost" {
						t.Errorf("%s, then %s: %s", name, what, e)
					}
				}
			}
		}
	}
}

// listener is a Telnet alone.
type listener struct {
	telnet.Telnet
	got []string
}

func (l *listener) ApplicationDataReceived(data []byte) { l.got = append(l.got, string(data)) }

// TestT_TELNET_1_TelnetAlone: Telnet can be embedded without a TelnetTransport.
func TestT_TELNET_1_TelnetAlone(t *testing.T) {
	l := &listener{}
	tr := reactortest.Connect(l)
	l.DataReceived([]byte("a\r\n" + iac(246) + iac(251, 1) + sub(1, "x") + iac(253, 1) + "b"))
	if want := []string{"a\n", "b"}; !slices.Equal(l.got, want) || tr.Value() != iac(254, 1)+iac(252, 1) {
		t.Errorf("%q, wrote %q", l.got, tr.Value())
	}
	plain := &telnet.Telnet{}
	tr = reactortest.Connect(plain)
	plain.Will(1).OnError(func(err error) { t.Error(err) })
	plain.DataReceived([]byte("a" + iac(246) + iac(253, 1) + iac(254, 1)))
	plain.Do(1).OnError(func(err error) { t.Error(err) })
	plain.DataReceived([]byte(iac(251, 1) + iac(252, 1)))
	if want := iac(251, 1) + iac(252, 1) + iac(253, 1) + iac(254, 1); tr.Value() != want {
		t.Errorf("wrote %q, want %q", tr.Value(), want)
	}
}

// owner keeps what it receives, and appends to it.
type owner struct {
	telnet.TelnetProtocol
	kept [][]byte
}

func (o *owner) DataReceived(data []byte) { o.kept = append(o.kept, append(data, "OVERWRITTEN"...)) }
func (o *owner) UnhandledSubnegotiation(_ telnet.Option, data []byte) {
	o.kept = append(o.kept, append(data, "OVERWRITTEN"...))
}

// TestT_TELNET_1_Ownership: a protocol may change what it gets.
func TestT_TELNET_1_Ownership(t *testing.T) {
	p := &owner{}
	c := connect(&journal{}, p)
	c.in("one" + iac(246) + "two\r\n" + sub(31, "three") + "four" + iac(246) + "five")
	c.in(sub(31, "six"))
	if got := string(bytes.ReplaceAll(bytes.Join(p.kept, []byte(" ")), []byte("OVERWRITTEN"),
		nil)); got != "one two\n three four five six" {
		t.Errorf("%q", got)
	}
}

// TestDataCopiesNothing: data without telnet is delivered as it arrived.
func TestDataCopiesNothing(t *testing.T) {
	c := connect(&journal{}, &counter{})
	chunk := []byte(strings.Repeat("x", 1<<16))
	perChunk := testing.AllocsPerRun(100, func() { c.TelnetTransport.DataReceived(chunk) })
	if perChunk != 0 {
		t.Errorf("%v allocations for a chunk", perChunk)
	}
	runtime.KeepAlive(c)
}

// counter counts bytes.
type counter struct {
	telnet.TelnetProtocol
	n int
}

func (c *counter) DataReceived(data []byte) { c.n += len(data) }

// TestCodes: names of commands and options.
func TestCodes(t *testing.T) {
	for c, want := range map[fmt.Stringer]string{
		telnet.EOF: "EOF", telnet.SE: "SE", telnet.AYT: "AYT", telnet.SB: "SB",
		telnet.DONT: "DONT", telnet.IAC: "IAC", telnet.Command(7): "command 7",
		telnet.BINARY: "BINARY", telnet.ECHO: "ECHO", telnet.SGA: "SGA", telnet.NAWS: "NAWS",
		telnet.LINEMODE: "LINEMODE", telnet.Option(24): "option 24",
	} {
		if c.String() != want {
			t.Errorf("%v, want %s", c, want)
		}
	}
	if telnet.LinemodeLitEcho != 16 || telnet.SLCEEOL != 30 || telnet.SLCForw1 != 17 {
		t.Error("LINEMODE's numbers differ from those of RFC 1184")
	}
}

// TestSendCommand: only commands without an option are sent.
func TestSendCommand(t *testing.T) {
	c := record("", "")
	for b := range 256 {
		c.SendCommand(telnet.Command(b))
	}
	c.expect(t, "all", event("out",
		iac(236)+iac(237)+iac(238)+iac(239)+iac(241)+iac(242)+iac(243)+iac(244)+iac(245)+iac(246)+iac(247)+iac(248)+iac(249)))
}

var _ reactor.Protocol = (*listener)(nil)
