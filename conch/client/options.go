package client

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// Time limits that hold where Options has none.
const (
	DefaultTimeout     = 2 * time.Minute // sshd's LoginGraceTime: no server waits longer for a login
	DefaultDialTimeout = 30 * time.Second
)

// DefaultServerAliveCountMax holds where Options has no ServerAliveCountMax.
const DefaultServerAliveCountMax = 3

// Options says how to connect: Twisted's options of the conch and cftp programs. The zero value does what the ssh command does
// without options. It is copied by those it is given to; changing it afterwards has no effect.
type Options struct {
	// Host is the name under which the host key is looked up. Empty means the host given to Connect.
	Host string
	// Port is the port that belongs to Host in known_hosts. Zero means the port given to Connect.
	Port int

	// Identities names private key files, tried in order. If it is empty, id_ed25519, id_ecdsa and id_rsa in ~/.ssh are tried, those that
	// exist.
	Identities []string
	// NoAgent leaves the agent's keys alone; it may be forwarded all the same.
	NoAgent bool

	// AgentSocket is the UNIX socket of the agent; ~/ stands for the home directory. Empty means the one that SSH_AUTH_SOCK names.
	AgentSocket string

	// ForwardAgent lets programs on the server use the agent here as long as the connection lasts, as ssh -A does: each ClientSession with a command
	// or a shell asks the server for it. Everybody who controls the server can sign with the agent's keys meanwhile. Without it a server that tries
	// is refused. Keys that ssh-add has restricted to destinations cannot be used in this way: x/crypto/ssh does not tell what the agent wants
	// to know of the connection.
	ForwardAgent bool
	// ForwardAgentSocket is the socket of the agent to forward, if it is another one than AgentSocket.
	ForwardAgentSocket string

	// IdentitiesOnly has the agent use only keys that Identities, or the default files, have too.
	IdentitiesOnly bool

	// KnownHosts names the known-hosts files; keys that the user accepts are saved to the first. If it is empty, ~/.ssh/known_hosts,
	// ~/.ssh/known_hosts2 and /etc/ssh/ssh_known_hosts are read.
	KnownHosts []string

	// HostKeys says what happens to a host that no known-hosts file has. The zero value asks the user.
	HostKeys HostKeyPolicy

	// Ciphers, MACs, KeyExchanges and HostKeyAlgorithms replace the preference lists of the key exchange. Empty means x/crypto/ssh's
	// defaults, with the host key types already known for the host first.
	Ciphers, MACs, KeyExchanges, HostKeyAlgorithms []string

	// Timeout bounds the whole set-up, from dialling to ServiceStarted, the user's answers to questions included. Zero means
	// DefaultTimeout; negative means no limit.
	Timeout time.Duration
	// DialTimeout bounds the dialling alone; with a Jump, only that from there, for the login there has limits of its own. Zero means
	// DefaultDialTimeout.
	DialTimeout time.Duration

	// ServerAliveInterval is how long the server may be silent before it is asked for a sign of life, with a global request
	// keepalive@openssh.com. Zero means that it is never asked.
	ServerAliveInterval time.Duration
	// ServerAliveCountMax is how often the server may be asked in a row without sending anything; after that the connection is closed
	// with ErrPeerSilent. Zero means DefaultServerAliveCountMax.
	ServerAliveCountMax int

	// UI asks the user. Nil means a ConsoleUI on the controlling terminal.
	UI UI

	// Dial replaces the dialling of TCP, for instance by a proxy. It runs on a goroutine of the connection and must return when ctx is done.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Jump is a host to log in to first; the connection goes from there (ssh's ProxyJump). Its own options may have a Jump again.
	// It is not used with Dial.
	Jump *Target

	// Progress is told, on the reactor goroutine, when a phase of the set-up is over, with a line for people.
	Progress func(phase Phase, result string)

	// HostKeyAlias is a name that replaces the host and the port when the host key
	// is looked up and saved (ssh's HostKeyAlias). Empty means no alias.
	HostKeyAlias string

	// GlobalKnownHosts names known-hosts files that are only read, after
	// KnownHosts. Nil means /etc/ssh/ssh_known_hosts and
	// /etc/ssh/ssh_known_hosts2; an empty list that is not nil means no files.
	GlobalKnownHosts []string

	// HashKnownHosts makes saved host names hashed in known_hosts (ssh's
	// HashKnownHosts). Otherwise they are saved in clear.
	HashKnownHosts bool

	// Methods lists the authentication methods to use, in order of preference:
	// publickey, keyboard-interactive, password. Empty means the default.
	Methods []string

	// BatchMode makes every question to the user fail (ssh's BatchMode).
	BatchMode bool

	// PasswordPrompts is how often the user may be asked for a password (ssh's
	// NumberOfPasswordPrompts). Zero means 3.
	PasswordPrompts int

	// Certificates names certificate files that are offered with the keys of
	// Identities and of the agent (ssh's CertificateFile).
	Certificates []string

	// PublicKeyAlgorithms are the signature algorithms for keys of the user, in
	// order of preference (ssh's PubkeyAcceptedAlgorithms). Empty means the
	// default.
	PublicKeyAlgorithms []string
}

// HostKeyPolicy is ssh's StrictHostKeyChecking: what VerifyHostKey does about a host that is not known. A changed or revoked key is refused by all.
type HostKeyPolicy uint8

// The policies.
const (
	AskAboutNewHosts HostKeyPolicy = iota
	RefuseNewHosts                 // with ErrUnknownHost
	AcceptNewHosts                 // and save them
)

// Validate reports the first algorithm name that is not known, with the names that are (C-CLIENT-52). Connect calls it.
func (o *Options) Validate() error {
	known, insecure := gossh.SupportedAlgorithms(), gossh.InsecureAlgorithms()
	for _, list := range []struct {
		what        string
		names       []string
		safe, risky []string
	}{
		{"cipher", o.Ciphers, known.Ciphers, insecure.Ciphers},
		{"MAC", o.MACs, known.MACs, insecure.MACs},
		{"key exchange", o.KeyExchanges, known.KeyExchanges, insecure.KeyExchanges},
		{"host key algorithm", o.HostKeyAlgorithms, known.HostKeys, insecure.HostKeys},
	} {
		for _, name := range list.names {
			if !slices.Contains(list.safe, name) && !slices.Contains(list.risky, name) {
				return fmt.Errorf("conch: unknown %s %q; known are %s", list.what, name,
					strings.Join(append(slices.Clone(list.safe), list.risky...), ", "))
			}
		}
	}
	return nil
}

func (o *Options) timeout() time.Duration {
	if o.Timeout == 0 {
		return DefaultTimeout
	}
	return o.Timeout
}

// onlyIdentities returns the files that the agent's keys are restricted to, nil if they are not.
func (o *Options) onlyIdentities() []string {
	if !o.IdentitiesOnly {
		return nil
	}
	return o.identities()
}

func (o *Options) serverAliveCountMax() int {
	if o.ServerAliveCountMax == 0 {
		return DefaultServerAliveCountMax
	}
	return o.ServerAliveCountMax
}

func (o *Options) dialTimeout() time.Duration {
	if o.DialTimeout == 0 {
		return DefaultDialTimeout
	}
	return o.DialTimeout
}
