package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

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

	errKeyUsed    = fmt.Errorf("%w: the key has been used for another step", cred.ErrUnauthorized)
	errTouch      = fmt.Errorf("%w: the certificate does not ask for a touch of the key, but the server does", cred.ErrUnauthorized)
	errTooLong    = fmt.Errorf("%w: the password is too long", cred.ErrUnauthorized)
	errNoPassword = fmt.Errorf("%w: the password is empty", cred.ErrUnauthorized)
	errNoResult   = errors.New("server: a hook for authentication has returned no Deferred")
	errAuthUsed   = errors.New("server: NewAuth has returned a value that serves another connection; return a new one")
	errAvatarUsed = errors.New("server: the realm has returned the avatar of another connection; return a new one")
	errTries      = errors.New("server: too many failed attempts to log in")
	errNoneLeft   = errors.New("server: no sequence of AuthenticationMethods has only methods that are offered")
)

// ErrRefuseConnection may be the failure of a hook of UserAuthServer. It ends the
// connection at once.
var ErrRefuseConnection = errors.New("server: the connection is refused")

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

// explain returns the reason for which the handshake has failed with err.
// x/crypto/ssh closes the socket when it fails, so that this end explains
// nothing.
func (a *authentication) explain(err error) error {
	switch cause := context.Cause(a.life); {
	case triedTooOften(err):
		return errTries
	case cause != nil && !errors.Is(cause, net.ErrClosed):
		return cause
	}
	return err
}

// triedTooOften reports whether x/crypto/ssh has disconnected the client because
// of MaxAuthTries. The last error is then the message, whose type is not
// exported.
func triedTooOften(err error) bool {
	failed, ok := errors.AsType[*gossh.ServerAuthError](err)
	return ok && len(failed.Errors) > 0 && strings.HasPrefix(failed.Errors[len(failed.Errors)-1].Error(), "ssh: disconnect, ")
}
