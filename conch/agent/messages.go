package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
)

// MaxMessage is the size in bytes of the longest message, OpenSSH's limit.
const MaxMessage = 256 << 10

// The messages that say no (draft-miller-ssh-agent, section 5.1).
const (
	msgFailure          = 5
	msgExtensionFailure = 28
)

// messages is the connection as x/crypto reads and writes it. It bounds the
// messages, and remembers what x/crypto does not tell: the connection's own error
// and the type of the reply. It is no io.Closer, so x/crypto starts no goroutine.
type messages struct {
	conn net.Conn
	head []byte // of the message being read: length and, when read, type
	rest int    // bytes of the message that are not read yet
	sent bool   // a request was written
	err  error  // of the connection
}

var errTooLong = fmt.Errorf("agent: the message exceeds the limit of %d bytes", MaxMessage)

// begin prepares for the next request.
func (m *messages) begin() { m.head, m.rest, m.sent = m.head[:0], 0, false }

// refused reports whether the message that was read says no.
func (m *messages) refused() bool {
	return len(m.head) == 5 && (m.head[4] == msgFailure || m.head[4] == msgExtensionFailure)
}

func (m *messages) Read(p []byte) (int, error) {
	if m.rest == 0 && len(m.head) >= 4 {
		m.head = m.head[:0]
	}
	if room := m.room(); len(p) > room {
		p = p[:room]
	}
	n, err := m.conn.Read(p)
	m.note(err)
	if len(m.head) >= 4 {
		m.rest -= n
	}
	for _, b := range p[:n] {
		if len(m.head) == 5 {
			break
		}
		m.head = append(m.head, b)
	}
	if len(m.head) == 4 && n > 0 {
		length := binary.BigEndian.Uint32(m.head)
		if length > MaxMessage {
			m.note(errTooLong)
			return 0, errTooLong
		}
		m.rest = int(length)
	}
	return n, err
}

// room is how much may be read at once without leaving the part of the message.
func (m *messages) room() int {
	if len(m.head) < 4 {
		return 4 - len(m.head)
	}
	return m.rest
}

// Write sends a message, or a part of one.
func (m *messages) Write(p []byte) (int, error) {
	if len(p) > 4+MaxMessage {
		return 0, errTooLong
	}
	m.sent = true
	n, err := m.conn.Write(p)
	m.note(err)
	return n, err
}

func (m *messages) note(err error) {
	if err != nil && m.err == nil {
		m.err = err
	}
}

// cause returns why the connection has failed.
func (m *messages) cause(err error) error {
	if m.err == nil {
		return fmt.Errorf("%w: the agent broke the protocol: %w", ErrConnectionLost, err)
	}
	if errors.Is(m.err, errTooLong) {
		return fmt.Errorf("%w: the agent broke the protocol: %w", ErrConnectionLost, m.err)
	}
	return fmt.Errorf("%w: the agent closed it without a reply: %w", ErrConnectionLost, m.err)
}
