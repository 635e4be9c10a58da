package server

import (
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// UserAuthServer is the server's side of user authentication (RFC 4252). Embed
// SSHUserAuthServer by value and replace hooks. All hooks run on the loop. Their
// Deferreds may fire later. When the connection ends, at
// SSHFactory.LoginGraceTime at the latest, a Deferred that has not fired is
// cancelled. A hook that panics or fails refuses the attempt. If it fails with
// ErrRefuseConnection, the connection ends.
//
// A hook for a method fires with the id of the avatar. If a login needs several
// methods, each must fire with the same id.
type UserAuthServer interface {
	// Methods returns the methods that the server offers.
	Methods() []string

	// Banner fires with a text that the client shows before the login, of at
	// most 8 KiB. An empty text shows nothing. It is called once, before the
	// first attempt.
	Banner() deferred.Deferred[string]

	// AuthNone judges a client that presents nothing.
	AuthNone() deferred.Deferred[string]

	// AuthPassword judges a password. It is not called with an empty password,
	// unless SSHFactory.PermitEmptyPasswords is set, nor with one of more than
	// 1 KiB.
	AuthPassword(password string) deferred.Deferred[string]

	// AuthPublicKey judges a key. With proven false the client only asks
	// whether it may use the key, and has proved nothing: the hook answers, and
	// does nothing else.
	AuthPublicKey(key gossh.PublicKey, proven bool) deferred.Deferred[string]

	// AuthKeyboardInteractive asks the user questions and judges the answers.
	// ask fires with as many answers as there are prompts. There may be 64
	// prompts in a round and 64 rounds, one after the other.
	AuthKeyboardInteractive(ask func(name, instruction string, prompts []cred.Prompt) deferred.Deferred[[]string]) deferred.Deferred[string]

	// RequestAvatar fires with the avatar of a login that needs nothing more.
	RequestAvatar(id string) deferred.Deferred[Avatar]

	// AuthLog is called after each attempt. The default logs the attempt.
	AuthLog(*AuthAttempt)

	base() *SSHUserAuthServer
}

// SSHUserAuthServer is an authentication that asks a portal. It is Twisted's
// SSHUserAuthServer. A value serves one connection.
type SSHUserAuthServer struct {
	transport      *SSHServerTransport
	authentication *authentication
}

func (a *SSHUserAuthServer) base() *SSHUserAuthServer { return a }

// Transport returns the transport of the connection.
func (a *SSHUserAuthServer) Transport() *SSHServerTransport { return a.transport }

// Login returns what is known about the client so far.
func (a *SSHUserAuthServer) Login() *Login { return &a.transport.login }

func (a *SSHUserAuthServer) portal() *cred.Portal[Avatar] { return a.transport.factory.Portal }

// Methods returns the methods for which the portal has a checker.
func (a *SSHUserAuthServer) Methods() (methods []string) {
	for _, kind := range a.portal().Kinds() {
		methods = append(methods, string(kind))
	}
	return methods
}

// Banner fires with an empty text.
func (a *SSHUserAuthServer) Banner() deferred.Deferred[string] { return deferred.Succeed("") }

// AuthNone asks the portal.
func (a *SSHUserAuthServer) AuthNone() deferred.Deferred[string] {
	return a.portal().RequestAvatarID(&cred.Anonymous{Username: a.Login().User})
}

// AuthPassword asks the portal.
func (a *SSHUserAuthServer) AuthPassword(password string) deferred.Deferred[string] {
	return a.portal().RequestAvatarID(&cred.UsernamePassword{Username: a.Login().User, Password: password})
}

// AuthPublicKey asks the portal.
func (a *SSHUserAuthServer) AuthPublicKey(key gossh.PublicKey, proven bool) deferred.Deferred[string] {
	l := a.Login()
	return a.portal().RequestAvatarID(&cred.PublicKey{Username: l.User, Key: key, Remote: l.Remote, Proven: proven, Accept: a.Grant})
}

// Grant notes what a key may do. AuthPublicKey passes it to the portal. A hook
// that replaces AuthPublicKey may call it before the hook's Deferred fires. The
// restrictions hold only if the client has proved to hold the key. They are added
// to those of other steps. The error is nil.
func (a *SSHUserAuthServer) Grant(g cred.Grant) error {
	a.authentication.grant = g
	return nil
}

// AuthKeyboardInteractive asks the portal.
func (a *SSHUserAuthServer) AuthKeyboardInteractive(ask func(name, instruction string, prompts []cred.Prompt) deferred.Deferred[[]string]) deferred.Deferred[string] {
	return a.portal().RequestAvatarID(&cred.Interactive{Username: a.Login().User, Ask: ask})
}

// RequestAvatar asks the portal.
func (a *SSHUserAuthServer) RequestAvatar(id string) deferred.Deferred[Avatar] {
	return a.portal().RequestAvatar(id, a.Login())
}

// AuthLog logs the attempt, with a Message in the form of OpenSSH's log. A
// refusal is at level Info, a broken checker at level Warn.
func (a *SSHUserAuthServer) AuthLog(at *AuthAttempt) {
	ctx, logger := a.transport.Context(), a.transport.Reactor().Logger()
	if level := at.level(); logger.Enabled(ctx, level) {
		logger.Log(ctx, level, at.Message(), at.attrs()...)
	}
}
