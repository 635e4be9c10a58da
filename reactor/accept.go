package reactor

import (
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	// acceptAhead is the number of accepted connections that may be queued for
	// the loop. While the queue is full, further clients wait in the system.
	acceptAhead = 64

	// acceptRetry is the longest pause after a failed Accept.
	acceptRetry = 50 * time.Millisecond

	// acceptTolerance is the number of single connections that may fail in a
	// row before the failure counts as one of the port.
	acceptTolerance = 10

	// acceptRecovery is the time without a failure after which an accepted
	// connection ends the state "refused". A port at the edge of the limit
	// would otherwise log each change.
	acceptRecovery = time.Second
)

// acceptor accepts the connections of a port on a goroutine of its own and
// posts them to the loop.
type acceptor struct {
	p       *port
	l       net.Listener
	host    net.Addr
	room    chan struct{} // holds a token for each connection queued for the loop
	done    chan struct{} // closed by stop
	stopped bool          // belongs to the loop

	// The other fields belong to the goroutine of run.
	spare    *os.File // see acceptWithSpare; nil when there is no descriptor for it
	failures int      // failures of Accept since it last succeeded
	failed   time.Time
	refused  int  // connections that were closed for want of descriptors
	refusing bool // the failure was logged, its end was not
}

func newAcceptor(p *port, l net.Listener) *acceptor {
	return &acceptor{p: p, l: l, host: p.host, room: make(chan struct{}, acceptAhead), done: make(chan struct{})}
}

// stop closes the listener, which ends run. It must be called on the loop.
func (a *acceptor) stop() {
	if !a.stopped {
		a.stopped = true
		close(a.done)
		_ = a.l.Close() // the port is closed all the same
	}
}

// run accepts until the listener is closed or fails for good.
func (a *acceptor) run() {
	a.openSpare()
	defer a.closeSpare()
	err := a.acceptAll()
	a.p.r.CallFromThread(func() { a.p.acceptingEnded(a, err) })
}

func (a *acceptor) acceptAll() error {
	for {
		select {
		case a.room <- struct{}{}:
		case <-a.done:
			return net.ErrClosed
		}
		nc, err := protect(a.l.Accept)
		switch {
		case err == nil:
			a.succeeded(nc)
		case exhausted(err):
			a.fail(err, true)
			if nc := a.refuse(); nc != nil {
				a.succeeded(nc)
			} else {
				<-a.room
			}
		case ofOneConnection(err):
			<-a.room
			a.fail(err, a.failures >= acceptTolerance)
			a.pause(min(time.Duration(a.failures)*time.Millisecond, acceptRetry))
		default:
			return err
		}
	}
}

// fail counts a failure. It logs the first failure that concerns the port.
func (a *acceptor) fail(err error, ofPort bool) {
	a.failures++
	a.failed = time.Now()
	if ofPort && !a.refusing {
		a.refusing = true
		a.p.r.logger().Error("reactor: connections are refused", "port", a.host, "err", err)
	}
}

// succeeded posts a connection to the loop. It ends a row of failures, and logs
// the end of the refused state.
func (a *acceptor) succeeded(nc net.Conn) {
	a.failures = 0
	if a.refusing && time.Since(a.failed) >= acceptRecovery {
		a.p.r.logger().Info("reactor: connections are accepted again", "port", a.host, "refused", a.refused)
		a.refusing, a.refused = false, 0
	}
	if !a.p.r.CallFromThread(func() { a.p.accepted(a, nc) }) {
		_ = nc.Close() // the loop has ended
		<-a.room
	}
}

// refuse is called when Accept found no free descriptor. It closes a waiting
// connection, so that the client does not wait for ever, or pauses. If there is
// a free descriptor again, refuse returns the connection instead.
func (a *acceptor) refuse() net.Conn {
	if a.spare == nil {
		a.openSpare()
	}
	limited, ok := a.l.(interface{ SetDeadline(time.Time) error })
	if !ok || a.spare == nil || limited.SetDeadline(time.Now().Add(acceptRetry)) != nil {
		a.pause(acceptRetry)
		return nil
	}
	nc, err := a.acceptWithSpare()
	_ = limited.SetDeadline(time.Time{}) // if this fails, the next Accept does
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		a.pause(acceptRetry)
	}
	return nc
}

// acceptWithSpare gives up the spare descriptor to accept a connection, and
// waits for one until the deadline of the listener. If there is no other
// descriptor for a new spare, acceptWithSpare closes the connection.
func (a *acceptor) acceptWithSpare() (net.Conn, error) {
	a.closeSpare()
	nc, err := protect(a.l.Accept)
	a.openSpare()
	if err != nil || a.spare != nil {
		return nc, err
	}
	a.refused++
	_ = nc.Close() // this tells the client
	a.openSpare()
	return nil, nil
}

// pause waits for d, or until stop is called.
func (a *acceptor) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.done:
	}
}

// openSpare takes a descriptor in reserve, if there is a free one.
func (a *acceptor) openSpare() { a.spare, _ = os.Open(os.DevNull) }

func (a *acceptor) closeSpare() {
	if a.spare != nil {
		_ = a.spare.Close() // nothing was written
		a.spare = nil
	}
}

// ofOneConnection reports whether err concerns one connection, not the
// listener: the client gave up, or a filter forbids the connection.
func ofOneConnection(err error) bool {
	return isOneOf(err, syscall.ECONNABORTED, syscall.EPERM, syscall.EPROTO, syscall.ENETDOWN,
		syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH)
}

// exhausted reports whether the system had no descriptor or no memory for the
// connection. Accept works again when the process has freed some.
func exhausted(err error) bool {
	return isOneOf(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM)
}

func isOneOf(err error, those ...syscall.Errno) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(those, errno)
}
