package endpoints

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/hawser-go/hawser/reactor"
)

// Kinds are the kinds of endpoints that string forms may name. A program adds
// its own to the maps, under names in lower case.
type Kinds struct {
	Clients map[string]func(r reactor.Network, d *Description) (StreamClientEndpoint, error)
	Servers map[string]func(r reactor.Network, d *Description) (StreamServerEndpoint, error)
}

// NewKinds returns a new copy of the built-in kinds: tcp, tls, ssl and unix for
// clients, and tcp, tcp6, ssl, unix, systemd and stdio for servers.
func NewKinds() *Kinds {
	k := new(Kinds)
	k.Clients = map[string]func(reactor.Network, *Description) (StreamClientEndpoint, error){
		"tcp": tcpClient, "ssl": sslClient, "unix": unixClient, "tls": k.tlsClient,
	}
	k.Servers = map[string]func(reactor.Network, *Description) (StreamServerEndpoint, error){
		"tcp": tcp4Server, "tcp6": tcp6Server, "ssl": sslServer, "unix": unixServer, "systemd": systemdServer,
		"stdio": stdioServer,
	}
	return k
}

// ClientFromString returns the client endpoint of a description. The error is a
// *DescriptionError. The kinds and their optional keys are:
//
//	tcp:host:port    timeout, bindAddress
//	tls:host:port    timeout, bindAddress, certificate, privateKey,
//	                 trustRoots, endpoint
//	ssl:host:port    timeout, bindAddress, certKey, privateKey, caCertsDir
//	unix:path        timeout, lockfile
//
// Host, port and path may be given as keys as well. A port is a number or the
// name of a service. A timeout is in seconds. The kind tls tries all addresses
// of the host, or connects through the endpoint of the description in the key
// endpoint; ssl uses the first IPv4 address. Keys and certificates are PEM
// files, trustRoots and caCertsDir directories of ".pem" files. With tls, the
// keys may be left out if the values stand in this order. The default of
// privateKey is the file of the certificate. With lockfile=1 a process must
// hold the lock of the socket.
func ClientFromString(r reactor.Network, description string) (StreamClientEndpoint, error) {
	return NewKinds().Client(r, description)
}

// ServerFromString returns the server endpoint of a description. The error is a
// *DescriptionError. The kinds and their optional keys are:
//
//	tcp:port      interface, backlog
//	tcp6:port     backlog, interface
//	ssl:port      privateKey, certKey; only with a key: interface, backlog,
//	              extraCertChain
//	unix:path     mode, backlog, lockfile
//	systemd       domain, and either index or name
//	stdio         none
//
// The keys may be left out if the values stand in this order, as in
// tcp:8022:127.0.0.1. tcp and ssl listen on all IPv4 addresses, tcp6 on all
// addresses of both families, unless interface is given. The key of a unix path
// is address; its mode is octal, 666 by default, and lockfile=0 means no lock
// file. The default of privateKey is server.pem, and of certKey the file of the
// private key. backlog must be a number from 0; it has no effect, because the
// system limits the queue. domain has no effect either. systemd takes a socket
// that the service manager has passed to the process; each can be taken once.
// stdio connects one protocol to standard input and output.
func ServerFromString(r reactor.Network, description string) (StreamServerEndpoint, error) {
	return NewKinds().Server(r, description)
}

// Client is ClientFromString for the kinds in k.
func (k *Kinds) Client(r reactor.Network, description string) (StreamClientEndpoint, error) {
	d := ParseDescription(description)
	parse := k.Clients[d.Kind()]
	if parse == nil {
		return nil, d.unknownKind()
	}
	return checked(d, func() (StreamClientEndpoint, error) { return parse(r, d) })
}

// Server is ServerFromString for the kinds in k.
func (k *Kinds) Server(r reactor.Network, description string) (StreamServerEndpoint, error) {
	d := ParseDescription(description)
	parse := k.Servers[d.Kind()]
	if parse == nil {
		return nil, d.unknownKind()
	}
	return checked(d, func() (StreamServerEndpoint, error) { return parse(r, d) })
}

func (d *Description) unknownKind() error {
	return &DescriptionError{Description: d.text, Reason: fmt.Sprintf("unknown kind of endpoint %q", d.kind)}
}

// checked returns the result of parse, or the error of the description.
func checked[E any](d *Description, parse func() (E, error)) (e E, err error) {
	e, err = parse()
	if err != nil {
		d.Fail(err.Error(), err)
	}
	if err := d.Err(); err != nil {
		var none E
		return none, err
	}
	return e, nil
}

// lookupPort returns the number of a port. A port without a name is an error;
// LookupPort takes it for 0.
func lookupPort(s string) (int, error) {
	if n, err := strconv.ParseUint(s, 10, 16); err == nil {
		return int(n), nil
	}
	if s == "" {
		return 0, reactor.ErrUnknownService
	}
	port, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", s)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", reactor.ErrUnknownService, err)
	}
	return port, nil
}

func dialOptions(d *Description) reactor.DialOptions {
	return reactor.DialOptions{Timeout: d.Seconds("timeout"), BindAddress: d.Option("bindAddress", "")}
}

func listenOptions(d *Description) reactor.ListenOptions {
	d.takeBacklog()
	return reactor.ListenOptions{Interface: d.Option("interface", "")}
}

func tcpClient(r reactor.Network, d *Description) (StreamClientEndpoint, error) {
	host, port := d.String("host"), d.Port()
	return TCP4ClientEndpoint(r, host, port, dialOptions(d)), nil
}

func tcp4Server(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	d.name("port", "interface", "backlog")
	return TCP4ServerEndpoint(r, d.Port(), listenOptions(d)), nil
}

func tcp6Server(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	d.name("port", "backlog", "interface")
	return TCP6ServerEndpoint(r, d.Port(), listenOptions(d)), nil
}

func unixClient(r reactor.Network, d *Description) (StreamClientEndpoint, error) {
	path := d.String("path")
	return NewUNIXClientEndpoint(r, path, reactor.UNIXDialOptions{
		DialOptions: reactor.DialOptions{Timeout: d.Seconds("timeout")},
		CheckLock:   d.Bool("lockfile", false),
	}), nil
}

func unixServer(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	d.name("address", "mode", "backlog", "lockfile")
	d.takeBacklog()
	path := d.String("address")
	return NewUNIXServerEndpoint(r, path, reactor.UNIXOptions{
		Mode:     fs.FileMode(d.Int("mode", 8, 0o666)),
		WantLock: d.Bool("lockfile", true),
	}), nil
}

func stdioServer(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	if len(d.args) == 1 && d.args[0] == "" {
		d.args = nil // "stdio:"
	}
	return NewStandardIOEndpoint(r, reactor.StandardIOOptions{}), nil
}

func sslClient(r reactor.Network, d *Description) (StreamClientEndpoint, error) {
	host, port := d.String("host"), d.Port()
	config, err := clientConfig(d.Option("certKey", ""), d.Option("privateKey", ""), d.Option("caCertsDir", ""))
	if err != nil {
		return nil, err
	}
	return SSL4ClientEndpoint(r, host, port, config, dialOptions(d)), nil
}

// tlsClient returns TLS over a HostnameEndpoint, or over the endpoint in the
// key endpoint.
func (k *Kinds) tlsClient(r reactor.Network, d *Description) (StreamClientEndpoint, error) {
	d.name("host", "port", "timeout", "bindAddress", "certificate", "privateKey", "trustRoots", "endpoint")
	host, port := d.String("host"), d.Port()
	config, err := clientConfig(d.Option("certificate", ""), d.Option("privateKey", ""), d.Option("trustRoots", ""))
	if err != nil {
		return nil, err
	}
	var inner StreamClientEndpoint = NewHostnameEndpoint(r, host, port, HostnameOptions{DialOptions: dialOptions(d)})
	if other := d.Option("endpoint", ""); other != "" {
		if inner, err = k.Client(r, other); err != nil {
			return nil, err
		}
	}
	return WrapClientTLS(r, reactor.ClientTLSConfig(config, host), inner), nil
}

func sslServer(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	d.name("port", "privateKey", "certKey")
	port, keyFile := d.Port(), d.Option("privateKey", "server.pem")
	cert, err := loadPair(d.Option("certKey", keyFile), keyFile, d.Option("extraCertChain", ""))
	if err != nil {
		return nil, err
	}
	return SSL4ServerEndpoint(r, port, &tls.Config{Certificates: []tls.Certificate{cert}}, listenOptions(d)), nil
}

// clientConfig returns the TLS configuration of a client. Each file name may be
// "".
func clientConfig(certFile, keyFile, trustDir string) (*tls.Config, error) {
	config := new(tls.Config)
	if certFile != "" {
		if keyFile == "" {
			keyFile = certFile
		}
		cert, err := loadPair(certFile, keyFile, "")
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	if trustDir != "" {
		config.RootCAs = loadTrust(trustDir)
	}
	return config, nil
}

// loadPair loads a certificate, its key, and the certificates between it and a
// root. chainFile may be "".
func loadPair(certFile, keyFile, chainFile string) (cert tls.Certificate, err error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return cert, err
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return cert, err
	}
	if chainFile == "" {
		return tls.X509KeyPair(certPEM, keyPEM)
	}
	chainPEM, err := os.ReadFile(chainFile)
	if err != nil {
		return cert, err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(chainPEM) {
		return cert, fmt.Errorf("no certificate in %s", chainFile)
	}
	return tls.X509KeyPair(append(append(certPEM, '\n'), chainPEM...), keyPEM)
}

// loadTrust loads the certificates in the ".pem" files of a directory. It skips
// files that cannot be read.
func loadTrust(dir string) *x509.CertPool {
	pool := x509.NewCertPool()
	files, _ := filepath.Glob(filepath.Join(dir, "*.pem")) // the pattern is well-formed
	for _, file := range files {
		if pem, err := os.ReadFile(file); err == nil {
			pool.AppendCertsFromPEM(pem)
		}
	}
	return pool
}
