package reactor_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// shaker is a recorder that wants to know of the handshake.
type shaker struct {
	*recorder
	onShaken func()
}

func newShaker() *shaker { return &shaker{recorder: newRecorder()} }

func (p *shaker) HandshakeCompleted() {
	p.events.add("handshake")
	if p.onShaken != nil {
		p.onShaken()
	}
}

func overTLS(p interface{ Transport() reactor.Transport }) reactor.TLSTransport {
	return p.Transport().(reactor.TLSTransport)
}

// serveTLS listens with TLS for one protocol and returns the port.
func (t *netTest) serveTLS(p reactor.Protocol, config *tls.Config) (port reactor.ListeningPort) {
	t.Helper()
	t.do(func() {
		var err error
		f := reactor.ForProtocol(func() reactor.Protocol { return p })
		if port, err = t.r.ListenTLS(0, f, config, reactor.ListenOptions{Interface: "127.0.0.1"}); err != nil {
			t.Error(err)
		}
	})
	return port
}

func TestR353_R354_R358_R360_TLSFromTheFirstByte(t *testing.T) {
	n := startNet(t)
	serverConfig, clientConfig := reactortest.TLSConfigs(t)
	serverConfig.NextProtos, clientConfig.NextProtos = []string{"hawser"}, []string{"hawser"}
	server, client := newShaker(), newShaker()
	port := n.serveTLS(server, serverConfig)
	client.onMade = func(p *recorder) {
		if _, ok := overTLS(p).TLSState(); ok {
			t.Error("the handshake is complete in ConnectionMade")
		}
		p.Transport().Write([]byte("hello"))
	}
	client.onShaken = func() {
		state, ok := overTLS(client).TLSState()
		if !ok || state.NegotiatedProtocol != "hawser" || len(state.PeerCertificates) != 1 {
			t.Errorf("%v, %+v", ok, state)
		}
	}
	server.onData = func(p *recorder, data []byte) {
		p.Transport().Write(bytes.ToUpper(data))
		p.Transport().LoseConnection()
		p.Transport().Write([]byte("dropped")) // R255
	}
	f := newFactory()
	f.build = func(net.Addr) (reactor.Protocol, error) { return client, nil }
	n.do(func() {
		number := port.GetHost().(reactor.IPAddress).Port()
		n.r.ConnectTLS("127.0.0.1", number, f, clientConfig, reactor.DialOptions{})
	})
	wantErr(t, within(t, f.lost), reactor.ErrConnectionDone) // R357: a close alert is a clean end
	n.wantReason(server.recorder, reactor.ErrConnectionDone)
	if client.data.String() != "HELLO" {
		t.Errorf("got %q", &client.data)
	}
	client.events.want(t, "made", "handshake", "data", "lost")
	server.events.want(t, "made", "handshake", "data", "lost")
}

func TestR352_StartTLS(t *testing.T) {
	for _, name := range []string{"plain first", "at once"} {
		t.Run(name, func(t *testing.T) {
			n := startNet(t)
			serverConfig, clientConfig := reactortest.TLSConfigs(t)
			server := newShaker()
			start := func() {
				server.Transport().Write([]byte("go ahead\n"))
				wantErr(t, overTLS(server).StartTLS(serverConfig, true), nil)
				if overTLS(server).StartTLS(serverConfig, true) == nil {
					t.Error("started twice")
				}
				server.Transport().Write([]byte("secret"))
			}
			if name == "at once" {
				server.onMade = func(*recorder) { start() }
			} else {
				server.onData = func(p *recorder, data []byte) {
					if string(data) == "STARTTLS\n" {
						server.Transport().PauseProducing() // does not stop the switch
						start()
						server.Transport().ResumeProducing()
					}
				}
			}
			c := n.serve(server)
			if name != "at once" {
				send(t, c, "STARTTLS\n")
			}
			line := make([]byte, len("go ahead\n"))
			if _, err := io.ReadFull(c, line); string(line) != "go ahead\n" || err != nil {
				t.Fatalf("got %q, %v", line, err)
			}
			secure := tls.Client(c, clientConfig)
			got := make([]byte, 6)
			if _, err := io.ReadFull(secure, got); string(got) != "secret" || err != nil {
				t.Fatalf("got %q, %v", got, err)
			}
			send(t, secure, "from the client")
			n.waitFor("data", func() bool { return bytes.HasSuffix(server.data.Bytes(), []byte("from the client")) })
			_ = secure.Close()
			n.wantReason(server.recorder, reactor.ErrConnectionDone)
		})
	}
}

func TestR352_StartTLSBehindALongWrite(t *testing.T) {
	n := startNet(t)
	serverConfig, clientConfig := reactortest.TLSConfigs(t)
	server := newShaker()
	c := n.serve(server)
	n.do(func() { server.Transport().Write(make([]byte, tooMuch)) })
	n.turns(3) // it is on its way
	n.do(func() {
		server.Transport().Write([]byte("plain"))
		wantErr(t, overTLS(server).StartTLS(serverConfig, true), nil)
		server.Transport().Write([]byte("secret"))
	})
	plain := make([]byte, tooMuch+5)
	if _, err := io.ReadFull(c, plain); err != nil || string(plain[tooMuch:]) != "plain" {
		t.Fatalf("got %q, %v", plain[tooMuch:], err)
	}
	got := make([]byte, 6)
	if _, err := io.ReadFull(tls.Client(c, clientConfig), got); string(got) != "secret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestR352_BrokenConfigs(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	n.serve(p)
	n.do(func() {
		for _, server := range []bool{true, false} {
			if overTLS(p).StartTLS(nil, server) == nil || overTLS(p).StartTLS(new(tls.Config), server) == nil {
				t.Error("a broken config was taken")
			}
		}
		_, err := n.r.ListenTLS(0, newFactory(), new(tls.Config), reactor.ListenOptions{})
		if err == nil {
			t.Error("a broken config was taken")
		}
		near, _ := net.Pipe()
		if _, err := n.r.Attach(near, newRecorder(), reactor.AttachOptions{TLS: new(tls.Config)}); err == nil {
			t.Error("a broken config was taken")
		}
	})
}

func TestR355_AHandshakeThatFails(t *testing.T) {
	n := startNet(t)
	serverConfig, _ := reactortest.TLSConfigs(t)
	_, stranger := reactortest.TLSConfigs(t)
	server, client := newRecorder(), newRecorder()
	port := n.serveTLS(server, serverConfig)
	f := newFactory()
	f.build = func(net.Addr) (reactor.Protocol, error) { return client, nil }
	n.do(func() {
		n.r.ConnectTLS("127.0.0.1", port.GetHost().(reactor.IPAddress).Port(), f, stranger, reactor.DialOptions{})
	})
	reason := within(t, f.lost)
	wantErr(t, reason, reactor.ErrConnectionLost)
	wantErr(t, reason, reactor.ErrTLS)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](reason); !ok {
		t.Errorf("got %v", reason)
	}
	client.events.want(t, "made", "lost")
	wantErr(t, within(t, server.lost), reactor.ErrTLS)
}

func TestR356_LoseConnectionBeforeTheHandshake(t *testing.T) {
	n := startNet(t)
	_, clientConfig := reactortest.TLSConfigs(t)
	port := n.silent() // never answers
	f, p := newFactory(), newRecorder()
	f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
	n.do(func() {
		n.r.ConnectTLS("127.0.0.1", port.GetHost().(reactor.IPAddress).Port(), f, clientConfig, reactor.DialOptions{})
	})
	n.waitFor("connection", p.Connected)
	n.do(func() { p.Transport().LoseConnection() })
	wantErr(t, within(t, f.lost), reactor.ErrConnectionAborted)
}

func TestR357_AnUnexpectedEnd(t *testing.T) {
	n := startNet(t)
	serverConfig, clientConfig := reactortest.TLSConfigs(t)
	server := newShaker()
	port := n.serveTLS(server, serverConfig)
	c := dialPlain(t, port)
	if err := tls.Client(c, clientConfig).Handshake(); err != nil {
		t.Fatal(err)
	}
	c.Close() // without a close alert
	reason := within(t, server.lost)
	wantErr(t, reason, reactor.ErrConnectionLost)
	wantErr(t, reason, io.ErrUnexpectedEOF)
}

func TestR359_PullProducersOverTLS(t *testing.T) {
	n := startNet(t)
	serverConfig, clientConfig := reactortest.TLSConfigs(t)
	server, prod := newShaker(), new(testProducer)
	left := 4
	prod.onResume = func() {
		server.Transport().Write([]byte("piece "))
		if left--; left == 0 {
			server.Transport().UnregisterProducer()
			server.Transport().LoseConnection()
		}
	}
	server.onMade = func(p *recorder) { _ = p.Transport().RegisterProducer(pullOnly{prod}, false) }
	port := n.serveTLS(server, serverConfig)
	got, err := readToEnd(tls.Client(dialPlain(t, port), clientConfig))
	if string(got) != "piece piece piece piece " || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n.wantReason(server.recorder, reactor.ErrConnectionDone)
}

func TestR38_ShutdownDuringAHandshake(t *testing.T) {
	n := startNet(t)
	serverConfig, _ := reactortest.TLSConfigs(t)
	server := newShaker()
	port := n.serveTLS(server, serverConfig)
	dialPlain(t, port) // says nothing
	n.waitFor("connection", server.Connected)
	_ = n.r.Stop()
	wantErr(t, within(t, server.lost), reactor.ErrReactorEnded)
}
