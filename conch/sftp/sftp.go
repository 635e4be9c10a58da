package sftp

import (
	"cmp"
	"errors"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// The phases of Open, after those of client.Connect.
const (
	PhaseChannel   client.Phase = "channel"        // opening the channel
	PhaseSubsystem client.Phase = "sftp subsystem" // starting the subsystem
	PhaseVersion   client.Phase = "sftp version"   // the exchange of SFTP versions
)

// OpenOptions says how Open connects. The zero value does what the sftp command does
// without options.
type OpenOptions struct {
	client.Options

	// User is the user name if the target has none. Empty means the user who
	// runs the program.
	User string

	// Verify and Auth are those of client.Target.
	Verify client.HostKeyVerifier
	Auth   func(user string, instance conch.Connection) client.UserAuthClient

	// Subsystem is the subsystem to start; empty means "sftp". A value that
	// begins with a slash is a command line.
	Subsystem string
}

// limit returns the time limit of the set-up; a negative one means none.
func (o *OpenOptions) limit() time.Duration { return cmp.Or(o.Timeout, client.DefaultTimeout) }

func (o *OpenOptions) subsystem() string { return cmp.Or(o.Subsystem, "sftp") }

// Open logs in to target and opens an SFTP session. target has a form of
// client.ParseTarget, such as user@host:port. The Deferred fires when the server
// has sent its SFTP version. It fails with a [*client.ConnectError] that names
// the phase, and with deferred.ErrCancelled after Cancel. options.Timeout bounds
// the whole set-up.
func Open(r *reactor.Reactor, target string, options OpenOptions) deferred.Deferred[*Client] {
	to, err := client.ParseTarget(target)
	if err != nil {
		return deferred.Fail[*Client](err)
	}
	to.User = cmp.Or(to.User, options.User)
	to.Options, to.Verify, to.Auth = options.Options, options.Verify, options.Auth
	began := r.Now()
	return deferred.Inline(func(co *deferred.Coro) (*Client, error) {
		conn := &struct{ conch.SSHConnection }{}
		if _, err := deferred.Await(co, to.Connect(r, conn)); err != nil {
			return nil, err
		}
		limit := options.limit()
		if limit > 0 {
			limit = max(limit-r.Now().Sub(began), time.Millisecond)
		}
		s, err := deferred.Await(co, open(conn, options.subsystem(), limit))
		if err != nil {
			conn.LoseConnection()
			return nil, err
		}
		s.owns = true
		return s, nil
	})
}

// OpenOn opens an SFTP session on a connection, any number of times. Closing the
// session leaves the connection open. Of options only Subsystem and Timeout are
// used. The Deferred fails as that of Open does. OpenOn panics before
// ServiceStarted.
func OpenOn(conn conch.Connection, options OpenOptions) deferred.Deferred[*Client] {
	if conn.Transport() == nil {
		panic("sftp: OpenOn before ServiceStarted")
	}
	return open(conn, options.subsystem(), options.limit())
}

func open(conn conch.Connection, subsystem string, limit time.Duration) deferred.Deferred[*Client] {
	r, addr := conn.Transport().Reactor(), ""
	if peer := conn.Transport().GetPeer(); peer != nil {
		addr = peer.String()
	}
	ch := newSFTPChannel(subsystem)
	ch.ready.AddErrback(func(err error) (*filetransfer.FileTransferClient, error) {
		if !errors.Is(err, deferred.ErrCancelled) {
			err = &client.ConnectError{Phase: ch.phase, Addr: addr, Err: err}
		}
		return nil, err
	})
	if limit > 0 {
		ch.ready.AddTimeoutFunc(r, limit, func(*filetransfer.FileTransferClient, error, time.Duration) (*filetransfer.FileTransferClient, error) {
			return nil, &client.ConnectError{Phase: ch.phase, Addr: addr, Err: client.ErrTimeout}
		})
	}
	conn.OpenChannel(ch)
	return deferred.Then(ch.ready, func(c *filetransfer.FileTransferClient) (*Client, error) {
		s := New(c, r)
		s.session, s.conn, s.openChannel = ch, conn, s.openFurtherChannel
		return s, nil
	})
}

// openFurtherChannel opens another channel for transfers. It does not wait for the reply
// to the subsystem request, because the subsystem exists.
func (s *Client) openFurtherChannel() deferred.Deferred[*filetransfer.FileTransferClient] {
	c := newSFTPChannel(s.session.subsystem)
	c.like = s.FileTransferClient
	s.conn.OpenChannel(c)
	return c.ready
}

// Connection returns the SSH connection of the session.
func (s *Client) Connection() conch.Connection { return s.conn }

// Files returns the session for goroutines that block. Any goroutine but the
// loop may use it.
func (s *Client) Files() *Files { return &Files{s, s.FileTransferClient} }

// LoseConnection closes the session, and the SSH connection if Open made it.
// Pending operations fail. A second call does nothing.
func (s *Client) LoseConnection() {
	s.closeChannels()
	if s.owns {
		s.conn.LoseConnection()
	} else {
		s.session.LoseConnection()
	}
}

// WhenClosed returns a new Deferred that fires when the session has ended. If
// this side did not close the session or the connection, the Deferred fails
// with the reason: for example an error that matches conch.ErrConnectionLost,
// or the exit status of the server's program.
func (s *Client) WhenClosed() deferred.Deferred[struct{}] {
	return s.session.WhenClosed().AddBoth(func(struct{}, error) (struct{}, error) { return struct{}{}, s.session.reason })
}

// Stderr returns the first 4 KiB of what the server's program has written to
// stderr. The text is the server's: it may have control characters.
func (s *Client) Stderr() string { return string(s.session.stderr) }
