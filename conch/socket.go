package conch

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-go/hawser/conch/internal/batch"
	"github.com/hawser-go/hawser/conch/internal/handshake"
	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/deferred"
)

// socket is the net.Conn under an SSH transport. It notices what x/crypto/ssh
// does not report: the version line, the end of the connection, and when the
// packet of a call has been sent.
type socket struct {
	net.Conn

	// life is done when Read or Write has failed, Close was called, or the
	// transport ends; its cause is the first of these.
	life    context.Context
	end     context.CancelCauseFunc
	heard   atomic.Bool    // data has arrived since KeepAlive looked last
	wrote   atomic.Bool    // data has been written since then
	version *versionReader // nil after the version line; used by the reading goroutine
	broken  atomic.Bool    // a Write has failed
	linger  linger

	marks  sync.Mutex // guards marked
	marked []*sendMark
	any    atomic.Bool // marked is not empty
}

func newSocket(ctx context.Context, c net.Conn, side handshake.Side, g *work.Group) *socket {
	wire := batch.New(c)
	s := &socket{Conn: wire, version: &versionReader{side: side}, linger: linger{wire: wire, work: g}}
	s.life, s.end = context.WithCancelCause(ctx)
	return s
}

// Read hides the lines before the version line, which x/crypto/ssh limits to 255
// bytes each.
func (s *socket) Read(p []byte) (n int, err error) {
	s.linger.reading.Lock()
	defer s.linger.reading.Unlock()
	if s.life.Err() != nil {
		return 0, context.Cause(s.life)
	}
	if s.version == nil {
		n, err = s.Conn.Read(p)
	} else if n, err = s.version.read(s.Conn, p); s.version.done() {
		s.version = nil
	}
	if n > 0 {
		s.heard.Store(true)
	}
	if err != nil {
		s.end(err)
		err = context.Cause(s.life)
	}
	return n, err
}

// lastWords is how long a connection is read that cannot be written to any
// more. The peer may have sent the reason in a DISCONNECT message.
const lastWords = time.Second

// Write reports success after a failure, because x/crypto/ssh would not read the
// peer's last message otherwise. The connection ends when there is nothing more
// to read, and after lastWords at the latest.
func (s *socket) Write(p []byte) (int, error) {
	switch {
	case s.life.Err() != nil:
		return 0, context.Cause(s.life)
	case s.broken.Load():
		return len(p), nil
	}
	s.sending()
	_, err := s.Conn.Write(p)
	s.wrote.Store(true)
	if err != nil && !s.broken.Swap(true) {
		timer := time.AfterFunc(lastWords, func() {
			s.end(err)
			s.Conn.Close()
		})
		context.AfterFunc(s.life, func() { timer.Stop() })
	}
	return len(p), nil
}

// Close ends the connection. After linger.want it goes on in the background.
func (s *socket) Close() error {
	s.end(net.ErrClosed)
	if s.linger.begin() {
		return nil
	}
	return s.Conn.Close()
}

// sendMark notices that a goroutine writes to the socket.
type sendMark struct {
	goroutine *deferred.Owner
	sent      chan struct{} // closed when it has
}

// start runs call on a goroutine of g. The channel that it returns is closed
// when the first packet of call is being sent, or call has returned: from then
// on nothing can be sent before that packet. While keys are renewed
// x/crypto/ssh queues packets for another goroutine to send, in their order;
// then only the end of call closes the channel.
func (s *socket) start(g *work.Group, call func()) (sent <-chan struct{}) {
	m := &sendMark{sent: make(chan struct{})}
	g.Go(func() { // ends with call
		m.goroutine = deferred.BindOwner()
		defer m.goroutine.Release()
		s.mark(m)
		call()
		s.unmark(func(other *sendMark) bool { return other == m })
	})
	return m.sent
}

func (s *socket) mark(m *sendMark) {
	s.marks.Lock()
	defer s.marks.Unlock()
	s.marked = append(s.marked, m)
	s.any.Store(true)
}

// unmark reports the marks that match as sent.
func (s *socket) unmark(match func(*sendMark) bool) {
	s.marks.Lock()
	defer s.marks.Unlock()
	s.marked = slices.DeleteFunc(s.marked, func(m *sendMark) bool {
		found := match(m)
		if found {
			close(m.sent)
		}
		return found
	})
	s.any.Store(len(s.marked) > 0)
}

// sending reports the mark of the calling goroutine.
func (s *socket) sending() {
	if s.any.Load() {
		s.unmark(func(m *sendMark) bool { return m.goroutine.Here() })
	}
}
