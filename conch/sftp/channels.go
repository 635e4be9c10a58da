package sftp

import (
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
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

// bearsSecondHandle reports whether the server is known to take writes through
// several handles of a file.
func (s *Client) bearsSecondHandle() bool {
	return s.HasExtension("fsync@openssh.com") && s.HasExtension("posix-rename@openssh.com") && s.HasExtension("statvfs@openssh.com")
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
	j.wantChannels(int(min(n/(2*window), 1<<10)))
}

// wantChannels sees to it that there are n channels, if the round trip is such that they are of use, and the server grants them.
func (j *job) wantChannels(n int) {
	from := j.s.stripeFrom
	if from == 0 {
		from = defaultStripeFrom
	}
	if j.s.rtt < from {
		return
	}
	n = min(n, j.s.channelLimit(&j.o))
	for range n - len(j.channels) - j.opening {
		j.opening++
		deferred.Inline(func(co *deferred.Coro) (struct{}, error) {
			l := j.s.takeChannel(co)
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
