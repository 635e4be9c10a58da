package deferred_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
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
	longPrograms     = 500                // in the long form of the tests, with HAWSER_LONG set
	python           = "/usr/bin/python3" // the distribution's, which has the distribution's Twisted
	recordFile       = "testdata/traces.json"
)

// traceOf is what a program did: its events in order, and the errors that
// nobody handled, sorted.
type traceOf struct {
	Events    []string `json:"events"`
	Unhandled []string `json:"unhandled"`
}

// leaks reports whether an error that Twisted uses inside has come to light,
// which it should not (D249). What happens then cannot be compared.
func (tr traceOf) leaks() bool {
	return strings.Contains(strings.Join(append(tr.Events, tr.Unhandled...), " "), "_InternalInlineCallbacksCancelledError")
}

// TestAgainstTwisted runs random programs on this package and on Twisted and
// compares what happens: callbacks with their inputs, in order; errors that
// operations raise; the state of each Deferred at the end; reports of unhandled
// errors. What is left out of the comparison is said at the interpreter.
// Without Twisted, the traces recorded from it are compared with.
func TestAgainstTwisted(t *testing.T) {
	if os.Getenv("HAWSER_LONG") != "" && *programs == recordedPrograms && haveTwisted(t) {
		*programs = longPrograms
	}
	ps := make([]program, *programs)
	for i := range ps {
		ps[i] = generate(*seed + uint64(i))
	}
	want := twistedTraces(t, ps)
	got := ourTraces(t, ps)
	failures := 0
	for i := range ps {
		if want[i].leaks() || slices.Equal(got[i].Events, want[i].Events) && slices.Equal(got[i].Unhandled, want[i].Unhandled) {
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

// recording is what testdata holds: what Twisted did with the programs that the
// generator makes by default.
type recording struct {
	Programs string    `json:"programs"` // the checksum of their JSON
	Traces   []traceOf `json:"traces"`
}

// twistedTraces runs the programs on Twisted, or returns the recorded traces
// where that is not installed.
func twistedTraces(t *testing.T, ps []program) []traceOf {
	input, err := json.Marshal(ps)
	if err != nil {
		t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(input))
	if !haveTwisted(t) {
		t.Logf("%s has no Twisted: comparing with %s", python, recordFile)
		return recorded(t, sum)
	}
	traces := runTwisted(t, input)
	if *update {
		record(t, recording{sum, traces})
	}
	return traces
}

func runTwisted(t *testing.T, input []byte) (traces []traceOf) {
	cmd := exec.CommandContext(t.Context(), python, "testdata/driver.py")
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

func recorded(t *testing.T, sum string) []traceOf {
	data, err := os.ReadFile(recordFile)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if r.Programs != sum {
		t.Fatalf("%s was recorded from other programs; run the test with -update where Twisted is installed", recordFile)
	}
	return r.Traces
}

func record(t *testing.T, r recording) {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recordFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
