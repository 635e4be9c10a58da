// Package agent talks to SSH agents, and is one. An agent is a program that
// holds private keys and signs with them, so that other programs need not read
// the keys (draft-miller-ssh-agent; ssh-agent is OpenSSH's). The package brings
// Twisted's twisted.conch.ssh.agent to Go. The protocol is that of
// golang.org/x/crypto/ssh/agent, which blocks; here results are Deferreds.
//
// # The client
//
// [Connect] connects to the agent of this user, [NewSSHAgentClient] makes a
// client for a connection of any other kind:
//
//	d := agent.Connect(r, "") // the agent at SSH_AUTH_SOCK
//	d.OnValue(func(c *agent.SSHAgentClient) {
//		c.RequestIdentities().OnValue(show).Finally(c.Close)
//	})
//
// Requests are sent in the order of the calls, the next one when the previous
// one has its reply.
//
// # The agent
//
// A [Keyring] holds keys in memory. [Serve] answers the requests that arrive on
// a connection, such as an SSH channel of a server that uses the forwarded
// agent. [SSHAgentServer] does the same as a protocol for a listening port:
//
//	ring := agent.NewKeyring()
//	f := reactor.ForProtocol(func() reactor.Protocol {
//		return agent.NewSSHAgentServer(r, ring)
//	})
//	port, err := r.ListenUNIX("/run/user/1000/agent", f, reactor.UNIXOptions{Mode: 0o600})
//
// # Goroutines
//
// Clients belong to the loop: call their methods there. Their Deferreds fire
// there. A Keyring may be used from any goroutine. A client has a goroutine
// while a request is in progress, and a served connection has one until it
// ends. They end when the connection is closed, and with the reactor.
//
// # Errors
//
// A request fails with an [*OpError], which names the request and the agent.
// errors.Is tells the causes apart:
//
//   - [ErrRefused]: the agent said no. It never says why.
//   - [ErrConnectionLost]: the agent closed the connection or broke the protocol.
//     All requests that wait fail, and so do later ones.
//   - [ErrTimeout]: there was no reply in time. It is an ErrConnectionLost too,
//     because the client then closes the connection.
//   - [ErrClosed]: this side has closed the client.
//
// An agent that ends while no request is in progress is noticed at the next
// request.
//
// Cancelling a Deferred withdraws a request that was not sent. The agent may
// carry out one that was sent; its reply is dropped.
//
// # Bounds
//
// A message has at most 256 KiB in either direction, OpenSSH's limit: a longer
// reply or request ends the connection. At most 1024 requests of a client wait;
// more fail at once. All keys and comments of a Keyring must fit into one
// message. A reply must arrive within SSHAgentClient.Timeout.
package agent
