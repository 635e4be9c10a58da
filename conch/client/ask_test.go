package client

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// typedTerminal returns prepared input and records its output.
type typedTerminal struct {
	io.Reader
	shown strings.Builder
}

func (t *typedTerminal) Write(p []byte) (int, error) { return t.shown.Write(p) }

func TestC_CLIENT_47_AskYesNo(t *testing.T) {
	for _, tt := range []struct {
		typed string
		want  bool
		asked int
		rest  string
	}{
		{"yes\n", true, 1, ""},
		{"  YES \t\r\n", true, 1, ""},
		{"yes", true, 1, ""},
		{"yes\nmore", true, 1, "more"},
		{"no\n", false, 1, ""},
		{" No\n", false, 1, ""},
		{"\n", false, 1, ""},
		{"", false, 1, ""},
		{"y\nwhat?\nyes\n", true, 3, ""},
		{"yesno\n\n", false, 2, ""},
		{"perhaps", false, 1, ""},
		{strings.Repeat(" ", 2*maxYesNo) + "x\nno\n", false, 1, "no\n"},
		{strings.Repeat("x", 1<<20) + "\nyes\n", true, 2, ""},
	} {
		typed := strings.NewReader(tt.typed)
		term := &typedTerminal{Reader: typed}
		got, err := askYesNo(term, "Really? ")
		if err != nil || got != tt.want {
			t.Errorf("%.20q: %v, %v", tt.typed, got, err)
		}
		if asked := strings.Count(term.shown.String(), "? ") + strings.Count(term.shown.String(), ": "); asked != tt.asked {
			t.Errorf("%.20q: asked %d times: %q", tt.typed, asked, term.shown.String())
		}
		if ended := !strings.HasSuffix(strings.TrimSuffix(tt.typed, tt.rest), "\n"); strings.HasSuffix(term.shown.String(), "\n") != ended {
			t.Errorf("%.20q: shown %q", tt.typed, term.shown.String())
		}
		if rest, _ := io.ReadAll(typed); string(rest) != tt.rest {
			t.Errorf("%.20q: left %q", tt.typed, rest)
		}
	}
}

func TestC_CLIENT_47_AskFailures(t *testing.T) {
	broken := errors.New("gone")
	if ok, err := askYesNo(&typedTerminal{Reader: iotest.ErrReader(broken)}, "?"); ok || !errors.Is(err, broken) {
		t.Errorf("reading: %v, %v", ok, err)
	}
	closed, peer := io.Pipe()
	peer.CloseWithError(broken)
	closed.CloseWithError(broken)
	type unwritable struct {
		io.Reader
		io.Writer
	}
	if ok, err := askYesNo(unwritable{strings.NewReader("yes\n"), peer}, "?"); ok || err == nil {
		t.Errorf("writing: %v, %v", ok, err)
	}
}
