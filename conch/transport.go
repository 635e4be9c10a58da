package conch

import (
	"context"
	"errors"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// SSHTransport is what the two ends of an SSH connection have in common: the encrypted connection under the service. All of it belongs to
// the reactor goroutine, except where a comment says otherwise.
type SSHTransport struct {
	r       *reactor.Reactor
	mux     gossh.Conn // nil until authentication is over
	socket  *socket    // nil until TCP is connected
	service *SSHConnection
	ctx     context.Context // ends when the transport is to end; its cause says why
	end     context.CancelCauseFunc

	work    crew   // every goroutine of the connection
	control serial // answers and closes: short writes that must not block the loop

	unseen chan struct{} // has one element for each thing that the peer wants and the loop has not looked at

	reason    error         // why it ended; nil while it lives
	abandoned chan struct{} // closed when nobody will take received data any more
	afterLoss []func()      // what is to be told after ServiceStopped
	release   func()        // lets the reactor end: the last goroutine has ended
	atExit    *reactor.Trigger
	exiting   bool // the reactor shuts down, and atExit has run
}

func (t *SSHTransport) init(r *reactor.Reactor) {
	t.r = r
	t.ctx, t.end = context.WithCancelCause(context.Background())
	t.abandoned = make(chan struct{})
	t.unseen = make(chan struct{}, maxUnseen)
	t.release = r.Hold()
	if r.Context().Err() != nil { // the trigger below would come too late
		t.end(ErrClosedLocally)
	}
	t.atExit = r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() {
		t.exiting = true
		t.AbortConnection()
	})
}

// Reactor returns the reactor that the transport runs on.
func (t *SSHTransport) Reactor() *reactor.Reactor { return t.r }

// GetPeer returns the address of the other end of the connection below, and nil before there is one.
func (t *SSHTransport) GetPeer() net.Addr {
	if t.socket == nil {
		return nil
	}
	return t.socket.RemoteAddr()
}

// GetHost returns the address of this end of the connection below, and nil before there is one.
func (t *SSHTransport) GetHost() net.Addr {
	if t.socket == nil {
		return nil
	}
	return t.socket.LocalAddr()
}

// SessionID returns the identifier of the session (RFC 4253, section 7.2), and nil before authentication is over.
func (t *SSHTransport) SessionID() []byte {
	if t.mux == nil {
		return nil
	}
	return t.mux.SessionID()
}

// Lost returns why the connection ended, and nil while it lives.
func (t *SSHTransport) Lost() error { return t.reason }

// LoseConnection closes the connection. Everything that waits on it fails with ErrConnectionLost on a later turn; ServiceStopped and each
// channel's Closed follow. x/crypto/ssh sends no DISCONNECT message: the peer sees the end of the TCP connection.
func (t *SSHTransport) LoseConnection() { t.end(ErrClosedLocally) }

// AbortConnection is LoseConnection for when nobody will take what the peer has sent: data that was received but not delivered is dropped,
// also that of paused channels.
func (t *SSHTransport) AbortConnection() {
	if !t.aborted() {
		close(t.abandoned)
	}
	t.end(ErrClosedLocally)
	if t.service != nil {
		t.service.discardInput()
	}
}

func (t *SSHTransport) aborted() bool {
	select {
	case <-t.abandoned:
		return true
	default:
		return false
	}
}

// serve runs on the connection's first goroutine from the end of the handshake to the end of the connection: it takes the peer's channels
// and requests to the loop, then the loss.
func (t *SSHTransport) serve(conn gossh.Conn, channels <-chan gossh.NewChannel, requests <-chan *gossh.Request) {
	stop := context.AfterFunc(t.ctx, func() { conn.Close() })
	defer stop()
	for channels != nil || requests != nil {
		select {
		case ch, ok := <-channels:
			if !ok {
				channels = nil
				continue
			}
			t.enter(func() { t.channelRequested(ch) })
		case req, ok := <-requests:
			if !ok {
				requests = nil
				continue
			}
			t.enter(func() { t.globalRequested(req) })
		}
	}
	err := conn.Wait()
	if cause := context.Cause(t.ctx); errors.Is(cause, ErrClosedLocally) || errors.Is(cause, ErrPeerSilent) {
		err = cause
	}
	t.r.CallFromThread(func() { t.lost(lostBecause(err)) })
}

// enter takes something that the peer wants to the loop. It waits while the loop has much of that kind to look at.
func (t *SSHTransport) enter(f func()) {
	select {
	case t.unseen <- struct{}{}:
		t.r.CallFromThread(func() {
			<-t.unseen
			f()
		})
	case <-t.ctx.Done(): // there is not much more to come
		t.r.CallFromThread(f)
	}
}

// reply sends an answer to the peer, off the loop. A peer that takes none loses the connection; one that is lost needs no answer.
func (t *SSHTransport) reply(send func()) {
	if waiting := t.control.do(&t.work, send); waiting > maxReplies && t.ctx.Err() == nil {
		t.r.Logger().Error("Peer does not take answers to what it asks; closing the connection", "waiting", waiting)
		t.LoseConnection()
	}
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
	t.service.globalRequestReceived(req)
}

// lost tells the service that the connection is gone, then those who wait for that.
func (t *SSHTransport) lost(reason error) {
	t.reason = reason
	t.end(reason)
	if t.service != nil {
		t.guard("ServiceStopped", t.service.self.ServiceStopped)
		t.service.endListeners(reason)
	}
	for _, f := range t.afterLoss {
		f()
	}
	t.afterLoss = nil
}

// ending waits, off the loop, for the other goroutines of a connection that is gone.
func (t *SSHTransport) ending() {
	t.work.whenIdle(func() { t.r.CallFromThread(t.finished) })
}

// finished lets the reactor end, unless the loop has started another goroutine meanwhile.
func (t *SSHTransport) finished() {
	if !t.work.isIdle() {
		t.ending()
		return
	}
	if !t.exiting {
		_ = t.r.RemoveSystemEventTrigger(t.atExit) // it has not run
	}
	t.release()
}

// whenLost runs f when the service knows that the connection is lost: at once, or in its turn when that comes.
func (t *SSHTransport) whenLost(f func()) {
	if t.reason != nil {
		f()
		return
	}
	t.afterLoss = append(t.afterLoss, f)
}

// ended reports whether the connection is known to be gone, or about to be.
func (t *SSHTransport) ended() bool { return t.socket.life.Err() != nil }

// guard runs a hook of the user's. A panic in it is logged with its stack and ends the connection (R218).
func (t *SSHTransport) guard(hook string, f func()) {
	if err := caught(f); err != nil {
		t.logPanic(hook, err)
		t.LoseConnection()
	}
}

func (t *SSHTransport) logPanic(hook string, err error) {
	if p, ok := errors.AsType[*deferred.PanicError](err); ok {
		p.Log(t.r.Logger(), "conch: panic in "+hook)
		return
	}
	t.r.Logger().Error("conch: error in "+hook, "err", err)
}
