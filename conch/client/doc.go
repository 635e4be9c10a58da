// Package client logs in to SSH servers: it dials, checks the host key,
// authenticates and starts a connection of package conch. It is
// twisted.conch.client and twisted.conch.endpoints for Go.
//
// The short way to run a command is Target.Exec:
//
//	target := client.Target{User: "me", Host: "example.org"}
//	target.Exec(r, "uptime", nil).OnValue(func(out client.Output) { … })
//
// [Connect] is the way of a program in Twisted's style, which embeds
// conch.SSHConnection in a type of its own. [Exec] runs a command on a connection
// that exists; a [ClientSession] takes output as it arrives, and has terminals,
// signals and the exit status. [NewConnection] and [ExistingConnection] make a
// command an endpoint, to which a protocol connects.
//
// Everything belongs to the loop of the reactor, unless a comment says otherwise.
package client
