package sftp

import (
	"time"

	"github.com/hawser-go/hawser/reactor/reactortest"
)

// PoolStats returns the statistics of the default buffer pool.
func PoolStats() poolStats { return defaultPool.stats() }

// ChannelsPerConnection is the greatest number of channels of a connection.
const ChannelsPerConnection = channelsPerConnection

// ChannelLinger is the time after which an unused channel is closed.
const ChannelLinger = channelLinger

// StripeFrom makes a session stripe transfers if the round trip is at least d.
func (s *Client) StripeFrom(d time.Duration) { s.stripeFrom = d }

// UseClock sets the clock of a session.
func (s *Client) UseClock(c *reactortest.Clock) { s.loop = clockLoop{s.loop, c} }

type clockLoop struct {
	loop
	clock *reactortest.Clock
}

func (l clockLoop) AfterFunc(d time.Duration, f func()) func() bool { return l.clock.AfterFunc(d, f) }

func (l clockLoop) Now() time.Time { return l.clock.Now() }

// Connections returns the number of channels on each connection of a session.
// The session's own connection comes first.
func (s *Client) Connections() []int {
	n := []int{1 + s.own.channels}
	for _, c := range s.more {
		n = append(n, c.channels)
	}
	return n
}

// Connecting returns the number of further connections that are being made.
func (s *Client) Connecting() int { return len(s.connecting) }

// SetRoundTrip sets the measured round trip of a session.
func (s *Client) SetRoundTrip(d time.Duration) { s.rtt = d }

// Held returns the number of open channels on which the session has not started
// the subsystem.
func (s *Client) Held() (n int) {
	for _, c := range s.held {
		if c.phase == PhaseSubsystem {
			n++
		}
	}
	return n
}
