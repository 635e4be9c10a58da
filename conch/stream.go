package conch

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// ErrOnLoop is what a blocking call fails with when it is made on the reactor goroutine, where it would wait for itself.
var ErrOnLoop = errors.New("conch: a call that blocks was made on the reactor goroutine; make it on another one")

const (
	streamHigh = 256 << 10 // bytes unread above which the channel is paused
	streamLow  = 64 << 10  // bytes unread below which it is resumed
	streamPart = 64 << 10  // the largest piece, in bytes, taken to the loop at once
)

// ChannelConn is a channel as a net.Conn, for code on goroutines of its own: a blocking SFTP or HTTP client, io.Copy. Any goroutine may call its
// methods, but Read and Write, when they have to wait on the reactor goroutine, fail with ErrOnLoop. Read returns io.EOF after the peer's
// end-of-file or close, and an ErrConnectionLost after the loss of the connection, in both cases after everything that came before.
//
// At most about 256 KiB are kept for a reader that does not read, beyond the channel's window; Write waits while as much is not sent.
type ChannelConn struct {
	c             *SSHChannel
	r             *reactor.Reactor
	local, remote net.Addr
	turn          sync.Mutex // held by the Write in progress

	mu      sync.Mutex // guards all below
	changed sync.Cond
	unread  [][]byte
	size    int   // of unread
	paused  bool  // the channel is
	end     error // what Read returns after unread; nil while more may come
	over    error // what Write returns; nil while the channel lives
	gone    bool  // Close was called
	ended   bool  // CloseWrite was called
	full    bool  // the loop has not said yet that it takes more
	reads   timeLimit
	writes  timeLimit
}

// timeLimit is a deadline.
type timeLimit struct {
	timer   *time.Timer // nil if none is set, or it has passed
	expired bool
}

// NetConn returns the channel as a net.Conn. From now on what the peer sends goes there and not to DataReceived; extended data and requests still go
// to the hooks. It must be called on the loop, once, at the latest from ChannelOpen.
func (c *SSHChannel) NetConn() *ChannelConn {
	if c.stream != nil {
		panic("conch: NetConn was called before; there is one for each channel")
	}
	s := &ChannelConn{c: c, r: c.conn.transport.r, local: c.GetHost(), remote: c.GetPeer()}
	s.changed.L = &s.mu
	c.stream = s
	return s
}

// dataReceived takes data on the loop.
func (s *ChannelConn) dataReceived(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return
	}
	s.unread = append(s.unread, p)
	s.size += len(p)
	if s.size > streamHigh && !s.paused {
		s.paused = true
		s.c.PauseProducing()
	}
	s.changed.Broadcast()
}

func (s *ChannelConn) eofReceived() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = io.EOF
	}
	s.changed.Broadcast()
}

// closed ends both directions, on the loop.
func (s *ChannelConn) closed(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case reason == nil:
		reason = io.ErrClosedPipe
		if s.end == nil {
			s.end = io.EOF
		}
	case s.end == nil:
		s.end = reason
	}
	s.over = reason
	s.changed.Broadcast()
}

// writable is called on the loop when more may be written.
func (s *ChannelConn) writable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = false
	s.changed.Broadcast()
}

// wait waits for a change. The caller holds mu.
func (s *ChannelConn) wait() error {
	if s.r.OnLoop() {
		return ErrOnLoop
	}
	s.changed.Wait()
	return nil
}

// Read reads what has come, and waits for something if there is nothing.
func (s *ChannelConn) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone:
			return 0, net.ErrClosed
		case s.reads.expired:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case s.size > 0:
			return s.take(p), nil
		case s.end != nil:
			return 0, s.end
		}
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
}

func (s *ChannelConn) take(p []byte) (n int) {
	for n < len(p) && len(s.unread) > 0 {
		m := copy(p[n:], s.unread[0])
		n += m
		if s.unread[0] = s.unread[0][m:]; len(s.unread[0]) == 0 {
			s.unread = s.unread[1:]
		}
	}
	s.size -= n
	if s.paused && s.size < streamLow {
		s.paused = false
		s.r.CallFromThread(s.c.ResumeProducing)
	}
	return n
}

// Write sends p. It returns when the last piece is on its way to the peer's window; that it has arrived is not known. What several goroutines
// write at the same time is not mixed up.
func (s *ChannelConn) Write(p []byte) (n int, err error) {
	if !s.turn.TryLock() {
		if s.r.OnLoop() {
			return 0, ErrOnLoop
		}
		s.turn.Lock()
	}
	defer s.turn.Unlock()
	for {
		part := p[n:min(len(p), n+streamPart)]
		if err := s.send(part); err != nil {
			return n, err
		}
		if n += len(part); n == len(p) {
			return n, nil
		}
	}
}

// send waits until the loop takes something and gives it a copy of p.
func (s *ChannelConn) send(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone:
			return net.ErrClosed
		case s.over != nil:
			return s.over
		case s.ended:
			return io.ErrClosedPipe
		case s.writes.expired:
			return os.ErrDeadlineExceeded
		case !s.full:
			return s.post(slices.Clone(p))
		}
		if err := s.wait(); err != nil {
			return err
		}
	}
}

func (s *ChannelConn) post(p []byte) error {
	s.full = true
	taken := s.r.CallFromThread(func() {
		s.c.Write(p)
		if !s.c.writing {
			s.writable()
		}
	})
	if !taken {
		s.over = lostBecause(ErrClosedLocally)
		return s.over
	}
	return nil
}

// CloseWrite tells the peer that no more data will come.
func (s *ChannelConn) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.r.CallFromThread(s.c.out.sendEOF)
		s.changed.Broadcast()
	}
	return nil
}

// Close closes the channel once what was written has been sent, without waiting for that. What has come and was not read is dropped.
func (s *ChannelConn) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return net.ErrClosed
	}
	s.gone, s.unread, s.size = true, nil, 0
	resume := s.paused
	s.paused = false
	s.r.CallFromThread(func() {
		s.c.LoseConnection()
		if resume {
			s.c.ResumeProducing()
		}
	})
	s.changed.Broadcast()
	return nil
}

// LocalAddr returns the address of this end: of the SSH connection's own transport, or where the forwarding says the connection is from.
func (s *ChannelConn) LocalAddr() net.Addr { return s.local }

// RemoteAddr returns the address of the other end, likewise.
func (s *ChannelConn) RemoteAddr() net.Addr { return s.remote }

// SetDeadline sets both deadlines.
func (s *ChannelConn) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline makes Read fail with os.ErrDeadlineExceeded from then on; the zero time takes it back.
func (s *ChannelConn) SetReadDeadline(t time.Time) error { return s.limit(&s.reads, t) }

// SetWriteDeadline is SetReadDeadline for Write.
func (s *ChannelConn) SetWriteDeadline(t time.Time) error { return s.limit(&s.writes, t) }

func (s *ChannelConn) limit(l *timeLimit, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer, l.expired = nil, false
	if left := time.Until(t); !t.IsZero() && left <= 0 {
		l.expired = true
	} else if !t.IsZero() {
		var timer *time.Timer
		timer = time.AfterFunc(left, func() { s.expire(l, &timer) })
		l.timer = timer
	}
	s.changed.Broadcast()
	return nil
}

// expire is called by the timer of a deadline, which may have been replaced meanwhile.
func (s *ChannelConn) expire(l *timeLimit, timer **time.Timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.timer == *timer { // both are set under mu
		l.timer, l.expired = nil, true
		s.changed.Broadcast()
	}
}
