package telnet_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// talker has two states, and does what onLine says.
type talker struct {
	telnet.StatefulTelnetProtocol
	*journal
	onLine func(line string) telnet.State
}

func (p *talker) first(line []byte) telnet.State {
	p.add("first", string(line))
	return p.onLine(string(line))
}

func (p *talker) second(line []byte) telnet.State {
	p.add("second", string(line))
	return nil
}

func talk(onLine func(p *talker, line string) telnet.State) (*connection, *talker) {
	p := &talker{journal: &journal{}}
	p.onLine = func(line string) telnet.State { return onLine(p, line) }
	c := connect(p.journal, p)
	p.SetState(p.first)
	return c, p
}

// TestT_TELNET_33_States: a state returns the next one, or sets it.
func TestT_TELNET_33_States(t *testing.T) {
	c, _ := talk(func(p *talker, line string) telnet.State { return p.second })
	c.in("a\r\nb\r\n")
	c.expect(t, "returned", `first "a"`, `second "b"`)

	c, _ = talk(func(p *talker, line string) telnet.State { p.SetState(p.second); return nil })
	c.in("a\r\nb\r\n")
	c.expect(t, "set", `first "a"`, `second "b"`)

	c, _ = talk(func(p *talker, line string) telnet.State { return nil })
	c.in("a\r\nb\r\n")
	c.expect(t, "kept", `first "a"`, `first "b"`)

	c, _ = talk(func(p *talker, line string) telnet.State { return telnet.Discard })
	c.in("a\r\nb\r\n")
	c.expect(t, "discarded", `first "a"`)

	log := reactortest.NewLog(t)
	c, _ = talk(func(p *talker, line string) telnet.State { p.SetState(p.second); return p.first })
	c.Logger = log.Logger()
	c.in("a\r\nb\r\n")
	c.expect(t, "both", `first "a"`, `second "b"`)
	if n := len(log.Take("which is ignored")); n != 1 {
		t.Errorf("%d warnings", n)
	}
}

// TestT_TELNET_33_FirstState: lines are ignored at first.
func TestT_TELNET_33_FirstState(t *testing.T) {
	p := &talker{journal: &journal{}}
	c := connect(p.journal, p)
	c.in("a\r\n")
	p.SetState(p.second)
	c.in("b\r\n")
	p.SetState(nil)
	c.in("c\r\n")
	c.expect(t, "lines", `second "b"`)
}

// TestT_TELNET_33_TooLong: a line that is too long closes the connection.
func TestT_TELNET_33_TooLong(t *testing.T) {
	longest := strings.Repeat("x", 16384)
	for _, cut := range []int{1, 1000, 16384} {
		c, _ := talk(func(p *talker, line string) telnet.State { return nil })
		c.in(longest[:cut])
		c.in(longest[cut:] + "\r\nb\r\n")
		c.expect(t, "the longest", event("first", longest), `first "b"`)
		c.in(longest[:cut])
		c.in(longest[cut:] + "y\r\nb\r\n")
		c.expect(t, "one byte more", "close")
	}
	c, _ := talk(func(p *talker, line string) telnet.State { return nil })
	for range 64 {
		c.in(strings.Repeat("x", 1<<16))
	}
	c.expect(t, "4 MiB without an end", "close")
}

// liner receives lines without states.
type liner struct {
	telnet.StatefulTelnetProtocol
	*journal
}

func (l *liner) LineReceived(line []byte) {
	l.add("line", string(line))
	if string(line) == "raw" {
		l.SetRawMode()
	}
}

func (l *liner) RawDataReceived(data []byte) { l.add("raw", string(data)) }

// TestT_TELNET_34_Ends: all ends of lines, wherever the chunks end.
func TestT_TELNET_34_Ends(t *testing.T) {
	for wire, want := range map[string][]string{
		"a\r\nb\r\n":         {"a", "b"},
		"a\nb\n":             {"a", "b"},
		"a\r\x00b\r\x00":     {"a", "b"}, // PuTTY, and BSD's telnet after SGA
		"a\rb\r\x00":         {"a", "b"},
		"a\n\nb\n":           {"a", "", "b"},
		"a\r\n\r\nb\r\n":     {"a", "", "b"},
		"a\r\x00\r\x00b\n":   {"a", "", "b"},
		"a\r\x00\nb\n":       {"a", "b"}, // CR and LF, each in its own way
		"\r\n":               {""},
		"a\x00b\n":           {"a\x00b"},
		"ü\xff\xff\r\nrest":  {"ü\xff"},
		"a\r" + iac(246, 10): {"a"},
	} {
		for cut := range len(wire) + 1 {
			l := &liner{journal: &journal{}}
			c := connect(l.journal, l)
			c.in(wire[:cut])
			c.in(wire[cut:])
			var events []string
			for _, line := range want {
				events = append(events, event("line", line))
			}
			c.expect(t, fmt.Sprintf("%q, cut at %d", wire, cut), events...)
		}
	}
}

// TestT_TELNET_33_LineReceiver: the methods of a LineReceiver work.
func TestT_TELNET_33_LineReceiver(t *testing.T) {
	l := &liner{journal: &journal{}}
	c := connect(l.journal, l)
	l.SendLine([]byte("one"))
	c.in("a\r\n")
	l.SendLine([]byte("two"))
	c.expect(t, "SendLine", event("out", "one\r\n"), `line "a"`, event("out", "two\r\n"))
	l.PauseProducing()
	c.in("b\r\nc\r\n")
	c.expect(t, "paused")
	l.ResumeProducing()
	c.expect(t, "resumed", `line "b"`, `line "c"`)
	c.in("raw\r\nx\r\ny")
	c.expect(t, "raw mode", `line "raw"`, `raw "x\ny"`)
	c.in("z")
	c.expect(t, "raw mode", `raw "z"`)
	l.SetLineMode(nil)
	c.in("d\r\n")
	c.expect(t, "line mode", `line "d"`)
}
