package knownhosts

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLineLimit(t *testing.T) {
	longest := strings.Repeat("x", MaxLineLength)
	for _, tt := range []struct {
		name, text string
		lines      int
		tooLong    int // the line, 0 for none
	}{
		{"longest", "a\n" + longest + "\nb\n", 3, 0},
		{"longest, no newline", "a\n" + longest, 2, 0},
		{"too long", "a\n" + longest + "x\nb\n", 1, 2},
		{"too long, no newline", longest + "x", 0, 1},
	} {
		lines := 0
		var failure error
		for _, err := range readLines(strings.NewReader(tt.text), "file") {
			if err != nil {
				failure = err
				break
			}
			lines++
		}
		limit, ok := errors.AsType[*LimitError](failure)
		if lines != tt.lines || ok != (tt.tooLong > 0) || ok && (limit.Line != tt.tooLong || limit.Path != "file") {
			t.Errorf("%s: %d lines, error %v", tt.name, lines, failure)
		}
	}
}

func TestFileLimit(t *testing.T) {
	var size int
	var failure error
	for line, err := range readLines(&endless{text: strings.Repeat("x", MaxLineLength) + "\n"}, "file") {
		size += len(line.text)
		failure = err
	}
	limit, ok := errors.AsType[*LimitError](failure)
	if !ok || limit.Line != 0 || limit.Limit != MaxFileSize || size > MaxFileSize {
		t.Errorf("after %d bytes: %v", size, failure)
	}
	if !strings.Contains(limit.Error(), "larger than") {
		t.Error(limit)
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
	f := FromPath(tempFile(t, line("host", ed(1)), strings.Repeat("x", MaxLineLength+1)))
	_, err := f.Check("host", 22, "", ed(1))
	if e, ok := errors.AsType[*LimitError](err); !ok || e.Line != 2 {
		t.Errorf("a line that was not read could have been a revocation: %v", err)
	}
}

func TestReadInAnyChunking(t *testing.T) {
	const text = "# a\n\nb c d\nlast"
	for _, r := range []io.Reader{
		iotest.OneByteReader(strings.NewReader(text)),
		iotest.HalfReader(strings.NewReader(text)),
		iotest.DataErrReader(strings.NewReader(text)),
	} {
		var got []string
		for line, err := range readLines(r, "file") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, line.text)
		}
		if strings.Join(got, "\n") != text {
			t.Errorf("read %q", got)
		}
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader("one\nhalf"), iotest.ErrReader(broken))
	var got []string
	var failure error
	for line, err := range readLines(r, "file") {
		if failure = err; err == nil {
			got = append(got, line.text)
		}
	}
	if !errors.Is(failure, broken) || len(got) != 1 {
		t.Errorf("lines %q, error %v", got, failure)
	}
}
