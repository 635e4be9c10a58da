package conch

import "github.com/hawser-go/hawser/reactor"

// keepAlive asks a silent server for signs of life (ssh's ServerAliveInterval). It ends with the connection.
type keepAlive struct {
	t      *SSHClientTransport
	call   *reactor.DelayedCall
	missed int // times asked since the server was heard last
}

// keepAlive starts it, if the options want that.
func (t *SSHClientTransport) keepAlive() {
	if t.options.ServerAliveInterval <= 0 {
		return
	}
	k := &keepAlive{t: t}
	k.next()
	t.whenLost(func() {
		if k.call.Active() {
			_ = k.call.Cancel() // it is active
		}
	})
}

func (k *keepAlive) next() { k.call = k.t.r.CallLater(k.t.options.ServerAliveInterval, k.look) }

// look asks the server if nothing has come since the last time, and gives the connection up if that was done often enough.
func (k *keepAlive) look() {
	t := k.t
	switch {
	case t.ended():
		return
	case t.socket.heard.Swap(false):
		k.missed = 0
	case k.missed == t.options.serverAliveCountMax():
		t.end(ErrPeerSilent)
		return
	default:
		k.missed++
		t.service.SendGlobalRequest(keepAliveRequest, nil, true).AddErrback(ignore[[]byte]) // a refusal is a sign of life too
	}
	k.next()
}

// ignore is an errback for failures that have been dealt with elsewhere.
func ignore[T any](error) (none T, _ error) { return none, nil }
