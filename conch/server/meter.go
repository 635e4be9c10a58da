package server

import (
	"net"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch"
)

// maxLoginBytes is the number of bytes that a client may send before it has
// logged in. A login with many keys and large certificates takes some tens of
// kilobytes.
const maxLoginBytes = 1 << 20

// meter counts the bytes of a connection, and limits those before the login.
type meter struct {
	net.Conn
	loggedIn atomic.Bool
	read     atomic.Int64
	written  atomic.Int64
}

// total returns the number of bytes in both directions.
func (m *meter) total() int64 { return m.read.Load() + m.written.Load() }

// Read fails if the client sends too much before it has logged in.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if m.read.Add(int64(n)) > maxLoginBytes && !m.loggedIn.Load() {
		return 0, tooMany("bytes before the login")
	}
	return n, err
}

// Write counts.
func (m *meter) Write(p []byte) (int, error) {
	n, err := m.Conn.Write(p)
	m.written.Add(int64(n))
	return n, err
}

// tooMany returns the reason of a connection whose client exceeds a limit.
func tooMany(what string) error {
	return &conch.ConchError{Value: "too many " + what, Data: conch.DisconnectProtocolError, Err: conch.ErrFlooded}
}
