package endpoints

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hawser-go/hawser/reactor"
)

// Kinds are the kinds of endpoints that string forms may name. New kinds are added to the maps, under names in lower case (R397).
type Kinds struct {
	Clients map[string]func(r reactor.Network, d *Description) (StreamClientEndpoint, error)
	Servers map[string]func(r reactor.Network, d *Description) (StreamServerEndpoint, error)
}

// NewKinds returns the built-in kinds: the clients tcp, ssl, unix and tls, the servers tcp, tcp6, ssl, unix and systemd.
func NewKinds() *Kinds {
	k := new(Kinds)
	k.Clients = map[string]func(reactor.Network, *Description) (StreamClientEndpoint, error){
		"tcp": tcpClient, "ssl": sslClient, "unix": unixClient, "tls": k.tlsClient,
	}
	k.Servers = map[string]func(reactor.Network, *Description) (StreamServerEndpoint, error){
		"tcp": tcp4Server, "tcp6": tcp6Server, "ssl": sslServer, "unix": unixServer, "systemd": systemdServer,
	}
	return k
}

// ClientFromString returns the client endpoint of a description (R394). The error is a *DescriptionError.
//
//	tcp:host:port                 timeout, bindAddress
//	ssl:host:port                 and certKey, privateKey, caCertsDir
//	tls:host:port                 timeout, bindAddress, certificate, privateKey, trustRoots, endpoint
//	unix:path                     timeout, lockfile
//
// Times are in seconds. Host, port and path may be given as keys as well.
func ClientFromString(r reactor.Network, description string) (StreamClientEndpoint, error) {
	return NewKinds().Client(r, description)
}

// ServerFromString returns the server endpoint of a description (R393). The error is a *DescriptionError.
//
//	tcp:port                      interface, backlog
//	tcp6:port                     interface, backlog
//	ssl:port                      and privateKey, certKey, extraCertChain
//	unix:path                     mode (octal), lockfile (0 or 1; 1 if it is not given), backlog
//	systemd                       domain, and either index or name
func ServerFromString(r reactor.Network, description string) (StreamServerEndpoint, error) {
	return NewKinds().Server(r, description)
}

// Client is ClientFromString with these kinds.
func (k *Kinds) Client(r reactor.Network, description string) (StreamClientEndpoint, error) {
	d := ParseDescription(description)
	parse := k.Clients[d.Kind()]
	if parse == nil {
		return nil, d.unknownKind()
	}
	return checked(d, func() (StreamClientEndpoint, error) { return parse(r, d) })
}

// Server is ServerFromString with these kinds.
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

// checked returns what parse does, unless the description has an error.
func checked[E any](d *Description, parse func() (E, error)) (e E, err error) {
	e, err = parse()
	if err != nil {
		d.fail(err.Error(), err)
	}
	if err := d.Err(); err != nil {
		var none E
		return none, err
	}
	return e, nil
}

func lookupPort(s string) (int, error) {
	if n, err := strconv.ParseUint(s, 10, 16); err == nil {
		return int(n), nil
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
	return reactor.ListenOptions{Interface: d.Option("interface", ""), Backlog: d.Int("backlog", 10, 50)}
}

func tcpClient(r reactor.Network, d *Description) (StreamClientEndpoint, error) {
	host, port := d.String("host"), d.Port()
	return TCP4ClientEndpoint(r, host, port, dialOptions(d)), nil
}

func tcp4Server(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	return TCP4ServerEndpoint(r, d.Port(), listenOptions(d)), nil
}

func tcp6Server(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
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
	path := d.String("address")
	return NewUNIXServerEndpoint(r, path, reactor.UNIXOptions{
		Mode:     fs.FileMode(d.Int("mode", 8, 0o666)),
		WantLock: d.Bool("lockfile", true),
		Backlog:  d.Int("backlog", 10, 50),
	}), nil
}

func sslClient(r reactor.Network, d *Description) (StreamClientEndpoint, error) {
	host, port := d.String("host"), d.Port()
	config, err := clientConfig(d.Option("certKey", ""), d.Option("privateKey", ""), d.Option("caCertsDir", ""))
	if err != nil {
		return nil, err
	}
	return SSL4ClientEndpoint(r, host, port, config, dialOptions(d)), nil
}

// tlsClient describes TLS over a HostnameEndpoint, or over the endpoint that the description names (R400).
func (k *Kinds) tlsClient(r reactor.Network, d *Description) (StreamClientEndpoint, error) {
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
	return WrapClientTLS(r, named(config, host), inner), nil
}

func sslServer(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	port, keyFile := d.Port(), d.Option("privateKey", "server.pem")
	cert, err := loadPair(d.Option("certKey", keyFile), keyFile, d.Option("extraCertChain", ""))
	if err != nil {
		return nil, err
	}
	return SSL4ServerEndpoint(r, port, &tls.Config{Certificates: []tls.Certificate{cert}}, listenOptions(d)), nil
}

// clientConfig is the TLS configuration of a client, with files for its certificate and its trust; each may be "".
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

// loadPair loads a certificate, its key, and the certificates between it and a root (R401).
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
		return cert, fmt.Errorf("there is no certificate in %s", chainFile)
	}
	return tls.X509KeyPair(append(append(certPEM, '\n'), chainPEM...), keyPEM)
}

// loadTrust loads the certificates in the .pem files of a directory. Files that cannot be read are skipped.
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

// firstSystemdFD is the first descriptor that a service manager passes, see sd_listen_fds(3).
const firstSystemdFD = 3

// systemdServer describes a socket that the service manager has opened, by its index or its name (R402).
func systemdServer(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	d.Option("domain", "") // the descriptor tells
	index, name := d.Option("index", ""), d.Option("name", "")
	if (index == "") == (name == "") {
		return nil, errors.New("give either index or name")
	}
	fd, err := systemdFD(index, name)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "systemd")
	defer f.Close() // the listener has its own
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return NewAdoptedServerEndpoint(r, l), nil
}

func systemdFD(index, name string) (int, error) {
	count, _ := strconv.Atoi(os.Getenv("LISTEN_FDS")) // none is 0
	if name != "" {
		for i, n := range strings.Split(os.Getenv("LISTEN_FDNAMES"), ":") {
			if n == name && i < count {
				return firstSystemdFD + i, nil
			}
		}
		return 0, fmt.Errorf("the service manager passed no socket named %s", name)
	}
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= count {
		return 0, fmt.Errorf("the service manager passed no socket %s", index)
	}
	return firstSystemdFD + i, nil
}
