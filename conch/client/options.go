package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// Defaults of Options.
const (
	// DefaultTimeout is the default of Options.Timeout. It is the LoginGraceTime
	// of sshd: a server waits no longer for a login.
	DefaultTimeout = 2 * time.Minute

	DefaultDialTimeout         = 30 * time.Second
	DefaultServerAliveCountMax = 3
	DefaultPasswordPrompts     = 3
)

// Options says how Connect connects. The zero value does what the ssh command
// does without options. Options are copied when they are passed; later changes
// have no effect. In names of files, a leading ~/ stands for the home directory.
type Options struct {
	// Password is the password of the user. DefaultAuthClient sends it once,
	// and does not ask the user for a password. The Password also answers the
	// first question of keyboard-interactive authentication (RFC 4256) that is
	// alone and whose answer is hidden.
	Password string

	// Signers are private keys, offered in their order.
	Signers []gossh.Signer

	// Identities are private key files, offered in their order. If Identities
	// is empty, the files id_ed25519, id_ecdsa and id_rsa in ~/.ssh are used,
	// unless Password or Signers are set. A certificate is read from the file
	// with -cert.pub at the end of its name, and offered before its key.
	Identities []string

	// Certificates are files of certificates for keys of the agent or of
	// Identities. They are offered first, and the -cert.pub files are not read.
	Certificates []string

	// IdentitiesOnly uses only those keys of the agent that Identities, or the
	// default files, name. Without it the other keys of the agent follow after
	// the keys that are named.
	IdentitiesOnly bool

	// NoAgent does not use the agent for authentication.
	NoAgent bool

	// AgentSocket is the UNIX socket of the agent. If it is empty, the
	// environment variable SSH_AUTH_SOCK names the socket. If Password or
	// Signers are set, an agent is used only if AgentSocket is set.
	AgentSocket string

	// Methods are the authentication methods in the order in which they are
	// tried. Other methods are not tried. If Methods is empty, it is publickey,
	// keyboard-interactive, password.
	Methods []string

	// PasswordPrompts is how often the user is asked for a password, and how
	// often keyboard-interactive authentication is tried. 0 means
	// DefaultPasswordPrompts.
	PasswordPrompts int

	// BatchMode never asks the user. Whatever needs an answer fails.
	BatchMode bool

	// ForwardAgent lets programs on the server use the agent, as ssh -A does,
	// until the connection ends: each ClientSession with a command or a shell
	// requests that from the server. Anybody who controls the server can sign
	// with the agent's keys in that time. Keys that ssh-add -h has restricted to
	// destinations do not work, because x/crypto/ssh hides the data that the
	// agent needs to check the restriction.
	ForwardAgent bool

	// ForwardAgentSocket is the socket of the forwarded agent. If it is empty,
	// the agent of AgentSocket is forwarded.
	ForwardAgentSocket string

	// HostKeyAlias is the name under which VerifyHostKey looks up and saves the
	// host key, instead of the host and port. The alias has no port.
	HostKeyAlias string

	// KnownHosts are the user's known-hosts files. Keys that the user accepts
	// are saved to the first one. Nil means ~/.ssh/known_hosts and
	// ~/.ssh/known_hosts2. An empty list that is not nil means no file.
	KnownHosts []string

	// GlobalKnownHosts are known-hosts files of the machine. Nil means
	// /etc/ssh/ssh_known_hosts and /etc/ssh/ssh_known_hosts2. An empty list that
	// is not nil means no file.
	GlobalKnownHosts []string

	// HashKnownHosts saves host names hashed, so that nobody can read them in
	// the file.
	HashKnownHosts bool

	// HostKeys is what VerifyHostKey does about an unknown host.
	HostKeys HostKeyPolicy

	// Ciphers, MACs, KeyExchanges and HostKeyAlgorithms are the algorithms that
	// are offered to the server, the preferred one first. PublicKeyAlgorithms
	// are the algorithms that user keys may have. An empty list means the list
	// of conch.DefaultAlgorithms. The default HostKeyAlgorithms begin with the types
	// of the keys that are known for the host.
	Ciphers, MACs, KeyExchanges, HostKeyAlgorithms, PublicKeyAlgorithms []string

	// LegacyAlgorithms adds, at the end of the default lists, the algorithms
	// that x/crypto/ssh calls insecure: SHA-1 signatures (ssh-rsa), ssh-dss, CBC
	// and RC4 ciphers, key exchange with SHA-1. Some old devices have no others.
	LegacyAlgorithms bool

	// Timeout bounds the whole set-up, from dialling to ServiceStarted. It
	// includes the time in which the user answers questions. 0 means
	// DefaultTimeout. There is no limit if Timeout is negative.
	Timeout time.Duration

	// DialTimeout bounds dialling, and then the wait for the version line of the
	// server. With a Jump it bounds dialling from the jump host; the login to
	// the jump host has limits of its own. 0 means DefaultDialTimeout for
	// dialling, and no limit of the version line but Timeout.
	DialTimeout time.Duration

	// ServerAliveInterval is the time without data from the server after which
	// the client sends a keepalive@openssh.com request. 0 means never.
	ServerAliveInterval time.Duration

	// ServerAliveCountMax is the number of such requests in a row that the
	// server may leave unanswered. Then the connection ends with
	// conch.ErrPeerSilent. 0 means DefaultServerAliveCountMax.
	ServerAliveCountMax int

	// UI asks the user. Nil means a ConsoleUI on the controlling terminal.
	UI UI

	// Dial replaces dialling TCP, for example for a proxy. It runs on a
	// goroutine of the connection and must return when ctx is done.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Jump is a host to log in to first; the connection starts there (ssh's
	// ProxyJump). The options of Jump may have a Jump too. Jump is not used if
	// Dial is set.
	Jump *Target

	// Progress is called on the loop when a phase of the set-up has ended, with
	// a line for the user.
	Progress func(phase Phase, result string)
}

// HostKeyPolicy is what VerifyHostKey does about a host without a known key
// (ssh's StrictHostKeyChecking). A changed or revoked key is always refused.
type HostKeyPolicy uint8

// The policies.
const (
	AskAboutNewHosts HostKeyPolicy = iota // ask the user
	RefuseNewHosts                        // fail with ErrUnknownHost
	AcceptNewHosts                        // accept the key and save it
)

// methods are the authentication methods that exist, in the default order.
var methods = []string{"publickey", "keyboard-interactive", "password"}

// Validate returns an error if an option has no effect or an unknown name in it.
// Connect calls Validate.
func (o *Options) Validate() error {
	for _, name := range o.Methods {
		if !slices.Contains(methods, name) {
			return fmt.Errorf("client: unsupported authentication method %s; supported: %s", text.Quote(name), strings.Join(methods, ", "))
		}
	}
	switch {
	case o.PasswordPrompts < 0:
		return errors.New("client: Options.PasswordPrompts is negative; list Methods without password to ask for no password")
	case slices.Contains(o.Signers, nil):
		return errors.New("client: Options.Signers has a nil signer")
	case o.HostKeys > AcceptNewHosts:
		return fmt.Errorf("client: Options.HostKeys is %d, which is no policy", o.HostKeys)
	}
	return o.validateAlgorithms()
}

// methods returns the methods to try, in their order.
func (o *Options) methods() []string {
	if len(o.Methods) == 0 {
		return methods
	}
	return o.Methods
}

// given reports whether the program supplies what the login needs. The user is
// then not asked for a password, and keys of the user are not looked for.
func (o *Options) given() bool { return o.Password != "" || o.Signers != nil }

func (o *Options) passwordPrompts() int { return cmp.Or(o.PasswordPrompts, DefaultPasswordPrompts) }

func (o *Options) timeout() time.Duration { return cmp.Or(o.Timeout, DefaultTimeout) }

func (o *Options) dialTimeout() time.Duration { return cmp.Or(o.DialTimeout, DefaultDialTimeout) }
