package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
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

// Connect dials host, checks the host key with verify, authenticates with auth
// and starts the service of auth, a connection of package conch. The Deferred
// fires when the service's ServiceStarted has returned. A nil verify means
// VerifyHostKey. An auth and its service are for one attempt.
//
// The Deferred fails with a [*ConnectError], which names the phase that failed.
// Cancelling the Deferred ends the attempt. Options.Timeout bounds the attempt
// and DefaultTimeout is its default. Connect may be called on the loop, or before
// the reactor runs. It logs each step at the debug level.
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
	}
	t := &SSHClientTransport{
		options:    options,
		algorithms: options.algorithms(),
		hasUI:      options.UI != nil,
		host:       host,
		port:       port,
		address:    net.JoinHostPort(host, strconv.Itoa(port)),
		verify:     verify,
		auth:       auth,
	}
	return t.connect(r)
}

// SSHClientTransport is the client's end of an SSH connection, from dialling on.
// Its methods belong to the loop.
type SSHClientTransport struct {
	conch.SSHTransport
	options    Options
	algorithms conch.Algorithms // to offer
	hasUI      bool             // the options had a UI
	host       string
	port       int
	address    string // host:port
	verify     HostKeyVerifier
	auth       UserAuthClient

	phase    atomic.Value // Phase
	said     atomic.Value // string: the last line before the version line
	ready    deferred.Deferred[struct{}]
	limits   []*reactor.DelayedCall
	settled  bool    // ready has fired, or is about to
	begun    bool    // ServiceStarted of auth was called
	asking   bool    // ServiceStopped of auth must be called
	problems []error // why keys and passwords were not used
	hostKey  []byte  // the accepted key; belongs to x/crypto/ssh's key exchange
	banners  int     // bytes of banners; belongs to the handshake goroutine
}

// Bounds on the banners of a server, in bytes.
const (
	maxBanner = 64 << 10 // all banners; the rest is not shown
	minBanner = 1 << 10  // a shorter banner counts as that many
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

// HostPort returns the host and port that were passed to Connect.
func (t *SSHClientTransport) HostPort() (host string, port int) { return t.host, t.port }

func (t *SSHClientTransport) connect(r *reactor.Reactor) deferred.Deferred[struct{}] {
	t.phase.Store(PhaseDial)
	t.said.Store("")
	t.ready = deferred.New(func(deferred.Deferred[struct{}]) { t.giveUp() })
	if limit := t.options.timeout(); limit > 0 {
		t.limits = append(t.limits, r.CallLater(limit, func() { t.fail(ErrTimeout) }))
	}
	t.Start(r, t, (*side)(t))
	t.debug("Connecting", "user", t.User())
	return t.ready
}

// side is the transport as the core sees it while it is set up.
type side SSHClientTransport

// VersionReceived runs on the goroutine that reads.
func (s *side) VersionReceived(line string) {
	t := (*SSHClientTransport)(s)
	t.phase.Store(PhaseKeyExchange)
	t.debug("Server has sent its version line", "version", line)
	t.progress(PhaseBanner, line)
}

// TextReceived runs on the goroutine that reads.
func (s *side) TextReceived(line string) error {
	s.said.Store(line)
	return nil
}

// VersionRefused does nothing. The error of Handshake says it all.
func (s *side) VersionRefused(bool) {}

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
	t.debug("Connected", "peer", c.RemoteAddr())
	t.progress(PhaseDial, "connected to "+c.RemoteAddr().String())
	if t.options.DialTimeout > 0 {
		t.Reactor().CallFromThread(t.expectVersion)
	}
	return c, nil
}

// expectVersion bounds the wait for the version line.
func (t *SSHClientTransport) expectVersion() {
	if t.settled {
		return
	}
	t.limits = append(t.limits, t.Reactor().CallLater(t.options.DialTimeout, func() {
		if t.phase.Load() == PhaseBanner {
			t.fail(ErrTimeout)
		}
	}))
}

// Handshake runs on the handshake goroutine.
func (s *side) Handshake(life context.Context, c net.Conn) (handshake.Result, error) {
	t := (*SSHClientTransport)(s)
	walk := newAuthWalk(t, life)
	conn, channels, requests, err := gossh.NewClientConn(c, t.address, t.config(walk, c))
	if err != nil {
		return handshake.Result{}, walk.explain(err)
	}
	return handshake.Result{Conn: conn, Channels: channels, Requests: requests}, nil
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
		context.AfterFunc(t.Context(), func() { c.Close() }) // also if dial does not wait any more
		return c, nil
	})
}

// config returns the configuration of x/crypto/ssh. Its callbacks run on
// goroutines of the handshake and call the hooks on the loop.
func (t *SSHClientTransport) config(walk *authWalk, c net.Conn) *gossh.ClientConfig {
	a := &t.algorithms
	return &gossh.ClientConfig{
		Config:            gossh.Config{Ciphers: a.Ciphers, MACs: a.MACs, KeyExchanges: a.KeyExchanges},
		User:              t.User(),
		HostKeyAlgorithms: t.hostKeyAlgorithms(),
		HostKeyCallback:   func(_ string, _ net.Addr, key gossh.PublicKey) error { return t.checkHostKey(c, key) },
		AuthCallback:      walk.callback,
		BannerCallback:    t.banner,
	}
}

// banner passes a text of the server to the hook. It returns when the hook has
// returned, so that banners do not queue.
func (t *SSHClientTransport) banner(banner string) error {
	banner = banner[:min(len(banner), maxBanner-t.banners)]
	if banner == "" {
		return nil
	}
	t.banners = min(maxBanner, t.banners+max(len(banner), minBanner))
	_, err := reactor.Await(t.Context(), t.Reactor(), func() deferred.Deferred[bool] {
		if err := t.beginAuth(); err != nil {
			return deferred.Fail[bool](err)
		}
		t.guard("Banner", func() { t.auth.Banner(text.Lines(banner)) })
		return deferred.Succeed(true)
	})
	return err
}

// checkHostKey has the host key verified. When keys are renewed the key must be
// the same.
func (t *SSHClientTransport) checkHostKey(c net.Conn, key gossh.PublicKey) error {
	blob := key.Marshal()
	if t.hostKey != nil {
		if !bytes.Equal(blob, t.hostKey) {
			return ErrHostKeyReplaced
		}
		return nil
	}
	t.phase.Store(PhaseHostKey)
	t.debug("Server presents its host key", "type", key.Type(), "fingerprint", fingerprintOf{key})
	if t.options.Progress != nil {
		t.progress(PhaseKeyExchange, "host key is "+key.Type()+" "+gossh.FingerprintSHA256(key))
	}
	if err := t.verifyHostKey(hostOf(c.RemoteAddr()), key); err != nil {
		t.debug("Host key refused", "err", err)
		return err
	}
	t.hostKey = blob
	t.debug("Host key accepted")
	t.progress(PhaseHostKey, "accepted")
	t.phase.Store(PhaseAuthentication)
	return nil
}

func (t *SSHClientTransport) verifyHostKey(ip string, key gossh.PublicKey) error {
	if t.verify == nil {
		return t.verifyKnown(ip, key)
	}
	accepted, err := reactor.Await(t.Context(), t.Reactor(), func() deferred.Deferred[bool] {
		return t.verify(t, ip, key, gossh.FingerprintLegacyMD5(key))
	})
	if err == nil && !accepted {
		err = ErrHostKeyRefused
	}
	return err
}

// beginAuth calls ServiceStarted of the authentication, once. It returns the
// panic in the hook.
func (t *SSHClientTransport) beginAuth() error {
	if t.begun {
		return nil
	}
	t.begun, t.asking = true, true
	t.auth.base().transport = t
	return hook.Call(t.auth.ServiceStarted)
}

// stopAuth calls ServiceStopped of the authentication, once. It returns the
// panic in the hook.
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
	t.debug("Authentication succeeded", "user", t.User())
	t.report(PhaseAuthentication, "accepted as "+t.User())
	if err := t.beginAuth(); err != nil { // the server demands no authentication
		t.fail(err)
		return
	}
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

// fail ends the attempt. After the attempt it does nothing.
func (t *SSHClientTransport) fail(err error) {
	if t.settled {
		return
	}
	phase := t.phase.Load().(Phase)
	err = t.explain(phase, err)
	t.debug("Connecting failed", "phase", phase, "err", err)
	t.giveUp()
	t.ready.Errback(&ConnectError{Phase: phase, Addr: t.address, Err: err})
}

// giveUp ends the attempt. It does not fire ready.
func (t *SSHClientTransport) giveUp() {
	t.settle()
	if err := t.stopAuth(); err != nil {
		hook.Log(t.Reactor().Logger(), "ServiceStopped of the authentication", err)
	}
	t.AbortConnection()
}

func (t *SSHClientTransport) settle() {
	t.settled = true
	for _, limit := range t.limits {
		if limit.Active() {
			_ = limit.Cancel() // it is active
		}
	}
}

// explain adds the phase's own context to an error.
func (t *SSHClientTransport) explain(phase Phase, err error) error {
	var ours *conch.ConchError
	switch {
	case phase == PhaseHostKey && !errors.As(err, &ours) && !errors.Is(err, conch.ErrConnectionLost):
		return &conch.ConchError{Value: "bad host key", Data: conch.DisconnectHostKeyNotVerifiable, Err: err}
	case err == ErrTimeout && t.asking:
		if c, ok := t.auth.(interface{ pending() error }); ok && c.pending() != nil {
			return &causedError{ErrTimeout, c.pending()}
		}
	case phase == PhaseBanner && t.said.Load() != "":
		return fmt.Errorf("client: the server said \"%s\": %w", t.said.Load(), err)
	}
	return err
}

// report calls the Progress of the options. It belongs to the loop.
func (t *SSHClientTransport) report(phase Phase, result string) {
	if t.options.Progress != nil && (!t.settled || phase == PhaseService) {
		t.guard("Progress", func() { t.options.Progress(phase, result) })
	}
}

// progress is report for other goroutines.
func (t *SSHClientTransport) progress(phase Phase, result string) {
	if t.options.Progress == nil {
		return
	}
	t.Reactor().CallFromThread(func() { t.report(phase, result) })
}

// guard calls a hook. A panic in the hook is logged and ends the connection.
func (t *SSHClientTransport) guard(name string, f func()) {
	if err := hook.Call(f); err != nil {
		hook.Log(t.Reactor().Logger(), name, err)
		t.AbortConnection()
	}
}

// debug logs a step. Any goroutine may call it.
func (t *SSHClientTransport) debug(message string, args ...any) {
	if logger := t.Reactor().Logger(); logger.Enabled(t.Context(), slog.LevelDebug) {
		logger.With("addr", t.address).Debug(message, args...)
	}
}

// fingerprintOf is the SHA-256 fingerprint of a key for the log. It is computed
// when it is written.
type fingerprintOf struct{ key gossh.PublicKey }

func (f fingerprintOf) String() string { return gossh.FingerprintSHA256(f.key) }

// LogValue returns the fingerprint.
func (f fingerprintOf) LogValue() slog.Value { return slog.StringValue(f.String()) }

// note keeps a reason for which a key or password was not used, for the error.
func (t *SSHClientTransport) note(problem error) {
	t.debug("Not used for authentication", "err", problem)
	same := func(err error) bool { return err.Error() == problem.Error() }
	if len(t.problems) < maxProblems && !slices.ContainsFunc(t.problems, same) {
		t.problems = append(t.problems, problem)
	}
}

// maxProblems is the number of reasons that an error lists.
const maxProblems = 16

// ui returns who asks the user.
func (t *SSHClientTransport) ui() UI {
	if t.options.UI == nil {
		t.options.UI = NewConsoleUI(t.Reactor())
	}
	if t.options.BatchMode {
		return batchUI{t.options.UI}
	}
	return t.options.UI
}

// batchUI answers no question.
type batchUI struct{ UI }

var errBatchMode = fmt.Errorf("%w: with BatchMode the user is not asked", ErrUnavailable)

func (batchUI) Prompt(string) deferred.Deferred[bool] { return deferred.Fail[bool](errBatchMode) }

func (batchUI) ReadLine(string, bool) deferred.Deferred[string] {
	return deferred.Fail[string](errBatchMode)
}
