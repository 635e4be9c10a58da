package protocols

import (
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// TimeoutMixin closes connections that are idle. A protocol keeps one in a field, and calls SetTimeout when the connection is made, ResetTimeout
// whenever there is activity, and SetTimeout(0) when the connection is lost.
type TimeoutMixin struct {
	// Clock measures the time.
	Clock reactor.Clock

	// TimeoutConnection is called, once, when the time has run out (R468).
	TimeoutConnection func()

	period time.Duration
	call   *reactor.DelayedCall
}

// SetTimeout starts a timeout, or changes its period; 0 ends it (R466). It returns the previous period.
func (m *TimeoutMixin) SetTimeout(period time.Duration) (previous time.Duration) {
	previous, m.period = m.period, period
	if m.call != nil {
		_ = m.call.Cancel() // it may have run (R469)
		m.call = nil
	}
	if period > 0 {
		m.call = m.Clock.CallLater(period, m.expired)
	}
	return previous
}

// ResetTimeout begins the period again. Without a timeout it does nothing (R467).
func (m *TimeoutMixin) ResetTimeout() {
	if m.call != nil {
		_ = m.call.Reset(m.period) // it may have run
	}
}

func (m *TimeoutMixin) expired() {
	m.call = nil
	m.TimeoutConnection()
}
