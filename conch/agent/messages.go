package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// maxMessage is the size in bytes of the longest message, OpenSSH's limit.
const maxMessage = 256 << 10

// The replies that say no (draft-miller-ssh-agent, section 5.1).
const (
	msgFailure          = 5
	msgExtensionFailure = 28
)

// messages is a connection as x/crypto reads and writes it. It bounds the
// messages and remembers two things that x/crypto does not return: the error of
// the connection and the type of the last message read. It has no method Close,
// so that x/crypto starts no goroutine.
type messages struct {
	conn   net.Conn
	unread []byte // the rest of a message, with its length
	typ    byte   // of the last message read; 0 if there is none
	sent   bool   // something was written
	err    error  // of the connection
}

var errTooLong = fmt.Errorf("agent: the message exceeds the limit of %d bytes", maxMessage)

// begin prepares for the next request.
func (m *messages) begin() { m.unread, m.typ, m.sent = nil, 0, false }

// refused reports whether the last message read says no.
func (m *messages) refused() bool {
	return m.err == nil && (m.typ == msgFailure || m.typ == msgExtensionFailure)
}

func (m *messages) Read(p []byte) (int, error) {
	if len(m.unread) == 0 {
		if err := m.fill(); err != nil {
			m.note(err)
			return 0, err
		}
	}
	n := copy(p, m.unread)
	m.unread = m.unread[n:]
	return n, nil
}

// fill reads a message.
func (m *messages) fill() error {
	var length [4]byte
	if _, err := io.ReadFull(m.conn, length[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > maxMessage {
		return errTooLong
	}
	m.unread = append(length[:], make([]byte, size)...)
	_, err := io.ReadFull(m.conn, m.unread[4:])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // io.EOF would mean the end between two messages
	}
	if size > 0 {
		m.typ = m.unread[4]
	}
	return err
}

// Write writes a message, or a part of one.
func (m *messages) Write(p []byte) (int, error) {
	if len(p) > 4+maxMessage {
		return 0, errTooLong
	}
	m.sent = true
	n, err := m.conn.Write(p)
	m.note(err)
	return n, err
}

func (m *messages) note(err error) {
	if m.err == nil {
		m.err = err
	}
}

// lost explains a failed request, which ends the connection.
func (m *messages) lost(err error) error {
	if m.err != nil && !errors.Is(m.err, errTooLong) {
		return fmt.Errorf("%w: the agent closed it without a reply: %w", ErrConnectionLost, m.err)
	}
	return fmt.Errorf("%w: the agent broke the protocol: %w", ErrConnectionLost, err)
}
