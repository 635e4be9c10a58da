package client

import (
	"fmt"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// DefaultAuthClient is the authentication of the ssh command: keys from the
// agent and from files, passwords and answers that the user types. It obeys the
// Options of Connect. It is Twisted's
// twisted.conch.client.default.SSHUserAuthClient. Embed it by value to replace
// some of its hooks.
//
// A value serves one connection.
type DefaultAuthClient struct {
	SSHUserAuthClient

	agent   *agentKeys              // nil without an agent
	found   bool                    // waiting has been filled
	waiting []*identity             // keys that were not offered yet
	tried   []*identity             // keys that were offered, in their order
	sent    map[string]bool         // public keys that are not offered again
	offered *identity               // the key that GetPublicKey fired with last
	opened  map[string]gossh.Signer // private keys by their files

	warned     int  // problems that warnOfKeys has looked at
	passwords  int  // how often GetPassword was asked for the standard password
	dialogues  int  // attempts in which GetGenericAnswers was called
	inDialogue bool // GetGenericAnswers was called in the present attempt
	answered   bool // Options.Password has answered a prompt
}

// NewDefaultAuthClient returns the authentication of user. The service instance
// is started after authentication.
func NewDefaultAuthClient(user string, instance conch.Connection) *DefaultAuthClient {
	return &DefaultAuthClient{SSHUserAuthClient: SSHUserAuthClient{User: user, Instance: instance}}
}

// attempt is called before a method is tried.
func (a *DefaultAuthClient) attempt(method string) {
	if method == "keyboard-interactive" {
		a.inDialogue = false
	}
}

// partialSuccess is called when the server has accepted a method and demands
// more. The server can demand the same method again, so all methods start anew.
// The key that was accepted is not offered again. Keys that were refused may be
// right for the next step; they are offered after all others.
func (a *DefaultAuthClient) partialSuccess(method string) {
	a.passwords, a.dialogues, a.answered = 0, 0, false
	if method == "publickey" && len(a.tried) > 0 {
		a.tried = a.tried[:len(a.tried)-1]
	}
	for _, id := range a.tried {
		delete(a.sent, string(id.key.Marshal()))
	}
	a.waiting = append(a.waiting, a.tried...)
	a.tried = nil
}

// pending names what authentication waits for, for the error of a timeout.
func (a *DefaultAuthClient) pending() error {
	if a.agent != nil && !a.agent.done {
		return fmt.Errorf("client: the agent at %s does not answer", text.Quote(a.transport.options.agentSocket()))
	}
	return nil
}

// ServiceStarted connects to the agent, if there is one.
func (a *DefaultAuthClient) ServiceStarted() {
	if o := &a.transport.options; o.usesAgent() {
		a.agent = dialAgent(a.transport.Reactor(), o, a.transport.note)
	}
}

// ServiceStopped closes the connection to the agent.
func (a *DefaultAuthClient) ServiceStopped() {
	if a.agent != nil {
		a.agent.close()
	}
}

// Banner shows the text to the user.
func (a *DefaultAuthClient) Banner(text string) { a.transport.ui().Warn(text) }
