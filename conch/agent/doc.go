// Package agent is the SSH agent protocol, draft-miller-ssh-agent, as callbacks: a client that asks an agent for signatures, and a server that is
// one. Both run over anything that carries bytes: the socket of a local agent, an SSH channel of a forwarded one, or a pipe.
//
// # The client
//
// A [SSHAgentClient] starts no goroutine and reads nothing itself. Bytes come in through DataReceived, cut in any way; requests go out
// through a [Transport]; each returns a Deferred that fires when the agent's answer arrives. Any number of requests may be outstanding:
// they go out at once, and the answers come in the same order (C-KEYS-20).
//
//	client := agent.NewSSHAgentClient()
//	client.MakeConnection(transport) // requests may follow at once
//	d := client.RequestIdentities()
//	d.AddCallbacks(listed, failed)
//
// The owner of the transport wires the other two ends: what arrives goes to DataReceived, and when the connection has ended, ConnectionLost is
// called, which fails every outstanding request once (C-KEYS-22). Without it they never end.
//
// For authentication there are [SSHAgentClient.GetPublicKeys], [SSHAgentClient.GetPublicKey] and [SSHAgentClient.Sign].
//
// # The server
//
// A [SSHAgentServer] serves one connection from a [KeyStore], whose methods answer with Deferreds. A [Keyring] is a store in memory, for
// any number of connections. A connected SSHAgentClient is a store as well: a server on it relays one connection to another, each
// request being looked at on the way.
//
// # Concurrency
//
// Clients, servers and keyrings belong to one goroutine, the reactor's: every method is called there, and every callback runs there. Nothing
// here holds a lock.
//
// # Errors
//
// A failed request gives an [*OpError], which names it. Its cause is [ErrRefused] if the agent said no, which is all it ever says. If no
// answer came it is a [*ConnectionLostError].
//
// An agent that breaks the protocol (an answer to no request, of a type that does not answer it, malformed, or too long) ends the connection:
// every outstanding request fails with a ConnectionLostError that wraps a [*ProtocolError], and the transport is closed. Bytes after the
// last field of an answer are ignored. A server answers a request that it does not understand with a failure, and gives up a
// connection only when it cannot tell the messages apart any more, or when more requests wait than it holds.
//
// # Cancelling
//
// Cancelling a Deferred gives the request up on this side only: the agent may carry it out all the same, and its answer is dropped when it
// comes. At most [MaxAbandoned] requests may be waited for like this; one more, and the connection is closed.
//
// # Bounds
//
// A message is at most [MaxMessage] bytes in either direction, as with OpenSSH. A server works on one request of a connection at a time and
// lets at most [MaxQueued] bytes of further ones wait. What a Keyring holds is bounded by what it can list in one message.
package agent
