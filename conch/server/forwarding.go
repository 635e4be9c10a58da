package server

import (
	"errors"
	"net"
	"strconv"

	"github.com/hawser-go/hawser/conch/forward"
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
	rules.Open = restricted(rules.Open, login.MayOpen)
	rules.Listen = restricted(rules.Listen, login.MayListen)
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
		return nil
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
