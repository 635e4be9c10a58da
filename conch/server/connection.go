package server

import (
	"cmp"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
)

// SSHConnection is the connection of a client that has logged in. It asks the
// avatar which channels and global requests it allows. Embed it by value in a
// connection of SSHFactory.NewConnection.
type SSHConnection struct {
	conch.SSHConnection
	factory  *SSHFactory
	avatar   Avatar
	sessions int  // open, or being opened
	noMore   bool // the client wants no session any more
}

// Connection is a conch.Connection of a server: one that embeds SSHConnection.
type Connection interface {
	conch.Connection

	// Avatar returns the user, and nil before ServiceStarted.
	Avatar() Avatar

	serverBase() *SSHConnection
}

func (c *SSHConnection) serverBase() *SSHConnection { return c }

// Avatar returns the user, and nil before ServiceStarted.
func (c *SSHConnection) Avatar() Avatar { return c.avatar }

// GetChannel asks the avatar. It refuses more sessions than
// SSHFactory.MaxSessions.
func (c *SSHConnection) GetChannel(channelType string, data []byte) deferred.Deferred[conch.Channel] {
	if channelType != "session" {
		return c.avatar.LookupChannel(channelType, data)
	}
	if c.noMore || c.sessions >= c.factory.maxSessions() {
		return deferred.Fail[conch.Channel](&conch.ConchError{Value: "open failed", Data: conch.OpenConnectFailed})
	}
	d := c.avatar.LookupChannel(channelType, data)
	if d == (deferred.Deferred[conch.Channel]{}) {
		return d
	}
	c.sessions++
	return d.OnResult(func(ch conch.Channel, err error) {
		if err != nil || ch == nil {
			c.sessions--
			return
		}
		if d, ok := whenClosed(ch); ok {
			d.OnResult(func(struct{}, error) { c.sessions-- })
		}
	})
}

// whenClosed returns WhenClosed of a channel. Every channel has this method of
// SSHChannel, unless its type hides it.
func whenClosed(ch conch.Channel) (d deferred.Deferred[struct{}], ok bool) {
	c, ok := ch.(interface {
		WhenClosed() deferred.Deferred[struct{}]
	})
	if ok {
		d = c.WhenClosed()
	}
	return d, ok
}

func (f *SSHFactory) maxSessions() int { return cmp.Or(f.MaxSessions, DefaultMaxSessions) }

// noMoreSessions is the request of a client that it will open no session any
// more (OpenSSH's PROTOCOL, section 2.2).
const noMoreSessions = "no-more-sessions@openssh.com"

// GotGlobalRequest asks the avatar.
func (c *SSHConnection) GotGlobalRequest(name string, data []byte) deferred.Deferred[[]byte] {
	if name == noMoreSessions {
		c.noMore = true
		return deferred.Succeed[[]byte](nil)
	}
	return c.avatar.GotGlobalRequest(name, data)
}
