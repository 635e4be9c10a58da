// Package tracetest replays recorded traces in tests. A trace is a script that
// was run on Twisted, with everything that happened.
package tracetest

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

// Read returns the traces of a file that has one in each line, in JSON.
func Read[T any](t *testing.T, file string) (traces []T) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var trace T
		if err := json.Unmarshal(lines.Bytes(), &trace); err != nil {
			t.Fatal(err)
		}
		traces = append(traces, trace)
	}
	if err := lines.Err(); err != nil || len(traces) == 0 {
		t.Fatalf("%s: %d traces, %v", file, len(traces), err)
	}
	return traces
}

// Text returns bytes as traces have them: strings of the characters U+0000 to
// U+00FF.
func Text(p []byte) string {
	runes := make([]rune, len(p))
	for i, b := range p {
		runes[i] = rune(b)
	}
	return string(runes)
}

// Bytes is the inverse of Text. The text is a string.
func Bytes(text any) (p []byte) {
	for _, r := range text.(string) {
		p = append(p, byte(r))
	}
	return p
}

// Same fails the test if got is not want. Both are compared as JSON has them;
// no events are an empty list.
func Same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(normal(t, got), normal(t, want)) {
		text, _ := json.Marshal(got)
		expected, _ := json.Marshal(want)
		t.Errorf("%s:\ngot  %s\nwant %s", what, text, expected)
	}
}

func normal(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var result any
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	if result == nil {
		return []any{}
	}
	return result
}
