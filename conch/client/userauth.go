package client

import (
	"crypto/rand"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// UserAuthClient is the client's side of user authentication (RFC 4252). Embed
// SSHUserAuthClient or DefaultAuthClient by value and replace hooks. Connect
// calls the hooks of the value that it is given.
//
// All hooks run on the loop. Their Deferreds may fire later. When the attempt to
// connect ends, at Options.Timeout at the latest, a Deferred that has not fired
// is cancelled. A hook that panics or fails makes its method fail, and the next
// method is tried.
type UserAuthClient interface {
	// ServiceStarted is called when authentication begins. The host key has
	// been accepted.
	ServiceStarted()

	// ServiceStopped is called when authentication has ended.
	ServiceStopped()

	// Banner is called with a text that the server wants the user to read (RFC
	// 4252, section 5.4). Characters that are not printable are escaped.
	Banner(text string)

	// GetPublicKey fires with the next public key to offer. Nil means that
	// there are no more keys.
	GetPublicKey() deferred.Deferred[gossh.PublicKey]

	// GetPrivateKey fires with the private key for the public key that was
	// offered last.
	GetPrivateKey() deferred.Deferred[gossh.Signer]

	// SignData signs data with the private key of publicKey, which the server
	// accepts. The algorithm is the name of the signature. For RSA keys it is
	// rsa-sha2-512 or rsa-sha2-256 (RFC 8332), or ssh-rsa with
	// Options.LegacyAlgorithms. The hook of SSHUserAuthClient signs with the
	// key that GetPrivateKey fires with.
	SignData(publicKey gossh.PublicKey, data []byte, algorithm string) deferred.Deferred[*gossh.Signature]

	// GetPassword fires with the password. The prompt is empty for the
	// standard prompt. After a failure the method is not tried again.
	GetPassword(prompt string) deferred.Deferred[string]

	// GetGenericAnswers fires with the answers to the prompts of
	// keyboard-interactive authentication (RFC 4256), one answer for each
	// prompt. There can be no prompts.
	GetGenericAnswers(name, instruction string, prompts []Prompt) deferred.Deferred[[]string]

	base() *SSHUserAuthClient
}

var (
	_ UserAuthClient = (*SSHUserAuthClient)(nil)
	_ UserAuthClient = (*DefaultAuthClient)(nil)
)

// Prompt is a question of keyboard-interactive authentication.
type Prompt struct {
	Text string // the question; characters that are not printable are escaped
	Echo bool   // the answer may be visible while the user types it
}

// SSHUserAuthClient is an authentication that has no keys and no password: each
// of its hooks has nothing to offer. Embed it by value in a type that replaces
// hooks. It is Twisted's twisted.conch.ssh.userauth.SSHUserAuthClient.
// DefaultAuthClient is an authentication that asks the user.
//
// The fields must be set before Connect. A value serves one connection.
type SSHUserAuthClient struct {
	User     string           // the name to log in with
	Instance conch.Connection // the service to start after authentication

	transport *SSHClientTransport
}

// NewSSHUserAuthClient returns an authentication of user that has nothing to
// offer. The service instance is started after authentication.
func NewSSHUserAuthClient(user string, instance conch.Connection) *SSHUserAuthClient {
	return &SSHUserAuthClient{User: user, Instance: instance}
}

func (a *SSHUserAuthClient) base() *SSHUserAuthClient { return a }

// Transport returns the transport. It is nil before ServiceStarted.
func (a *SSHUserAuthClient) Transport() *SSHClientTransport { return a.transport }

// ServiceStarted does nothing.
func (a *SSHUserAuthClient) ServiceStarted() {}

// ServiceStopped does nothing.
func (a *SSHUserAuthClient) ServiceStopped() {}

// Banner logs the text.
func (a *SSHUserAuthClient) Banner(text string) {
	a.transport.Reactor().Logger().Info("Banner of the server", "addr", a.transport.address, "text", text)
}

// GetPublicKey fires with nil.
func (a *SSHUserAuthClient) GetPublicKey() deferred.Deferred[gossh.PublicKey] {
	return deferred.Succeed[gossh.PublicKey](nil)
}

// GetPrivateKey fails with ErrUnavailable.
func (a *SSHUserAuthClient) GetPrivateKey() deferred.Deferred[gossh.Signer] {
	return deferred.Fail[gossh.Signer](ErrUnavailable)
}

// SignData signs on the thread pool with the key that GetPrivateKey fires with.
func (a *SSHUserAuthClient) SignData(_ gossh.PublicKey, data []byte, algorithm string) deferred.Deferred[*gossh.Signature] {
	r := a.transport.Reactor()
	return deferred.ThenDeferred(a.transport.auth.GetPrivateKey(), func(key gossh.Signer) deferred.Deferred[*gossh.Signature] {
		if key == nil {
			return deferred.Fail[*gossh.Signature](ErrUnavailable)
		}
		return reactor.DeferToThread(r, func() (*gossh.Signature, error) {
			if s, ok := key.(gossh.AlgorithmSigner); ok {
				return s.SignWithAlgorithm(rand.Reader, data, algorithm)
			}
			return key.Sign(rand.Reader, data)
		})
	})
}

// GetPassword fails with ErrUnavailable.
func (a *SSHUserAuthClient) GetPassword(string) deferred.Deferred[string] {
	return deferred.Fail[string](ErrUnavailable)
}

// GetGenericAnswers answers no prompts with no answers. If there are prompts it
// fails with ErrUnavailable.
func (a *SSHUserAuthClient) GetGenericAnswers(_, _ string, prompts []Prompt) deferred.Deferred[[]string] {
	if len(prompts) > 0 {
		return deferred.Fail[[]string](ErrUnavailable)
	}
	return deferred.Succeed[[]string](nil)
}
