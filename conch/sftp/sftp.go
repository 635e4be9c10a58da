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

// OpenOptions says how Open connects. The zero value does what the sftp command
// does without options. A program that has a password sets Password.
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

	// Connections is how many SSH connections transfers may use, the first
	// included. 0 means 1. A transfer opens a further connection in the
	// background if it is large, the round trip is long and OpenSSH serves the
	// session. A further connection is closed 15 seconds after its last use.
	//
	// A further connection is made with the same options, but asks the user
	// nothing and saves nothing: only the host key of the first connection is
	// accepted. It logs in with keys of the agent, of Signers, of files without
	// a passphrase, and with Password. What the user has typed is not kept. With
	// Auth, only its keys are used. If the server refuses a further connection,
	// transfers do without, and the session does not try again.
	Connections int
}

// limit returns the time limit of the set-up; a negative one means none.
func (o *OpenOptions) limit() time.Duration { return cmp.Or(o.Timeout, client.DefaultTimeout) }

func (o *OpenOptions) subsystem() string { return cmp.Or(o.Subsystem, "sftp") }

// target returns the target of that name with the options.
func (o *OpenOptions) target(name string) (*client.Target, error) {
	if o.Connections < 0 {
		return nil, errors.New("sftp: OpenOptions.Connections is negative")
	}
	to, err := client.ParseTarget(name)
	if err != nil {
		return nil, err
	}
	to.User = cmp.Or(to.User, o.User)
	to.Options, to.Verify, to.Auth = o.Options, o.Verify, o.Auth
	return to, nil
}

// bareConnection is an SSH connection without hooks.
type bareConnection struct{ conch.SSHConnection }

// Open logs in to target and opens an SFTP session. target has a form of
// client.ParseTarget, such as user@host:port. The Deferred fires when the server
// has sent its SFTP version. It fails with a [*client.ConnectError] that names
// the phase, and with deferred.ErrCancelled after Cancel. options.Timeout bounds
// the whole set-up. Open may be called on the loop, or before the reactor runs.
// [Dial] is for goroutines.
func Open(r *reactor.Reactor, target string, options OpenOptions) deferred.Deferred[*Client] {
	to, err := options.target(target)
	if err != nil {
		return deferred.Fail[*Client](err)
	}
	var further *client.Target
	if options.Connections > 1 {
		to, further = pinned(to)
	}
	began := r.Now()
	return deferred.Inline(func(co *deferred.Coro) (*Client, error) {
		conn := &bareConnection{}
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
		if further != nil {
			s.maxConnections = options.Connections
			s.openConnection = func() deferred.Deferred[*connection] { return s.connect(further) }
		}
		return s, nil
	})
}

// OpenOn opens an SFTP session on a connection, any number of times. Closing the
// session leaves the connection open. Of options only Subsystem and Timeout are
// used; Connections over 1 is an error, because OpenOn has no target to connect
// to. The Deferred fails as that of Open does. OpenOn panics before
// ServiceStarted.
func OpenOn(conn conch.Connection, options OpenOptions) deferred.Deferred[*Client] {
	if conn.Transport() == nil {
		panic("sftp: OpenOn before ServiceStarted")
	}
	if options.Connections > 1 {
		return deferred.Fail[*Client](errors.New("sftp: OpenOn cannot open further connections; use Open, or leave OpenOptions.Connections 0"))
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
	begin := r.Now()
	conn.OpenChannel(ch)
	return deferred.Then(ch.ready, func(c *filetransfer.FileTransferClient) (*Client, error) {
		s := New(c, r)
		s.session, s.conn, ch.owner = ch, conn, s
		s.SSHVersion = conn.Transport().PeerVersion()
		s.rtt = max(ch.opened.Sub(begin), 1)
		s.openChannel = func() deferred.Deferred[*filetransfer.FileTransferClient] { return s.openFurtherChannel(conn) }
		s.run = func(line string) deferred.Deferred[[]byte] { return run(conn, line) }
		return s, nil
	})
}

// Bounds of run.
const (
	maxRunOutput = 64 << 10
	runTimeout   = 30 * time.Second
)

// run runs a command on a further channel of the connection and fires with its
// output.
func run(conn conch.Connection, line string) deferred.Deferred[[]byte] {
	d := client.ExecCommand(conn, client.Command{Line: line, MaxOutput: maxRunOutput}, nil)
	d.AddTimeout(conn.Transport().Reactor(), runTimeout)
	return deferred.Then(d, func(out client.Output) ([]byte, error) { return out.Stdout, nil })
}
