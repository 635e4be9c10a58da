package server

import (
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/deferred"
)

// rule is a function of forward.Rules.
type rule = func(network, address string) deferred.Deferred[struct{}]

// serveForwarding lets the client forward what the avatar and the login allow.
func (t *SSHServerTransport) serveForwarding(c Connection) {
	rules := t.avatar.base().Forwarding
	if rules.Open == nil && rules.Listen == nil {
		return
	}
	rules.Open = restricted(rules.Open, t.login.Restrictions, t.login.Restrictions.PermitOpen)
	rules.Listen = restricted(rules.Listen, t.login.Restrictions, t.login.Restrictions.PermitListen)
	forward.Serve(c, rules)
}

// restricted returns a rule that allows what both allow and the login allow. A
// nil list allows everything.
func restricted(allow rule, login cred.Restrictions, list []string) rule {
	switch {
	case login.NoPortForwarding:
		return nil
	case allow == nil || list == nil:
		return allow
	}
	permitted := forward.Allow(list...)
	return func(network, address string) deferred.Deferred[struct{}] {
		return deferred.ThenDeferred(permitted(network, address), func(struct{}) deferred.Deferred[struct{}] {
			return allow(network, address)
		})
	}
}
