package server_test

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// realm gives each user a ConchUser, and reports the logins.
type realm struct{ logins chan *server.Login }

func (r realm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	r.logins <- mind.(*server.Login)
	return deferred.Succeed[server.Avatar](&server.ConchUser{})
}

// bed is a server of a test.
type bed struct {
	t      testing.TB
	r      *reactor.Reactor
	log    *reactortest.Log
	f      *server.SSHFactory
	addr   string
	logins chan *server.Login // one for each login
	host   gossh.Signer
}

// serve starts a server with these checkers. change may change the factory.
func serve(t *testing.T, change func(*server.SSHFactory), checkers ...cred.Checker) *bed {
	t.Helper()
	if _, again := checked.LoadOrStore(t, true); !again {
		reactortest.CheckGoroutines(t) // after the servers of the test have ended
	}
	b := &bed{t: t, log: reactortest.NewLog(t), logins: make(chan *server.Login, 1000), host: newKey(t)}
	b.r = reactortest.Start(t, reactor.Options{Logger: b.log.Logger()})
	b.f = &server.SSHFactory{Portal: cred.NewPortal(realm{b.logins}, checkers...), PrivateKeys: []gossh.Signer{b.host}}
	if change != nil {
		change(b.f)
	}
	b.addr = listen(t, b.r, b.f)
	return b
}

var checked sync.Map // the tests that check their goroutines

func listen(t *testing.T, r *reactor.Reactor, f reactor.Factory) string {
	t.Helper()
	port, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) {
			return r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return port.GetHost().String()
}

// config returns the configuration of a client.
func (b *bed) config(user string, auth ...gossh.AuthMethod) *gossh.ClientConfig {
	return &gossh.ClientConfig{User: user, Auth: auth, HostKeyCallback: gossh.FixedHostKey(b.host.PublicKey()), HostKeyAlgorithms: []string{gossh.KeyAlgoED25519}, Timeout: sshtest.Patience}
}

// login logs in, closes the connection and returns the Login, which the server
// does not use any more.
func (b *bed) login(user string, auth ...gossh.AuthMethod) (*server.Login, error) {
	conn, err := gossh.Dial("tcp", b.addr, b.config(user, auth...))
	if err != nil {
		return nil, err
	}
	conn.Close()
	return <-b.logins, nil
}

// attempts returns the lines that were logged about attempts, without the
// fields, and without the numbers of ports.
func (b *bed) attempts() (lines []string) {
	for _, record := range b.log.Records() {
		if text, _, ok := strings.Cut(record, " ssh2"); ok {
			text, _, _ = strings.Cut(text, " from ")
			lines = append(lines, text)
		}
	}
	return lines
}

// wait waits until a record with the text has been logged.
func (b *bed) wait(text string) {
	b.t.Helper()
	deadline := time.Now().Add(sshtest.Patience)
	for time.Now().Before(deadline) {
		for _, record := range b.log.Records() {
			if strings.Contains(record, text) {
				return
			}
		}
		_, _ = reactor.Await(b.t.Context(), b.r, func() deferred.Deferred[struct{}] { // a millisecond on the loop's clock
			d := deferred.New[struct{}]()
			b.r.CallLater(time.Millisecond, func() { d.Callback(struct{}{}) })
			return d
		})
	}
	b.t.Errorf("not logged: %s", text)
}

func newKey(t testing.TB) gossh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// certify returns a certificate of a new key.
func certify(t testing.TB, ca gossh.Signer, user string, change func(*gossh.Certificate)) gossh.Signer {
	t.Helper()
	key := newKey(t)
	c := &gossh.Certificate{Key: key.PublicKey(), CertType: gossh.UserCert, ValidPrincipals: []string{user}, ValidBefore: gossh.CertTimeInfinity}
	if change != nil {
		change(c)
	}
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	s, err := gossh.NewCertSigner(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keysOf returns a checker of plain keys.
func keysOf(users map[string][]gossh.Signer) cred.Checker {
	db := cred.InMemorySSHKeyDB{}
	for user, all := range users {
		for _, s := range all {
			db[user] = append(db[user], &cred.AuthorizedKey{Key: s.PublicKey(), Source: "memory"})
		}
	}
	return cred.NewSSHPublicKeyChecker(db)
}

func passwords(pairs ...string) cred.Checker {
	all := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return cred.InMemory(all)
}

// hooks is a UserAuthServer whose hooks can be replaced.
type hooks struct {
	server.SSHUserAuthServer
	banner      func(*hooks) deferred.Deferred[string]
	password    func(*hooks, string) deferred.Deferred[string]
	key         func(*hooks, gossh.PublicKey, bool) deferred.Deferred[string]
	interactive func(*hooks, func(string, string, []cred.Prompt) deferred.Deferred[[]string]) deferred.Deferred[string]
	methods     []string
	avatar      func(*hooks, string) deferred.Deferred[server.Avatar]
	attempt     func(*server.AuthAttempt)
}

func (h *hooks) Methods() []string {
	if h.methods != nil {
		return h.methods
	}
	return h.SSHUserAuthServer.Methods()
}

func (h *hooks) Banner() deferred.Deferred[string] {
	if h.banner != nil {
		return h.banner(h)
	}
	return h.SSHUserAuthServer.Banner()
}

func (h *hooks) AuthPassword(password string) deferred.Deferred[string] {
	if h.password != nil {
		return h.password(h, password)
	}
	return h.SSHUserAuthServer.AuthPassword(password)
}

func (h *hooks) AuthPublicKey(key gossh.PublicKey, proven bool) deferred.Deferred[string] {
	if h.key != nil {
		return h.key(h, key, proven)
	}
	return h.SSHUserAuthServer.AuthPublicKey(key, proven)
}

func (h *hooks) AuthKeyboardInteractive(ask func(string, string, []cred.Prompt) deferred.Deferred[[]string]) deferred.Deferred[string] {
	if h.interactive != nil {
		return h.interactive(h, ask)
	}
	return h.SSHUserAuthServer.AuthKeyboardInteractive(ask)
}

func (h *hooks) RequestAvatar(id string) deferred.Deferred[server.Avatar] {
	if h.avatar != nil {
		return h.avatar(h, id)
	}
	return h.SSHUserAuthServer.RequestAvatar(id)
}

func (h *hooks) AuthLog(at *server.AuthAttempt) {
	if h.attempt != nil {
		h.attempt(at)
	}
	h.SSHUserAuthServer.AuthLog(at)
}

// withHooks makes each connection use a copy of h.
func withHooks(h hooks) func(*server.SSHFactory) {
	return func(f *server.SSHFactory) {
		f.NewAuth = func() server.UserAuthServer {
			one := h
			return &one
		}
	}
}

// rawClient is a client that does the key exchange with x/crypto/ssh, and then
// authenticates as a test wants it to. Its messages are packets of the protocol.
type rawClient struct {
	conn net.Conn
	r    *bufio.Reader
}

// dialRaw connects, without saying anything.
func (b *bed) dialRaw() *rawClient {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(sshtest.Patience)) // it is open
	return &rawClient{c, bufio.NewReader(c)}
}

// rest returns what the server sends until the end of the connection.
func (c *rawClient) rest() string {
	all, _ := io.ReadAll(c.r) // a reset is an end too
	return string(all)
}

// recorded collects values from the loop.
type recorded[T any] struct {
	mu  sync.Mutex // guards all
	all []T
}

func (r *recorded[T]) add(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, v)
}

func (r *recorded[T]) get() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]T(nil), r.all...)
}

var errTest = errors.New("an error of the test")

type netAddr = net.Addr

// plainSigner is only a gossh.Signer.
type plainSigner struct{ s gossh.Signer }

func (p plainSigner) PublicKey() gossh.PublicKey { return p.s.PublicKey() }

func (p plainSigner) Sign(r io.Reader, data []byte) (*gossh.Signature, error) {
	return p.s.Sign(r, data)
}

// panicSigner panics.
type panicSigner struct{ gossh.Signer }

func (panicSigner) Sign(io.Reader, []byte) (*gossh.Signature, error) { panic("no signature") }

func hostCertificate(t *testing.T) gossh.Signer {
	t.Helper()
	return certify(t, newKey(t), "h", func(c *gossh.Certificate) { c.CertType = gossh.HostCert })
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
