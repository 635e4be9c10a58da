package insults_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/tracetest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// long is set if tests that have a short and a long form run the long one.
var long = os.Getenv("HAWSER_LONG") != ""

// program records what it gets, and calls the functions that are set.
type program struct {
	insults.TerminalProtocol
	made    func()
	onKey   func(insults.Stroke)
	strokes []insults.Stroke
	unknown []string
	sizes   [][2]int
	lost    []error
	onLost  func()
}

func (p *program) ConnectionMade() {
	if p.made != nil {
		p.made()
	}
}

func (p *program) KeystrokeReceived(k insults.Key, m insults.Modifier) {
	p.strokes = append(p.strokes, insults.Stroke{Key: k, Modifier: m})
	if p.onKey != nil {
		p.onKey(insults.Stroke{Key: k, Modifier: m})
	}
}

func (p *program) TerminalSize(w, h int)               { p.sizes = append(p.sizes, [2]int{w, h}) }
func (p *program) UnhandledControlSequence(seq []byte) { p.unknown = append(p.unknown, string(seq)) }

func (p *program) ConnectionLost(reason error) {
	p.lost = append(p.lost, reason)
	if p.onLost != nil {
		p.onLost()
	}
}

// serve connects a program to a wire.
func serve(p *program) (*insults.ServerProtocol, *reactortest.StringTransport) {
	s := insults.NewServerProtocol(func() insults.Protocol { return p })
	wire := reactortest.NewStringTransport()
	reactor.MakeConnection(s, wire)
	return s, wire
}

// keysOf returns what a new program gets for some input, in one piece and byte
// by byte, which must not differ.
func keysOf(t *testing.T, input string) (strokes, unknown string) {
	t.Helper()
	whole, single := new(program), new(program)
	s, _ := serve(whole)
	s.DataReceived([]byte(input))
	s, _ = serve(single)
	for i := range len(input) {
		s.DataReceived([]byte{input[i]})
	}
	strokes, unknown = show(whole)
	if byByte, bytes := show(single); byByte != strokes || bytes != unknown {
		t.Errorf("%q: %s %q in one piece, %s %q byte by byte", input, strokes, unknown, byByte, bytes)
	}
	return strokes, unknown
}

func show(p *program) (strokes, unknown string) {
	for _, s := range p.strokes {
		strokes += s.String()
	}
	for _, u := range p.unknown {
		unknown += u
	}
	return strokes, unknown
}

// draw returns a screen on which bytes of a program were shown.
func draw(width, height int, pieces ...string) *insults.TerminalBuffer {
	b := insults.NewTerminalBuffer(width, height)
	client := insults.NewClientProtocol(b)
	reactortest.Connect(client)
	for _, p := range pieces {
		client.DataReceived([]byte(p))
	}
	return b
}

// callsOf returns the calls that a client makes for some bytes, in one piece
// and byte by byte. Texts are joined.
func callsOf(t *testing.T, input string) []any {
	t.Helper()
	run := func(pieces ...string) []any {
		term := new(recorder)
		client := insults.NewClientProtocol(term)
		reactortest.Connect(client)
		for _, p := range pieces {
			client.DataReceived([]byte(p))
		}
		return joinWrites(term.events)
	}
	var single []string
	for i := range len(input) {
		single = append(single, input[i:i+1])
	}
	whole := run(input)
	tracetest.Same(t, "byte by byte", run(single...), whole)
	return whole
}

func joinWrites(events []any) (joined []any) {
	for _, e := range events {
		last := len(joined) - 1
		if c := e.([]any); c[1] == "write" && last >= 0 && joined[last].([]any)[1] == "write" {
			joined[last] = []any{"call", "write", joined[last].([]any)[2].(string) + c[2].(string)}
			continue
		}
		joined = append(joined, e)
	}
	return joined
}

// withoutEnds returns text without empty cells and lines at the ends.
func withoutEnds(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
