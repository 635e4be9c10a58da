package sftp

import (
	"errors"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// loop is the part of a reactor that transfers use.
type loop interface {
	CallFromThread(f func()) bool
	CallInThread(f func()) error
	AfterFunc(d time.Duration, f func()) (stop func() bool)
	Now() time.Time
}

// Client is an SFTP session. Its methods belong to the loop of the reactor;
// [Client.Files] is the same session for other goroutines.
type Client struct {
	*filetransfer.FileTransferClient // single operations

	r        *reactor.Reactor
	loop     loop             // r; a test may use another
	session  *sftpChannel     // nil if New made the client
	conn     conch.Connection // the same
	owns     bool             // Open made the connection
	closing  bool             // LoseConnection was called
	ended    work.Completion  // without session: LoseConnection was called
	shutdown func() error     // ends the reactor too; nil unless Dial made the client

	// run runs a command on the server and fires with its output, of at most
	// 64 KiB. It is nil if the session does not run over SSH.
	run func(line string) deferred.Deferred[[]byte]

	furtherChannels
	maxChannels int           // of a connection, for tests; 0 means channelsPerConnection
	stripeFrom  time.Duration // for tests; 0 means defaultStripeFrom
	rtt         time.Duration // the shortest round trip seen, 0 for none
	disk        func(disk) disk
	handles     handles
	plainOpens  bool // the server refuses permissions in OPEN

	progressEvery time.Duration // 0 means progressEvery; for tests
	pool          *pool
}

// New returns a session over a client, which r's goroutine owns. It is for
// clients that do not run over SSH; Open and OpenOn return sessions that do.
func New(c *filetransfer.FileTransferClient, r *reactor.Reactor) *Client {
	return &Client{FileTransferClient: c, r: r, loop: r, pool: defaultPool}
}

// Connection returns the SSH connection of the session, and nil if New made the
// client.
func (s *Client) Connection() conch.Connection { return s.conn }

// Reactor returns the reactor of the session, for reactor.Await. Any goroutine
// may call it.
func (s *Client) Reactor() *reactor.Reactor { return s.r }

// Files returns the session for goroutines that block. Any goroutine but the
// loop may use it.
func (s *Client) Files() *Files { return &Files{s, s.FileTransferClient} }

// ErrClosed is wrapped by the errors of operations that LoseConnection or Close
// has ended, and of operations after that.
var ErrClosed = errors.New("sftp: the session was closed")

// LoseConnection closes the session, and the SSH connection if Open made it.
// Pending operations fail with an error that wraps ErrClosed. A second call does
// nothing.
func (s *Client) LoseConnection() {
	if s.closing {
		return
	}
	s.closing = true
	s.closeFurther()
	s.ConnectionLost(ErrClosed)
	switch {
	case s.owns:
		s.conn.LoseConnection()
	case s.session != nil:
		s.session.LoseConnection()
	default:
		if t := s.Transport(); t != nil {
			t.LoseConnection()
		}
		s.ended.Fire(nil)
	}
}

// WhenClosed returns a new Deferred that fires when the session has ended. If
// this side did not close the session or the connection, the Deferred fails
// with the reason: for example an error that matches conch.ErrConnectionLost,
// or the exit status of the server's program. If New made the client, it fires
// after LoseConnection.
func (s *Client) WhenClosed() deferred.Deferred[struct{}] {
	if s.session == nil {
		return s.ended.Wait()
	}
	return s.session.WhenClosed().AddBoth(func(struct{}, error) (struct{}, error) { return struct{}{}, s.session.reason })
}

// closeTimeout is how long close waits for the server.
const closeTimeout = 5 * time.Second

// close closes the session. The Deferred fires when the session has ended, or
// after closeTimeout. It fails if the session had ended before.
func (s *Client) close() deferred.Deferred[struct{}] {
	s.LoseConnection()
	return s.WhenClosed().AddTimeoutFunc(s.loop, closeTimeout, func(struct{}, error, time.Duration) (struct{}, error) {
		return struct{}{}, nil
	})
}

// Stderr returns the first 4 KiB of what the server's program has written to
// stderr. The text is the server's: it may have control characters.
func (s *Client) Stderr() string {
	if s.session == nil {
		return ""
	}
	return string(s.session.stderr)
}

// bearsSecondHandle reports whether the server is known to write one file
// through several handles and channels at a time: OpenSSH's own. Servers of
// other kinds have buffers for each handle, or take writes only in order.
func (s *Client) bearsSecondHandle() bool {
	return strings.HasPrefix(s.SSHVersion, "SSH-2.0-OpenSSH") &&
		s.HasExtension("fsync@openssh.com") && s.HasExtension("posix-rename@openssh.com") && s.HasExtension("statvfs@openssh.com")
}

// bearsChannels reports whether the server is known to bear several channels
// with SFTP sessions at a time.
func (s *Client) bearsChannels() bool { return s.bearsSecondHandle() }
