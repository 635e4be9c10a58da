package recvline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/tracetest"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// trace is a script that was run on Twisted, with everything that happened.
// Bytes are strings of the characters U+0000 to U+00FF.
type trace struct {
	Name   string
	Tags   []string // the oddities of Twisted that show
	Config struct{ Class string }
	Steps  [][]any
	Open   []any
	Events [][]any
	Final  struct {
		Line, Mode      string
		Index           int
		History         []string
		HistoryPosition int
		Screen          *struct {
			Lines  []string
			Cursor [2]int
		}
	}
}

// replayed is a line editor whose events are recorded.
type replayed struct {
	t      *testing.T
	server *insults.ServerProtocol
	wire   *reactortest.StringTransport
	events []any
	sent   strings.Builder
}

func (r *replayed) add(event ...any) {
	r.takeOutput()
	r.events = append(r.events, event)
}

func (r *replayed) takeOutput() {
	if out := r.wire.TakeValue(); out != "" {
		r.sent.WriteString(out)
		r.events = append(r.events, []any{"out", out})
	}
}

func (r *replayed) take() []any {
	r.takeOutput()
	events := r.events
	r.events = nil
	return events
}

// simple and historic are the two classes.
type simple struct {
	recvline.RecvLine
	run *replayed
}

func (s *simple) LineReceived(line string) {
	s.run.add("line", line)
	s.WritePrompt()
}

func (s *simple) UnhandledControlSequence(seq []byte) { s.run.add("unhandled", string(seq)) }

type historic struct {
	recvline.HistoricRecvLine
	run *replayed
}

func (h *historic) LineReceived(line string) {
	h.run.add("line", line)
	h.WritePrompt()
}

func (h *historic) UnhandledControlSequence(seq []byte) { h.run.add("unhandled", string(seq)) }

// editor is what both classes have.
type editor interface {
	recvline.Line
	LineBuffer() string
	LineBufferIndex() int
	Typeover() bool
}

// T-RECVLINE-1 to T-RECVLINE-9, 12, 30 to T-RECVLINE-33, 36: the recorded
// traces.
func TestTraces(t *testing.T) {
	traces := tracetest.Read[trace](t, "testdata/recvline.jsonl")
	ran := 0
	for _, tr := range traces {
		if slices.ContainsFunc(tr.Tags, func(tag string) bool { return tag != "alt" }) {
			continue
		}
		ran++
		t.Run(tr.Name, func(t *testing.T) { replay(t, tr) })
	}
	if ran < len(traces)/2 {
		t.Fatalf("%d of %d traces ran", ran, len(traces))
	}
}

func replay(t *testing.T, tr trace) {
	run := &replayed{t: t, wire: reactortest.NewStringTransport()}
	var program editor = &historic{run: run}
	if tr.Config.Class == "RecvLine" {
		program = &simple{run: run}
	}
	run.server = insults.NewServerProtocol(func() insults.Protocol { return program })
	reactor.MakeConnection(run.server, run.wire)
	tracetest.Same(t, "open", run.take(), any(tr.Open))
	for i, step := range tr.Steps {
		switch step[0] {
		case "in":
			run.server.DataReceived(tracetest.Bytes(step[1]))
		case "size":
			run.server.TerminalSize(int(step[1].(float64)), int(step[2].(float64)))
		}
		tracetest.Same(t, "step", run.take(), any(tr.Events[i]))
	}
	final := tr.Final
	mode := "insert"
	if program.Typeover() {
		mode = "typeover"
	}
	if program.LineBuffer() != final.Line || program.LineBufferIndex() != final.Index || mode != final.Mode {
		t.Errorf("line %q, index %d, %s; Twisted %+v", program.LineBuffer(), program.LineBufferIndex(), mode, final)
	}
	if h, ok := program.(*historic); ok && (!slices.Equal(h.HistoryLines, final.History) || h.HistoryPosition != final.HistoryPosition) {
		t.Errorf("history %q at %d, Twisted %q at %d", h.HistoryLines, h.HistoryPosition, final.History, final.HistoryPosition)
	}
	if final.Screen == nil {
		return
	}
	screen := insults.NewTerminalBuffer(80, 24)
	client := insults.NewClientProtocol(screen)
	reactortest.Connect(client)
	client.DataReceived([]byte(run.sent.String()))
	if got := strings.TrimRight(screen.String(), "\n"); got != strings.Join(final.Screen.Lines, "\n") ||
		screen.Cursor() != (insults.Position{Column: final.Screen.Cursor[0], Line: final.Screen.Cursor[1]}) {
		t.Errorf("screen %q at %v, Twisted %+v", got, screen.Cursor(), *final.Screen)
	}
}
