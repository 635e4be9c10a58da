package server

import (
	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Avatar is a user who has logged in. It is Twisted's IConchUser. Embed
// ConchUser by value. All methods belong to the loop.
type Avatar interface {
	// LookupChannel answers a channel that the client wants to open, as
	// GetChannel of a conch.Connection does.
	LookupChannel(channelType string, data []byte) deferred.Deferred[conch.Channel]

	// LookupSubsystem fires with the protocol of a subsystem, which gets the
	// channel as its transport. A failure and the zero Deferred refuse it.
	LookupSubsystem(name string, data []byte) deferred.Deferred[reactor.Protocol]

	// GotGlobalRequest answers a global request of the client, as
	// GotGlobalRequest of a conch.Connection does.
	GotGlobalRequest(name string, data []byte) deferred.Deferred[[]byte]

	// Logout is called once, when the connection has ended, after Closed of its
	// channels.
	Logout()

	// Conn returns the connection, and nil before its ServiceStarted.
	Conn() conch.Connection

	// Login returns who has logged in, and how.
	Login() *Login

	base() *ConchUser
}

// ConchUser is the base of avatars. Its tables are empty, so a client can open no
// channel. It is Twisted's ConchUser. The zero value is ready for use. An avatar
// serves one connection.
type ConchUser struct {
	// Channels has the channel types that the client may open.
	Channels map[string]func(data []byte) deferred.Deferred[conch.Channel]

	// Subsystems has the subsystems of sessions. The functions are called with
	// the payload of the request.
	Subsystems map[string]func(data []byte) deferred.Deferred[reactor.Protocol]

	// GlobalRequests has the global requests that the client may make.
	GlobalRequests map[string]func(data []byte) deferred.Deferred[[]byte]

	// Forwarding is what the client may forward through the server. The options
	// of its key restrict that further. The zero value refuses everything.
	Forwarding forward.Rules

	conn  conch.Connection
	login *Login
}

func (u *ConchUser) base() *ConchUser { return u }

// LookupChannel looks in Channels.
func (u *ConchUser) LookupChannel(channelType string, data []byte) deferred.Deferred[conch.Channel] {
	return lookup(u.Channels, channelType, data)
}

// LookupSubsystem looks in Subsystems.
func (u *ConchUser) LookupSubsystem(name string, data []byte) deferred.Deferred[reactor.Protocol] {
	return lookup(u.Subsystems, name, data)
}

// GotGlobalRequest looks in GlobalRequests.
func (u *ConchUser) GotGlobalRequest(name string, data []byte) deferred.Deferred[[]byte] {
	return lookup(u.GlobalRequests, name, data)
}

func lookup[T any](table map[string]func([]byte) deferred.Deferred[T], name string, data []byte) deferred.Deferred[T] {
	if f := table[name]; f != nil {
		return f(data)
	}
	return deferred.Deferred[T]{}
}

// Logout does nothing.
func (u *ConchUser) Logout() {}

// Conn returns the connection, and nil before its ServiceStarted.
func (u *ConchUser) Conn() conch.Connection { return u.conn }

// Login returns who has logged in, and nil before the avatar is used.
func (u *ConchUser) Login() *Login { return u.login }
