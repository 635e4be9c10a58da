package server

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"

	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

// rule is a function of forward.Rules.
type rule = func(network, address string) deferred.Deferred[struct{}]

// serveForwarding lets the client forward what the avatar and the login allow.
func (t *SSHServerTransport) serveForwarding(c Connection) {
	rules := t.avatar.base().Forwarding
	login := &t.login.Restrictions
	if rules.Open == nil && rules.Listen == nil || login.NoPortForwarding {
		return
	}
	log := t.forwardingLog()
	rules.Open = log.rule("open", restricted(rules.Open, login.MayOpen))
	rules.Listen = log.rule("listen", restricted(rules.Listen, login.MayListen))
	if rules.Forbid != nil {
		rules.Forbid = log.forbid(rules.Forbid)
	}
	if rules.Sockets == nil {
		rules.Sockets = t.factory.Sockets
	}
	forward.Serve(c, rules)
}

// errKeyForbids is the failure of what the options of a key do not allow.
var errKeyForbids = errors.New("server: the options of the key do not allow it")

// restricted returns a rule that allows what both allow and the login allow. The
// options of keys say nothing about single UNIX sockets.
func restricted(allow rule, login func(host string, port int) bool) rule {
	if allow == nil {
		allow = forward.Allow() // nothing
	}
	return func(network, address string) deferred.Deferred[struct{}] {
		if network == "tcp" && !may(login, address) {
			return deferred.Fail[struct{}](errKeyForbids)
		}
		return allow(network, address)
	}
}

// may asks a function of cred.Restrictions. An address that is none is not
// allowed.
func may(login func(host string, port int) bool, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	number, err := strconv.Atoi(port)
	return err == nil && login(host, number)
}

// forwardingLog logs what the rules say to a client.
type forwardingLog struct{ *slog.Logger }

func (t *SSHServerTransport) forwardingLog() forwardingLog {
	return forwardingLog{t.Reactor().Logger().With(userAttr(t.login.User), "remote", t.login.Remote)}
}

// rule returns a rule that logs the answers of allow.
func (l forwardingLog) rule(request string, allow rule) rule {
	return func(network, address string) deferred.Deferred[struct{}] {
		return deferred.ThenBoth(allow(network, address), func(_ struct{}, err error) (struct{}, error) {
			switch shown := text.Line(address); {
			case err == nil:
				l.Debug("server: forwarding allowed", "request", request, "network", network, "address", shown)
			case !errors.Is(err, deferred.ErrCancelled):
				l.refused(request, network, shown, err)
			}
			return struct{}{}, err
		})
	}
}

// forbid returns a function for forward.Rules.Forbid that logs the refusals of
// forbid.
func (l forwardingLog) forbid(forbid func(netip.AddrPort) error) func(netip.AddrPort) error {
	return func(to netip.AddrPort) error {
		err := forbid(to)
		if err != nil {
			l.refused("open", "tcp", to.String(), err)
		}
		return err
	}
}

func (l forwardingLog) refused(request, network, address string, err error) {
	l.Info("server: forwarding refused", "request", request, "network", network, "address", address, "err", text.Line(err.Error()))
}
