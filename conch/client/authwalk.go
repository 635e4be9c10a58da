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

// authWalk tries one authentication method after the other, as the server allows them (C-AUTH-4 to C-AUTH-8). x/crypto/ssh asks for each
// attempt, at most 64 in all, on the handshake goroutine; what the user's hooks decide is asked for on the loop.
type authWalk struct {
	t      *SSHClientTransport
	client UserAuthClient
	life   context.Context // of the socket: no question outlives it
	given  []string        // methods that failed on this side: they have nothing to offer (C-AUTH-13)
	tried  []string        // methods that were sent, without repeats
	mute   bool            // keyboard-interactive was sent, and the server has asked nothing since
	rounds int             // how often the server has asked
	stop   error           // why no further method is tried: the user has had enough
	last   bool            // x/crypto/ssh was made to look why the connection has ended; only the handshake goroutine uses it
}

// maxRounds is how often a server may ask for keyboard-interactive answers in all.
const maxRounds = 64

func newAuthWalk(t *SSHClientTransport, life context.Context) *authWalk {
	return &authWalk{t: t, client: t.auth, life: life}
}

// callback is the gossh.ClientAuthCallback. A server that has gone while the user was asked something has perhaps said why. x/crypto/ssh finds
// out when it tries to send something, which goes nowhere.
func (w *authWalk) callback(ctx *gossh.ClientAuthContext) (gossh.AuthMethod, error) {
	m, err := reactor.Await(w.life, w.t.Reactor(), func() deferred.Deferred[gossh.AuthMethod] {
		if w.stop != nil {
			return deferred.Fail[gossh.AuthMethod](w.stop)
		}
		return w.try(w.candidates(ctx), ctx)
	})
	switch {
	case w.life.Err() == nil || w.t.Context().Err() != nil:
		return m, err
	case !w.last:
		w.last = true
		return gossh.KeyboardInteractive(w.answers), nil
	}
	return nil, context.Cause(w.life)
}

// failed notes why a hook had nothing to give.
func (w *authWalk) failed(err error) {
	switch {
	case errors.Is(err, ErrInterrupted) || errors.Is(err, deferred.ErrCancelled):
		w.stop = err
	case !errors.Is(err, ErrUnavailable):
		base := w.client.base()
		base.problems = append(base.problems, err)
	}
}

// candidates returns the methods worth trying, in the order of preference.
func (w *authWalk) candidates(ctx *gossh.ClientAuthContext) []string {
	if w.mute {
		w.given = append(w.given, "keyboard-interactive") // it is not the way in, however often it is tried
	}
	methods := slices.DeleteFunc(slices.Clone(ctx.AllowedMethods), func(m string) bool {
		return slices.Contains(w.given, m) || slices.Contains(ctx.PartialSuccessMethods, m)
	})
	order := w.client.base().order()
	rank := func(m string) int {
		if i := slices.Index(order, m); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(methods, func(a, b string) int { return rank(a) - rank(b) })
	return methods
}

// try answers with the first method that has something to send.
func (w *authWalk) try(methods []string, ctx *gossh.ClientAuthContext) deferred.Deferred[gossh.AuthMethod] {
	if len(methods) == 0 {
		return deferred.Fail[gossh.AuthMethod](w.exhausted(ctx))
	}
	name := methods[0]
	return deferred.ThenBothDeferred(w.method(name), func(m gossh.AuthMethod, err error) deferred.Deferred[gossh.AuthMethod] {
		switch {
		case err != nil:
			w.given = append(w.given, name)
			if w.failed(err); w.stop != nil {
				return deferred.Fail[gossh.AuthMethod](w.stop)
			}
		case m != nil:
			if !slices.Contains(w.tried, name) {
				w.tried = append(w.tried, name)
			}
			return deferred.Succeed(m)
		}
		return w.try(methods[1:], ctx)
	})
}

// method asks the hooks for the method of that name; nil means that there is nothing to send. A hook
// that panics fails only its method (C-AUTH-14).
func (w *authWalk) method(name string) deferred.Deferred[gossh.AuthMethod] {
	switch name {
	case "publickey":
		return deferred.Then(deferred.MaybeDeferred(w.client.GetPublicKey), w.publicKey)
	case "password":
		asked := deferred.MaybeDeferred(func() deferred.Deferred[string] { return w.client.GetPassword("") })
		return deferred.Then(asked, func(password string) (gossh.AuthMethod, error) {
			return gossh.Password(password), nil
		})
	case "keyboard-interactive":
		w.mute = true
		w.client.base().asked = false
		return deferred.Succeed(gossh.KeyboardInteractive(w.answers))
	}
	return deferred.Fail[gossh.AuthMethod](ErrUnavailable)
}

func (w *authWalk) publicKey(key gossh.PublicKey) (gossh.AuthMethod, error) {
	if key == nil {
		return nil, nil
	}
	return gossh.PublicKeys(&hookSigner{w, key}), nil
}

// answers is the gossh.KeyboardInteractiveChallenge.
func (w *authWalk) answers(name, instruction string, questions []string, echos []bool) ([]string, error) {
	prompts := make([]Prompt, len(questions))
	for i, q := range questions {
		prompts[i] = Prompt{Text: text.Lines(q), Echo: echos[i]}
	}
	return reactor.Await(w.life, w.t.Reactor(), func() deferred.Deferred[[]string] {
		w.mute = false
		asked := deferred.MaybeDeferred(func() deferred.Deferred[[]string] { return w.ask(text.Lines(name), text.Lines(instruction), prompts) })
		return asked.AddErrback(func(err error) ([]string, error) {
			w.given = append(w.given, "keyboard-interactive")
			w.failed(err)
			return nil, err
		})
	})
}

// ask asks the hook for the answers to one round of questions.
func (w *authWalk) ask(name, instruction string, prompts []Prompt) deferred.Deferred[[]string] {
	if w.rounds++; w.rounds > maxRounds {
		return deferred.Fail[[]string](fmt.Errorf("conch: the server has asked more than %d times", maxRounds))
	}
	return w.client.GetGenericAnswers(name, instruction, prompts).AddCallback(func(answers []string) ([]string, error) {
		if len(answers) != len(prompts) {
			return nil, fmt.Errorf("conch: GetGenericAnswers has %d answers to %d questions", len(answers), len(prompts))
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
	if problems := w.client.base().problems; len(problems) > 0 {
		denied.Err = &unusedError{problems}
	}
	return denied
}

// unusedError says why keys and passwords were not used that the user may have counted on.
type unusedError struct{ causes []error }

func (e *unusedError) Error() string {
	texts := make([]string, len(e.causes))
	for i, cause := range e.causes {
		texts[i] = text.TrimPrefix(cause)
	}
	return "not used: " + strings.Join(slices.Compact(texts), "; ")
}

// Unwrap returns the causes.
func (e *unusedError) Unwrap() []error { return e.causes }

// hookSigner is a gossh.Signer whose signatures come from the SignData hook.
type hookSigner struct {
	walk *authWalk
	key  gossh.PublicKey
}

func (s *hookSigner) PublicKey() gossh.PublicKey { return s.key }

func (s *hookSigner) Sign(rand io.Reader, data []byte) (*gossh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, s.Algorithms()[0])
}

// SignWithAlgorithm runs on the handshake goroutine.
func (s *hookSigner) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*gossh.Signature, error) {
	return reactor.Await(s.walk.life, s.walk.t.Reactor(), func() deferred.Deferred[*gossh.Signature] {
		signed := deferred.MaybeDeferred(func() deferred.Deferred[*gossh.Signature] { return s.walk.client.SignData(s.key, data, algorithm) })
		return signed.AddErrback(func(err error) (*gossh.Signature, error) {
			s.walk.failed(err)
			return nil, err
		})
	})
}

// Algorithms returns the signature algorithms for the key, best first. SHA-1 for RSA comes last, for servers that announce nothing better
// (C-AUTH-22).
func (s *hookSigner) Algorithms() []string {
	kind := s.key.Type()
	if cert, ok := s.key.(*gossh.Certificate); ok {
		kind = cert.Key.Type()
	}
	if kind == gossh.KeyAlgoRSA {
		return []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSA}
	}
	return []string{kind}
}
