package endpoints_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestR392_R398_R399_Parsing(t *testing.T) {
	d := endpoints.ParseDescription(`KIND:a\:b:c\\d:e\=f:key=v=w:k\:2=x\=y:`)
	got := fmt.Sprintf("%s %q %q %q %q %q %q", d.Kind(), d.String("1"), d.String("2"), d.String("3"), d.String("4"), d.Option("key", ""), d.Option("k:2", ""))
	if got != `kind "a:b" "c\\d" "e=f" "" "v=w" "x=y"` || d.Err() != nil {
		t.Errorf("got %s, %v", got, d.Err())
	}
	for _, s := range []string{"", "plain", `a:b\c=d`, `\\`, "=", "trailing\\"} {
		quoted := endpoints.QuoteStringArgument(s)
		if d := endpoints.ParseDescription("x:" + quoted + ":y"); d.String("") != s || d.String("") != "y" || d.Err() != nil {
			t.Errorf("%q, quoted %q, %v", s, quoted, d.Err())
		}
	}
}

func FuzzParseDescription(f *testing.F) {
	f.Add("tcp:80:interface=127.0.0.1")
	f.Add(`a\:b=c\\:\`)
	f.Fuzz(func(t *testing.T, s string) {
		endpoints.ParseDescription(s)
		d := endpoints.ParseDescription("kind:" + endpoints.QuoteStringArgument(s))
		if got := d.String("x"); got != s {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestR316_R393_ServerFromString(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, _ := writeCertificate(t, dir)
	pemFile := func(name string) string { return endpoints.QuoteStringArgument(filepath.Join(dir, name)) }
	for _, row := range []struct {
		description string
		check       func(m *reactortest.MemoryReactor) bool
	}{
		{"tcp:80", func(m *reactortest.MemoryReactor) bool {
			return m.TCPServers[0].Port == 80 && m.TCPServers[0].Options == reactor.ListenOptions{Interface: "0.0.0.0"}
		}},
		{"TCP:port=80:interface=127.0.0.1:backlog=6", func(m *reactortest.MemoryReactor) bool {
			return m.TCPServers[0].Port == 80 && m.TCPServers[0].Options == reactor.ListenOptions{Interface: "127.0.0.1"}
		}},
		{"tcp:80:127.0.0.1:6", func(m *reactortest.MemoryReactor) bool {
			return m.TCPServers[0].Port == 80 && m.TCPServers[0].Options == reactor.ListenOptions{Interface: "127.0.0.1"}
		}},
		{`tcp6:80:5:\:\:1`, func(m *reactortest.MemoryReactor) bool { return m.TCPServers[0].Options.Interface == "::1" }},
		{"unix:/s:600:5:0", func(m *reactortest.MemoryReactor) bool {
			o := m.UNIXServers[0].UNIXOptions
			return o.Mode == 0o600 && !o.WantLock
		}},
		{"ssl:443:" + keyFile + ":" + certFile, func(m *reactortest.MemoryReactor) bool {
			return m.TLSServers[0].Port == 443 && len(m.TLSServers[0].TLS.Certificates[0].Certificate) == 1
		}},
		{"tcp:http", func(m *reactortest.MemoryReactor) bool { return m.TCPServers[0].Port == 80 }},
		{`tcp6:80:interface=2001\:db8\:\:1`, func(m *reactortest.MemoryReactor) bool { return m.TCPServers[0].Options.Interface == "2001:db8::1" }},
		{"tcp6:80", func(m *reactortest.MemoryReactor) bool { return m.TCPServers[0].Options.Interface == "::" }},
		{"unix:/some/where", func(m *reactortest.MemoryReactor) bool {
			o := m.UNIXServers[0].UNIXOptions
			return m.UNIXServers[0].Path == "/some/where" && o.Mode == 0o666 && o.WantLock
		}},
		{"unix:/s:mode=600:lockfile=0", func(m *reactortest.MemoryReactor) bool {
			o := m.UNIXServers[0].UNIXOptions
			return o.Mode == 0o600 && !o.WantLock
		}},
		{"ssl:443:privateKey=" + keyFile + ":certKey=" + certFile + ":extraCertChain=" + pemFile("chain.pem"),
			func(m *reactortest.MemoryReactor) bool {
				s := m.TLSServers[0]
				return s.Port == 443 && len(s.TLS.Certificates[0].Certificate) == 2
			}},
	} {
		m := reactortest.NewMemoryReactor()
		e, err := endpoints.ServerFromString(m, row.description)
		if err != nil {
			t.Errorf("%s: %v", row.description, err)
			continue
		}
		if deferredtest.SuccessResultOf(t, e.Listen(factoryFor(nil))); !row.check(m) {
			t.Errorf("%s: something else was asked for", row.description)
		}
	}
}

func TestR394_R400_R401_ClientFromString(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, _ := writeCertificate(t, dir)
	attachedTLS := func(m *reactortest.MemoryReactor) (serverName string, certs int, roots *x509.CertPool) {
		c := m.Attached[0].Options.TLS
		return c.ServerName, len(c.Certificates), c.RootCAs
	}
	for _, row := range []struct {
		description string
		check       func(m *reactortest.MemoryReactor) bool
	}{
		{"tcp:192.0.2.1:80", func(m *reactortest.MemoryReactor) bool { return m.Dials[0].Address == "192.0.2.1:80" }},
		{"tcp:host=192.0.2.1:port=80:timeout=1.5:bindAddress=127.0.0.1", func(m *reactortest.MemoryReactor) bool {
			o := m.Dials[0].Options
			return m.Dials[0].Address == "192.0.2.1:80" && o.Timeout == 3*second/2 && o.BindAddress == "127.0.0.1"
		}},
		{"unix:/s", func(m *reactortest.MemoryReactor) bool { return m.Dials[0].Address == "/s" && !m.Dials[0].CheckLock }},
		{"unix:path=/s:timeout=9:lockfile=1", func(m *reactortest.MemoryReactor) bool {
			return m.Dials[0].CheckLock && m.Dials[0].Options.Timeout == 9*second
		}},
		{"ssl:192.0.2.1:443:certKey=" + certFile + ":privateKey=" + keyFile + ":caCertsDir=" + dir, func(m *reactortest.MemoryReactor) bool {
			name, certs, roots := attachedTLS(m)
			return name == "192.0.2.1" && certs == 1 && roots != nil && !roots.Equal(x509.NewCertPool())
		}},
		{"tls:192.0.2.1:443:timeout=5", func(m *reactortest.MemoryReactor) bool {
			name, certs, roots := attachedTLS(m)
			return name == "192.0.2.1" && certs == 0 && roots == nil && m.Dials[0].Options.Timeout == 5*second
		}},
		{"tls:192.0.2.1:443:5:127.0.0.1", func(m *reactortest.MemoryReactor) bool {
			o := m.Dials[0].Options
			return o.Timeout == 5*second && o.BindAddress == "127.0.0.1"
		}},
		{`tls:host.example:443:endpoint=unix\:/s:trustRoots=` + dir + ":certificate=" + filepath.Join(dir, "both.pem"), func(m *reactortest.MemoryReactor) bool {
			name, certs, roots := attachedTLS(m)
			return name == "host.example" && certs == 1 && roots != nil && m.Dials[0].Address == "/s"
		}},
	} {
		m := reactortest.NewMemoryReactor()
		m.Hosts["host.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
		e, err := endpoints.ClientFromString(m, row.description)
		if err != nil {
			t.Errorf("%s: %v", row.description, err)
			continue
		}
		e.Connect(factoryFor(new(reactortest.AccumulatingProtocol)))
		m.Dials[0].Result.Callback(newConn())
		if !row.check(m) {
			t.Errorf("%s: something else was asked for: %+v", row.description, m.Dials[0])
		}
	}
}

// writeCertificate writes cert.pem, key.pem, both.pem, chain.pem and an
// unreadable bad.pem.
func writeCertificate(t *testing.T, dir string) (certFile, keyFile, chainFile string) {
	t.Helper()
	server, _ := reactortest.TLSConfigs(t)
	key, err := x509.MarshalPKCS8PrivateKey(server.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificates[0].Certificate[0]})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for name, content := range map[string][]byte{
		"cert.pem": certPEM, "key.pem": keyPEM, "both.pem": append(certPEM, keyPEM...), "chain.pem": certPEM, "empty.pem": nil,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bad.pem"), 0o700); err != nil { // cannot be read as a file
		t.Fatal(err)
	}
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "chain.pem")
}

func TestR396_R401_BadDescriptions(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	dir := t.TempDir()
	certFile, keyFile, _ := writeCertificate(t, dir)
	for description, want := range map[string]string{
		"":                         "unknown kind",
		"bogus:1":                  "unknown kind",
		"stdio:x":                  `the argument "x" is too many`,
		"tcp":                      "the argument port is missing",
		"tcp:":                     `"" is not a port`,
		"tcp:port=":                `"" is not a port`,
		"tcp:80:foo=1":             "the argument foo is unknown",
		"tcp:80:1.2.3.4:5:6":       `the argument "6" is too many`,
		"tcp:port=80:90":           "the argument port is given twice",
		"tcp:80:1.2.3.4:x":         "backlog",
		"tcp:no-such-service-here": "is not a port",
		"tcp:80:backlog=x":         "backlog=x is not a number",
		"tcp:80:backlog=-1":        "the backlog is negative",
		"unix:/s:backlog=x":        "backlog=x is not a number",
		"unix:/s:mode=888":         "mode=888 is not a number",
		"systemd:domain=INET":      "either index or name",
		"systemd:index=0:name=x":   "either index or name",
		"systemd:index=7":          "no socket 7",
		"systemd:name=x":           "no socket named x",
		"ssl:443:privateKey=" + filepath.Join(dir, "missing"):                                                           "no such file",
		"ssl:443:privateKey=" + keyFile + ":certKey=" + certFile + ":extraCertChain=" + filepath.Join(dir, "empty.pem"): "no certificate in",
		"ssl:443:privateKey=" + keyFile + ":certKey=" + certFile + ":extraCertChain=" + filepath.Join(dir, "nothing"):   "no such file",
	} {
		e, err := endpoints.ServerFromString(m, description)
		if _, ok := errors.AsType[*endpoints.DescriptionError](err); !ok || e != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", description, e, err)
		}
	}
	_, err := endpoints.ServerFromString(m, "tcp:no-such-service-here")
	if !errors.Is(err, reactor.ErrUnknownService) {
		t.Errorf("R316: %v", err)
	}
	for description, want := range map[string]string{
		"bogus:1":                      "unknown kind",
		"tcp:host":                     "the argument port is missing",
		"tcp:host:80:timeout=x":        "not a time in seconds",
		"tcp:host:80:timeout=-1":       "not a time in seconds",
		"tls:host:80:surprise=1":       "the argument surprise is unknown",
		`tls:host:80:endpoint=bogus`:   "unknown kind",
		"ssl:host:80:certKey=/nowhere": "no such file",
		"tls:host:80:certificate=" + filepath.Join(dir, "cert.pem") + ":privateKey=/nowhere": "no such file",
	} {
		e, err := endpoints.ClientFromString(m, description)
		if _, ok := errors.AsType[*endpoints.DescriptionError](err); !ok || e != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", description, e, err)
		}
	}
}

func TestR395_R397_NewKinds(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	k := endpoints.NewKinds()
	k.Clients["mine"] = func(r reactor.Network, d *endpoints.Description) (endpoints.StreamClientEndpoint, error) {
		return endpoints.NewUNIXClientEndpoint(r, d.String("where"), reactor.UNIXDialOptions{}), nil
	}
	e, err := k.Client(m, "Mine:/there")
	if err != nil {
		t.Fatal(err)
	}
	e.Dial()
	wantDials(t, m, "/there")
	if _, err := endpoints.ClientFromString(m, "mine:/there"); err == nil {
		t.Error("a new kind has become everybody's")
	}
}
