package sftp

import (
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

const (
	// defaultMaxChannels is how many channels a session uses at most: OpenSSH's server grants ten to a connection.
	defaultMaxChannels = 8

	// defaultStripeFrom is the round trip from which on transfers are spread over several channels. At 4 ms one channel can carry 500 MB/s.
	defaultStripeFrom = 4 * time.Millisecond

	// channelLinger is how long a channel that a transfer has opened is kept for the next one.
	channelLinger = 15 * time.Second

	// window is how many bytes an SSH channel carries in one round trip: what golang.org/x/crypto/ssh and OpenSSH grant.
	window = 2 << 20
)

// loop is the part of a reactor that transfers use.
type loop interface {
	CallFromThread(f func()) bool
	CallInThread(f func()) error
	AfterFunc(d time.Duration, f func()) (stop func() bool)
	Now() time.Time
}

// Client is an SFTP session. Its methods belong to the reactor's goroutine; see
// [Client.Files] for the same from other goroutines.
type Client struct {
	*filetransfer.FileTransferClient // single operations

	r       *reactor.Reactor
	loop    loop             // r; a test may use another
	session *sftpChannel     // nil if New made the client
	conn    conch.Connection // the same
	owns    bool             // Open made the connection

	// openChannel opens a further channel with an SFTP session to the same
	// server. It is nil if there can be none.
	openChannel func() deferred.Deferred[*filetransfer.FileTransferClient]
	maxChannels int           // 0 means defaultMaxChannels
	stripeFrom  time.Duration // 0 means defaultStripeFrom
	rtt         time.Duration // the shortest round trip seen, 0 for none
	idle        []*channel
	channels    int  // open or being opened, the client's own not counted
	full        bool // the server has refused to open another,
	most        int  // and has granted so many
	disk        func(disk) disk
	pool        *pool
}

// New returns a session over a client, which r's goroutine owns. It is for
// clients that do not run over SSH; Open and OpenOn return sessions that do.
func New(c *filetransfer.FileTransferClient, r *reactor.Reactor) *Client {
	return &Client{FileTransferClient: c, r: r, loop: r, pool: defaultPool}
}

// RoundTrip returns the shortest round trip that transfers have seen so far, 0 before the first.
func (s *Client) RoundTrip() time.Duration { return s.rtt }

// timed takes the time that the answer to a request takes, which has been sent just now, when nothing else was under way. Before the server's
// greeting it would include the server's start.
func timed[T any](s *Client, d deferred.Deferred[T]) deferred.Deferred[T] {
	if s.Version() == 0 {
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

func (s *Client) channelLimit(o *Options) int {
	n := s.maxChannels
	if n == 0 {
		n = defaultMaxChannels
	}
	if o.Channels > 0 {
		n = min(n, o.Channels)
	}
	if s.openChannel == nil {
		n = 1
	}
	return n
}

// channel is a channel that transfers are spread over.
type channel struct {
	client *filetransfer.FileTransferClient
	load   int64 // bytes of the files that are on it, for a transfer of many
	stop   func() bool
}

// takeChannel returns a channel that is idle or opens one; nil if there can be none.
func (s *Client) takeChannel(co *deferred.Coro) *channel {
	for len(s.idle) > 0 {
		l := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		l.stop()
		if l.client.Lost() == nil {
			return l
		}
		s.channels--
	}
	if s.channels >= s.channelLimit(&Options{})-1 || s.full && s.channels >= s.most {
		return nil
	}
	s.channels++
	client, err := deferred.Await(co, s.openChannel())
	if err != nil {
		s.channels--
		if s.Lost() == nil && !isCancelled(err) {
			s.full, s.most = true, s.channels
		}
		return nil
	}
	return &channel{client: client}
}

// giveChannel takes a channel back, and closes it when nobody wants it for a while.
func (s *Client) giveChannel(l *channel) {
	l.load = 0
	if l.client.Lost() != nil {
		s.channels--
		return
	}
	s.idle = append(s.idle, l)
	l.stop = s.loop.AfterFunc(channelLinger, func() {
		for i, other := range s.idle {
			if other == l {
				s.idle = append(s.idle[:i], s.idle[i+1:]...)
				s.channels--
				l.client.Transport().LoseConnection()
			}
		}
	})
}

// closeChannels closes the channels that are kept for the next
func (s *Client) closeChannels() {
	for _, l := range s.idle {
		l.stop()
		s.channels--
		l.client.Transport().LoseConnection()
	}
	s.idle = nil
}
