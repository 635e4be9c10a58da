// Package conch is SSH on the reactor: Twisted Conch for Go, over golang.org/x/crypto/ssh.
//
// # The model
//
// An SSH connection is a stack of objects, each of which knows the one below. A program embeds the ones it wants to change and replaces their
// hooks; the framework calls the hooks of the value that it was given, never those of the embedded base.
//
//	Twisted Conch             hawser                     what it is
//	client.connect.connect    Connect                    dials, checks the host key, authenticates, starts the service
//	SSHClientTransport        SSHClientTransport         the encrypted connection
//	SSHUserAuthClient         SSHUserAuthClient          keys, passwords, answers; each hook may answer with a Deferred
//	SSHConnection             SSHConnection, Connection  the service: channels and global requests
//	SSHChannel                SSHChannel, Channel        one channel
//	default.verifyHostKey     VerifyHostKey              known_hosts, and asking
//	ConsoleUI                 ConsoleUI, UI              the questions
//	common.NS                 NS                         an SSH string
//	SSHCommandClientEndpoint  NewConnection, ExistingConnection
//	–                         Exec, ClientSession        a command, a shell, a subsystem
//	–                         OpenSFTP, SFTP             a session of package filetransfer, all steps in one
//	forwarding                Dial, Listen, Forward…     connections through the server
//
// For one command there is Exec, and Target.Exec, which connects too; a ClientSession takes output as it comes and has terminals, signals and
// the exit status. SSHConnection.Dial and Listen, and ForwardLocal, ForwardRemote and ForwardDynamic on them, are the client's side of
// forwarding; ClientOptions.Jump goes through another host, and ClientOptions.ForwardAgent forwards the agent. Package sshconfig makes Targets
// out of ssh's own configuration.
//
// A connection that opens a session and runs a command:
//
//	type command struct{ conch.SSHChannel }
//
//	func (c *command) Name() string          { return "session" }
//	func (c *command) ChannelOpen([]byte)    { c.Conn().SendRequest(c, "exec", conch.NS("uptime"), true) }
//	func (c *command) DataReceived(p []byte) { os.Stdout.Write(p) }
//	func (c *command) Closed()               { c.Conn().LoseConnection() }
//
//	type connection struct{ conch.SSHConnection }
//
//	func (c *connection) ServiceStarted() { c.OpenChannel(&command{}) }
//
//	auth := conch.NewSSHUserAuthClient("me", conch.ClientOptions{}, &connection{})
//	conch.Connect(r, "example.org", 22, conch.ClientOptions{}, conch.VerifyHostKey, auth)
//
// # Who runs where
//
// Everything belongs to the reactor goroutine: hooks are called there and methods must be called there. The blocking calls of
// x/crypto/ssh run on goroutines of the connection, which only exchange buffers with the loop; each of them ends with the connection, and
// stopping the reactor ends every connection. Nothing in a hook may block.
//
// # What ends, and how
//
// Connect's Deferred fails with a [*ConnectError] that names the phase. When a connection ends, for whatever reason, everything that waits on it
// fails once: requests with a [*ConchError], openings with OpenFailed, channels with Closed, and ServiceStopped tells the service. The cause
// is an [ErrConnectionLost] that wraps what happened.
//
// # For goroutine code
//
// SSHChannel.NetConn makes a channel a net.Conn, and SSHConnection.DialContext fits into net/http and database drivers; their calls
// block, and so must not be made on the reactor goroutine. A channel is also a reactor.Transport: reactor.MakeConnection connects a
// protocol to it.
//
// # Order and flow
//
// The events of a channel come in the order that Channel states. A slow consumer slows the peer down: the window is granted again only as
// data is dealt with, and PauseProducing stops it altogether. In the other direction Write never blocks; StopWriting and StartWriting tell a
// producer when to wait.
package conch
