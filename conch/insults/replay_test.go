package insults_test

import (
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/tracetest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// serverRun is a ServerProtocol whose events are recorded.
type serverRun struct {
	server  *insults.ServerProtocol
	wire    *reactortest.StringTransport
	events  []any
	reports int
}

// keyRecorder is the program of a serverRun.
type keyRecorder struct {
	insults.TerminalProtocol
	run *serverRun
}

func (p *keyRecorder) KeystrokeReceived(k insults.Key, m insults.Modifier) {
	var mod any
	if m != 0 {
		mod = m.String()
	}
	p.run.add("key", k.String(), mod)
}

func (p *keyRecorder) TerminalSize(w, h int) { p.run.add("size", w, h) }
func (p *keyRecorder) UnhandledControlSequence(seq []byte) {
	p.run.add("unhandled", tracetest.Text(seq))
}
func (p *keyRecorder) ConnectionLost(error) { p.run.add("lost") }

func newServerRun() *serverRun {
	r := new(serverRun)
	r.server = insults.NewServerProtocol(func() insults.Protocol { return &keyRecorder{run: r} })
	r.wire = reactortest.NewStringTransport()
	r.wire.OnLose = func(error) { r.add("close") }
	reactor.MakeConnection(r.server, r.wire)
	return r
}

func (r *serverRun) add(event ...any) {
	r.takeOutput()
	r.events = append(r.events, event)
}

func (r *serverRun) takeOutput() {
	if out := r.wire.TakeValue(); out != "" {
		r.events = append(r.events, []any{"out", tracetest.Text([]byte(out))})
	}
}

// take returns the events since the last call.
func (r *serverRun) take() []any {
	r.takeOutput()
	events := r.events
	r.events = nil
	return events
}

// step executes a step of a trace.
func (r *serverRun) step(t *testing.T, step []any, receive func([]byte)) {
	switch step[0] {
	case "in":
		receive(tracetest.Bytes(step[1]))
	case "lost":
		reactor.EndConnection(r.server, reactor.ErrConnectionDone)
	case "call":
		name, _ := step[1].(string)
		if name == "reportCursorPosition" {
			n := r.reports
			r.reports++
			r.server.ReportCursorPosition().OnValue(func(p insults.Position) { r.add("report", n, p.Column, p.Line) }).
				OnError(func(error) {}) // Twisted's never fails
			return
		}
		call(t, r.server, name, step[2:])
	}
}

// moved reports whether the trace moves the cursor to a position: Twisted's own
// cursor does not follow.
func moved(tr trace) bool {
	for _, s := range tr.Steps {
		if s[0] == "call" && s[1] == "cursorPosition" {
			return true
		}
	}
	return false
}

// T-INSULTS-10, 20, 21, 30, 31, 40, 41, 43, 44, 50, 51, 52: the recorded
// traces, as they are and byte by byte.
func TestServerTraces(t *testing.T) {
	replay(t, "server.jsonl", nil, func(t *testing.T, tr trace) {
		whole, single := newServerRun(), newServerRun()
		for i, step := range tr.Steps {
			whole.step(t, step, whole.server.DataReceived)
			tracetest.Same(t, "step", whole.take(), any(tr.Events[i]))
			single.step(t, step, func(data []byte) {
				for _, b := range data {
					single.server.DataReceived([]byte{b})
				}
			})
			tracetest.Same(t, "byte by byte", single.take(), any(tr.Events[i]))
		}
		if state := whole.server.State(); state != tr.Final["state"] {
			t.Errorf("state %q, Twisted %v", state, tr.Final["state"])
		}
		if !moved(tr) {
			p := whole.server.CursorPos()
			tracetest.Same(t, "cursor", []int{p.Column, p.Line}, tr.Final["cursor"])
		}
	})
}

// T-INSULTS-70, 71: the recorded traces of the client's side.
func TestClientTraces(t *testing.T) {
	replay(t, "client.jsonl", nil, func(t *testing.T, tr trace) {
		term := new(recorder)
		client := insults.NewClientProtocol(term)
		wire := reactortest.Connect(client)
		for i, step := range tr.Steps {
			client.DataReceived(tracetest.Bytes(step[1]))
			tracetest.Same(t, "step", term.events, any(withNumbers(tr.Events[i])))
			term.events = nil
			if out := wire.TakeValue(); out != "" {
				t.Errorf("output %q", out)
			}
		}
		if state := client.State(); state != tr.Final["state"] {
			t.Errorf("state %q, Twisted %v", state, tr.Final["state"])
		}
	})
}

// withNumbers adds the number that Twisted's client leaves out for a backspace.
func withNumbers(events []any) []any {
	for i, e := range events {
		if c := e.([]any); len(c) == 2 && c[1] == "cursorBackward" {
			events[i] = append(c, 1.0)
		}
	}
	return events
}

// T-INSULTS-100 to T-INSULTS-117: the recorded traces of the picture.
func TestScreenTraces(t *testing.T) {
	replay(t, "screen.jsonl", nil, func(t *testing.T, tr trace) {
		screen := insults.NewTerminalBuffer(tr.Config.Size[0], tr.Config.Size[1])
		term := &unhandledRecorder{TerminalBuffer: screen}
		client := insults.NewClientProtocol(term)
		reactortest.Connect(client)
		for i, step := range tr.Steps {
			switch step[0] {
			case "in":
				client.DataReceived(tracetest.Bytes(step[1]))
			case "call":
				call(t, screen, step[1].(string), step[2:])
			}
			tracetest.Same(t, "step", term.events, any(tr.Events[i]))
			term.events = nil
		}
		tracetest.Same(t, "screen", picture(screen), any(tr.Final))
	})
}

type unhandledRecorder struct {
	*insults.TerminalBuffer
	events []any
}

func (r *unhandledRecorder) UnhandledControlSequence(seq []byte) {
	r.events = append(r.events, []any{"unhandled", tracetest.Text(seq)})
}

// picture describes a screen as traces do.
func picture(b *insults.TerminalBuffer) map[string]any {
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if lines[0] == "" && len(lines) == 1 {
		lines = []string{}
	}
	modes := b.Modes()
	if modes == nil {
		modes = []insults.Mode{}
	}
	p := map[string]any{"lines": lines, "cursor": []int{b.Cursor().Column, b.Cursor().Line}, "rows": b.Height(), "modes": modes}
	if attrs := attributes(b); attrs != nil {
		p["attrs"] = attrs
	}
	return p
}

// attributes returns the runs of written cells that are not of the default
// format.
func attributes(b *insults.TerminalBuffer) (runs []any) {
	for y := range b.Height() {
		last, start := "", 0
		flush := func(x int) {
			if last != "" {
				runs = append(runs, []any{y, start, x - start, last})
			}
		}
		for x := range b.Width() {
			text := ""
			if c := b.GetCharacter(x, y); c.Text != "" {
				text = formatText(c.Format)
			}
			if text != last {
				flush(x)
				last, start = text, x
			}
		}
		flush(b.Width())
	}
	return runs
}

func formatText(f insults.Format) string {
	var s strings.Builder
	for i, on := range []bool{f.Bold, f.Underline, f.Blink, f.ReverseVideo} {
		if on {
			s.WriteByte("bukr"[i])
		}
	}
	if f.Foreground != insults.White {
		s.WriteString(" fg=" + f.Foreground.String())
	}
	if f.Background != insults.Black {
		s.WriteString(" bg=" + f.Background.String())
	}
	if f.Charset != insults.G0 {
		s.WriteString(" " + slotName(f.Charset))
	}
	return s.String()
}

// T-INSULTS-150 to T-INSULTS-153: the recorded traces of formatted text.
func TestTextTraces(t *testing.T) {
	replay(t, "text.jsonl", nil, func(t *testing.T, tr trace) {
		for i, step := range tr.Steps {
			got := insults.AssembleFormattedText(textOf(step[1].([]any)))
			tracetest.Same(t, "text", []any{[]any{"text", got}}, any(tr.Events[i]))
		}
	})
}

var attributeNames = map[string]insults.Attribute{"normal": insults.Normal, "bold": insults.Bold, "underline": insults.Underline,
	"blink": insults.Blink, "reverseVideo": insults.ReverseVideo}

var colorNames = []string{"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"}

// textOf returns a tree of a trace as a Text.
func textOf(tree []any) insults.Text {
	name, negative := strings.CutPrefix(tree[0].(string), "-")
	a, ok := attributeNames[name]
	for i, color := range colorNames {
		switch name {
		case "fg." + color:
			a, ok = insults.Foreground+insults.Attribute(i), true
		case "bg." + color:
			a, ok = insults.Background+insults.Attribute(i), true
		}
	}
	if !ok {
		panic(name)
	}
	var parts []any
	for _, child := range tree[1:] {
		if sub, ok := child.([]any); ok {
			child = textOf(sub)
		}
		parts = append(parts, child)
	}
	text := insults.Styled(a, parts...)
	if negative {
		text = text.Off()
	}
	return text
}
