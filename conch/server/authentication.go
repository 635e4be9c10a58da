package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/text"
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

	left     [][]string // what completes the login, by sequence; nil means any one method
	failures int
}

const (
	// maxPrompts is the number of prompts in a round of keyboard-interactive
	// authentication, and maxRounds the number of rounds of an attempt.
	maxPrompts = 64
	maxRounds  = 64

	// maxPassword is the length of the longest password that hooks get to see,
	// in bytes.
	maxPassword = 1 << 10
)

// errDifferentUsers is the failure of a login with several methods that are
// accepted for different avatars.
var errDifferentUsers = fmt.Errorf("%w: the methods belong to different users", cred.ErrUnauthorized)

// begin prepares the authentication, and returns the configuration of
// x/crypto/ssh.
func (a *authentication) begin() (*gossh.ServerConfig, error) {
	t, f := a.t, a.t.factory
	t.auth = &SSHUserAuthServer{}
	if f.NewAuth != nil {
		t.auth = f.NewAuth()
	}
	t.auth.base().transport = t
	a.restart()
	first := a.callbacks()
	config := &gossh.ServerConfig{
		MaxAuthTries:                cmp.Or(f.MaxAuthTries, DefaultMaxAuthTries),
		ServerVersion:               "SSH-2.0-" + cmp.Or(f.Version, "hawser"),
		NoClientAuth:                slices.Contains(a.next(), "none"),
		NoClientAuthCallback:        a.none,
		PasswordCallback:            first.PasswordCallback,
		PublicKeyCallback:           first.PublicKeyCallback,
		KeyboardInteractiveCallback: first.KeyboardInteractiveCallback,
		VerifiedPublicKeyCallback:   a.provenKey,
		BannerCallback:              a.banner,
		AuthLogCallback:             a.logAttempt,
	}
	for _, key := range f.PrivateKeys {
		config.AddHostKey(key)
	}
	return config, nil
}

// restart forgets the methods that have succeeded.
func (a *authentication) restart() {
	a.left = nil
	for _, sequence := range a.t.factory.AuthenticationMethods {
		a.left = append(a.left, slices.Clone(sequence))
	}
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

// attempt judges one attempt. hook calls the hook of the method, on the loop.
func (a *authentication) attempt(c gossh.ConnMetadata, method string, key gossh.PublicKey, hook func() deferred.Deferred[string]) (*gossh.Permissions, error) {
	return await(a, func() deferred.Deferred[*gossh.Permissions] {
		a.setUser(c)
		began := a.t.Reactor().Now()
		return deferred.ThenBothDeferred(hook(), func(id string, err error) deferred.Deferred[*gossh.Permissions] {
			if err == nil {
				return a.accepted(method, key, id)
			}
			return deferred.ThenBothDeferred(a.delay(began), func(struct{}, error) deferred.Deferred[*gossh.Permissions] {
				return deferred.Fail[*gossh.Permissions](err)
			})
		})
	})
}

// setUser notes who logs in. A change of the user starts again.
func (a *authentication) setUser(c gossh.ConnMetadata) {
	l := &a.t.login
	if l.User != c.User() {
		*l = Login{User: c.User(), ClientVersion: l.ClientVersion, Remote: l.Remote, Local: l.Local}
		a.restart()
	}
	l.SessionID = c.SessionID()
	a.t.phase = "authentication"
}

// accepted notes that a method has succeeded. It fires if the login is complete,
// and fails with a *gossh.PartialSuccessError if it is not.
func (a *authentication) accepted(method string, key gossh.PublicKey, id string) deferred.Deferred[*gossh.Permissions] {
	l := &a.t.login
	if len(l.Methods) > 0 && l.id != id {
		return deferred.Fail[*gossh.Permissions](errDifferentUsers)
	}
	l.id, l.Methods = id, append(l.Methods, method)
	if key != nil {
		l.Keys = append(l.Keys, key)
	}
	if !a.complete(method) {
		return deferred.Fail[*gossh.Permissions](&gossh.PartialSuccessError{Next: a.callbacks()})
	}
	return deferred.Then(a.t.auth.RequestAvatar(id), func(avatar Avatar) (*gossh.Permissions, error) {
		if avatar == nil {
			return nil, fmt.Errorf("%w: the realm has no avatar %q", cred.ErrUnauthorized, id)
		}
		a.t.avatar = avatar
		avatar.base().login = l
		return &gossh.Permissions{}, nil
	})
}

// complete strikes a method from the front of the sequences that begin with it,
// and reports whether one of them is done.
func (a *authentication) complete(method string) bool {
	if a.left == nil {
		return true
	}
	var rest [][]string
	for _, sequence := range a.left {
		if sequence[0] != method {
			continue
		}
		if len(sequence) == 1 {
			return true
		}
		rest = append(rest, sequence[1:])
	}
	a.left = rest
	return false
}

// minFailure is the time that a refused attempt takes at least. The time of
// longer ones is doubled until it exceeds what the hook has taken, so that it
// says little about why the attempt was refused.
const minFailure = 5 * time.Millisecond

// delay waits until a refused attempt has taken long enough.
func (a *authentication) delay(began time.Time) deferred.Deferred[struct{}] {
	taken := a.t.Reactor().Now().Sub(began)
	total := minFailure
	for total < taken && total < 5*time.Second {
		total *= 2
	}
	d := deferred.New[struct{}]()
	stop := a.t.Reactor().AfterFunc(max(0, total-taken), func() { d.Callback(struct{}{}) })
	_ = stop
	return d
}

// The callbacks of x/crypto/ssh. They run on the handshake goroutine.

func (a *authentication) banner(c gossh.ConnMetadata) string {
	banner, err := await(a, func() deferred.Deferred[string] {
		a.setUser(c)
		return a.t.auth.Banner()
	})
	if err != nil {
		return ""
	}
	return banner
}

func (a *authentication) none(c gossh.ConnMetadata) (*gossh.Permissions, error) {
	return a.attempt(c, "none", nil, func() deferred.Deferred[string] { return a.t.auth.AuthNone() })
}

func (a *authentication) password(c gossh.ConnMetadata, password []byte) (*gossh.Permissions, error) {
	return a.attempt(c, "password", nil, func() deferred.Deferred[string] {
		if len(password) > maxPassword {
			return deferred.Fail[string](cred.ErrUnauthorized)
		}
		return a.t.auth.AuthPassword(string(password))
	})
}

// offeredKey answers whether a key may be used. Anybody can offer any key, so it
// changes nothing.
func (a *authentication) offeredKey(c gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
	return await(a, func() deferred.Deferred[*gossh.Permissions] {
		a.setUser(c)
		if a.used(key) {
			return deferred.Fail[*gossh.Permissions](cred.ErrUnauthorized)
		}
		return deferred.Then(a.t.auth.AuthPublicKey(key, false), func(string) (*gossh.Permissions, error) { return &gossh.Permissions{}, nil })
	})
}

// provenKey is called with a key that the client has proved to hold.
func (a *authentication) provenKey(c gossh.ConnMetadata, key gossh.PublicKey, _ *gossh.Permissions, _ string) (*gossh.Permissions, error) {
	return a.attempt(c, "publickey", key, func() deferred.Deferred[string] {
		if a.used(key) {
			return deferred.Fail[string](cred.ErrUnauthorized)
		}
		return a.t.auth.AuthPublicKey(key, true)
	})
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

func (a *authentication) interactive(c gossh.ConnMetadata, challenge gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
	rounds := 0
	ask := func(name, instruction string, prompts []cred.Prompt) deferred.Deferred[[]string] {
		if rounds++; rounds > maxRounds || len(prompts) > maxPrompts {
			return deferred.Fail[[]string](errors.New("server: too many questions"))
		}
		return a.challenge(challenge, name, instruction, prompts)
	}
	return a.attempt(c, "keyboard-interactive", nil, func() deferred.Deferred[string] { return a.t.auth.AuthKeyboardInteractive(ask) })
}

// challenge asks the client on a goroutine, which ends with the answer or with
// the connection.
func (a *authentication) challenge(challenge gossh.KeyboardInteractiveChallenge, name, instruction string, prompts []cred.Prompt) deferred.Deferred[[]string] {
	var questions []string
	var echos []bool
	for _, p := range prompts {
		questions, echos = append(questions, p.Text), append(echos, p.Echo)
	}
	d := deferred.New[[]string]()
	go func() {
		answers, err := challenge(name, instruction, questions, echos)
		a.t.Reactor().CallFromThread(func() {
			if err != nil {
				_ = d.TryErrback(err) // it may have been cancelled
			} else {
				_ = d.TryCallback(answers)
			}
		})
	}()
	return d
}

// logAttempt logs the result of an attempt.
func (a *authentication) logAttempt(c gossh.ConnMetadata, method string, err error) {
	user := text.Quote(c.User())
	a.t.Reactor().CallFromThread(func() {
		_, partial := errors.AsType[*gossh.PartialSuccessError](err)
		switch {
		case err == nil:
			a.t.info("Login accepted", "method", method, "user", user, "key", a.t.login.Fingerprint(), "version", a.t.login.ClientVersion)
		case partial:
			a.t.info("Login partly accepted", "method", method, "user", user, "key", a.t.login.Fingerprint())
		case method == "none" || errors.Is(err, gossh.ErrNoAuth):
		default:
			a.failures++
			a.t.info("Login refused", "method", method, "user", user, "failures", a.failures, "err", err)
		}
	})
}

// explain returns the reason for which the handshake has failed.
func (a *authentication) explain(err error) error {
	if cause := context.Cause(a.life); cause != nil {
		return cause
	}
	return err
}
