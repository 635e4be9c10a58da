package knownhosts

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLineLimit(t *testing.T) {
	longest := strings.Repeat("x", maxLine)
	for _, tt := range []struct {
		name, text string
		lines      int
		tooLong    bool
	}{
		{"longest", "a\n" + longest + "\nb\n", 3, false},
		{"longest, no newline", "a\n" + longest, 2, false},
		{"too long", "a\n" + longest + "x\nb\n", 1, true},
		{"too long, no newline", longest + "x", 0, true},
	} {
		lines := 0
		var failure error
		for _, err := range readLines(strings.NewReader(tt.text)) {
			if failure = err; err == nil {
				lines++
			}
		}
		if lines != tt.lines || (failure != nil) != tt.tooLong || tt.tooLong && !strings.Contains(failure.Error(), "longer than 65536 bytes") {
			t.Errorf("%s: %d lines, error %v", tt.name, lines, failure)
		}
	}
}

func TestFileLimit(t *testing.T) {
	var size int
	var failure error
	for text, err := range readLines(&endless{text: strings.Repeat("x", maxLine) + "\n"}) {
		size += len(text)
		failure = err
	}
	if failure == nil || !strings.Contains(failure.Error(), "larger than 67108864 bytes") || size > maxFile {
		t.Errorf("after %d bytes: %v", size, failure)
	}
}

// endless repeats a text for ever.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

func TestLimitEndsCheck(t *testing.T) {
	path := tempFile(t, line("host", ed(1)), strings.Repeat("x", maxLine+1))
	_, err := FromPath(path).Check(host("host"), "", ed(1))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q, line 2: the line is longer than", path)) {
		t.Errorf("a line that was not read could have been a revocation: %v", err)
	}
}

func TestReadInAnyChunking(t *testing.T) {
	const whole = "# a\n\nb c d\nlast"
	for _, r := range []io.Reader{
		iotest.OneByteReader(strings.NewReader(whole)),
		iotest.HalfReader(strings.NewReader(whole)),
		iotest.DataErrReader(strings.NewReader(whole)),
	} {
		var got []string
		for text, err := range readLines(r) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, text)
		}
		if strings.Join(got, "\n") != whole {
			t.Errorf("read %q", got)
		}
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader("one\nhalf"), iotest.ErrReader(broken))
	var got []string
	var failure error
	for text, err := range readLines(r) {
		if failure = err; err == nil {
			got = append(got, text)
		}
	}
	if !errors.Is(failure, broken) || len(got) != 1 {
		t.Errorf("lines %q, error %v", got, failure)
	}
}
