package conch

import (
	"io"
	"sync"
	"time"

	"github.com/hawser-go/hawser/conch/internal/batch"
	"github.com/hawser-go/hawser/conch/internal/work"
)

// linger ends a TCP connection in a way that loses nothing that was sent. If a
// socket is closed while data of the peer is unread, or is still coming, the
// system resets the connection, and the peer loses what it has not read yet.
// So the sending direction is ended first, and received data is dropped until
// the peer ends the connection too.
type linger struct {
	wire    *batch.Conn
	work    *work.Group
	reading sync.Mutex // held while x/crypto/ssh reads

	mu      sync.Mutex // guards the following
	wanted  bool       // Close lingers
	running bool
	hard    bool // the connection was aborted
}

// lingerTimeout bounds how long a connection lingers.
const lingerTimeout = 2 * time.Second

// want makes Close linger.
func (l *linger) want() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted = true
}

// abort makes Close, also an earlier one, close the connection at once.
func (l *linger) abort() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hard = true
	if l.running {
		l.wire.Close()
	}
}

// begin reports whether the connection lingers now. It does not wait.
func (l *linger) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.wanted || l.hard {
		return false
	}
	if !l.running {
		l.running = true
		l.work.Go(l.run) // ends with the peer or after lingerTimeout
	}
	return true
}

func (l *linger) run() {
	defer l.wire.Close()
	limit := time.AfterFunc(lingerTimeout, func() { l.wire.Close() }) // for a connection without deadlines
	defer limit.Stop()
	end := time.Now().Add(lingerTimeout)
	if l.wire.SetWriteDeadline(end) != nil || !l.wire.CloseWrite() {
		return
	}
	if l.wire.SetReadDeadline(time.Unix(1, 0)) != nil { // wakes the reader, which does not read again
		return
	}
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.wire.SetReadDeadline(end) == nil {
		_, _ = io.Copy(io.Discard, l.wire.Conn) // any end will do
	}
}
