package manhole

import (
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// NewTelnetFactory returns a telnet server. Users log in with a name and a
// password, which the checkers judge, and get the program that build returns.
// Telnet encrypts nothing, so listen on a loopback address only.
func NewTelnetFactory(r *reactor.Reactor, build func() insults.Protocol, checkers ...cred.Checker) reactor.Factory {
	portal := cred.NewPortal(telnetRealm{build}, checkers...)
	login := func() telnet.Protocol {
		return &telnet.AuthenticatingTelnetProtocol[*telnet.TelnetBootstrapProtocol]{Portal: portal, Clock: r}
	}
	return reactor.ForProtocol(func() reactor.Protocol {
		return &telnet.TelnetTransport{ProtocolFactory: login, Logger: r.Logger()}
	})
}

// telnetRealm gives each user a terminal program.
type telnetRealm struct{ build func() insults.Protocol }

// RequestAvatar returns the protocol that follows the login.
func (r telnetRealm) RequestAvatar(string, any) deferred.Deferred[*telnet.TelnetBootstrapProtocol] {
	return deferred.Succeed(&telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol {
		return insults.NewServerProtocol(r.build)
	}})
}
