package agent

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	xagent "golang.org/x/crypto/ssh/agent"
)

// Serve answers the requests that arrive on conn from the Keyring. It owns conn
// and closes it. Call Serve on the loop.
//
// The Deferred fires when the connection has ended: with Void if the peer
// closed it between two requests or the reactor ends, and else with an
// *OpError. Cancelling the Deferred closes the connection. A peer that reads no
// replies blocks only its own connection. x/crypto reports refused requests
// with package log.
func Serve(r *reactor.Reactor, conn net.Conn, ring *Keyring) deferred.Deferred[deferred.Void] {
	closeConn := func() { _ = conn.Close() } // there is nothing to do about an error
	d := deferred.New(func(deferred.Deferred[deferred.Void]) { closeConn() })
	detach := context.AfterFunc(r.Context(), closeConn) // the reactor ends
	release := r.Hold()
	go func() { // ends with the connection
		defer release()
		_, err := guard(func() (none deferred.Void, _ error) {
			return none, xagent.ServeAgent(served{ring.ring, ring}, &messages{conn: conn})
		})
		detach()
		closeConn()
		r.CallFromThread(func() {
			if errors.Is(err, io.EOF) || r.Context().Err() != nil {
				_ = d.TryCallback(deferred.Void{}) // unless cancelled
				return
			}
			_ = d.TryErrback(&OpError{Op: "serve", Err: err}) // unless cancelled
		})
	}()
	return d
}

// SSHAgentServer is the protocol of a connection that Serve answers, for the
// factory of a listening port.
type SSHAgentServer struct {
	*reactor.NetConn
	r    *reactor.Reactor
	ring *Keyring
}

// NewSSHAgentServer returns a protocol that answers from the Keyring.
func NewSSHAgentServer(r *reactor.Reactor, ring *Keyring) *SSHAgentServer {
	return &SSHAgentServer{NetConn: reactor.NewNetConn(r), r: r, ring: ring}
}

// ConnectionMade implements reactor.Protocol.
func (s *SSHAgentServer) ConnectionMade() {
	s.NetConn.ConnectionMade()
	Serve(s.r, s.NetConn, s.ring).OnError(func(err error) {
		s.r.Logger().Debug("Connection to the keyring ended", "err", err)
	})
}
