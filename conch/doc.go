// Package conch implements SSH connections on the reactor, for clients and
// servers: the encrypted transport, the connection, its channels and their
// requests. It is twisted.conch.ssh for Go, on top of golang.org/x/crypto/ssh.
//
// Most programs start in another package:
//
//	client   logs in to a server, runs commands, keeps a connection
//	forward  passes TCP and UNIX connections through an SSH connection
//	sftp     opens an SFTP session and transfers files
//
// # The model
//
// An SSH connection is a stack of objects, each of which knows the one below.
//
//	SSHTransport   the encrypted connection
//	SSHConnection  the service on it: channels and global requests
//	SSHChannel     one channel: a session, a forwarded connection
//
// A program embeds SSHConnection and SSHChannel by value in types of its own and
// replaces the hooks that matter, as a subclass does in Python. The framework
// calls the hooks of the program's value. Self returns that value:
//
//	type command struct{ conch.SSHChannel }
//
//	func (c *command) Name() string { return "session" }
//	func (c *command) ChannelOpen([]byte) {
//		c.Conn().SendRequest(c, "exec", conch.NS("uptime"), true)
//	}
//	func (c *command) DataReceived(p []byte) { os.Stdout.Write(p) }
//	func (c *command) Closed()               { c.Conn().LoseConnection() }
//
//	type connection struct{ conch.SSHConnection }
//
//	func (c *connection) ServiceStarted() { c.OpenChannel(&command{}) }
//
// The peer can open channels and send requests too. SSHConnection.GetChannel,
// SSHConnection.GotGlobalRequest and SSHChannel.RequestReceived answer them with
// Deferreds. HandleChannel, HandleGlobalRequest and HandleRequest register a
// function for one name instead.
//
// # Goroutines
//
// Everything belongs to the loop, the goroutine of the reactor: hooks are called
// there, and methods must be called there unless their comments say otherwise. No
// hook may block. The blocking calls of x/crypto/ssh run on goroutines of the
// connection, which end with the connection; stopping the reactor ends every
// connection.
//
// For code that blocks, SSHChannel.NetConn makes a channel a net.Conn.
//
// # Order
//
// Data, extended data, requests, end-of-file and the close of a channel leave in
// the order of the calls. One thing may overtake: a request, which may be a
// signal, does not wait for data that the peer does not take. Channels are opened
// in the order of the calls. Replies to the peer's requests leave in the order of
// the requests.
//
// The hooks of a channel are called in the order that [Channel] states. x/crypto
// keeps no order between data, extended data and requests of the peer.
//
// # Flow control
//
// The window of a channel is granted again only when received data has been
// handled, and PauseProducing stops it altogether: a slow consumer slows the peer
// down. In the other direction Write never blocks; StopWriting and StartWriting
// tell a writer when to wait.
//
// # Ends
//
// When a connection ends, for whatever reason, everything that waits for it fails
// once: requests with a [*ConchError], openings with OpenFailed, channels with
// Closed; ServiceStopped is called first. The errors match [ErrConnectionLost] and
// wrap the reason, for example the peer's DISCONNECT message.
//
// x/crypto/ssh reports a channel that the peer has closed, and one that ends
// because the connection breaks, in the same way. To tell them apart, the peer is
// asked for a sign of life when it closes a channel first; Closed follows the
// answer.
//
// # Errors
//
//	ErrConnectionLost  the connection has ended; the error wraps the reason
//	ErrClosedLocally   reason: LoseConnection, AbortConnection, the end of the reactor
//	ErrPeerSilent      reason: the peer did not answer keepalive requests
//	ErrPeerBlocked     reason: the peer took no data any more
//	ErrFlooded         reason: the peer exceeded a bound of Limits
//	ErrRequestRefused  the peer refused a request
//	ErrChannelClosed   a request on a channel that is closed
//	ErrChannelNotOpen  a request before ChannelOpen
//	ErrTooLong         a request or an opening with more than 255 KiB of data
//	ErrUsed            a connection object was used twice
package conch
