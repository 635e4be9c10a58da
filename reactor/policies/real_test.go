package policies_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/policies"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// listen starts a server with a wrapped protocol and returns its address.
func listen(t *testing.T, r *reactor.Reactor, config *tls.Config, build func() reactor.Protocol) net.Addr {
	t.Helper()
	f := policies.NewWrappingFactory(policies.NewLimitTotalConnectionsFactory(reactor.ForProtocol(build), 1, nil), nil)
	port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		opts := reactor.ListenOptions{Interface: "127.0.0.1"}
		open := func() (reactor.ListeningPort, error) { return r.ListenTCP(0, f, opts) }
		if config != nil {
			open = func() (reactor.ListeningPort, error) { return r.ListenTLS(0, f, config, opts) }
		}
		port, err := open()
		if err != nil {
			return deferred.Fail[reactor.ListeningPort](err)
		}
		return deferred.Succeed(port)
	})
	if err != nil {
		t.Fatal(err)
	}
	return port.GetHost()
}

// answer answers when the peer has ended its sending direction.
type answer struct {
	reactor.BaseProtocol
	data []byte
}

func (p *answer) DataReceived(data []byte) { p.data = append(p.data, data...) }
func (p *answer) WriteConnectionLost()     {}

func (p *answer) ReadConnectionLost() {
	p.Transport().Write(append([]byte("got "), p.data...))
	p.Transport().LoseConnection()
}

// A wrapped protocol sees the end of each direction, and the end of a handshake,
// as without the wrapper.
func TestR457_RealConnections(t *testing.T) {
	for name, row := range map[string]struct {
		build func() reactor.Protocol
		want  string
	}{
		"HalfCloser": {func() reactor.Protocol { return new(answer) }, "got question"},
		"plain":      {func() reactor.Protocol { return new(recorder) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			reactortest.CheckGoroutines(t)
			r := reactortest.Start(t, reactor.Options{})
			addr := listen(t, r, nil, row.build)
			c, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write([]byte("question")); err != nil {
				t.Error(err)
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Error(err)
			}
			if got, err := io.ReadAll(c); string(got) != row.want || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// greeter says the TLS server name that the client has asked for.
type greeter struct{ reactor.BaseProtocol }

func (p *greeter) HandshakeCompleted() {
	t := p.Transport().(reactor.TLSTransport)
	if state, ok := t.TLSState(); ok {
		t.Write([]byte(state.ServerName))
	}
	t.LoseConnection()
}

func TestR457_TLS(t *testing.T) {
	reactortest.CheckGoroutines(t)
	server, client := reactortest.TLSConfigs(t)
	r := reactortest.Start(t, reactor.Options{})
	addr := listen(t, r, server, func() reactor.Protocol { return new(greeter) })
	c, err := tls.Dial("tcp", addr.String(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); string(got) != client.ServerName || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
