package policies

import (
	"net"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// ThrottleOptions has the limits of [NewThrottlingFactory]. 0 means no limit.
type ThrottleOptions struct {
	// MaxConnections is the number of connections at the same time. Further
	// ones are refused.
	MaxConnections int

	// ReadLimit is the number of bytes that all connections together may
	// receive in a second, on average.
	ReadLimit int

	// WriteLimit is the number of bytes that all protocols together may write
	// in a second, on average. It holds for producers that are registered with
	// the transport; nothing stops a protocol that writes without one.
	WriteLimit int
}

// NewThrottlingFactory returns a factory that limits the number and the speed
// of f's connections.
//
// The bytes are counted in each second. If they exceed a limit, all connections
// are paused, or the producers of all connections, until the average is the
// limit: after a second with three times the limit for two seconds. clock
// measures the time.
func NewThrottlingFactory(clock reactor.Clock, f reactor.Factory, opts ThrottleOptions) *WrappingFactory {
	arg.NotNil("policies: NewThrottlingFactory", "clock", clock)
	t := &throttle{}
	t.reads = meter{clock: clock, limit: opts.ReadLimit, apply: t.throttleReads}
	t.writes = meter{clock: clock, limit: opts.WriteLimit, apply: t.throttleWrites}
	t.WrappingFactory = newFactory("ThrottlingFactory", f, func() Wrapper { return &throttled{throttle: t} })
	t.build = func(addr net.Addr) (reactor.Protocol, error) {
		if opts.MaxConnections > 0 && t.live.Len() >= opts.MaxConnections {
			return nil, nil
		}
		return reactor.BuildFrom(f, addr)
	}
	t.registered = t.connected
	t.lost = func(*ProtocolWrapper) { t.disconnected() }
	return t.WrappingFactory
}

// throttle is the state of a throttling factory.
type throttle struct {
	*WrappingFactory
	reads, writes meter
}

func (t *throttle) connected(w *ProtocolWrapper) {
	if t.live.Len() == 1 {
		t.reads.start()
		t.writes.start()
	}
	if t.reads.over {
		w.Transport().PauseProducing()
	}
}

func (t *throttle) disconnected() {
	if t.live.Len() == 0 {
		t.reads.stop()
		t.writes.stop()
	}
}

func (t *throttle) throttleReads(on bool) { t.each(func(w *throttled) { w.throttleReads(on) }) }

func (t *throttle) throttleWrites(on bool) { t.each(func(w *throttled) { w.throttleWrites(on) }) }

// each calls f for each connection. If a producer panics, its connection is
// aborted, and the panic goes on when f was called for the others.
func (t *throttle) each(f func(w *throttled)) {
	var failure error
	for _, w := range t.Wrappers() {
		if err := protect(func() { f(w.(*throttled)) }); err != nil {
			w.AbortConnection()
			failure = err
		}
	}
	if failure != nil {
		panic(failure)
	}
}

// protect returns a panic of f as an error.
func protect(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = deferred.NewPanicError(v)
		}
	}()
	f()
	return nil
}

// maxPause keeps a pause within the range of a time.Duration. It is a hundred
// years, in seconds.
const maxPause = 100 * 365 * 24 * 3600

// meter counts the bytes of one direction.
type meter struct {
	clock reactor.Clock
	limit int
	apply func(on bool) // pauses or resumes all connections

	bytes   int  // in this second
	over    bool // apply(true) was called
	tick    *reactor.DelayedCall
	release *reactor.DelayedCall
}

func (m *meter) start() {
	if m.limit > 0 {
		m.bytes = 0
		m.tick = m.clock.CallLater(time.Second, m.check)
	}
}

// stop cancels the timers.
func (m *meter) stop() {
	m.over = false
	for _, c := range []*reactor.DelayedCall{m.tick, m.release} {
		if c != nil {
			_ = c.Cancel() // an error means that it has run
		}
	}
	m.tick, m.release = nil, nil
}

// check runs at the end of each second.
func (m *meter) check() {
	excess := m.bytes - m.limit
	m.bytes = 0
	m.tick = m.clock.CallLater(time.Second, m.check)
	if excess <= 0 {
		return
	}
	pause := time.Duration(min(float64(excess)/float64(m.limit), maxPause) * float64(time.Second))
	if m.over { // those that write without a producer have gone on
		_ = m.release.Delay(pause) // cannot fail: it has not run
		return
	}
	m.over = true
	m.release = m.clock.CallLater(pause, m.released)
	m.apply(true)
}

func (m *meter) released() {
	m.over, m.release = false, nil
	m.apply(false)
}

// throttled is the wrapper of a throttling factory.
type throttled struct {
	ProtocolWrapper
	throttle *throttle
	paused   bool          // the protocol has paused the connection
	producer *heldProducer // nil if none is registered
}

// DataReceived counts data.
func (w *throttled) DataReceived(data []byte) {
	w.throttle.reads.bytes += len(data)
	w.ProtocolWrapper.DataReceived(data)
}

// Write counts data.
func (w *throttled) Write(data []byte) {
	w.throttle.writes.bytes += len(data)
	w.ProtocolWrapper.Write(data)
}

// WriteSequence counts the pieces.
func (w *throttled) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		w.throttle.writes.bytes += len(data)
	}
	w.ProtocolWrapper.WriteSequence(pieces)
}

// PauseProducing is called by the protocol, or by a consumer of its data.
func (w *throttled) PauseProducing() {
	w.paused = true
	w.ProtocolWrapper.PauseProducing()
}

// ResumeProducing is the counterpart of PauseProducing. A throttled connection
// stays paused.
func (w *throttled) ResumeProducing() {
	w.paused = false
	if !w.throttle.reads.over {
		w.ProtocolWrapper.ResumeProducing()
	}
}

func (w *throttled) throttleReads(on bool) {
	switch {
	case w.paused || w.Disconnecting():
	case on:
		w.ProtocolWrapper.PauseProducing()
	default:
		w.ProtocolWrapper.ResumeProducing()
	}
}

func (w *throttled) throttleWrites(on bool) {
	if w.producer != nil {
		w.producer.throttle(on)
	}
}

// RegisterProducer registers a producer that obeys the limit.
func (w *throttled) RegisterProducer(p reactor.Producer, streaming bool) error {
	push, isPush := p.(reactor.PushProducer)
	if w.producer != nil {
		return reactor.ErrProducerRegistered
	}
	if streaming && !isPush {
		return reactor.ErrNotPushProducer
	}
	held := &heldProducer{Producer: p, w: w, throttled: w.throttle.writes.over}
	if streaming {
		held.push = push
	}
	w.producer = held
	if err := w.ProtocolWrapper.RegisterProducer(held, streaming); err != nil {
		w.producer = nil
		return err
	}
	held.update()
	return nil
}

// UnregisterProducer removes the producer.
func (w *throttled) UnregisterProducer() {
	w.producer = nil
	w.ProtocolWrapper.UnregisterProducer()
}

// heldProducer stands between a connection and a producer. The producer runs
// while neither the connection nor the throttle holds it.
type heldProducer struct {
	reactor.Producer
	w         *throttled
	push      reactor.PushProducer // nil for a pull producer
	throttled bool
	crowded   bool // the connection has paused a push producer
	asked     bool // the connection has asked a pull producer, which was throttled
	paused    bool // the push producer is paused
}

// PauseProducing is called by the connection.
func (h *heldProducer) PauseProducing() {
	h.crowded = true
	h.update()
}

// ResumeProducing is called by the connection.
func (h *heldProducer) ResumeProducing() {
	h.crowded = false
	h.asked = h.push == nil
	h.update()
}

// StopProducing is called by the connection, which then has no producer.
func (h *heldProducer) StopProducing() {
	h.w.producer = nil
	h.Producer.StopProducing()
}

func (h *heldProducer) throttle(on bool) {
	h.throttled = on
	h.update()
}

// update passes the state on to the producer.
func (h *heldProducer) update() {
	hold := h.crowded || h.throttled
	switch {
	case h.w.producer != h: // it is stopped or unregistered
	case h.asked && !h.throttled:
		h.asked = false
		h.Producer.ResumeProducing()
	case h.push == nil || hold == h.paused:
	case hold:
		h.paused = true
		h.push.PauseProducing()
	default:
		h.paused = false
		h.push.ResumeProducing()
	}
}
