package transfer

import (
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// DefaultMaxLanes is how many channels a session uses at most: OpenSSH's server grants ten to a connection.
	DefaultMaxLanes = 8

	// DefaultStripeFrom is the round trip from which on transfers are spread over several channels. At 4 ms one channel can carry 500 MB/s.
	DefaultStripeFrom = 4 * time.Millisecond

	// LaneLinger is how long a channel that a transfer has opened is kept for the next one.
	LaneLinger = 15 * time.Second

	// window is how many bytes an SSH channel carries in one round trip: what golang.org/x/crypto/ssh and OpenSSH grant.
	window = 2 << 20
)

// Loop is what a transfer needs of the reactor; a *reactor.Reactor is one. CallFromThread runs f on the loop and may be called from any
// goroutine, CallInThread runs f on a thread; AfterFunc runs f on the loop, later.
type Loop interface {
	CallFromThread(f func()) bool
	CallInThread(f func()) error
	AfterFunc(d time.Duration, f func()) (stop func() bool)
	Now() time.Time
}

// Session makes transfers over an SFTP client. Make one with NewSession for each client; the fields may be set before the first transfer.
type Session struct {
	// OpenLane opens one more channel of the same connection, with an SFTP session on it. Nil means that there is but one.
	OpenLane func() deferred.Deferred[*filetransfer.FileTransferClient]

	// MaxLanes is how many channels all transfers together have at most; 0 means DefaultMaxLanes.
	MaxLanes int

	// StripeFrom is the round trip from which on transfers are spread over several channels; 0 means DefaultStripeFrom.
	StripeFrom time.Duration

	client *filetransfer.FileTransferClient
	loop   Loop
	rtt    time.Duration // the shortest round trip seen, 0 for none
	idle   []*lane
	lanes  int  // open or being opened, the client's own not counted
	full   bool // the server has refused to open another,
	most   int  // and has granted so many
	disk   func(disk) disk
}

// NewSession returns a session for transfers over client, which loop owns.
func NewSession(client *filetransfer.FileTransferClient, loop Loop) *Session {
	return &Session{client: client, loop: loop}
}

// Client returns the client.
func (s *Session) Client() *filetransfer.FileTransferClient { return s.client }

// RoundTrip returns the shortest round trip that transfers have seen so far, 0 before the first.
func (s *Session) RoundTrip() time.Duration { return s.rtt }

// timed takes the time that the answer to a request takes, which has been sent just now, when nothing else was under way. Before the server's
// greeting it would include the server's start.
func timed[T any](s *Session, d deferred.Deferred[T]) deferred.Deferred[T] {
	if s.client.Version() == 0 {
		return d
	}
	begin := s.loop.Now()
	return d.AddBoth(func(v T, err error) (T, error) {
		if took := s.loop.Now().Sub(begin); s.rtt == 0 || took < s.rtt {
			s.rtt = max(took, 1)
		}
		return v, err
	})
}

func (s *Session) maxLanes(o *Options) int {
	n := s.MaxLanes
	if n == 0 {
		n = DefaultMaxLanes
	}
	if o.Lanes > 0 {
		n = min(n, o.Lanes)
	}
	if s.OpenLane == nil {
		n = 1
	}
	return n
}

// lane is a channel that transfers are spread over.
type lane struct {
	client *filetransfer.FileTransferClient
	load   int64 // bytes of the files that are on it, for a transfer of many
	stop   func() bool
}

// takeLane returns a lane that is idle or opens one; nil if there can be none.
func (s *Session) takeLane(co *deferred.Coro) *lane {
	for len(s.idle) > 0 {
		l := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		l.stop()
		if l.client.Lost() == nil {
			return l
		}
		s.lanes--
	}
	if s.lanes >= s.maxLanes(&Options{})-1 || s.full && s.lanes >= s.most {
		return nil
	}
	s.lanes++
	client, err := deferred.Await(co, s.OpenLane())
	if err != nil {
		s.lanes--
		if s.client.Lost() == nil && !isCancelled(err) {
			s.full, s.most = true, s.lanes
		}
		return nil
	}
	return &lane{client: client}
}

// giveLane takes a lane back, and closes it when nobody wants it for a while.
func (s *Session) giveLane(l *lane) {
	l.load = 0
	if l.client.Lost() != nil {
		s.lanes--
		return
	}
	s.idle = append(s.idle, l)
	l.stop = s.loop.AfterFunc(LaneLinger, func() {
		for i, other := range s.idle {
			if other == l {
				s.idle = append(s.idle[:i], s.idle[i+1:]...)
				s.lanes--
				l.client.Transport().LoseConnection()
			}
		}
	})
}

// CloseLanes closes the channels that are kept for the next transfer.
func (s *Session) CloseLanes() {
	for _, l := range s.idle {
		l.stop()
		s.lanes--
		l.client.Transport().LoseConnection()
	}
	s.idle = nil
}
