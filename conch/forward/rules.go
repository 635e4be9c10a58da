package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
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

	// Forbid, if not nil, is asked about each address that a name stands for,
	// before it is dialled, on any goroutine. Names say little about the
	// addresses behind them, so a rule that forbids belongs here.
	Forbid func(netip.AddrPort) error

	// Gateway says on which addresses TCP listeners of the peer may lie.
	Gateway GatewayPorts

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
// peer sends. "*" as the port allows all ports, and "*" as the host all hosts.
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
		return pattern == address
	}
	host, port, err := net.SplitHostPort(pattern)
	gotHost, gotPort, badAddress := net.SplitHostPort(address)
	return err == nil && badAddress == nil && (host == "*" || host == gotHost) && (port == "*" || port == gotPort)
}

func notAllowed(address string) error {
	return &conch.ConchError{Value: "open failed", Data: conch.OpenAdministrativelyProhibited, Err: fmt.Errorf("forward: %q is not allowed", address)}
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
		return struct{}{}, &conch.ConchError{Value: "open failed", Data: conch.OpenAdministrativelyProhibited, Err: err}
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
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return nil // a path
			}
			return r.Forbid(netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
		}
	}
	return d
}
