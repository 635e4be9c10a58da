package telnet_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// iac returns a command, or several, as on the wire.
func iac(bytes ...byte) string { return "\xff" + string(bytes) }

// verb returns the bytes of a verb and an option.
func verb(c telnet.Command, o telnet.Option) string { return iac(byte(c), byte(o)) }

// sub returns a subnegotiation. data is as on the wire.
func sub(o telnet.Option, data string) string {
	return iac(byte(telnet.SB), byte(o)) + data + iac(byte(telnet.SE))
}

// journal has the events of a connection, in order.
type journal struct{ events []string }

// add appends an event: a word, and then strings, which are quoted, and other
// values.
func (j *journal) add(word string, args ...any) { j.events = append(j.events, event(word, args...)) }

func event(word string, args ...any) string {
	var b strings.Builder
	b.WriteString(word)
	for _, a := range args {
		if s, ok := a.(string); ok {
			fmt.Fprintf(&b, ` "%s"`, escape(s))
		} else {
			fmt.Fprintf(&b, " %v", a)
		}
	}
	return b.String()
}

// escape is like strconv.Quote, byte by byte, so that quoted strings can be
// joined.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < 0x80 {
			quoted := strconv.Quote(string(rune(c)))
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// out appends written bytes. Those of adjacent writes are one event.
func (j *journal) out(data []byte) { j.events = join(append(j.events, event("out", string(data)))) }

// join joins the last two events if both are out or both are data.
func join(events []string, words ...string) []string {
	n := len(events)
	if n < 2 {
		return events
	}
	for _, word := range append(words, "out") {
		a, isA := strings.CutPrefix(events[n-2], word+" ")
		b, isB := strings.CutPrefix(events[n-1], word+" ")
		if isA && isB {
			return append(events[:n-2], word+" "+a[:len(a)-1]+b[1:])
		}
	}
	return events
}

// take returns the events since the last call.
func (j *journal) take() []string {
	events := j.events
	j.events = nil
	return events
}

// wire is a transport that records what happens to it.
type wire struct {
	*reactortest.StringTransport
	*journal
}

func (w *wire) Write(data []byte) { w.out(data) }

func (w *wire) WriteSequence(pieces [][]byte) {
	for _, p := range pieces {
		w.out(p)
	}
}

func (w *wire) LoseConnection() {
	w.add("close")
	w.StringTransport.LoseConnection()
}

func (w *wire) AbortConnection() {
	w.add("abort")
	w.StringTransport.AbortConnection()
}

// recorder is a protocol that records events. It accepts the options of local
// and remote.
type recorder struct {
	telnet.TelnetProtocol
	*journal
	local, remote string
}

func (r *recorder) DataReceived(data []byte) { r.add("data", string(data)) }

func (r *recorder) UnhandledCommand(c telnet.Command) { r.add("command", string([]byte{byte(c)}), nil) }

func (r *recorder) UnhandledSubnegotiation(o telnet.Option, data []byte) {
	r.add("subnegotiation", name(o), string(data))
}

func (r *recorder) EnableLocal(o telnet.Option) bool {
	ok := strings.Contains(r.local, name(o))
	r.add("enableLocal", name(o), ok)
	return ok
}

func (r *recorder) EnableRemote(o telnet.Option) bool {
	ok := strings.Contains(r.remote, name(o))
	r.add("enableRemote", name(o), ok)
	return ok
}

func (r *recorder) DisableLocal(o telnet.Option)  { r.add("disableLocal", name(o)) }
func (r *recorder) DisableRemote(o telnet.Option) { r.add("disableRemote", name(o)) }
func (r *recorder) ConnectionLost(error)          { r.add("lost") }

// name returns an option as a string of one byte.
func name(o telnet.Option) string { return string([]byte{byte(o)}) }

// connection is a TelnetTransport over a wire.
type connection struct {
	*telnet.TelnetTransport
	*wire
	calls int // of will, wont, do and dont
}

// connect connects a protocol.
func connect(j *journal, p telnet.Protocol) *connection {
	t := &telnet.TelnetTransport{
		ProtocolFactory: func() telnet.Protocol { return p }, Logger: slog.New(slog.DiscardHandler),
	}
	w := &wire{reactortest.NewStringTransport(), j}
	w.Lenient = true
	reactor.MakeConnection(t, w)
	return &connection{TelnetTransport: t, wire: w}
}

// record connects a recorder that accepts the options of local and remote.
func record(local, remote string) *connection {
	j := &journal{}
	return connect(j, &recorder{journal: j, local: local, remote: remote})
}

// in receives bytes.
func (c *connection) in(data string) { c.TelnetTransport.DataReceived([]byte(data)) }

// lose loses the connection.
func (c *connection) lose() { reactor.EndConnection(c.TelnetTransport, reactor.ErrConnectionDone) }

// request calls the method of a verb, and records the outcome.
func (c *connection) request(v telnet.Command, o telnet.Option) {
	n := c.calls
	c.calls++
	c.call(v, o).OnResult(func(ok bool, err error) {
		if err != nil {
			c.add("failed", n, errorName(err))
		} else {
			c.add("fired", n, ok)
		}
	})
}

func (c *connection) call(v telnet.Command, o telnet.Option) deferred.Deferred[bool] {
	switch v {
	case telnet.WILL:
		return c.Will(o)
	case telnet.WONT:
		return c.Wont(o)
	case telnet.DO:
		return c.Do(o)
	}
	return c.Dont(o)
}

// errorName returns Twisted's name of an error.
func errorName(err error) string {
	for target, name := range map[error]string{
		telnet.ErrOptionRefused: "OptionRefused", telnet.ErrAlreadyEnabled: "AlreadyEnabled",
		telnet.ErrAlreadyDisabled: "AlreadyDisabled", telnet.ErrAlreadyNegotiating: "AlreadyNegotiating",
		reactor.ErrConnectionDone: "ConnectionDone",
	} {
		if errors.Is(err, target) {
			return name
		}
	}
	return err.Error()
}

// expect compares the events since the last call with want, in which adjacent
// writes are joined first.
func (j *journal) expect(t *testing.T, what string, events ...string) {
	t.Helper()
	var want []string
	for _, e := range events {
		want = join(append(want, e))
	}
	if got := j.take(); !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
