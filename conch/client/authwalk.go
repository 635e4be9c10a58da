package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// authWalk tries one authentication method after the other, as the server allows
// them. x/crypto/ssh calls it on the handshake goroutine before each attempt.
// Except where a comment says otherwise, its state belongs to the loop.
type authWalk struct {
	t      *SSHClientTransport
	client UserAuthClient
	life   context.Context // of the socket; no question outlives it

	failed   []string      // methods with nothing to offer
	tried    []string      // methods that were sent, without repeats
	last     string        // the method that was sent last
	password *passwordOnce // the attempt with a password that was sent last
	signer   *hookSigner   // the key that was offered last
	partial  int           // how many methods the server has accepted
	silent   bool          // keyboard-interactive was sent, and the server has asked nothing since
	rounds   int           // how often the server has asked
	stop     error         // the user has interrupted the walk
	expired  bool          // the server demands a new password
	ending   bool          // see callback; belongs to the handshake goroutine
}

// Bounds on what a server can demand.
const (
	maxRounds   = 64 // questions of keyboard-interactive authentication
	maxAttempts = 64 // x/crypto/ssh ends the connection after that many
)

func newAuthWalk(t *SSHClientTransport, life context.Context) *authWalk {
	return &authWalk{t: t, client: t.auth, life: life}
}

// callback is the gossh.ClientAuthCallback. It runs on the handshake goroutine.
// A server that has disconnected during a question may have sent the reason.
// x/crypto/ssh reads the reason only after it has sent something. So callback
// returns one more method, which goes nowhere.
func (w *authWalk) callback(ctx *gossh.ClientAuthContext) (gossh.AuthMethod, error) {
	m, err := reactor.Await(w.life, w.t.Reactor(), func() deferred.Deferred[gossh.AuthMethod] { return w.next(ctx) })
	switch {
	case w.life.Err() == nil || w.t.Context().Err() != nil:
		return m, err
	case !w.ending:
		w.ending = true
		return gossh.KeyboardInteractive(w.answers), nil
	}
	return nil, context.Cause(w.life)
}

// next fires with the method of the next attempt. It fires with nil if
// x/crypto/ssh shall return the error of the last attempt.
func (w *authWalk) next(ctx *gossh.ClientAuthContext) deferred.Deferred[gossh.AuthMethod] {
	if err := w.t.beginAuth(); err != nil {
		return deferred.Fail[gossh.AuthMethod](err)
	}
	w.judge(ctx)
	switch {
	case w.stop != nil:
		return deferred.Fail[gossh.AuthMethod](w.stop)
	case w.expired:
		return deferred.Succeed[gossh.AuthMethod](nil)
	case len(ctx.TriedMethods)+len(ctx.PartialSuccessMethods) >= maxAttempts:
		w.t.note(fmt.Errorf("client: gave up after %d attempts; name the right key in Options.Identities", maxAttempts))
		return deferred.Fail[gossh.AuthMethod](w.exhausted(ctx))
	}
	return w.try(w.candidates(ctx), ctx)
}

// judge looks how the last attempt has ended.
func (w *authWalk) judge(ctx *gossh.ClientAuthContext) {
	if len(ctx.PartialSuccessMethods) > w.partial {
		w.partial = len(ctx.PartialSuccessMethods)
		w.t.debug("Authentication method accepted; the server demands more", "method", w.last)
		w.failed, w.silent = nil, false
		if c, ok := w.client.(interface{ partialSuccess(string) }); ok {
			c.partialSuccess(w.last)
		}
		return
	}
	if w.last != "" {
		w.t.debug("Authentication method refused", "method", w.last)
	}
	switch {
	case w.last == "password" && !w.password.refused:
		// Neither success nor failure: a request for a new password.
		w.expired = true
	case w.last == "publickey" && w.signer.needsSHA1():
		w.t.note(fmt.Errorf("client: the server takes signatures of the RSA key %s only with SHA-1; see Options.LegacyAlgorithms",
			gossh.FingerprintSHA256(w.signer.key)))
	case w.last == "keyboard-interactive" && w.silent:
		w.failed = append(w.failed, w.last) // the server does not use it
	}
}

// hookFailed notes the failure of a hook.
func (w *authWalk) hookFailed(err error) {
	switch {
	case errors.Is(err, ErrInterrupted) || errors.Is(err, deferred.ErrCancelled):
		w.stop = err
	case !errors.Is(err, ErrUnavailable):
		w.t.note(err)
	}
}

// candidates returns the methods to try, in the order of preference.
func (w *authWalk) candidates(ctx *gossh.ClientAuthContext) []string {
	return slices.DeleteFunc(slices.Clone(w.t.options.methods()), func(m string) bool {
		return !slices.Contains(ctx.AllowedMethods, m) || slices.Contains(w.failed, m)
	})
}

// try fires with the first method that has something to send.
func (w *authWalk) try(methods []string, ctx *gossh.ClientAuthContext) deferred.Deferred[gossh.AuthMethod] {
	if len(methods) == 0 {
		return deferred.Fail[gossh.AuthMethod](w.exhausted(ctx))
	}
	name := methods[0]
	if c, ok := w.client.(interface{ attempt(string) }); ok {
		c.attempt(name)
	}
	return deferred.ThenBothDeferred(w.method(name), func(m gossh.AuthMethod, err error) deferred.Deferred[gossh.AuthMethod] {
		switch {
		case err != nil:
			w.failed = append(w.failed, name)
			w.t.debug("Authentication method has nothing to offer", "method", name, "err", err)
			if w.hookFailed(err); w.stop != nil {
				return deferred.Fail[gossh.AuthMethod](w.stop)
			}
		case m != nil:
			w.last = name
			if !slices.Contains(w.tried, name) {
				w.tried = append(w.tried, name)
			}
			if name != "publickey" {
				w.t.debug("Trying authentication method", "method", name)
			}
			return deferred.Succeed(m)
		}
		return w.try(methods[1:], ctx)
	})
}

// method asks the hooks for the method of that name. It fires with nil if there
// is nothing to send.
func (w *authWalk) method(name string) deferred.Deferred[gossh.AuthMethod] {
	switch name {
	case "publickey":
		return deferred.ThenDeferred(deferred.MaybeDeferred(w.client.GetPublicKey), w.publicKey)
	case "password":
		asked := deferred.MaybeDeferred(func() deferred.Deferred[string] { return w.client.GetPassword("") })
		return deferred.Then(asked, func(password string) (gossh.AuthMethod, error) {
			w.password = &passwordOnce{password: password}
			return gossh.RetryableAuthMethod(gossh.PasswordCallback(w.password.get), 0), nil
		})
	}
	w.silent = true
	return deferred.Succeed(gossh.KeyboardInteractive(w.answers))
}

// publicKey offers a key, or the next one if no algorithm is enabled for it.
func (w *authWalk) publicKey(key gossh.PublicKey) deferred.Deferred[gossh.AuthMethod] {
	if key == nil {
		return deferred.Succeed[gossh.AuthMethod](nil)
	}
	allowed := allowedSignatures(key, w.t.algorithms.PublicKeys)
	if len(allowed) == 0 {
		w.t.note(notAllowed("a key", key))
		return w.method("publickey")
	}
	w.t.debug("Offering public key", "type", key.Type(), "fingerprint", fingerprintOf{key})
	w.signer = &hookSigner{walk: w, key: key, allowed: allowed}
	return deferred.Succeed(gossh.PublicKeys(w.signer))
}

// passwordOnce is an attempt with one password. x/crypto/ssh does not tell a
// refused password from a request for a new one (RFC 4252, section 8). But its
// RetryableAuthMethod asks for the next password only after a refusal.
type passwordOnce struct {
	password string
	sent     bool
	refused  bool
}

var errPasswordRefused = errors.New("client: password refused")

// get runs on the handshake goroutine.
func (p *passwordOnce) get() (string, error) {
	if p.sent {
		p.refused = true
		return "", errPasswordRefused
	}
	p.sent = true
	return p.password, nil
}

// explain returns the error of authentication in our terms.
func (w *authWalk) explain(err error) error {
	if w.expired && strings.Contains(err.Error(), "unexpected message type 60") {
		return &conch.ConchError{Value: "permission denied", Data: conch.DisconnectNoMoreAuthMethodsAllowed, Err: ErrPasswordExpired}
	}
	return err
}

// answers is the gossh.KeyboardInteractiveChallenge. It runs on the handshake
// goroutine.
func (w *authWalk) answers(name, instruction string, questions []string, echos []bool) ([]string, error) {
	prompts := make([]Prompt, len(questions))
	for i, q := range questions {
		prompts[i] = Prompt{Text: text.Lines(q), Echo: echos[i]}
	}
	return reactor.Await(w.life, w.t.Reactor(), func() deferred.Deferred[[]string] {
		w.silent = false
		asked := deferred.MaybeDeferred(func() deferred.Deferred[[]string] { return w.ask(text.Lines(name), text.Lines(instruction), prompts) })
		return asked.AddErrback(func(err error) ([]string, error) {
			w.failed = append(w.failed, "keyboard-interactive")
			w.hookFailed(err)
			return nil, err
		})
	})
}

// ask asks the hook for the answers to one round of questions.
func (w *authWalk) ask(name, instruction string, prompts []Prompt) deferred.Deferred[[]string] {
	if w.rounds++; w.rounds > maxRounds {
		return deferred.Fail[[]string](fmt.Errorf("client: the server has asked more than %d times", maxRounds))
	}
	return w.client.GetGenericAnswers(name, instruction, prompts).AddCallback(func(answers []string) ([]string, error) {
		if len(answers) != len(prompts) {
			return nil, fmt.Errorf("client: GetGenericAnswers has %d answers to %d questions", len(answers), len(prompts))
		}
		return answers, nil
	})
}

// exhausted is the failure when nothing is left to try.
func (w *authWalk) exhausted(ctx *gossh.ClientAuthContext) error {
	tried := "nothing"
	if len(w.tried) > 0 {
		tried = strings.Join(w.tried, ", ")
	}
	denied := &conch.ConchError{
		Value: fmt.Sprintf("permission denied: tried %s; the server allows %s", tried, text.Line(strings.Join(ctx.AllowedMethods, ", "))),
		Data:  conch.DisconnectNoMoreAuthMethodsAllowed,
	}
	if len(w.t.options.Methods) > 0 {
		denied.Value += "; Options.Methods has " + strings.Join(w.t.options.Methods, ", ")
	}
	if problems := w.t.problems; len(problems) > 0 {
		denied.Err = &unusedError{problems}
	}
	return denied
}

// hookSigner is a gossh.Signer whose signatures come from the SignData hook. It
// runs on the handshake goroutine.
type hookSigner struct {
	walk    *authWalk
	key     gossh.PublicKey
	allowed []string // signature algorithms, the preferred one first
	looked  int      // calls of Algorithms
}

func (s *hookSigner) PublicKey() gossh.PublicKey { return s.key }

func (s *hookSigner) Sign(rand io.Reader, data []byte) (*gossh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, s.allowed[0])
}

func (s *hookSigner) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*gossh.Signature, error) {
	return reactor.Await(s.walk.life, s.walk.t.Reactor(), func() deferred.Deferred[*gossh.Signature] {
		signed := deferred.MaybeDeferred(func() deferred.Deferred[*gossh.Signature] { return s.walk.client.SignData(s.key, data, algorithm) })
		return signed.AddErrback(func(err error) (*gossh.Signature, error) {
			s.walk.hookFailed(err)
			return nil, err
		})
	})
}

// Algorithms returns the signature algorithms, the preferred one first.
func (s *hookSigner) Algorithms() []string {
	s.looked++
	return s.allowed
}

// needsSHA1 reports whether the server has no algorithm for an RSA key but
// ssh-rsa, which is not enabled. x/crypto/ssh then looks at the algorithms again
// for its error, and does not offer the key.
func (s *hookSigner) needsSHA1() bool {
	return s.key.Type() == gossh.KeyAlgoRSA && s.looked > 1 && !slices.Contains(s.allowed, gossh.KeyAlgoRSA)
}
