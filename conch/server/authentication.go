package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// authentication lets the hooks of a UserAuthServer answer the callbacks of
// x/crypto/ssh, which run on the handshake goroutine. Its fields belong to the
// loop.
type authentication struct {
	t    *SSHServerTransport
	life context.Context // of the socket; no hook outlives it

	named   bool         // the client has sent its user name
	left    [][]string   // what completes the login, by sequence; nil means any one method
	attempt *AuthAttempt // the request in progress, for the log
	began   time.Time    // when the server began to judge what the client has sent last
	grant   cred.Grant   // of the key that is judged
	fails   int
}

var (
	// errUserChanged is the reason of a connection whose client has tried two
	// user names.
	errUserChanged = errors.New("server: the client changed the user name, which is not allowed")

	// errDifferentUsers is the failure of a login with several methods that are
	// accepted for different avatars.
	errDifferentUsers = fmt.Errorf("%w: the methods belong to different users", cred.ErrUnauthorized)

	errKeyUsed      = fmt.Errorf("%w: the key has been used for another step", cred.ErrUnauthorized)
	errTouch        = fmt.Errorf("%w: the certificate does not ask for a touch of the key, but the server does", cred.ErrUnauthorized)
	errTooLong      = fmt.Errorf("%w: the password is too long", cred.ErrUnauthorized)
	errNoPassword   = fmt.Errorf("%w: the password is empty", cred.ErrUnauthorized)
	errNoResult     = errors.New("server: a hook for authentication has returned no Deferred")
	errAuthUsed     = errors.New("server: NewAuth has returned a value that serves another connection; return a new one")
	errAvatarUsed   = errors.New("server: the realm has returned the avatar of another connection; return a new one")
	errNoneLeft     = errors.New("server: no sequence of AuthenticationMethods has only methods that are offered")
	noTouchRequired = "no-touch-required" // an extension of certificates, and of the Permissions of a key
)

// ErrRefuseConnection may be the failure of a hook of UserAuthServer. It ends the
// connection at once.
var ErrRefuseConnection = errors.New("server: the connection is refused")

// maxPassword is the length of the longest password that hooks get to see, in
// bytes.
const maxPassword = 1 << 10

// begin prepares the authentication, and returns the configuration of
// x/crypto/ssh.
func (a *authentication) begin() (*gossh.ServerConfig, error) {
	t, f := a.t, a.t.factory
	t.auth = &SSHUserAuthServer{}
	if f.NewAuth != nil {
		t.auth = f.NewAuth()
	}
	base := t.auth.base()
	if base.transport != nil {
		return nil, errAuthUsed
	}
	base.transport, base.authentication = t, a
	if err := a.sequences(); err != nil {
		return nil, err
	}
	first := a.callbacks()
	algorithms := f.algorithms()
	config := &gossh.ServerConfig{
		Config: gossh.Config{
			Ciphers: algorithms.Ciphers, MACs: algorithms.MACs, KeyExchanges: algorithms.KeyExchanges,
		},
		PublicKeyAuthAlgorithms:     algorithms.PublicKeys,
		MaxAuthTries:                f.maxAuthTries(),
		ServerVersion:               f.version(),
		NoClientAuth:                slices.Contains(a.next(), "none"),
		NoClientAuthCallback:        a.none,
		PasswordCallback:            first.PasswordCallback,
		PublicKeyCallback:           first.PublicKeyCallback,
		KeyboardInteractiveCallback: first.KeyboardInteractiveCallback,
		VerifiedPublicKeyCallback:   a.provenKey,
		BannerCallback:              a.banner,
		AuthLogCallback:             a.logAttempt,
	}
	for _, key := range t.hostKeys(algorithms.HostKeys) {
		config.AddHostKey(key)
	}
	return config, nil
}

// sequences takes the sequences of AuthenticationMethods whose methods are
// offered.
func (a *authentication) sequences() error {
	offered := a.t.auth.Methods()
	all := a.t.factory.AuthenticationMethods
	for _, sequence := range all {
		if !slices.ContainsFunc(sequence, func(method string) bool { return !slices.Contains(offered, method) }) {
			a.left = append(a.left, sequence)
		}
	}
	if len(all) > 0 && len(a.left) == 0 {
		return errNoneLeft
	}
	return nil
}

// next returns the methods that may be next.
func (a *authentication) next() (methods []string) {
	if a.left == nil {
		return a.t.auth.Methods()
	}
	for _, sequence := range a.left {
		if !slices.Contains(methods, sequence[0]) {
			methods = append(methods, sequence[0])
		}
	}
	return methods
}

// callbacks returns a callback for each method that may be next.
func (a *authentication) callbacks() (c gossh.ServerAuthCallbacks) {
	for _, method := range a.next() {
		switch method {
		case "password":
			c.PasswordCallback = a.password
		case "publickey":
			c.PublicKeyCallback = a.offeredKey
		case "keyboard-interactive":
			c.KeyboardInteractiveCallback = a.interactive
		}
	}
	return c
}

// await calls f on the loop and waits for its Deferred.
func await[T any](a *authentication, f func() deferred.Deferred[T]) (T, error) {
	return reactor.Await(a.life, a.t.Reactor(), f)
}

type (
	permissions = *gossh.Permissions
	// answer is the result of a callback of x/crypto/ssh.
	answer = deferred.Deferred[*gossh.Permissions]
)

// judge judges one attempt. ask calls the hook of the method.
func (a *authentication) judge(c claim, method string, key gossh.PublicKey, ask func() deferred.Deferred[string]) answer {
	if err := a.start(c, method, key); err != nil {
		return deferred.Fail[permissions](err)
	}
	judged := deferred.ThenDeferred(a.ask(ask), func(id string) answer { return a.accepted(method, key, id) })
	return a.padded(judged)
}

// ask calls a hook. A hook that panics or returns nothing fails.
func (a *authentication) ask(f func() deferred.Deferred[string]) deferred.Deferred[string] {
	d := deferred.MaybeDeferred(f)
	if d == (deferred.Deferred[string]{}) {
		return deferred.Fail[string](errNoResult)
	}
	return d.AddErrback(func(err error) (string, error) {
		if _, panicked := errors.AsType[*deferred.PanicError](err); panicked {
			hook.Log(a.t.Reactor().Logger(), "authentication", err)
		}
		if errors.Is(err, ErrRefuseConnection) {
			a.t.AbortBecause(err)
		}
		return "", err
	})
}

// padded delays a failure, so that the time says little about its cause.
func (a *authentication) padded(d answer) answer {
	return deferred.ThenBothDeferred(d, func(p permissions, err error) answer {
		if _, partial := errors.AsType[*gossh.PartialSuccessError](err); err == nil {
			return deferred.Succeed(p)
		} else if partial || a.life.Err() != nil {
			return deferred.Fail[permissions](err)
		}
		pause := a.t.factory.pause(a.t.login.User, a.t.Reactor().Now().Sub(a.began))
		return deferred.ThenBothDeferred(sleep(a.t.Reactor(), pause), func(struct{}, error) answer {
			return deferred.Fail[permissions](err)
		})
	})
}

// sleep fires after a time.
func sleep(r *reactor.Reactor, d time.Duration) deferred.Deferred[struct{}] {
	var stop func() bool
	slept := deferred.New(func(deferred.Deferred[struct{}]) { stop() })
	stop = r.AfterFunc(d, func() { slept.Callback(struct{}{}) })
	return slept
}

// claim is whom a request claims to be from. It is read on the handshake
// goroutine, because x/crypto/ssh changes it there.
type claim struct {
	user    string
	session []byte
}

func claimOf(c gossh.ConnMetadata) claim { return claim{c.User(), c.SessionID()} }

// identify notes who logs in. It fails if the client has changed the user.
func (a *authentication) identify(c claim) error {
	l := &a.t.login
	if !a.named {
		a.named = true
		l.User, l.SessionID = c.user, c.session
		a.t.phase = "authentication"
	}
	if l.User != c.user {
		a.t.AbortBecause(errUserChanged)
		return errUserChanged
	}
	return nil
}

// start begins an attempt.
func (a *authentication) start(c claim, method string, key gossh.PublicKey) error {
	if err := a.identify(c); err != nil {
		return err
	}
	a.began = a.t.Reactor().Now()
	a.attempt = &AuthAttempt{Login: &a.t.login, Method: method, Key: key, began: a.began}
	a.grant = cred.Grant{}
	if method != "none" {
		a.t.outcome.attempted = true
	}
	return nil
}

// accepted notes that a method has succeeded. It fires if the login is complete,
// and fails with a *gossh.PartialSuccessError if it is not.
func (a *authentication) accepted(method string, key gossh.PublicKey, id string) answer {
	l := &a.t.login
	if len(l.Methods) > 0 && l.id != id {
		return deferred.Fail[permissions](errDifferentUsers)
	}
	before := *l
	restrictions, err := l.Restrictions.And(a.grant.Restrictions)
	if err != nil {
		return deferred.Fail[permissions](fmt.Errorf("%w: %w", cred.ErrUnauthorized, err))
	}
	l.id, l.Restrictions, l.Methods = id, restrictions, append(slices.Clip(l.Methods), method)
	if key != nil {
		l.Keys = append(slices.Clip(l.Keys), key)
	}
	rest, complete := strike(a.left, method)
	if !complete {
		a.left = rest
		return deferred.Fail[permissions](&gossh.PartialSuccessError{Next: a.callbacks()})
	}
	made := deferred.MaybeDeferred(func() deferred.Deferred[Avatar] { return a.t.auth.RequestAvatar(id) })
	if made == (deferred.Deferred[Avatar]{}) {
		made = deferred.Succeed[Avatar](nil)
	}
	return deferred.ThenBoth(made, func(avatar Avatar, err error) (permissions, error) {
		switch {
		case err != nil:
		case avatar == nil:
			err = fmt.Errorf("%w: the realm has no avatar %q", cred.ErrUnauthorized, id)
		case avatar.base().login != nil:
			err = errAvatarUsed
		}
		if err != nil {
			*l = before
			return nil, err
		}
		a.t.avatar = avatar
		avatar.base().login = l
		return &gossh.Permissions{}, nil
	})
}

// strike removes a method from the front of the sequences that begin with it,
// and reports whether one of them is complete. Other sequences stay.
func strike(left [][]string, method string) (rest [][]string, complete bool) {
	if left == nil {
		return nil, true
	}
	for _, sequence := range left {
		if sequence[0] == method {
			sequence = sequence[1:]
		}
		if len(sequence) == 0 {
			return nil, true
		}
		rest = append(rest, sequence)
	}
	return rest, false
}

// The callbacks of x/crypto/ssh. They run on the handshake goroutine.

func (a *authentication) banner(meta gossh.ConnMetadata) string {
	c := claimOf(meta)
	banner, err := await(a, func() deferred.Deferred[string] {
		if err := a.identify(c); err != nil {
			return deferred.Fail[string](err)
		}
		return a.ask(func() deferred.Deferred[string] { return a.t.auth.Banner() })
	})
	if err != nil {
		return ""
	}
	return cleanBanner(banner)
}

// maxBanner is the length of the longest banner, in bytes.
const maxBanner = 8 << 10

// cleanBanner returns a banner with the line ends of the protocol (RFC 4252,
// section 5.4).
func cleanBanner(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxBanner)], "")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

func (a *authentication) none(meta gossh.ConnMetadata) (permissions, error) {
	c := claimOf(meta)
	return await(a, func() answer {
		return a.judge(c, "none", nil, func() deferred.Deferred[string] { return a.t.auth.AuthNone() })
	})
}

func (a *authentication) password(meta gossh.ConnMetadata, password []byte) (permissions, error) {
	c := claimOf(meta)
	return await(a, func() answer {
		return a.judge(c, "password", nil, func() deferred.Deferred[string] {
			switch {
			case len(password) > maxPassword:
				return deferred.Fail[string](errTooLong)
			case len(password) == 0 && !a.t.factory.PermitEmptyPasswords:
				return deferred.Fail[string](errNoPassword)
			}
			return a.t.auth.AuthPassword(string(password))
		})
	})
}

// offeredKey answers whether a key may be used. Anybody can offer any key, so it
// changes nothing. The Permissions only tell x/crypto/ssh whether the signature
// of a security key needs a touch.
func (a *authentication) offeredKey(meta gossh.ConnMetadata, key gossh.PublicKey) (permissions, error) {
	c := claimOf(meta)
	return await(a, func() answer {
		if err := a.start(c, "publickey", key); err != nil {
			return deferred.Fail[permissions](err)
		}
		return a.padded(deferred.Then(a.ask(func() deferred.Deferred[string] {
			if a.used(key) {
				return deferred.Fail[string](errKeyUsed)
			}
			return a.t.auth.AuthPublicKey(key, false)
		}), func(string) (permissions, error) {
			a.attempt.Result = AuthPostponed
			a.log(nil)
			return a.touch(key, nil)
		}))
	})
}

// provenKey is called with a key that the client has proved to hold.
func (a *authentication) provenKey(meta gossh.ConnMetadata, key gossh.PublicKey, offered permissions, _ string) (permissions, error) {
	c := claimOf(meta)
	return await(a, func() answer {
		return a.judge(c, "publickey", key, func() deferred.Deferred[string] {
			if a.used(key) {
				return deferred.Fail[string](errKeyUsed)
			}
			return deferred.Then(a.t.auth.AuthPublicKey(key, true), func(id string) (string, error) {
				_, err := a.touch(key, offered)
				return id, err
			})
		})
	})
}

// touch returns the Permissions for a key that has been granted. It fails if
// x/crypto/ssh accepts, or with the Permissions of the offered key has accepted,
// a signature without a touch of the security key although the grant demands
// it.
func (a *authentication) touch(key gossh.PublicKey, offered permissions) (permissions, error) {
	if !strings.HasPrefix(plain(key).Type(), "sk-") {
		return &gossh.Permissions{}, nil
	}
	if a.grant.NoTouch {
		return &gossh.Permissions{Extensions: map[string]string{noTouchRequired: ""}}, nil
	}
	waived := false
	if offered != nil {
		_, waived = offered.Extensions[noTouchRequired]
	}
	if certificate, ok := key.(*gossh.Certificate); ok && !waived {
		_, waived = certificate.Extensions[noTouchRequired]
	}
	if waived {
		return nil, errTouch
	}
	return &gossh.Permissions{}, nil
}

// used reports whether a key, or a certificate of the key, has been proved
// before.
func (a *authentication) used(key gossh.PublicKey) bool {
	return slices.ContainsFunc(a.t.login.Keys, func(other gossh.PublicKey) bool {
		return string(plain(other).Marshal()) == string(plain(key).Marshal())
	})
}

// plain returns the key of a certificate.
func plain(key gossh.PublicKey) gossh.PublicKey {
	if certificate, ok := key.(*gossh.Certificate); ok {
		return certificate.Key
	}
	return key
}

// logAttempt is called after each attempt, but not after an offered key that may
// be used.
func (a *authentication) logAttempt(meta gossh.ConnMetadata, method string, err error) {
	c := claimOf(meta)
	a.t.Reactor().CallFromThread(func() {
		if a.attempt == nil && a.start(c, method, nil) != nil {
			return
		}
		a.log(err)
	})
}

// log passes an attempt to the hook.
func (a *authentication) log(err error) {
	at := a.attempt
	a.attempt = nil
	_, partial := errors.AsType[*gossh.PartialSuccessError](err)
	switch {
	case at.Result == AuthPostponed:
	case err == nil:
		at.Result = AuthAccepted
	case partial:
		at.Result = AuthPartial
	default:
		at.Result, at.Err, at.cutOff = AuthFailed, err, a.life.Err() != nil
		at.UnknownUser = errors.Is(err, cred.ErrUnknownUser)
		a.t.outcome.unknownUser = a.t.outcome.unknownUser || at.UnknownUser
		if at.Method != "none" {
			a.fails++
		}
	}
	if at.Result != AuthFailed {
		at.Source = a.grant.Source
	}
	at.Failures = a.fails
	at.Elapsed = a.t.Reactor().Now().Sub(at.began)
	a.t.guard("AuthLog", func() { a.t.auth.AuthLog(at) })
}

// explain returns the reason for which the handshake has failed.
func (a *authentication) explain(err error) error {
	if cause := context.Cause(a.life); cause != nil && !errors.Is(err, conch.ErrFlooded) {
		return cause
	}
	return err
}
