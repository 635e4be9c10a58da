package reactor_test

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestF45_R118_TLSToAnInternationalName(t *testing.T) {
	const ascii = "xn--bcher-kva.example"
	n := startNet(t)
	serverConfig, clientConfig := reactortest.TLSConfigs(t, ascii)
	asked := make(chan string, 9)
	serverConfig.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		asked <- hello.ServerName
		return nil, nil
	}
	n.do(func() {
		n.r.InstallResolver(fakeResolver(func(_, host string) ([]string, error) { return []string{"127.0.0.1"}, nil }))
	})
	for _, row := range []struct{ host, serverName string }{
		{"bücher.example", ""},
		{"BÜCHER.example.", ""},
		{ascii, ""},
		{"other.example", "bücher.example"},
	} {
		server, client := newShaker(), newShaker()
		number := n.serveTLS(server, serverConfig).GetHost().(reactor.IPAddress).Port()
		f := newFactory()
		f.build = func(net.Addr) (reactor.Protocol, error) { return client, nil }
		config := clientConfig.Clone()
		config.ServerName = row.serverName
		done := make(chan none)
		client.onShaken = func() { close(done) }
		n.do(func() { n.r.ConnectTLS(row.host, number, f, config, reactor.DialOptions{}) })
		select {
		case <-done:
		case err := <-client.lost:
			t.Errorf("%q, %q: %v", row.host, row.serverName, err)
		}
		if name := within(t, asked); name != ascii {
			t.Errorf("%q, %q: the server was asked for %q", row.host, row.serverName, name)
		}
		if config.ServerName != row.serverName {
			t.Errorf("the caller's config was changed to %q", config.ServerName)
		}
	}
}

// A ServerName of the caller's own is converted too, over a connection that was
// attached.
func TestF45_R118_AttachedWithAnInternationalName(t *testing.T) {
	n := startNet(t)
	serverConfig, clientConfig := reactortest.TLSConfigs(t, "xn--bcher-kva.example")
	server, client := newShaker(), newShaker()
	number := n.serveTLS(server, serverConfig).GetHost().String()
	config := clientConfig.Clone()
	config.ServerName = "bücher.example"
	done := make(chan none)
	client.onShaken = func() { close(done) }
	n.do(func() {
		n.r.Dial("tcp", number, reactor.DialOptions{}).OnResult(func(nc net.Conn, err error) {
			if err == nil {
				_, err = n.r.Attach(nc, client, reactor.AttachOptions{TLS: config})
			}
			if err != nil {
				t.Error(err)
			}
		})
	})
	select {
	case <-done:
	case err := <-client.lost:
		t.Error(err)
	}
}

func TestF45_ClientTLSConfig(t *testing.T) {
	for _, row := range []struct{ name, host, want string }{
		{"", "bücher.example", "xn--bcher-kva.example"},
		{"bücher.example", "other.example", "xn--bcher-kva.example"},
		{"plain.example", "other.example", "plain.example"},
		{"", "\xff", "\xff"},
		{"", "", ""},
	} {
		given := &tls.Config{ServerName: row.name}
		got := reactor.ClientTLSConfig(given, row.host)
		if got.ServerName != row.want || given.ServerName != row.name || (got == given) != (row.name == row.want) {
			t.Errorf("%+q: got %q", row, got.ServerName)
		}
	}
	if got := reactor.ClientTLSConfig(nil, "host.example"); got.ServerName != "host.example" {
		t.Error(got.ServerName)
	}
}
