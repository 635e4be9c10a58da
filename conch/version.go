package conch

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/handshake"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// Bounds on what precedes the version line (RFC 4253, section 4.2), in bytes.
const (
	maxGreeting = 64 << 10 // all lines together
	maxVersion  = 255      // the part of a line that is kept
)

// versionReader reads the version line of the peer and the lines before it,
// which it reports and drops.
type versionReader struct {
	side  handshake.Side
	line  []byte // the line in progress, at most maxVersion bytes of it
	total int    // bytes read so far
	ready []byte // the version line, and what followed it, for x/crypto/ssh
	found bool
}

// done reports whether all that was read has been taken.
func (v *versionReader) done() bool { return v.found && len(v.ready) == 0 }

// read reads from c up to the version line, and copies that to p.
func (v *versionReader) read(c io.Reader, p []byte) (int, error) {
	for !v.found {
		var buf [512]byte
		n, err := c.Read(buf[:])
		if failed := v.scan(buf[:n]); failed != nil {
			return 0, failed
		}
		if err != nil && !v.found {
			v.report()
			return 0, err
		}
	}
	n := copy(p, v.ready)
	v.ready = v.ready[n:]
	return n, nil
}

// scan looks for the version line in received data.
func (v *versionReader) scan(data []byte) error {
	if v.total += len(data); v.total > maxGreeting {
		return &ConchError{Value: "peer sends no SSH version line", Data: DisconnectProtocolError}
	}
	for len(data) > 0 && !v.found {
		line, rest, whole := bytes.Cut(data, []byte{'\n'})
		v.line = append(v.line, line[:min(len(line), maxVersion+1-len(v.line))]...)
		if data = rest; !whole {
			break
		}
		if err := v.judge(strings.TrimSuffix(string(v.line), "\r")); err != nil {
			return err
		}
		if v.found {
			v.ready = append(append(v.line, '\n'), rest...)
		}
		v.line = v.line[:0:0]
	}
	return nil
}

// judge takes one line.
func (v *versionReader) judge(line string) error {
	switch {
	case len(line) > maxVersion && strings.HasPrefix(line, "SSH-"):
		v.side.VersionRefused(true)
		return &ConchError{
			Value: fmt.Sprintf("the version line of the peer has more than %d bytes: %s", maxVersion, text.Quote(line)),
			Data:  DisconnectProtocolError,
		}
	case strings.HasPrefix(line, "SSH-2.") || strings.HasPrefix(line, "SSH-1.99-"):
		v.found = true
		v.side.VersionReceived(text.Line(line))
	case strings.HasPrefix(line, "SSH-"):
		v.side.VersionRefused(false)
		return &ConchError{
			Value: fmt.Sprintf("peer speaks %s; only SSH 2 is supported", text.Quote(line)),
			Data:  disconnectVersionNotSupported,
		}
	case strings.HasPrefix(line, "HTTP/"):
		return &ConchError{
			Value: fmt.Sprintf("peer is no SSH server but speaks HTTP, and says %s; check the port", text.Quote(line)),
			Data:  DisconnectProtocolError,
		}
	default:
		return v.side.TextReceived(text.Line(line))
	}
	return nil
}

// disconnectVersionNotSupported is a disconnect code (RFC 4253, section 11.1).
const disconnectVersionNotSupported = 8

// report reports a line that the end of the connection has cut off.
func (v *versionReader) report() {
	if len(v.line) > 0 {
		_ = v.side.TextReceived(text.Line(string(v.line))) // the connection has ended anyway
		v.line = nil
	}
}
