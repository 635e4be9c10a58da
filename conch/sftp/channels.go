package sftp

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

const (
	// defaultStripeFrom is the round trip from which on transfers are striped
	// over several channels. At 4 ms one channel can carry 500 MB/s.
	defaultStripeFrom = 4 * time.Millisecond

	// window is how many bytes an SSH channel carries in one round trip:
	// golang.org/x/crypto/ssh and OpenSSH grant that many.
	window = 2 << 20

	// perConnection is how many bytes of a transfer are worth a further
	// connection: the channels of one connection move that many while a login
	// takes place, about eight round trips.
	perConnection = 8 * channelsPerConnection * window
)

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

// channelLimit returns how many channels the job may use.
func (j *job) channelLimit() int {
	s, n := j.s, j.o.Channels
	switch {
	case s.openChannel == nil || !s.bearsChannels() && !(n > 1 && j.op == "get"):
		return 1
	case n <= 0:
		n = math.MaxInt
	}
	return min(n, s.perConnection()*max(1, s.maxConnections))
}

// largeTransfer is from how many bytes on a transfer makes the arena take all of its memory.
const largeTransfer = 64 << 20

// spread asks for channels for n bytes: one for each two windows.
func (j *job) spread(n int64) {
	if n >= largeTransfer {
		j.lease.reserve()
	}
	if n <= 2*window || j.ended {
		return
	}
	if j.s.rtt == 0 { // nothing could be timed yet
		timed(j.s, j.s.RealPath(".")).AddBoth(func(string, error) (string, error) {
			if j.s.rtt > 0 {
				j.spread(n)
			}
			return "", nil
		})
		return
	}
	wanted := n / (2 * window)
	if j.o.Channels == 0 {
		wanted = min(wanted, channelsPerConnection*(1+n/perConnection))
	}
	j.wantChannels(int(min(wanted, 1<<10)))
}

// foresee prepares for a download whose size is not known yet.
func (j *job) foresee() { j.s.holdChannels(min(j.channelLimit(), j.s.perConnection()) - 1) }

// wantChannels opens channels until the job has n, if the round trip is long and
// the servers grant them.
func (j *job) wantChannels(n int) {
	if j.s.rtt < cmp.Or(j.s.stripeFrom, defaultStripeFrom) {
		return
	}
	n = min(n, j.channelLimit())
	fair := j.s.perConnection()
	if j.o.Channels > 0 {
		connections := max(1, j.s.maxConnections)
		fair = min(fair, (n+connections-1)/connections)
	}
	for range n - len(j.channels) - j.opening {
		j.opening++
		deferred.Inline(func(co *deferred.Coro) (struct{}, error) {
			l := j.s.takeChannel(co, fair, func() bool { return !j.ended })
			j.opening--
			j.addChannel(l)
			return struct{}{}, nil
		})
	}
}

// balance asks for another channel if the files that are under way would fill one more.
func (j *job) balance() {
	sum := int64(0)
	for _, l := range j.channels {
		sum += l.load
	}
	if n := len(j.channels) + j.opening; sum > 2*window*int64(n) {
		j.wantChannels(n + 1)
	}
}

// addChannel puts a channel into use. The job may be over by now.
func (j *job) addChannel(l *channel) {
	switch {
	case l == nil:
		return
	case j.ended:
		j.s.giveChannel(l)
		return
	}
	j.channels = append(j.channels, l)
	j.now.Channels = max(j.now.Channels, len(j.channels))
	for _, f := range slices.Clone(j.pipelines) {
		f.addStripe(l)
	}
}

// lightest returns the channel with the least to do, of those whose server has answered.
func (j *job) lightest() *channel {
	best := j.channels[0]
	for _, l := range j.channels[1:] {
		if l.load < best.load && l.client.Version() != 0 && l.client.Lost() == nil {
			best = l
		}
	}
	return best
}
