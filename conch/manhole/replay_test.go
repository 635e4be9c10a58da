package manhole_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/tracetest"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/deferred"
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
		PN    int
		Line  string
		Index int
	}
}

// alike are the traces with the tag python in which Starlark does the same.
var alike = []string{"manhole/block-interrupted", "manhole/print", "manhole/async-in-a-block", "manhole/colored-type",
	"manhole/colored-space", "manhole/colored-insert-middle", "manhole/colored-backspace", "manhole/colored-history",
	"manhole/colored-open-string"}

// T-MANHOLE-2 to T-MANHOLE-10, 13, 20: the recorded traces.
func TestTraces(t *testing.T) {
	ran := 0
	for _, tr := range tracetest.Read[trace](t, "testdata/manhole.jsonl") {
		if len(tr.Tags) == 0 || slices.Contains(alike, tr.Name) {
			ran++
			t.Run(tr.Name, func(t *testing.T) { replay(t, tr) })
		}
	}
	if want := 20 + len(alike); ran != want {
		t.Errorf("%d traces ran, want %d", ran, want)
	}
}

func replay(t *testing.T, tr trace) {
	var pending []deferred.Deferred[any]
	namespace := map[string]any{"pending": func() deferred.Deferred[any] {
		d := deferred.New[any]()
		pending = append(pending, d)
		return d
	}}
	plain := manhole.New(starlarkrepl.New, namespace)
	var p program = plain
	if tr.Config.Class == "ColoredManhole" {
		colored := manhole.NewColored(starlarkrepl.New, namespace)
		plain, p = &colored.Manhole, colored
	}
	s := open(t, p)
	tracetest.Same(t, "open", s.events(), tr.Open)
	for i, step := range tr.Steps {
		switch step[0] {
		case "in":
			s.terminal.DataReceived(tracetest.Bytes(step[1]))
		case "async", "sync":
			p.AddOutput(step[1].(string), step[0] == "async")
		case "fire":
			pending[int(step[1].(float64))].Callback(step[2])
		case "fail":
			pending[int(step[1].(float64))].OnError(func(error) {}).Errback(errors.New(step[2].(string)))
		}
		tracetest.Same(t, "step", s.events(), tr.Events[i])
	}
	if plain.PN != tr.Final.PN || p.LineBuffer() != tr.Final.Line || p.LineBufferIndex() != tr.Final.Index {
		t.Errorf("prompt %d, line %q, index %d; Twisted %+v", plain.PN, p.LineBuffer(), p.LineBufferIndex(), tr.Final)
	}
}

// events returns what has happened since the last call.
func (s *session) events() []any {
	events := []any{}
	if out := s.sent(); out != "" {
		events = append(events, []any{"out", out})
	}
	if s.wire.Disconnecting() && !s.closed {
		s.closed = true
		events = append(events, []any{"close"})
	}
	return events
}
