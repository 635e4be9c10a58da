package sftp

import (
	"time"

	"github.com/hawser-go/hawser/reactor/reactortest"
)

// PoolStats returns the figures of the process's buffers.
func PoolStats() poolStats { return defaultPool.stats() }

// ChannelsPerConnection is the limit of channels of a connection.
const ChannelsPerConnection = channelsPerConnection

// ChannelLinger is how long an unused channel is kept.
const ChannelLinger = channelLinger

// StripeFrom makes a session stripe transfers from a round trip of d on.
func (s *Client) StripeFrom(d time.Duration) { s.stripeFrom = d }

// UseClock makes a session measure time with a clock of the test.
func (s *Client) UseClock(c *reactortest.Clock) { s.loop = clockLoop{s.loop, c} }

type clockLoop struct {
	loop
	clock *reactortest.Clock
}

func (l clockLoop) AfterFunc(d time.Duration, f func()) func() bool { return l.clock.AfterFunc(d, f) }

func (l clockLoop) Now() time.Time { return l.clock.Now() }

// Connections returns the number of channels on each connection of a session,
// its own first.
func (s *Client) Connections() []int {
	n := []int{1 + s.own.channels}
	for _, c := range s.more {
		n = append(n, c.channels)
	}
	return n
}

// Connecting returns how many further connections are being made.
func (s *Client) Connecting() int { return len(s.connecting) }

// SetRoundTrip makes a session believe in a round trip.
func (s *Client) SetRoundTrip(d time.Duration) { s.rtt = d }

// Held returns how many channels of a session are open without a program.
func (s *Client) Held() (n int) {
	for _, c := range s.held {
		if c.phase == PhaseSubsystem {
			n++
		}
	}
	return n
}
