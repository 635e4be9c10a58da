package cred

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/wildcard"
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
	// and where the client may listen. nil permits all. An entry is host:port;
	// an IPv6 address is in brackets, and the port may be "*". The host of
	// PermitListen may have the wildcards * and ?. MayOpen and MayListen
	// apply the lists.
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
	r.PermitOpen = both(r.PermitOpen, other.PermitOpen, sameHost)
	r.PermitListen = both(r.PermitListen, other.PermitListen, hostMatches)
	r.Environment = slices.Concat(r.Environment, other.Environment)
	return r, nil
}

// MayOpen reports whether a connection may be forwarded to a host and port.
// Hosts are compared as they are written, without regard to case: an address is
// not its name.
func (r *Restrictions) MayOpen(host string, port int) bool {
	return !r.NoPortForwarding && permits(r.PermitOpen, host, port, sameHost)
}

// MayListen reports whether the client may listen on a port of an address. The
// host is as the client has sent it.
func (r *Restrictions) MayListen(host string, port int) bool {
	return !r.NoPortForwarding && permits(r.PermitListen, host, port, hostMatches)
}

func permits(list []string, host string, port int, match func(host, pattern string) bool) bool {
	if list == nil {
		return true
	}
	return slices.ContainsFunc(list, func(entry string) bool {
		h, p := splitPermit(entry)
		return match(host, h) && (p == "*" || p == strconv.Itoa(port))
	})
}

// splitPermit splits host:port. The brackets of an IPv6 address are removed.
func splitPermit(entry string) (host, port string) {
	at := strings.LastIndexByte(entry, ':')
	if at < 0 {
		return "", ""
	}
	host, port = entry[:at], entry[at+1:]
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	return host, port
}

func sameHost(host, entry string) bool { return strings.EqualFold(host, entry) }

func hostMatches(host, pattern string) bool {
	return wildcard.Match(strings.ToLower(host), strings.ToLower(pattern))
}

// both returns what both lists permit. nil is a list of everything. Of two
// patterns that overlap, and of which neither contains the other, nothing is
// permitted.
func both(a, b []string, match func(host, pattern string) bool) []string {
	if a == nil {
		return slices.Clone(b)
	}
	if b == nil {
		return slices.Clone(a)
	}
	common := []string{}
	for _, x := range a {
		for _, y := range b {
			if entry, ok := narrower(x, y, match); ok && !slices.Contains(common, entry) {
				common = append(common, entry)
			}
		}
	}
	return common
}

// narrower returns an entry for what both entries permit.
func narrower(a, b string, match func(host, pattern string) bool) (string, bool) {
	hostA, portA := splitPermit(a)
	hostB, portB := splitPermit(b)
	host, port := hostA, portA
	switch {
	case within(hostA, hostB, match):
	case within(hostB, hostA, match):
		host = hostB
	default:
		return "", false
	}
	switch {
	case portB == "*" || portA == portB:
	case portA == "*":
		port = portB
	default:
		return "", false
	}
	return net.JoinHostPort(host, port), true
}

// within reports whether a pattern contains another one. A "?" does not contain
// the "*" that it matches.
func within(host, pattern string, match func(host, pattern string) bool) bool {
	return match(host, pattern) && !(strings.Contains(host, "*") && strings.Contains(pattern, "?"))
}
