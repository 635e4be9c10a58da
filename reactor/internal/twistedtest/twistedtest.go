// Package twistedtest runs programs on Twisted, for tests that compare what
// happens there with what happens here.
package twistedtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Python is the distribution's Python, which has the distribution's Twisted.
const Python = "/usr/bin/python3"

// Installed reports whether Python has Twisted. If HAWSER_REQUIRE_PEERS is set,
// the test fails if it has not.
func Installed(t *testing.T) bool {
	t.Helper()
	err := exec.Command(Python, "-c", "import twisted.internet.defer").Run()
	if err != nil && os.Getenv("HAWSER_REQUIRE_PEERS") != "" {
		t.Fatalf("HAWSER_REQUIRE_PEERS is set, and %s has no Twisted: %v", Python, err)
	}
	return err == nil
}

var update = flag.Bool("update", false, "record the traces of Twisted anew")

// recording is the contents of testdata/NAME_traces.json.
type recording struct {
	Programs string     `json:"programs"` // the checksum of their JSON
	Traces   [][]string `json:"traces"`
}

// Traces runs programs with testdata/NAME_driver.py and returns a list of
// events for each. Without Twisted it returns the recorded traces, which may be
// those of the first programs only. If HAWSER_REQUIRE_PEERS is set, the test
// then fails instead.
func Traces[P any](t *testing.T, name string, programs []P) (traces [][]string) {
	t.Helper()
	file := "testdata/" + name + "_traces.json"
	if !Installed(t) {
		t.Logf("%s has no Twisted: comparing with %s", Python, file)
		return recorded(t, file, programs)
	}
	input := encode(t, programs)
	cmd := exec.CommandContext(t.Context(), Python, "testdata/"+name+"_driver.py")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output, &traces); err != nil {
		t.Fatal(err)
	}
	if *update {
		r := recording{checksum(input), traces}
		if err := os.WriteFile(file, append(encode(t, r), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return traces
}

func checksum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

func encode(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// recorded returns the traces of a file. Its programs must be the first ones.
func recorded[P any](t *testing.T, file string, programs []P) [][]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	n := min(len(r.Traces), len(programs))
	if n == 0 || r.Programs != checksum(encode(t, programs[:n])) {
		t.Fatalf("%s was recorded from other programs; run the test with -update where Twisted is installed", file)
	}
	return r.Traces[:n]
}
