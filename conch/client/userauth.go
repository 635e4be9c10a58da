package client

import (
	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// UserAuthClient is the client's side of user authentication (RFC 4252). Embed SSHUserAuthClient by value and replace the hooks that
// should behave differently; the framework calls the hooks of the value that was given to Connect. All of them run on the reactor
// goroutine and may answer with a Deferred that fires later; one that never fires is ended by Connect's time limit, which cancels it.
type UserAuthClient interface {
	// ServiceStarted is called when the host key has been accepted and authentication begins.
	ServiceStarted()
	// ServiceStopped is called when authentication is over, however it ended.
	ServiceStopped()
	// Banner is called with a text that the server wants the user to read (RFC 4252, section 5.4). Control characters have been replaced.
	Banner(text string)

	// GetPublicKey answers with the next public key to offer, or with nil when there is none left (C-AUTH-9).
	GetPublicKey() deferred.Deferred[gossh.PublicKey]
	// GetPrivateKey answers with the private key that belongs to the public key offered last (C-AUTH-11).
	GetPrivateKey() deferred.Deferred[gossh.Signer]
	// SignData signs data for publicKey, which the server would accept. algorithm names the signature, for RSA keys one of the rsa-sha2
	// algorithms (RFC 8332). By default the key from GetPrivateKey signs (C-AUTH-10, C-AUTH-11).
	SignData(publicKey gossh.PublicKey, data []byte, algorithm string) deferred.Deferred[*gossh.Signature]
	// GetPassword answers with the password; prompt is empty for the standard one. A failure means that there is none, and the method is
	// not tried again (C-AUTH-12, C-AUTH-13).
	GetPassword(prompt string) deferred.Deferred[string]
	// GetGenericAnswers answers the prompts of keyboard-interactive authentication (RFC 4256), one answer for each. There may be none.
	GetGenericAnswers(name, instruction string, prompts []Prompt) deferred.Deferred[[]string]

	base() *SSHUserAuthClient
}

// Prompt is a question of keyboard-interactive authentication.
type Prompt struct {
	Text string // what to ask; control characters have been replaced
	Echo bool   // whether the answer may be seen while it is typed
}

// preferredOrder is the order in which methods are tried (C-AUTH-4).
var preferredOrder = []string{"publickey", "password", "keyboard-interactive"}

// SSHUserAuthClient is the authentication that the ssh command does: keys from the agent and from files, passwords and answers asked on the
// terminal. It is Twisted's SSHUserAuthClient of conch.client.default, and the base of other ones.
//
// The fields User and Instance must be set before Connect; the rest of the zero value is ready to use. It serves one connection.
type SSHUserAuthClient struct {
	User     string           // whom to authenticate as
	Options  Options          // which keys to use, and the UI
	Instance conch.Connection // the service to start afterwards

	// PreferredOrder lists the methods in the order in which to try them; methods that are not in it come last. Empty means publickey,
	// password, keyboard-interactive.
	PreferredOrder []string

	transport *SSHClientTransport
	agent     *agentKeys
	files     []candidate             // what identity files have that was not offered yet
	walking   bool                    // files has been set
	offered   identity                // what GetPublicKey answered last
	opened    map[string]gossh.Signer // private keys of files that needed a passphrase
	problems  []error                 // why something was of no use that the user may have counted on
	passwords int                     // how often the standard password was asked for
	dialogues int                     // how many attempts GetGenericAnswers has answered in
	asked     bool                    // it has in the one that is under way
}

// NewSSHUserAuthClient returns the standard authentication of user, after which instance is started.
func NewSSHUserAuthClient(user string, options Options, instance conch.Connection) *SSHUserAuthClient {
	return &SSHUserAuthClient{User: user, Options: options, Instance: instance}
}

func (a *SSHUserAuthClient) base() *SSHUserAuthClient { return a }

// Transport returns the transport, and nil before ServiceStarted.
func (a *SSHUserAuthClient) Transport() *SSHClientTransport { return a.transport }

func (a *SSHUserAuthClient) order() []string {
	if len(a.PreferredOrder) == 0 {
		return preferredOrder
	}
	return a.PreferredOrder
}

// ServiceStarted contacts the agent, if there is one (C-AUTH-31).
func (a *SSHUserAuthClient) ServiceStarted() {
	if !a.Options.NoAgent {
		a.agent = dialAgent(a.transport.Reactor(), &a.Options, func(err error) { a.problems = append(a.problems, err) })
	}
}

// ServiceStopped closes the connection to the agent (C-AUTH-39).
func (a *SSHUserAuthClient) ServiceStopped() {
	if a.agent != nil {
		a.agent.close()
	}
}

// Banner shows the text to the user.
func (a *SSHUserAuthClient) Banner(text string) { a.ui().Warn(text) }

func (a *SSHUserAuthClient) ui() UI {
	if a.Options.UI == nil {
		a.Options.UI = NewConsoleUI(a.transport.Reactor())
	}
	return a.Options.UI
}

// SignData has the agent sign if it holds the key, and else the key from GetPrivateKey.
func (a *SSHUserAuthClient) SignData(publicKey gossh.PublicKey, data []byte, algorithm string) deferred.Deferred[*gossh.Signature] {
	if a.offered.agent {
		return a.agent.sign(publicKey, data, algorithm)
	}
	hooks := a.transport.auth
	r := a.transport.Reactor()
	return deferred.ThenDeferred(hooks.GetPrivateKey(), func(key gossh.Signer) deferred.Deferred[*gossh.Signature] {
		return signInThread(r, key, data, algorithm)
	})
}
