package endpoints

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backoff configures BackoffPolicy. The zero value works.
type Backoff struct {
	Initial time.Duration        // 0 means 1 s
	Max     time.Duration        // 0 means 60 s
	Factor  float64              // 0 means 1.5
	Jitter  func() time.Duration // nil means a random time below 1 s
}

// BackoffPolicy returns a RetryPolicy for a ClientService. After the n-th
// failure in a row the policy waits Initial × Factor^n, at most Max, plus the
// jitter.
func BackoffPolicy(b Backoff) func(failures int) time.Duration {
	if b.Initial == 0 {
		b.Initial = time.Second
	}
	if b.Max == 0 {
		b.Max = time.Minute
	}
	if b.Factor == 0 {
		b.Factor = 1.5
	}
	if b.Jitter == nil {
		b.Jitter = func() time.Duration { return rand.N(time.Second) }
	}
	return func(failures int) time.Duration {
		wait := float64(b.Initial) * math.Pow(b.Factor, float64(failures))
		if wait < float64(b.Max) {
			return time.Duration(wait) + b.Jitter()
		}
		return b.Max + b.Jitter()
	}
}
