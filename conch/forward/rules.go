package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
)

// Rules says what a peer may forward through this side. The zero value refuses
// everything. All functions but Dial belong to the loop.
type Rules struct {
	// Open is asked before this side connects to an address for the peer:
	// host:port for the network "tcp", a path for "unix", both as the peer has
	// sent them. A failure refuses it. nil refuses everything.
	Open func(network, address string) deferred.Deferred[struct{}]

	// Listen is asked before this side listens for the peer. A failure refuses
	// it. nil refuses everything.
	Listen func(network, address string) deferred.Deferred[struct{}]

	// Forbid, if not nil, is asked about each TCP address before it is dialled,
	// after names have been resolved, on any goroutine. An error refuses the
	// address. Names, and the many ways to write an address, say little about
	// the address that is dialled, so a rule that forbids belongs here. IPv4
	// addresses are never in IPv6 form.
	Forbid func(netip.AddrPort) error

	// Gateway says on which addresses TCP listeners of the peer may lie.
	Gateway GatewayPorts

	// PrivilegedPorts lets the peer listen on the ports below 1024 that Listen
	// allows. They are refused otherwise.
	PrivilegedPorts bool

	// Sockets is the number of connections and listeners that peers may have
	// here at the same time, for all SSH connections with this limit together.
	// nil means a quarter of the file descriptors of the process, for all
	// Rules without a limit together.
	Sockets *SocketLimit

	// DialTimeout is the time limit of a connection. 0 means one minute.
	DialTimeout time.Duration
}

// GatewayPorts says on which addresses the peer may listen, as in sshd_config.
type GatewayPorts uint8

// The values of GatewayPorts.
const (
	GatewayNo              GatewayPorts = iota // loopback addresses only, whatever the peer asks for
	GatewayYes                                 // all addresses, whatever the peer asks for
	GatewayClientSpecified                     // what the peer asks for
)

// Allow returns a function for Rules.Open or Rules.Listen that allows the
// addresses of a list, each as host:port or a path. The host must be what the
// peer sends. "*" as the port allows all ports, and "*" as the host all hosts. A
// path that ends with "/*" allows the paths directly in a directory. The peer
// must not be able to make symbolic links there.
func Allow(addresses ...string) func(network, address string) deferred.Deferred[struct{}] {
	return func(network, address string) deferred.Deferred[struct{}] {
		if slices.ContainsFunc(addresses, func(pattern string) bool { return allows(pattern, network, address) }) {
			return deferred.Succeed(struct{}{})
		}
		return deferred.Fail[struct{}](notAllowed(address))
	}
}

// AllowAll is a function for Rules.Open or Rules.Listen that allows everything.
func AllowAll(network, address string) deferred.Deferred[struct{}] {
	return deferred.Succeed(struct{}{})
}

// allows reports whether a pattern of Allow matches.
func allows(pattern, network, address string) bool {
	if network == "unix" {
		dir, all := strings.CutSuffix(pattern, "/*")
		return pattern == address || all && filepath.Dir(address) == filepath.Clean(dir)
	}
	host, port, err := net.SplitHostPort(pattern)
	gotHost, gotPort, badAddress := net.SplitHostPort(address)
	return err == nil && badAddress == nil && (host == "*" || host == gotHost) && (port == "*" || port == gotPort)
}

func notAllowed(address string) error {
	return prohibited(fmt.Errorf("forward: %q is not allowed", address))
}

// usablePath reports whether the path of a UNIX socket means the same to a rule
// and to the system: it is absolute, without "..", doubled slashes and NUL.
func usablePath(path string) bool {
	return filepath.IsAbs(path) && filepath.Clean(path) == path && !strings.Contains(path, "\x00")
}

func (r *Rules) sockets() *SocketLimit {
	if r.Sockets == nil {
		return processSockets()
	}
	return r.Sockets
}

// permitted asks a rule.
func permitted(rule func(network, address string) deferred.Deferred[struct{}], network, address string) deferred.Deferred[struct{}] {
	if rule == nil {
		return deferred.Fail[struct{}](notAllowed(address))
	}
	return rule(network, address).AddErrback(func(err error) (struct{}, error) {
		if _, ok := errors.AsType[*conch.ConchError](err); ok || errors.Is(err, deferred.ErrCancelled) {
			return struct{}{}, err
		}
		return struct{}{}, prohibited(err)
	})
}

// dialer returns a dialer that asks Forbid.
func (r *Rules) dialer() *net.Dialer {
	d := &net.Dialer{Timeout: r.DialTimeout}
	if d.Timeout == 0 {
		d.Timeout = time.Minute
	}
	if r.Forbid != nil {
		d.ControlContext = func(_ context.Context, network, address string, _ syscall.RawConn) error {
			if network == "unix" {
				return nil
			}
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return &forbiddenError{err}
			}
			if err := r.Forbid(netip.AddrPortFrom(to.Addr().Unmap(), to.Port())); err != nil {
				return &forbiddenError{err}
			}
			return nil
		}
	}
	return d
}
