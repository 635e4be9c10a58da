package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/handshake"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	gossh "golang.org/x/crypto/ssh"
)

// HostKeyVerifier decides whether the server's host key is to be trusted. It is called on the reactor goroutine in every key exchange, so
// again when keys are renewed; ip is the numeric address of the peer, fingerprint the key's MD5 fingerprint in colon-separated hex
// (C-CLIENT-20). Any success accepts the key, whatever its value; a failure refuses it and is the cause of Connect's error. VerifyHostKey
// is the usual one.
type HostKeyVerifier func(t *SSHClientTransport, ip string, key gossh.PublicKey, fingerprint string) deferred.Deferred[bool]

// Connect dials host, checks its host key with verify, authenticates with auth and starts auth's service, the connection. The Deferred
// fires once the service's ServiceStarted has returned (C-CLIENT-2, C-CLIENT-3). It fails with a [*ConnectError] that names the phase, or,
// when it is cancelled, with deferred.ErrCancelled; the attempt is over then, in every phase. options.Timeout bounds the whole of it.
//
// Connect may be called on the reactor goroutine, or before the reactor runs. A nil verify means VerifyHostKey. auth and its instance are for one
// attempt.
func Connect(r *reactor.Reactor, host string, port int, options Options, verify HostKeyVerifier, auth UserAuthClient) deferred.Deferred[struct{}] {
	if err := options.Validate(); err != nil {
		return deferred.Fail[struct{}](err)
	}
	switch {
	case host == "":
		return deferred.Fail[struct{}](errors.New("client: Connect needs a host"))
	case auth == nil || auth.base().User == "" || auth.base().Instance == nil:
		return deferred.Fail[struct{}](errors.New("client: Connect needs an SSHUserAuthClient with a User and an Instance"))
	case auth.base().Instance.Self() != nil:
		return deferred.Fail[struct{}](conch.ErrUsed)
	case verify == nil:
		verify = VerifyHostKey
	}
	if options.Host == "" {
		options.Host = host
	}
	if options.Port == 0 {
		options.Port = port
	}
	t := &SSHClientTransport{
		options: options,
		host:    host,
		port:    port,
		address: net.JoinHostPort(host, strconv.Itoa(port)),
		verify:  verify,
		auth:    auth,
	}
	return t.connect(r)
}

// SSHClientTransport is the client's end of an SSH connection, from dialling on.
type SSHClientTransport struct {
	conch.SSHTransport
	options Options
	host    string
	port    int
	address string // host:port
	verify  HostKeyVerifier
	auth    UserAuthClient

	phase   atomic.Value // Phase
	said    atomic.Value // string: the last line before the version line
	ready   deferred.Deferred[struct{}]
	limit   *reactor.DelayedCall // nil without time limit
	settled bool                 // ready has fired, or is about to
	secure  bool                 // the host key was accepted once
	asking  bool                 // the authentication service runs
	banners int                  // bytes of banners so far; used by the handshake goroutine
}

// maxBanner is how much of the banners of a server is shown, in bytes; each
// counts for at least minBanner.
const (
	maxBanner = 64 << 10
	minBanner = 1 << 10
)

// TransportOf returns the client's transport of a connection, and nil before
// ServiceStarted and on a server.
func TransportOf(c conch.Connection) *SSHClientTransport {
	below := c.Transport()
	if below == nil {
		return nil
	}
	t, _ := below.Self().(*SSHClientTransport)
	return t
}

// Options returns the options that the connection was made with.
func (t *SSHClientTransport) Options() Options { return t.options }

// User returns the name that the client logs in with.
func (t *SSHClientTransport) User() string { return t.auth.base().User }

func (t *SSHClientTransport) connect(r *reactor.Reactor) deferred.Deferred[struct{}] {
	t.phase.Store(PhaseDial)
	t.said.Store("")
	t.ready = deferred.New(func(deferred.Deferred[struct{}]) { t.giveUp() })
	if limit := t.options.timeout(); limit > 0 {
		t.limit = r.CallLater(limit, func() { t.fail(ErrTimeout) })
	}
	t.Start(r, t, (*side)(t))
	return t.ready
}

// side is the transport as the core sees it while it is set up.
type side SSHClientTransport

// VersionReceived runs on the goroutine that reads.
func (s *side) VersionReceived(line string) {
	t := (*SSHClientTransport)(s)
	t.phase.Store(PhaseKeyExchange)
	t.progress(PhaseBanner, line)
}

// TextReceived runs on the goroutine that reads.
func (s *side) TextReceived(line string) { s.said.Store(line) }

// Failed is called on the loop.
func (s *side) Failed(err error) { (*SSHClientTransport)(s).fail(err) }

// Authenticated is called on the loop.
func (s *side) Authenticated() { (*SSHClientTransport)(s).authenticated() }

// Dial runs on the handshake goroutine.
func (s *side) Dial(ctx context.Context) (net.Conn, error) {
	t := (*SSHClientTransport)(s)
	c, err := t.dial()
	if err != nil {
		return nil, err
	}
	t.phase.Store(PhaseBanner)
	t.progress(PhaseDial, "connected to "+c.RemoteAddr().String())
	return c, nil
}

// Handshake runs on the handshake goroutine.
func (s *side) Handshake(life context.Context, c net.Conn) (handshake.Result, error) {
	t := (*SSHClientTransport)(s)
	config, err := t.config(life, c)
	if err != nil {
		return handshake.Result{}, err
	}
	conn, channels, requests, err := gossh.NewClientConn(c, t.address, config)
	return handshake.Result{Conn: conn, Channels: channels, Requests: requests}, err
}

func (t *SSHClientTransport) dial() (net.Conn, error) {
	limit := t.options.dialTimeout()
	if t.options.Jump != nil && t.options.Dial == nil {
		return t.options.Jump.dialThrough(t.Context(), t.Reactor(), t.address, limit)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if t.options.Dial != nil {
		return t.options.Dial(ctx, "tcp", t.address)
	}
	return reactor.Await(ctx, t.Reactor(), t.dialHost)
}

// dialHost dials as any other protocol does.
func (t *SSHClientTransport) dialHost() deferred.Deferred[net.Conn] {
	options := endpoints.HostnameOptions{DialOptions: reactor.DialOptions{Timeout: t.options.dialTimeout()}}
	e := endpoints.NewHostnameEndpoint(t.Reactor(), t.host, t.port, options)
	return e.Dial().AddCallback(func(c net.Conn) (net.Conn, error) {
		context.AfterFunc(t.Context(), func() { c.Close() }) // also if nobody waits for it any more
		return c, nil
	})
}

// config returns x/crypto/ssh's configuration; its callbacks run on the handshake goroutine and ask the loop.
func (t *SSHClientTransport) config(life context.Context, c net.Conn) (*gossh.ClientConfig, error) {
	algorithms, err := t.hostKeyAlgorithms()
	if err != nil {
		return nil, err
	}
	walk := newAuthWalk(t, life)
	return &gossh.ClientConfig{
		Config:            gossh.Config{Ciphers: t.options.Ciphers, MACs: t.options.MACs, KeyExchanges: t.options.KeyExchanges},
		User:              t.auth.base().User,
		HostKeyAlgorithms: algorithms,
		HostKeyCallback:   func(_ string, _ net.Addr, key gossh.PublicKey) error { return t.checkHostKey(c, key) },
		AuthCallback:      walk.callback,
		BannerCallback:    t.banner,
	}, nil
}

// banner takes a text of the server to the user, one after another and no more than a bounded amount.
func (t *SSHClientTransport) banner(banner string) error {
	banner = banner[:min(len(banner), maxBanner-t.banners)]
	if banner == "" {
		return nil
	}
	t.banners = min(maxBanner, t.banners+max(len(banner), minBanner))
	_, err := reactor.Await(t.Context(), t.Reactor(), func() deferred.Deferred[bool] {
		t.guard("Banner", func() { t.auth.Banner(text.Lines(banner)) })
		return deferred.Succeed(true)
	})
	return err
}

// checkHostKey takes the host key to the loop and waits for the verdict. After the first acceptance the authentication service starts.
func (t *SSHClientTransport) checkHostKey(c net.Conn, key gossh.PublicKey) error {
	renewed := t.phase.Load() == PhaseAuthentication || t.phase.Load() == PhaseService
	if !renewed {
		t.phase.Store(PhaseHostKey)
		t.progress(PhaseKeyExchange, "host key is "+key.Type()+" "+gossh.FingerprintSHA256(key))
	}
	ip := hostOf(c.RemoteAddr())
	_, err := reactor.Await(t.Context(), t.Reactor(), func() deferred.Deferred[bool] {
		return deferred.Then(t.verify(t, ip, key, gossh.FingerprintLegacyMD5(key)), t.hostKeyAccepted)
	})
	return err
}

func (t *SSHClientTransport) hostKeyAccepted(bool) (bool, error) {
	if t.secure {
		return true, nil
	}
	t.secure = true
	t.report(PhaseHostKey, "accepted")
	t.phase.Store(PhaseAuthentication)
	t.auth.base().transport = t
	t.asking = true
	t.auth.ServiceStarted()
	return true, nil
}

// stopAuth tells the authentication service that it is over, once. It returns the panic in the hook.
func (t *SSHClientTransport) stopAuth() error {
	if !t.asking {
		return nil
	}
	t.asking = false
	return hook.Call(t.auth.ServiceStopped)
}

// authenticated starts the service. The hooks that it calls may end the
// connection.
func (t *SSHClientTransport) authenticated() {
	if t.settled {
		return // given up meanwhile; the transport closes the connection
	}
	t.report(PhaseAuthentication, "accepted as "+t.User())
	t.phase.Store(PhaseService)
	if err := t.stopAuth(); err != nil {
		t.fail(err)
		return
	}
	if cause := context.Cause(t.Context()); cause != nil {
		t.fail(cause)
		return
	}
	instance := t.auth.base().Instance
	if t.options.ForwardAgent {
		forward.Agent(instance, t.options.dialForwardedAgent)
	}
	if err := t.SetService(instance); err != nil {
		t.fail(err)
		return
	}
	if t.settled {
		return
	}
	t.settle()
	t.KeepAlive(t.options.ServerAliveInterval, t.options.ServerAliveCountMax)
	t.report(PhaseService, "started")
	t.ready.Callback(struct{}{})
}

// fail ends the attempt; if the service has started already, there is nobody to tell.
func (t *SSHClientTransport) fail(err error) {
	if t.settled {
		return
	}
	phase := t.phase.Load().(Phase)
	err = t.explain(phase, err)
	t.giveUp()
	t.ready.Errback(&ConnectError{Phase: phase, Addr: t.address, Err: err})
}

// giveUp ends the attempt without a word to ready.
func (t *SSHClientTransport) giveUp() {
	t.settle()
	if err := t.stopAuth(); err != nil {
		hook.Log(t.Reactor().Logger(), "ServiceStopped of the authentication", err)
	}
	t.AbortConnection()
}

func (t *SSHClientTransport) settle() {
	t.settled = true
	if t.limit != nil && t.limit.Active() {
		_ = t.limit.Cancel() // it is active
	}
}

// explain adds to an error what only the client knows.
func (t *SSHClientTransport) explain(phase Phase, err error) error {
	var ours *conch.ConchError
	switch {
	case phase == PhaseHostKey && !errors.As(err, &ours) && !errors.Is(err, conch.ErrConnectionLost):
		return &conch.ConchError{Value: "bad host key", Data: conch.DisconnectHostKeyNotVerifiable, Err: err}
	case phase == PhaseBanner && t.said.Load() != "":
		return fmt.Errorf("client: the server said %q: %w", t.said.Load(), err)
	}
	return err
}

// report tells the user's Progress, on the loop.
func (t *SSHClientTransport) report(phase Phase, result string) {
	if t.options.Progress != nil && (!t.settled || phase == PhaseService) {
		t.guard("Progress", func() { t.options.Progress(phase, result) })
	}
}

// progress is report for the handshake goroutine.
func (t *SSHClientTransport) progress(phase Phase, result string) {
	t.Reactor().CallFromThread(func() { t.report(phase, result) })
}

// guard calls a hook. A panic in the hook is logged and ends the connection.
func (t *SSHClientTransport) guard(name string, f func()) {
	if err := hook.Call(f); err != nil {
		hook.Log(t.Reactor().Logger(), name, err)
		t.AbortConnection()
	}
}
