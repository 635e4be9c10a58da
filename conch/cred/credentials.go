package cred

import (
	"net"

	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// Kind names a kind of credentials. The kinds of this package have the names of
// SSH's authentication methods (RFC 4252, RFC 4256).
type Kind string

// The kinds of credentials of this package.
const (
	KindNone        Kind = "none"                 // Anonymous
	KindPassword    Kind = "password"             // UsernamePassword
	KindPublicKey   Kind = "publickey"            // PublicKey
	KindInteractive Kind = "keyboard-interactive" // Interactive
)

// Credentials are what a client presents to be recognised: one of the types of
// this package, or a type of your own with a Kind of its own.
type Credentials interface {
	Kind() Kind

	// User returns the name that the client wants to log in with. It is as the
	// client has sent it.
	User() string
}

// Anonymous are the credentials of a client that presents none. It is Twisted's
// IAnonymous.
type Anonymous struct{ Username string }

// Kind returns KindNone.
func (*Anonymous) Kind() Kind { return KindNone }

// User returns the name of the user.
func (c *Anonymous) User() string { return c.Username }

// UsernamePassword is a password in clear text. It is Twisted's
// IUsernamePassword.
type UsernamePassword struct{ Username, Password string }

// Kind returns KindPassword.
func (*UsernamePassword) Kind() Kind { return KindPassword }

// User returns the name of the user.
func (c *UsernamePassword) User() string { return c.Username }

// PublicKey is a public key or a certificate. It is Twisted's ISSHPrivateKey.
type PublicKey struct {
	Username string
	Key      gossh.PublicKey // a *gossh.Certificate if it is a certificate
	Remote   net.Addr        // the address of the client; may be nil

	// Proven reports that the client has proved to hold the private key. If it
	// is false, the client only asks whether the key would be accepted:
	// anybody can do that for any key. A checker then answers, and does nothing
	// else.
	Proven bool

	// Accept is called by the checker before it accepts the key, with what is
	// known about the key. An error refuses the key. It may be nil.
	Accept func(Grant) error
}

// Grant is what a checker knows about a key that it accepts.
type Grant struct {
	// Restrictions is what the login may not do.
	Restrictions Restrictions

	// NoTouch reports that the signature of a security key counts although
	// nobody has touched the key.
	NoTouch bool

	// Source is where the key is listed, for logs: a file and a line, such as
	// "/home/alice/.ssh/authorized_keys:3".
	Source string
}

// accept calls Accept, and fires with the name of the user.
func (c *PublicKey) accept(g Grant) deferred.Deferred[string] {
	if c.Accept != nil {
		if err := c.Accept(g); err != nil {
			return deferred.Fail[string](err)
		}
	}
	return deferred.Succeed(c.Username)
}

// Kind returns KindPublicKey.
func (*PublicKey) Kind() Kind { return KindPublicKey }

// User returns the name of the user.
func (c *PublicKey) User() string { return c.Username }

// Prompt is a question of keyboard-interactive authentication.
type Prompt struct {
	Text string
	Echo bool // the answer may be visible while the user types it
}

// Interactive are the answers of a user to questions (RFC 4256).
type Interactive struct {
	Username string

	// Ask asks the user some questions at once, and fires with as many answers.
	// There may be no prompts. It may be called several times, one after the
	// other.
	Ask func(name, instruction string, prompts []Prompt) deferred.Deferred[[]string]
}

// Kind returns KindInteractive.
func (*Interactive) Kind() Kind { return KindInteractive }

// User returns the name of the user.
func (c *Interactive) User() string { return c.Username }
