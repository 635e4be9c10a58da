package conch

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

type readOnly struct {
	net.Conn
	io.Reader
}

func (c readOnly) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// TestSocket_Version finds the version line behind others, in any chunking, once, and keeps a bounded part of it.
func TestSocket_Version(t *testing.T) {
	long := "SSH-2.0-" + strings.Repeat("x", 1000)
	for stream, want := range map[string][]string{
		"SSH-2.0-a\r\nSSH-2.0-b\r\n":           {"SSH-2.0-a"},
		"hello\r\n\nSSH\nSSH-2.0-a b\nrubbish": {"SSH-2.0-a b"},
		"SSH-2.0-unfinished":                   nil,
		long + "\r\n":                          {long[:maxVersionLine]},
		"":                                     nil,
	} {
		for name, chunks := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
		} {
			var got []string
			s := newSocket(t.Context(), readOnly{Reader: chunks(strings.NewReader(stream))}, func(line string) { got = append(got, line) })
			text, _ := io.ReadAll(s)
			if end := context.Cause(s.life); string(text) != stream || !slices.Equal(got, want) || end != io.EOF {
				t.Errorf("%s, %s: got %q, ended with %v", stream, name, got, end)
			}
		}
	}
}
