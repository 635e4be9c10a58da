package conch

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hawser-go/hawser/conch/internal/handshake"
)

type readOnly struct {
	net.Conn
	io.Reader
}

func (c readOnly) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// lines records the lines that a socket reports.
type lines struct {
	handshake.Side
	versions, texts []string
}

func (l *lines) VersionReceived(line string) { l.versions = append(l.versions, line) }
func (l *lines) VersionRefused(bool)         {}

func (l *lines) TextReceived(line string) error {
	l.texts = append(l.texts, line)
	return nil
}

// TestSocket_Version: the socket hides the lines before the version line,
// however the data is split (F28, F36).
func TestSocket_Version(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, row := range []struct {
		stream, rest    string
		versions, texts []string
		err             string
	}{
		{"SSH-2.0-a\r\nSSH-2.0-b\r\n", "SSH-2.0-a\r\nSSH-2.0-b\r\n", []string{"SSH-2.0-a"}, nil, ""},
		{"hello\r\n\nSSH\nSSH-2.0-a b\nrubbish", "SSH-2.0-a b\nrubbish", []string{"SSH-2.0-a b"}, []string{"hello", "", "SSH"}, ""},
		{"SSH-1.99-both\n", "SSH-1.99-both\n", []string{"SSH-1.99-both"}, nil, ""},
		{long + "\nSSH-2.0-a\n", "SSH-2.0-a\n", []string{"SSH-2.0-a"}, []string{long[:maxVersion+1]}, ""},
		{"SSH-2.0-unfinished", "", nil, []string{"SSH-2.0-unfinished"}, ""},
		{"\x1b[2Jtext\n", "", nil, []string{`\x1b[2Jtext`}, ""},
		{"", "", nil, nil, ""},
		{"SSH-1.5-old\n", "", nil, nil, "only SSH 2 is supported"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", "", nil, nil, "speaks HTTP, and says \"HTTP/1.1 400 Bad Request\""},
		{strings.Repeat(long+"\n", 100), "", nil, slices.Repeat([]string{long[:maxVersion+1]}, 65), "sends no SSH version line"},
	} {
		for name, chunks := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
		} {
			var got lines
			s := newSocket(t.Context(), readOnly{Reader: chunks(strings.NewReader(row.stream))}, &got, nil)
			rest, err := io.ReadAll(s)
			if string(rest) != row.rest || !slices.Equal(got.versions, row.versions) || len(got.texts) < min(len(row.texts), 60) ||
				len(row.texts) < 60 && !slices.Equal(got.texts, row.texts) {
				t.Errorf("%.50q, %s: got %q, %q", row.stream, name, rest, got)
			}
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
				t.Errorf("%.50q, %s: got %v", row.stream, name, err)
			}
		}
	}
}
