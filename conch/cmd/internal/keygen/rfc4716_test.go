package keygen_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/keygen"
)

// The forms of RFC 4716, section 3.
func TestC_SCRIPTS_30_SSH2(t *testing.T) {
	const begin, end = "---- BEGIN SSH2 PUBLIC KEY ----\n", "---- END SSH2 PUBLIC KEY ----\n"
	for file, want := range map[string]string{
		begin + "AAAABWhlbGxv\n" + end:                                             "\x00\x00\x00\x05hello",
		"mail header\n\n" + begin + "AAAABW\nhlbGxv\n" + end + "rest":              "\x00\x00\x00\x05hello",
		begin + "Subject: me\nComment: \"a \\\nb \\\nc\"\nAAAABWhlbGxv\n" + end:    "\x00\x00\x00\x05hello",
		strings.ReplaceAll(begin+"x-private: 1\nAAAABWhlbGxv\n"+end, "\n", "\r\n"): "\x00\x00\x00\x05hello",
		begin + "AAAABWhlbGxv\n":                                                   "",
		"AAAABWhlbGxv\n" + end:                                                     "",
		begin + "*\n" + end:                                                        "",
		begin + end:                                                                "",
		begin + "aGVsbG8=\n" + end:                                                 "",
		"":                                                                         "",
	} {
		blob, err := keygen.ReadSSH2([]byte(file))
		if string(blob) != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", file, blob, err, want)
		}
	}
	text := keygen.WriteSSH2(bytes.Repeat([]byte{0, 0, 0, 9}, 100), strings.Repeat("c", 200))
	for line := range strings.Lines(text) {
		if len(strings.TrimSuffix(line, "\n")) > 72 {
			t.Errorf("too long: %q", line)
		}
	}
}

// Any file gives a key in the wire format, which can be written and read again,
// or an error.
func FuzzReadSSH2(f *testing.F) {
	f.Add([]byte(keygen.WriteSSH2([]byte("\x00\x00\x00\x05hello"), "a comment")))
	f.Fuzz(func(t *testing.T, data []byte) {
		blob, err := keygen.ReadSSH2(data)
		if (err == nil) != (len(blob) >= 4) {
			t.Fatalf("%q, %v", blob, err)
		}
		if err != nil {
			return
		}
		again, err := keygen.ReadSSH2([]byte(keygen.WriteSSH2(blob, "c")))
		if err != nil || !bytes.Equal(again, blob) {
			t.Fatalf("%q, %v", again, err)
		}
	})
}
