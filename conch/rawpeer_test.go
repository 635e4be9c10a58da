package conch_test

import (
	"context"
	"crypto/ed25519"
	"net"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/handshake"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// rawPeer is the other end of an SSH connection: x/crypto/ssh over a pipe in
// memory.
type rawPeer struct {
	*gossh.ServerConn
	channels <-chan gossh.NewChannel
	requests <-chan *gossh.Request
	pipe     net.Conn // the peer's end
}

// rawSide is a client that accepts every host key and logs in without
// authentication.
type rawSide struct {
	conn      net.Conn
	service   conch.Connection
	transport *conch.SSHTransport
	ready     deferred.Deferred[struct{}]
	rekey     uint64 // bytes after which keys are renewed; 0 means x/crypto's choice
}

func (s *rawSide) Dial(context.Context) (net.Conn, error) { return s.conn, nil }
func (s *rawSide) VersionReceived(string)                 {}
func (s *rawSide) TextReceived(string) error              { return nil }
func (s *rawSide) VersionRefused(bool)                    {}
func (s *rawSide) Failed(err error)                       { s.ready.Errback(err) }

func (s *rawSide) Authenticated() {
	if err := s.transport.SetService(s.service); err != nil {
		s.ready.Errback(err)
		return
	}
	s.ready.Callback(struct{}{})
}

func (s *rawSide) Handshake(_ context.Context, c net.Conn) (handshake.Result, error) {
	conn, channels, requests, err := gossh.NewClientConn(c, "peer", &gossh.ClientConfig{
		User: "u", HostKeyCallback: gossh.InsecureIgnoreHostKey(),
		Config: gossh.Config{RekeyThreshold: s.rekey, KeyExchanges: []string{gossh.KeyExchangeCurve25519}, Ciphers: []string{gossh.CipherAES128GCM}},
	})
	return handshake.Result{Conn: conn, Channels: channels, Requests: requests}, err
}

var rawHostKey = sync.OnceValue(func() gossh.Signer {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		panic(err)
	}
	return signer
})

// newRawPeer connects service to a new peer. If wrap is not nil, the transport
// uses the result of wrap instead of the pipe.
func newRawPeer(t *testing.T, r *reactor.Reactor, service conch.Connection, wrap func(net.Conn) net.Conn) *rawPeer {
	t.Helper()
	a, b := sshtest.MemPipe()
	return newRawPeerOver(t, r, service, wrap, a, b, 0)
}

// newRawPeerOver is newRawPeer over the connection of a to b, with keys that are
// renewed after so many bytes.
func newRawPeerOver(t *testing.T, r *reactor.Reactor, service conch.Connection, wrap func(net.Conn) net.Conn, a, b net.Conn, rekey uint64) *rawPeer {
	t.Helper()
	ours := a
	if wrap != nil {
		ours = wrap(a)
	}
	peer := &rawPeer{pipe: b}
	served := make(chan error, 1)
	go func() { // ends with the handshake
		config := &gossh.ServerConfig{NoClientAuth: true}
		config.AddHostKey(rawHostKey())
		var err error
		peer.ServerConn, peer.channels, peer.requests, err = gossh.NewServerConn(b, config)
		served <- err
	}()
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		side := &rawSide{conn: ours, service: service, transport: &conch.SSHTransport{}, ready: deferred.New[struct{}](), rekey: rekey}
		side.transport.Start(r, nil, side)
		return side.ready
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	return peer
}

// answerAll refuses the global requests of the other side until the connection
// ends.
func (p *rawPeer) answerAll() { go gossh.DiscardRequests(p.requests) }
