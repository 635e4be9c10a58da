package protocols

import (
	"errors"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

var errNoTimeoutAction = errors.New("protocols: TimeoutMixin.SetTimeout: " +
	"Protocol and TimeoutConnection are both nil; set one of them")

// TimeoutMixin closes an idle connection. A protocol embeds one, or keeps one
// in a field. The protocol calls SetTimeout when the connection is made,
// ResetTimeout whenever there is activity, and SetTimeout(0) when the
// connection is lost.
//
//	func (p *greeter) ConnectionMade() {
//		p.timeout.Clock, p.timeout.Protocol = p.clock, p
//		p.timeout.SetTimeout(30 * time.Second)
//	}
//
// All methods must be called on the goroutine of Clock.
type TimeoutMixin struct {
	// Clock measures the time. Clock must not be nil.
	Clock reactor.Clock

	// Protocol is the protocol whose connection is watched. Protocol may be nil
	// if TimeoutConnection is set.
	Protocol reactor.Protocol

	// TimeoutConnection is called once when the time is up. Nil means to close
	// the connection of Protocol with LoseConnection.
	TimeoutConnection func()

	period time.Duration
	call   *reactor.DelayedCall // nil without a running timeout
}

// SetTimeout starts a timeout, or restarts the running one with another period.
// If period is not positive, SetTimeout ends the timeout. The result is the
// previous period, 0 if there was none; a timeout that has expired keeps its
// period.
//
// SetTimeout panics if Clock is nil, or Protocol and TimeoutConnection are.
func (m *TimeoutMixin) SetTimeout(period time.Duration) (previous time.Duration) {
	if period > 0 {
		m.check()
	}
	previous, m.period = m.period, max(period, 0)
	if m.call != nil {
		_ = m.call.Cancel() // an error means that others have cancelled the call
		m.call = nil
	}
	if period > 0 {
		m.call = m.Clock.CallLater(period, m.expired)
	}
	return previous
}

func (m *TimeoutMixin) check() {
	arg.NotNil("protocols: TimeoutMixin.SetTimeout", "Clock", m.Clock)
	if m.TimeoutConnection == nil && m.Protocol == nil {
		panic(errNoTimeoutAction)
	}
}

// ResetTimeout starts the period again. Without a running timeout it does
// nothing.
func (m *TimeoutMixin) ResetTimeout() {
	if m.call != nil {
		_ = m.call.Reset(m.period) // an error means that others have cancelled the call
	}
}

func (m *TimeoutMixin) expired() {
	m.call = nil
	if m.TimeoutConnection != nil {
		m.TimeoutConnection()
		return
	}
	m.Protocol.Transport().LoseConnection()
}
