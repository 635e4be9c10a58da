package cred

import (
	"errors"
	"slices"
)

// Restrictions is what a login may not do, although the server allows it. They
// come from the options of a key in authorized_keys and of certificates. The
// zero value restricts nothing.
type Restrictions struct {
	// Command runs instead of any command, shell or subsystem that the client
	// asks for. Empty means none.
	Command string

	NoAgentForwarding bool
	NoPortForwarding  bool
	NoPTY             bool
	NoUserRC          bool
	NoX11Forwarding   bool

	// PermitOpen and PermitListen list where connections may be forwarded to,
	// and where the client may listen, each as host:port. nil permits all.
	PermitOpen, PermitListen []string

	// Environment has variables for programs. The first of a name counts. A
	// server uses them only if it is told to.
	Environment []string // "NAME=value"
}

// errCommands is the failure of a login with two different forced commands.
var errCommands = errors.New("cred: two different commands are forced")

// And returns the restrictions of both r and other. It fails if they force two
// different commands.
func (r Restrictions) And(other Restrictions) (Restrictions, error) {
	if r.Command != "" && other.Command != "" && r.Command != other.Command {
		return r, errCommands
	}
	if r.Command == "" {
		r.Command = other.Command
	}
	r.NoAgentForwarding = r.NoAgentForwarding || other.NoAgentForwarding
	r.NoPortForwarding = r.NoPortForwarding || other.NoPortForwarding
	r.NoPTY = r.NoPTY || other.NoPTY
	r.NoUserRC = r.NoUserRC || other.NoUserRC
	r.NoX11Forwarding = r.NoX11Forwarding || other.NoX11Forwarding
	r.PermitOpen = both(r.PermitOpen, other.PermitOpen)
	r.PermitListen = both(r.PermitListen, other.PermitListen)
	r.Environment = slices.Concat(r.Environment, other.Environment)
	return r, nil
}

// both returns the entries that are in both lists. nil is a list of everything.
func both(a, b []string) []string {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	common := []string{}
	for _, entry := range a {
		if slices.Contains(b, entry) {
			common = append(common, entry)
		}
	}
	return common
}
