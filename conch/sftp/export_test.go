package sftp

import "time"

// PoolStats returns the figures of the process's buffers.
func PoolStats() poolStats { return defaultPool.stats() }

// DefaultMaxChannels is the limit of channels of a session.
const DefaultMaxChannels = defaultMaxChannels

// StripeFrom makes a session stripe transfers from a round trip of d on.
func (s *Client) StripeFrom(d time.Duration) { s.stripeFrom = d }
