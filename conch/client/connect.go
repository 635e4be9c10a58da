package conch

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"

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
func Connect(r *reactor.Reactor, host string, port int, options ClientOptions, verify HostKeyVerifier, auth UserAuthClient) deferred.Deferred[struct{}] {
	if err := options.Validate(); err != nil {
		return deferred.Fail[struct{}](err)
	}
	switch {
	case host == "":
		return deferred.Fail[struct{}](errors.New("conch: Connect needs a host"))
	case auth == nil || auth.base().User == "" || auth.base().Instance == nil:
		return deferred.Fail[struct{}](errors.New("conch: Connect needs an SSHUserAuthClient with a User and an Instance"))
	case auth.base().Instance.base().self != nil:
		return deferred.Fail[struct{}](errUsed)
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

// errUsed is the failure of Connect for a connection object that has served a connection.
var errUsed = errors.New("conch: a connection object serves one connection; make a new one")

// SSHClientTransport is the client's end of an SSH connection, from dialling on.
type SSHClientTransport struct {
	SSHTransport
	options ClientOptions
	host    string
	port    int
	address string // host:port
	verify  HostKeyVerifier
	auth    UserAuthClient

	phase   atomic.Value // Phase
	ready   deferred.Deferred[struct{}]
	limit   *reactor.DelayedCall // nil without time limit
	settled bool                 // ready has fired, or is about to
	secure  bool                 // the host key was accepted once
	asking  bool                 // the authentication service runs
	banners int                  // how much the server has had to say, in bytes; only the handshake goroutine uses it
}

// maxBanner is how much of the banners of a server is shown, in bytes; each counts for at least minBanner.
const (
	maxBanner = 64 << 10
	minBanner = 1 << 10
)

// Options returns the options that the connection was made with.
func (t *SSHClientTransport) Options() ClientOptions { return t.options }

func (t *SSHClientTransport) connect(r *reactor.Reactor) deferred.Deferred[struct{}] {
	t.init(r)
	t.phase.Store(PhaseDial)
	t.ready = deferred.New(func(deferred.Deferred[struct{}]) { t.giveUp() })
	if limit := t.options.timeout(); limit > 0 {
		t.limit = r.CallLater(limit, func() { t.fail(ErrTimeout) })
	}
	t.work.Go(t.run) // ends with the connection: t.ctx closes the socket under everything that it may wait for
	return t.ready
}

// run is the connection's first goroutine.
func (t *SSHClientTransport) run() {
	conn, channels, requests, err := t.handshake()
	if err != nil {
		t.r.CallFromThread(func() { t.fail(err) })
	} else {
		if !t.r.CallFromThread(func() { t.authenticated(conn) }) {
			t.end(ErrClosedLocally)
		}
		t.serve(conn, channels, requests)
	}
	t.ending()
}

// handshake dials and does everything up to the end of authentication. It blocks.
func (t *SSHClientTransport) handshake() (gossh.Conn, <-chan gossh.NewChannel, <-chan *gossh.Request, error) {
	c, err := t.dial()
	if err != nil {
		return nil, nil, nil, err
	}
	if t.options.wrap != nil {
		c = t.options.wrap(c)
	}
	stop := context.AfterFunc(t.ctx, func() { c.Close() })
	defer stop()
	t.phase.Store(PhaseBanner)
	s := newSocket(t.ctx, c, func(version string) {
		t.phase.Store(PhaseKeyExchange)
		t.progress(PhaseBanner, printable(version))
	})
	t.r.CallFromThread(func() { t.socket = s })
	t.progress(PhaseDial, "connected to "+c.RemoteAddr().String())
	config, err := t.config(s)
	if err != nil {
		c.Close()
		return nil, nil, nil, err
	}
	return gossh.NewClientConn(s, t.address, config)
}

func (t *SSHClientTransport) dial() (net.Conn, error) {
	limit := t.options.dialTimeout()
	if t.options.Jump != nil && t.options.Dial == nil {
		return t.options.Jump.dialThrough(t.ctx, t.r, t.address, limit)
	}
	ctx, cancel := context.WithTimeout(t.ctx, limit)
	defer cancel()
	if t.options.Dial != nil {
		return t.options.Dial(ctx, "tcp", t.address)
	}
	return reactor.Await(ctx, t.r, t.dialHost)
}

// dialHost dials as any other protocol does.
func (t *SSHClientTransport) dialHost() deferred.Deferred[net.Conn] {
	options := endpoints.HostnameOptions{DialOptions: reactor.DialOptions{Timeout: t.options.dialTimeout()}}
	e := endpoints.NewHostnameEndpoint(t.r, t.host, t.port, options)
	return e.Dial().AddCallback(func(c net.Conn) (net.Conn, error) {
		context.AfterFunc(t.ctx, func() { c.Close() }) // also if nobody waits for it any more
		return c, nil
	})
}

// config returns x/crypto/ssh's configuration; its callbacks run on the handshake goroutine and ask the loop.
func (t *SSHClientTransport) config(s *socket) (*gossh.ClientConfig, error) {
	algorithms, err := t.hostKeyAlgorithms()
	if err != nil {
		return nil, err
	}
	walk := newAuthWalk(t, s)
	return &gossh.ClientConfig{
		Config:            gossh.Config{Ciphers: t.options.Ciphers, MACs: t.options.MACs, KeyExchanges: t.options.KeyExchanges},
		User:              t.auth.base().User,
		HostKeyAlgorithms: algorithms,
		HostKeyCallback:   func(_ string, _ net.Addr, key gossh.PublicKey) error { return t.checkHostKey(s, key) },
		AuthCallback:      walk.callback,
		BannerCallback:    t.banner,
	}, nil
}

// banner takes a text of the server to the user, one after another and no more than a bounded amount.
func (t *SSHClientTransport) banner(text string) error {
	text = text[:min(len(text), maxBanner-t.banners)]
	if text == "" {
		return nil
	}
	t.banners = min(maxBanner, t.banners+max(len(text), minBanner))
	_, err := reactor.Await(t.ctx, t.r, func() deferred.Deferred[bool] {
		t.guard("Banner", func() { t.auth.Banner(printable(text)) })
		return deferred.Succeed(true)
	})
	return err
}

// checkHostKey takes the host key to the loop and waits for the verdict. After the first acceptance the authentication service starts.
func (t *SSHClientTransport) checkHostKey(s *socket, key gossh.PublicKey) error {
	renewed := t.phase.Load() == PhaseAuthentication || t.phase.Load() == PhaseService
	if !renewed {
		t.phase.Store(PhaseHostKey)
		t.progress(PhaseKeyExchange, "host key is "+key.Type()+" "+gossh.FingerprintSHA256(key))
	}
	ip := hostOf(s.RemoteAddr())
	_, err := reactor.Await(t.ctx, t.r, func() deferred.Deferred[bool] {
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
	return caught(t.auth.ServiceStopped)
}

// authenticated starts the service. The user's hooks on the way may end the connection.
func (t *SSHClientTransport) authenticated(conn gossh.Conn) {
	if t.settled {
		return // given up meanwhile; t.ctx closes the connection
	}
	t.mux = conn
	t.report(PhaseAuthentication, "accepted as "+conn.User())
	t.phase.Store(PhaseService)
	if err := t.stopAuth(); err != nil {
		t.fail(err)
		return
	}
	if t.ctx.Err() != nil {
		t.fail(lostBecause(context.Cause(t.ctx)))
		return
	}
	instance := t.auth.base().Instance
	if instance.base().self != nil { // another attempt was faster
		t.fail(errUsed)
		return
	}
	t.service = instance.base()
	t.service.start(instance, t)
	if err := caught(instance.ServiceStarted); err != nil {
		t.fail(err)
		return
	}
	if t.settled {
		return
	}
	t.settle()
	t.keepAlive()
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
		t.logPanic("ServiceStopped of the authentication", err)
	}
	t.AbortConnection()
}

func (t *SSHClientTransport) settle() {
	t.settled = true
	if t.limit != nil && t.limit.Active() {
		_ = t.limit.Cancel() // it is active
	}
}

// explain turns an error of x/crypto/ssh into one in terms of the protocol.
func (t *SSHClientTransport) explain(phase Phase, err error) error {
	cause := context.Cause(t.ctx)
	switch {
	case phase == PhaseService || errors.Is(err, ErrTimeout):
		return err
	case cause != nil: // this side has ended it, whatever that looked like from there
		return lostBecause(cause)
	case phase == PhaseDial:
		return err
	}
	if ours, ok := errors.AsType[*ConchError](err); ok {
		return ours
	}
	if e := disconnectError(err); e != nil {
		return e
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without x/crypto/ssh's "handshake failed"
	}
	_, noCommon := errors.AsType[*gossh.AlgorithmNegotiationError](err)
	switch {
	case noCommon:
		return &ConchError{Value: "no common algorithm", Data: DisconnectKeyExchangeFailed, Err: err}
	case phase == PhaseHostKey: // only the verifier's answer ends it
		return &ConchError{Value: "bad host key", Data: DisconnectHostKeyNotVerifiable, Err: err}
	case isEnd(err) && !errors.Is(err, ErrConnectionLost):
		return lostBecause(err)
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
	t.r.CallFromThread(func() { t.report(phase, result) })
}
