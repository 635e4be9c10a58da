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

	// worthConnecting is how many bytes of a transfer are worth a further
	// connection: the channels of one connection move that many during a login,
	// which takes about eight round trips.
	worthConnecting = 8 * channelsPerConnection * window

	// largeTransfer is how many bytes make it worth to reserve the whole pool.
	largeTransfer = 64 << 20
)

// timed measures the round trip by a request that has just been sent, when nothing
// else was in flight. Before the server's version the answer would also take the
// time in which the server's program starts.
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

// spread opens channels for n bytes: one for every two windows.
func (j *job) spread(n int64) {
	if n >= largeTransfer {
		j.lease.reserve()
	}
	if n <= 2*window || j.ended {
		return
	}
	if j.s.rtt == 0 { // not over SSH, and nothing was timed yet
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
		wanted = min(wanted, channelsPerConnection*(1+n/worthConnecting))
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
			ch := j.s.takeChannel(co, fair, func() bool { return !j.ended })
			j.opening--
			j.addChannel(ch)
			return struct{}{}, nil
		})
	}
}

// balance opens another channel if the files in progress would fill one more.
func (j *job) balance() {
	sum := int64(0)
	for _, ch := range j.channels {
		sum += ch.load
	}
	if n := len(j.channels) + j.opening; sum > 2*window*int64(n) {
		j.wantChannels(n + 1)
	}
}

// addChannel puts a channel into use, or gives it back if the job has ended.
func (j *job) addChannel(ch *channel) {
	switch {
	case ch == nil:
		return
	case j.ended:
		j.s.giveChannel(ch)
		return
	}
	j.channels = append(j.channels, ch)
	j.now.Channels = max(j.now.Channels, len(j.channels))
	for _, f := range slices.Clone(j.pipelines) {
		f.addStripe(ch)
	}
}

// lightest returns the channel with the fewest bytes to move, among those whose
// server has sent its version.
func (j *job) lightest() *channel {
	best := j.channels[0]
	for _, ch := range j.channels[1:] {
		if ch.load < best.load && ch.client.Version() != 0 && ch.client.Lost() == nil {
			best = ch
		}
	}
	return best
}
