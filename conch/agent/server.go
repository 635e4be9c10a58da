package agent

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/frame"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// MaxQueued is how many bytes of requests a connection may have waiting while another one is worked on.
const MaxQueued = 4 * MaxMessage

// SSHAgentServer is an agent's side of one connection. All its methods belong to the goroutine that owns it, the reactor's. Make one with
// NewSSHAgentServer.
type SSHAgentServer struct {
	// RequestFailed, if set, is called with the reason of each failure that is sent, which the peer does not learn.
	RequestFailed func(typ MessageType, err error)

	store     KeyStore
	transport Transport // nil before MakeConnection
	lost      bool

	in      frame.Reader
	working bool   // inside work
	paused  bool   // by PauseProducing
	cancel  func() // of the request at hand, nil if there is none
}

// NewSSHAgentServer returns a server that is not connected yet and answers from the store. Without a store every request fails with
// ErrMissingKeyStore (C-KEYS-23).
func NewSSHAgentServer(store KeyStore) *SSHAgentServer {
	return &SSHAgentServer{store: store, in: frame.NewReader(MaxMessage)}
}

// MakeConnection takes the transport. A second call is a mistake and panics.
func (s *SSHAgentServer) MakeConnection(transport Transport) {
	if s.transport != nil {
		panic("agent: MakeConnection called twice; make a new server for a new connection")
	}
	s.transport = transport
}

// DataReceived takes bytes from the client, cut in any way, and takes ownership of them. Before MakeConnection and after the connection is
// lost it does nothing.
func (s *SSHAgentServer) DataReceived(p []byte) {
	if s.transport == nil || s.lost {
		return
	}
	s.in.Feed(p)
	s.work()
	if s.in.Buffered() > MaxQueued {
		s.breakOff(&ProtocolError{Err: ErrTooManyRequests})
	}
}

// PauseProducing keeps the server from taking up further requests, until ResumeProducing. A server is a push producer in this way: a transport
// with which it is registered as one calls it when too many answers are queued, because the peer does not read them.
func (s *SSHAgentServer) PauseProducing() { s.paused = true }

// ResumeProducing takes PauseProducing back.
func (s *SSHAgentServer) ResumeProducing() {
	s.paused = false
	s.work()
}

// StopProducing is ConnectionLost, as the transport of a producer says it.
func (s *SSHAgentServer) StopProducing() { s.ConnectionLost(nil) }

// ConnectionLost tells the server that the connection has ended. The request at hand is cancelled. Whoever owns the transport has to call it;
// further calls do nothing.
func (s *SSHAgentServer) ConnectionLost(error) {
	if s.lost {
		return
	}
	s.lost, s.in = true, frame.NewReader(MaxMessage)
	if s.cancel != nil {
		s.cancel()
	}
}

// breakOff gives the connection up because of what the client did.
func (s *SSHAgentServer) breakOff(reason *ProtocolError) {
	s.failed(reason.Type, reason)
	abort(s.transport)
	s.ConnectionLost(reason)
}

func (s *SSHAgentServer) failed(typ MessageType, err error) {
	if s.RequestFailed != nil {
		s.RequestFailed(typ, err)
	}
}

// work takes up requests as long as there are any and none is at hand. Called from inside itself it does nothing: the outer call goes on.
func (s *SSHAgentServer) work() {
	if s.working {
		return
	}
	s.working = true
	defer func() { s.working = false }()
	for !s.lost && !s.paused && s.cancel == nil && s.takeRequest() {
	}
}

// takeRequest takes up the next request, if it is there whole, and reports whether it was.
func (s *SSHAgentServer) takeRequest() bool {
	message, err := s.in.Next()
	if err != nil {
		s.breakOff(&ProtocolError{Err: fmt.Errorf("%w: %w", ErrMessageLength, err)})
		return false
	}
	if message == nil {
		return false
	}
	typ, d := MessageType(message[0]), wire.NewDecoder(message[1:])
	s.begin(typ, &d)
	return true
}

// begin has the request carried out, and its answer sent when it is there.
func (s *SSHAgentServer) begin(typ MessageType, d *wire.Decoder) {
	answered := deferred.MaybeDeferred(func() deferred.Deferred[wire.Encoder] { return s.handle(typ, d) }) // a panic is a failure too
	s.cancel = answered.Cancel
	answered.AddBoth(func(m wire.Encoder, err error) (wire.Encoder, error) {
		s.cancel = nil
		if !s.lost {
			s.reply(typ, m, err)
			s.work()
		}
		return m, nil
	})
}

func (s *SSHAgentServer) reply(typ MessageType, m wire.Encoder, err error) {
	if err == nil && size(&m) > MaxMessage {
		err = ErrMessageTooLong
	}
	if err != nil {
		s.failed(typ, err)
		m = newMessage(AgentFailure)
	}
	s.transport.Write(seal(&m))
}
