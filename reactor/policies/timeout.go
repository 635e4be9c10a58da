package policies

import (
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
	"github.com/hawser-go/hawser/reactor/protocols"
)

// DefaultTimeout is the default period of a [TimeoutProtocol].
const DefaultTimeout = 30 * time.Minute

// TimeoutProtocol is a wrapper that closes an idle connection. A connection is
// idle while nothing is received and the protocol writes nothing. Embed it by
// value to define another TimeoutFunc.
type TimeoutProtocol struct {
	ProtocolWrapper

	// Clock measures the time. Clock must not be nil.
	Clock reactor.Clock

	// Period is the time after which an idle connection is closed, unless
	// SetTimeout changes it. 0 means DefaultTimeout, a negative value no
	// timeout.
	Period time.Duration

	timeout protocols.TimeoutMixin
}

// NewTimeoutFactory returns a factory that closes the connections of f's
// protocols when they have been idle for a period; see [TimeoutProtocol].
func NewTimeoutFactory(clock reactor.Clock, f reactor.Factory, period time.Duration) *WrappingFactory {
	arg.NotNil("policies: NewTimeoutFactory", "clock", clock)
	return newFactory("TimeoutFactory", f, func() Wrapper { return &TimeoutProtocol{Clock: clock, Period: period} })
}

// ConnectionMade starts the timeout.
func (p *TimeoutProtocol) ConnectionMade() {
	p.timeout.Clock = p.Clock
	p.timeout.TimeoutConnection = func() { p.outer.(interface{ TimeoutFunc() }).TimeoutFunc() }
	if p.Period == 0 {
		p.Period = DefaultTimeout
	}
	p.SetTimeout(p.Period)
	p.ProtocolWrapper.ConnectionMade()
}

// SetTimeout starts the timeout, or restarts it with another period. If period
// is not positive, SetTimeout ends the timeout. It may be called from
// ConnectionMade of the wrapped protocol on.
func (p *TimeoutProtocol) SetTimeout(period time.Duration) { p.timeout.SetTimeout(period) }

// CancelTimeout ends the timeout. Without a running timeout it does nothing.
func (p *TimeoutProtocol) CancelTimeout() { p.timeout.SetTimeout(0) }

// ResetTimeout starts the period again. Without a running timeout it does
// nothing.
func (p *TimeoutProtocol) ResetTimeout() { p.timeout.ResetTimeout() }

// TimeoutFunc is called when the connection has been idle for the period. It
// calls LoseConnection, and AbortConnection if the connection is still there
// after another period.
func (p *TimeoutProtocol) TimeoutFunc() {
	if p.outer.Disconnecting() {
		p.outer.AbortConnection()
		return
	}
	p.timeout.SetTimeout(p.timeout.SetTimeout(0))
	p.outer.LoseConnection()
}

// DataReceived starts the period again.
func (p *TimeoutProtocol) DataReceived(data []byte) {
	p.ResetTimeout()
	p.ProtocolWrapper.DataReceived(data)
}

// Write starts the period again.
func (p *TimeoutProtocol) Write(data []byte) {
	p.ResetTimeout()
	p.ProtocolWrapper.Write(data)
}

// WriteSequence starts the period again.
func (p *TimeoutProtocol) WriteSequence(pieces [][]byte) {
	p.ResetTimeout()
	p.ProtocolWrapper.WriteSequence(pieces)
}

// ConnectionLost ends the timeout.
func (p *TimeoutProtocol) ConnectionLost(reason error) {
	p.CancelTimeout()
	p.ProtocolWrapper.ConnectionLost(reason)
}
