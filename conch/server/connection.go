package server

import (
	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
)

// SSHConnection is the connection of a client that has logged in. It asks the
// avatar which channels and global requests it allows. Embed it by value in a
// connection of SSHFactory.NewConnection.
type SSHConnection struct {
	conch.SSHConnection
	avatar Avatar
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

// GetChannel asks the avatar.
func (c *SSHConnection) GetChannel(channelType string, data []byte) deferred.Deferred[conch.Channel] {
	return c.avatar.LookupChannel(channelType, data)
}

// GotGlobalRequest asks the avatar.
func (c *SSHConnection) GotGlobalRequest(name string, data []byte) deferred.Deferred[[]byte] {
	return c.avatar.GotGlobalRequest(name, data)
}
