package deferred_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred/deferredtest"
)

var (
	update   = flag.Bool("update", false, "record the traces of Twisted anew")
	programs = flag.Int("programs", recordedPrograms, "how many random programs to compare with Twisted")
	seed     = flag.Uint64("seed", 1, "the seed of the first random program")
)

const (
	recordedPrograms = 150
	python           = "/usr/bin/python3" // the distribution's, which has the distribution's Twisted
	traceFile        = "testdata/traces.json"
)

// traceOf is what a program did: its events in order, and the errors that nobody handled, sorted.
type traceOf struct {
	Events    []string `json:"events"`
	Unhandled []string `json:"unhandled"`
}

// TestAgainstTwisted runs random programs on this package and on Twisted and compares what happens: callbacks with their inputs, in order;
// errors that operations raise; the state of each Deferred at the end; reports of unhandled errors. What is left out of the comparison is
// said at the interpreter. Without Twisted, the traces recorded from it are compared with.
func TestAgainstTwisted(t *testing.T) {
	ps := make([]program, *programs)
	for i := range ps {
		ps[i] = generate(*seed + uint64(i))
	}
	want := twistedTraces(t, ps)
	got := ourTraces(t, ps)
	failures := 0
	for i := range ps {
		if slices.Equal(got[i].Events, want[i].Events) && slices.Equal(got[i].Unhandled, want[i].Unhandled) {
			continue
		}
		if failures++; failures <= 3 {
			text, _ := json.Marshal(ps[i])
			t.Errorf("program %d differs: %s\nhere:    %s | %s\nTwisted: %s | %s", *seed+uint64(i), text,
				strings.Join(got[i].Events, " "), got[i].Unhandled, strings.Join(want[i].Events, " "), want[i].Unhandled)
		}
	}
	if failures > 0 {
		t.Errorf("%d of %d programs differ", failures, len(ps))
	}
}

func ourTraces(t *testing.T, ps []program) []traceOf {
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // panics of cancellers in lists
	defer slog.SetDefault(old)
	reports := deferredtest.Watch(t)
	traces := make([]traceOf, len(ps))
	for i, p := range ps {
		traces[i] = traceOf{interpret(p), []string{}}
		for _, e := range reports.All() {
			traces[i].Unhandled = append(traces[i].Unhandled, render(e.Err))
		}
		slices.Sort(traces[i].Unhandled)
	}
	return traces
}

// twistedTraces runs the programs on Twisted, or returns the recorded traces where that is not installed.
func twistedTraces(t *testing.T, ps []program) (traces []traceOf) {
	input, err := json.Marshal(ps)
	if err != nil {
		t.Fatal(err)
	}
	if !haveTwisted(t) {
		t.Logf("no Twisted at %s: comparing with %s", python, traceFile)
		return recordedTraces(t)
	}
	cmd := exec.Command(python, "testdata/driver.py")
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output, &traces); err != nil {
		t.Fatal(err)
	}
	return traces
}

func haveTwisted(t *testing.T) bool {
	err := exec.Command(python, "-c", "import twisted.internet.defer").Run()
	if err != nil && os.Getenv("HAWSER_REQUIRE_PEERS") != "" {
		t.Fatalf("HAWSER_REQUIRE_PEERS is set, and %s has no Twisted: %v", python, err)
	}
	return err == nil
}

func recordedTraces(t *testing.T) (traces []traceOf) {
	data, err := os.ReadFile(traceFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &traces); err != nil {
		t.Fatal(err)
	}
	return traces
}
