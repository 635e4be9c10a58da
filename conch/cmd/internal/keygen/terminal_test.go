package keygen_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hawser-go/hawser/conch/cmd/internal/keygen"
)

// The keys that edit a hidden line. Nothing is read behind the line.
func TestReadHidden(t *testing.T) {
	for typed, want := range map[string]string{
		"secret\rrest": "secret", "secret\nrest": "secret", "\r": "", "a b\tc\r": "a b\tc",
		"wrong\x15right\r": "right", "ax\x7fb\r": "ab", "\x7f\x08a\r": "a", "aä\x08b\r": "ab", "a\xff\x7fb\r": "ab",
		"a\x04b\r": "ab", "a\x1ab\x1c\r": "ab", "\x1b[A\r": "\x1b[A", "\xe4\r": "\xe4",
		strings.Repeat("x", 4096) + "\r": strings.Repeat("x", 4096),
	} {
		for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.DataErrReader} {
			in := strings.NewReader(typed)
			got, err := keygen.ReadHidden(wrap(in))
			if err != nil || string(got) != want {
				t.Errorf("%q: %q, %v", typed, got, err)
			}
		}
	}
	for typed, want := range map[string]string{
		"abc\x03": "interrupt", "": "EOF", "\x04": "EOF", "abc": "EOF", "a\x7f\x04": "EOF", strings.Repeat("x", 4097): "4096",
	} {
		if got, err := keygen.ReadHidden(strings.NewReader(typed)); err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("%q: %q, %v, want %s", typed, got, err, want)
		}
	}
}
