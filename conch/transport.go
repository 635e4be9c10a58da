package conch

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hawser-go/hawser/conch/internal/handshake"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// SSHTransport is the encrypted connection under the service, the same for a
// client and a server. Package client embeds it in its SSHClientTransport.
// Except where a comment says otherwise, its methods belong to the loop.
type SSHTransport struct {
	r       *reactor.Reactor
	self    any
	mux     gossh.Conn             // nil before authentication has succeeded
	socket  *socket                // nil before the connection below is made
	version atomic.Pointer[string] // the version line of the peer
	service *SSHConnection

	// ctx is done when the transport ends; its cause is the reason.
	ctx context.Context
	end context.CancelCauseFunc

	work    work.Group    // all goroutines of the connection
	control work.Queue    // answers to the peer: short writes that must not block the loop
	unseen  chan struct{} // one element for each request of the peer that the loop has not seen

	reason    error         // why the connection ended; nil before
	abandoned chan struct{} // closed when received data is no longer wanted
	closing   bool          // LoseConnection was called
	afterLoss []func()      // called after ServiceStopped
	lost      work.Completion
	done      work.Completion // no goroutine is left
	probe     probe
	keepAlive *keepAlive
	release   func() // lets the reactor end
	atExit    *reactor.Trigger
	exiting   bool // the reactor shuts down, and atExit has run
}

// Start sets the connection up: the transport calls the methods of side. self is
// the value that embeds the transport. Start is for packages that implement one
// side of a connection; it may be called on the loop, or before the reactor
// runs.
func (t *SSHTransport) Start(r *reactor.Reactor, self any, side handshake.Side) {
	t.r, t.self = r, self
	t.ctx, t.end = context.WithCancelCause(context.Background())
	t.abandoned = make(chan struct{})
	t.unseen = make(chan struct{}, maxUnseen)
	t.release = r.Hold()
	if r.Context().Err() != nil { // the trigger would come too late
		t.end(ErrClosedLocally)
	}
	t.atExit = r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() {
		t.exiting = true
		t.AbortConnection()
	})
	t.work.Go(func() { t.run(side) }) // ends with the connection
}

// run is the first goroutine of the connection.
func (t *SSHTransport) run(side handshake.Side) {
	result, err := t.establish(side)
	if err != nil {
		t.r.CallFromThread(func() {
			t.end(err)
			side.Failed(err)
			t.connectionLost(lostBecause(err))
		})
	} else {
		posted := t.r.CallFromThread(func() {
			t.mux = result.Conn
			side.Authenticated()
		})
		if !posted {
			t.end(ErrClosedLocally)
		}
		t.serve(result)
	}
	t.awaitGoroutines()
}

// establish dials, exchanges keys and authenticates.
func (t *SSHTransport) establish(side handshake.Side) (handshake.Result, error) {
	c, err := side.Dial(t.ctx)
	if err != nil {
		return handshake.Result{}, dialError(t.ctx, err)
	}
	stop := context.AfterFunc(t.ctx, func() { c.Close() })
	defer stop()
	s := newSocket(t.ctx, c, noteVersion{side, t}, &t.work)
	t.r.CallFromThread(func() { t.socket = s })
	result, err := side.Handshake(s.life, s)
	if err != nil {
		c.Close()
		return result, setupError(t.ctx, err)
	}
	return result, nil
}

// noteVersion keeps the version line.
type noteVersion struct {
	handshake.Side
	t *SSHTransport
}

func (n noteVersion) VersionReceived(line string) {
	n.t.version.Store(&line)
	n.Side.VersionReceived(line)
}

// serve posts the channel openings and requests of the peer to the loop, then
// the end of the connection.
func (t *SSHTransport) serve(from handshake.Result) {
	stop := context.AfterFunc(t.ctx, func() { from.Conn.Close() })
	defer stop()
	for from.Channels != nil || from.Requests != nil {
		select {
		case ch, ok := <-from.Channels:
			if !ok {
				from.Channels = nil
				continue
			}
			t.channelOffered(ch)
		case req, ok := <-from.Requests:
			if !ok {
				from.Requests = nil
				continue
			}
			t.openingsFirst(from.Channels)
			t.enter(func() { t.globalRequested(req) })
		}
	}
	err := from.Conn.Wait()
	if cause := context.Cause(t.ctx); cause != nil && !isEnd(cause) {
		err = cause // this side ended the connection
	}
	t.r.CallFromThread(func() { t.connectionLost(lostBecause(err)) })
}

func (t *SSHTransport) channelOffered(ch gossh.NewChannel) {
	t.enter(func() { t.channelRequested(ch) })
}

// openingsFirst posts the channel openings that have arrived. x/crypto/ssh
// delivers openings and global requests without their order. A request may be
// about the openings before it: no-more-sessions@openssh.com follows the opening
// of a session at once.
func (t *SSHTransport) openingsFirst(from <-chan gossh.NewChannel) {
	for {
		select {
		case ch, ok := <-from:
			if !ok {
				return
			}
			t.channelOffered(ch)
		default:
			return
		}
	}
}

// broken ends a connection that a call of x/crypto/ssh has found broken. The
// error of the call need not be the reason, which serve finds out.
func (t *SSHTransport) broken() {
	t.work.Go(func() { t.mux.Close() }) // ends with the connection
}

// enter posts a request or channel opening of the peer to the loop. It blocks
// while maxUnseen of them are queued.
func (t *SSHTransport) enter(f func()) {
	select {
	case t.unseen <- struct{}{}:
		t.r.CallFromThread(func() {
			<-t.unseen
			f()
		})
	case <-t.ctx.Done(): // not many more can follow
		t.r.CallFromThread(f)
	}
}

// reply sends an answer to the peer, off the loop. A peer that does not take
// answers loses the connection.
func (t *SSHTransport) reply(send func()) {
	limit := 1024
	if t.service != nil {
		limit = t.service.Limits.replies()
	}
	if waiting := t.control.Do(&t.work, send); waiting > limit {
		t.flooded("answers that it does not take")
	}
}

// flooded ends the connection of a peer that exceeds a limit.
func (t *SSHTransport) flooded(what string) {
	t.end(&ConchError{Value: "too many " + what, Data: DisconnectProtocolError, Err: ErrFlooded})
}

func (t *SSHTransport) channelRequested(ch gossh.NewChannel) {
	if t.service == nil {
		t.reply(func() { _ = ch.Reject(gossh.UnknownChannelType, "no service") })
		return
	}
	t.service.openRequested(ch)
}

func (t *SSHTransport) globalRequested(req *gossh.Request) {
	if t.service == nil {
		t.reply(func() { _ = req.Reply(false, nil) })
		return
	}
	t.service.globals.received(req)
}

// SetService makes c the service of the connection and calls its
// ServiceStarted. It returns ErrUsed if c has served a connection, and a
// *deferred.PanicError if ServiceStarted panics. It must be called once, after
// authentication.
func (t *SSHTransport) SetService(c Connection) error {
	if c.Self() != nil {
		return ErrUsed
	}
	b := c.base()
	t.service = b
	b.start(c, t)
	return hook.Call(c.ServiceStarted)
}

// Reactor returns the reactor that the transport runs on. Any goroutine may call
// it.
func (t *SSHTransport) Reactor() *reactor.Reactor { return t.r }

// Self returns the value that embeds the transport, such as a
// *client.SSHClientTransport. Any goroutine may call it.
func (t *SSHTransport) Self() any { return t.self }

// Context returns a context that is done when the connection ends. Its cause is
// the reason. Any goroutine may call it.
func (t *SSHTransport) Context() context.Context { return t.ctx }

// GetPeer returns the address of the peer, and nil before there is a connection.
func (t *SSHTransport) GetPeer() net.Addr {
	if t.socket == nil {
		return nil
	}
	return t.socket.RemoteAddr()
}

// GetHost returns the address of this end, and nil before there is a connection.
func (t *SSHTransport) GetHost() net.Addr {
	if t.socket == nil {
		return nil
	}
	return t.socket.LocalAddr()
}

// PeerVersion returns the version line of the peer, such as
// "SSH-2.0-OpenSSH_9.9", and "" before it has arrived. Characters that are not
// printable are escaped. Any goroutine may call it.
func (t *SSHTransport) PeerVersion() string {
	if line := t.version.Load(); line != nil {
		return *line
	}
	return ""
}

// SessionID returns the identifier of the session (RFC 4253, section 7.2), and
// nil before authentication has succeeded.
func (t *SSHTransport) SessionID() []byte {
	if t.mux == nil {
		return nil
	}
	return t.mux.SessionID()
}

// Lost returns why the connection ended, and nil before.
func (t *SSHTransport) Lost() error { return t.reason }

// WhenClosed returns a new Deferred that fires when the connection has ended,
// after ServiceStopped. If this side did not end the connection, it fails with an
// error that matches ErrConnectionLost and wraps the reason.
func (t *SSHTransport) WhenClosed() deferred.Deferred[struct{}] { return t.lost.Wait() }

// Hold keeps WhenDone from firing, and the reactor from ending, until release is
// called: a goroutine that works for the connection holds it. The goroutine must
// end when Context is done. Any goroutine may call Hold, while the connection has
// not ended, and release.
func (t *SSHTransport) Hold() (release func()) {
	group, r := t.work.Hold(), t.r.Hold()
	return func() {
		group()
		r()
	}
}

// WhenDone returns a new Deferred that fires when the connection has ended and
// none of its goroutines is left: those of this library, and those that Hold has
// announced. It does not fail.
func (t *SSHTransport) WhenDone() deferred.Deferred[struct{}] { return t.done.Wait() }

// Bounds on how long LoseConnection waits for data to be sent.
const (
	flushTimeout = time.Second      // while nothing can be sent
	maxFlush     = 30 * time.Second // altogether
)

// LoseConnection closes the connection once the data and requests that the
// channels have queued are sent. It gives up when nothing could be sent for a
// second, for the window of a channel may be used up, and after 30 seconds.
// Whatever waits for the peer then fails with ErrConnectionLost; ServiceStopped
// and Closed of the channels follow. x/crypto/ssh sends no DISCONNECT message:
// the peer sees the end of the TCP connection. In the background the TCP
// connection waits up to two seconds for the peer to end it too, so that the peer
// can read what was sent.
func (t *SSHTransport) LoseConnection() {
	if t.closing {
		return
	}
	t.closing = true
	if t.service == nil || t.reason != nil {
		t.end(ErrClosedLocally)
		return
	}
	waiting := 1
	done := func() {
		if waiting--; waiting == 0 {
			t.endSoftly()
		}
	}
	for _, c := range t.service.channels {
		if c.state == channelOpen {
			waiting++
			c.out.whenIdle(func() { t.r.CallFromThread(done) })
		}
	}
	done()
	t.limitFlush(maxFlush, t.service.sent())
}

// endSoftly ends the connection when everything is sent that x/crypto/ssh was
// given: while keys are renewed it holds packets back. They precede the packet of
// this request, which comes after the answers to the peer. If another request
// waits for its reply, the packet cannot be followed while keys are renewed:
// x/crypto/ssh would hold this request back too.
func (t *SSHTransport) endSoftly() {
	wantReply := t.service.unanswered == 0
	t.control.Do(&t.work, func() {
		<-t.socket.start(&t.work, func() { // ends with the reply or with the connection
			_, _, _ = t.mux.SendRequest(keepAliveRequest, wantReply, nil)
		})
		t.r.CallFromThread(func() {
			t.socket.linger.want()
			t.end(ErrClosedLocally)
		})
	})
}

// limitFlush ends the connection in at most left, and after flushTimeout if the
// channels still have sent no more than before.
func (t *SSHTransport) limitFlush(left time.Duration, before int64) {
	limit := t.r.CallLater(min(left, flushTimeout), func() {
		left -= flushTimeout
		if now := t.service.sent(); now != before && left > 0 {
			t.limitFlush(left, now)
			return
		}
		t.end(ErrClosedLocally)
	})
	context.AfterFunc(t.ctx, func() {
		t.r.CallFromThread(func() {
			if limit.Active() {
				_ = limit.Cancel() // it is active
			}
		})
	})
}

// AbortConnection closes the connection at once. Data that is not sent, and
// received data that is not delivered, is dropped.
func (t *SSHTransport) AbortConnection() {
	if !t.aborted() {
		close(t.abandoned)
	}
	if t.socket != nil {
		t.socket.linger.abort()
	}
	t.end(ErrClosedLocally)
	if t.service != nil {
		t.service.discardInput()
	}
}

// AbortBecause is AbortConnection with a reason, which Lost and the errors of
// everything that waits report.
func (t *SSHTransport) AbortBecause(reason error) {
	t.end(reason)
	t.AbortConnection()
}

func (t *SSHTransport) aborted() bool {
	select {
	case <-t.abandoned:
		return true
	default:
		return false
	}
}

// connectionLost tells the service that the connection has ended, then the
// channels and everyone else.
func (t *SSHTransport) connectionLost(reason error) {
	t.reason = reason
	t.end(reason)
	if t.keepAlive != nil {
		t.keepAlive.stop()
	}
	if t.service != nil {
		t.guard("ServiceStopped", t.service.self.ServiceStopped)
	}
	t.probe.answered(t)
	for _, f := range slices.Concat(t.afterLoss, nil) {
		f()
	}
	t.afterLoss = nil
	if t.service != nil {
		t.service.connectionLost()
	}
	if errors.Is(reason, ErrClosedLocally) {
		reason = nil
	}
	t.lost.Fire(reason)
}

// whenLost runs f when the service knows that the connection is lost: at once,
// or later.
func (t *SSHTransport) whenLost(f func()) {
	if t.reason != nil {
		f()
		return
	}
	t.afterLoss = append(t.afterLoss, f)
}

// awaitGoroutines waits, without a goroutine, for the end of the others.
func (t *SSHTransport) awaitGoroutines() {
	t.work.WhenIdle(func() { t.r.CallFromThread(t.finished) })
}

// finished lets the reactor end, unless the loop has started another goroutine
// meanwhile.
func (t *SSHTransport) finished() {
	if !t.work.IsIdle() {
		t.awaitGoroutines()
		return
	}
	if !t.exiting {
		_ = t.r.RemoveSystemEventTrigger(t.atExit) // it has not run
	}
	t.release()
	t.done.Fire(nil)
}

// guard calls a hook. A panic in the hook is logged with its stack and ends the
// connection.
func (t *SSHTransport) guard(name string, f func()) {
	if err := hook.Call(f); err != nil {
		hook.Log(t.r.Logger(), name, err)
		t.end(ErrClosedLocally)
	}
}
