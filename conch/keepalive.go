package conch

import (
	"cmp"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// keepAliveRequest is OpenSSH's question for a sign of life. Every peer answers
// it, if only with a refusal.
const keepAliveRequest = "keepalive@openssh.com"

// defaultAliveCount is OpenSSH's ServerAliveCountMax and ClientAliveCountMax.
const defaultAliveCount = 3

// keepAlive asks a silent peer for signs of life. It ends with the connection.
type keepAlive struct {
	t        *SSHTransport
	interval time.Duration
	count    int
	call     *reactor.DelayedCall
	silent   int // intervals since the peer was heard last
	blocked  int // intervals since data was written last
}

// KeepAlive sends the peer a global request keepalive@openssh.com each time it
// has sent nothing for the interval. After count requests in a row without any
// data from the peer the connection ends with ErrPeerSilent. A count of 0 means
// 3. An interval of 0 or less ends the requests; they are off by default.
//
// A peer that sends data but takes none loses the connection after the same time,
// with ErrPeerBlocked: the request, without a reply, is also sent when nothing
// was written for the interval. This ends key exchanges that the peer does not
// complete, too.
//
// KeepAlive belongs to the loop and may be called from ServiceStarted on.
func (t *SSHTransport) KeepAlive(interval time.Duration, count int) {
	if t.keepAlive != nil {
		t.keepAlive.stop()
		t.keepAlive = nil
	}
	if interval <= 0 || t.service == nil || t.reason != nil {
		return
	}
	t.socket.heard.Store(false) // what has been received up to now is no sign of life later
	k := &keepAlive{t: t, interval: interval, count: cmp.Or(count, defaultAliveCount)}
	t.keepAlive = k
	k.next()
}

func (k *keepAlive) next() { k.call = k.t.r.CallLater(k.interval, k.look) }

func (k *keepAlive) stop() {
	if k.call.Active() {
		_ = k.call.Cancel() // it is active
	}
}

// look sends a request if nothing has arrived, or nothing was written, since the
// last call.
func (k *keepAlive) look() {
	s := k.t.socket
	heard, wrote := s.heard.Swap(false), s.wrote.Swap(false)
	if heard {
		k.silent = 0
	}
	if wrote {
		k.blocked = 0
	}
	switch {
	case k.silent == k.count:
		k.t.end(ErrPeerSilent)
		return
	case k.blocked == k.count:
		k.t.end(ErrPeerBlocked)
		return
	}
	if !heard {
		k.silent++
	}
	if !wrote {
		k.blocked++
	}
	k.ask(heard, wrote)
	k.next()
}

// ask sends a silent peer a request. A request to a peer that has sent something
// only shows whether it can be written, so it wants no reply: it would wait for
// the reply to the request before, which the peer need not send.
func (k *keepAlive) ask(heard, wrote bool) {
	switch t := k.t; {
	case !heard:
		t.service.SendGlobalRequest(keepAliveRequest, nil, true).AddErrback(ignore[[]byte])
	case !wrote:
		t.control.Do(&t.work, func() { _, _, _ = t.mux.SendRequest(keepAliveRequest, false, nil) })
	}
}

// ignore is an errback for failures that are reported elsewhere.
func ignore[T any](error) (none T, _ error) { return none, nil }
