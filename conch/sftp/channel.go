package sftp

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

// Bounds of what is kept for errors, in bytes.
const (
	maxStderr = 4 << 10 // of stderr
	maxFirst  = 512     // of the data before the version
)

// sftpChannel is a channel of an SFTP session.
type sftpChannel struct {
	conch.SSHChannel
	subsystem string
	like      *filetransfer.FileTransferClient // the client of the first channel; nil on the first channel
	client    *filetransfer.FileTransferClient
	owner     *Client   // of the first channel, once it is ready
	opened    time.Time // when ChannelOpen was called
	held      bool      // ChannelOpen does not start the subsystem; start does
	ready     deferred.Deferred[*filetransfer.FileTransferClient]
	phase     client.Phase
	first     []byte // received before the version
	stderr    []byte
	exit      error // the end of the server's program, unless it was status 0
	byServer  bool  // the server has ended the session
	reason    error // set by Closed; nil if this side closed the session
}

func newSFTPChannel(subsystem string) *sftpChannel {
	c := &sftpChannel{subsystem: subsystem, phase: PhaseChannel, client: filetransfer.NewFileTransferClient()}
	c.ready = deferred.New(func(deferred.Deferred[*filetransfer.FileTransferClient]) { c.AbortConnection() })
	return c
}

func (c *sftpChannel) Name() string { return "session" }

func (c *sftpChannel) ChannelOpen([]byte) {
	if c.ready.Called() { // cancelled, or timed out
		c.AbortConnection()
		return
	}
	c.phase, c.opened = PhaseSubsystem, c.Conn().Transport().Reactor().Now()
	if !c.held {
		c.start()
	}
}

// start asks for the subsystem.
func (c *sftpChannel) start() {
	request := "subsystem"
	if strings.HasPrefix(c.subsystem, "/") {
		request = "exec"
	}
	d := c.Conn().SendRequest(c, request, conch.NS(c.subsystem), c.like == nil)
	d.OnValue(c.started).OnError(c.fail)
}

func (c *sftpChannel) OpenFailed(reason error) { c.fail(reason) }

// started begins the session. The first channel waits for the version, which
// shows that the server's program speaks SFTP.
func (c *sftpChannel) started([]byte) {
	c.phase = PhaseVersion
	c.client.SSHVersion = c.Conn().Transport().PeerVersion()
	if c.like != nil {
		c.client.AssumeLimitsOf(c.like)
	} else {
		c.client.GotServerVersion = func(uint32, map[string]string) { _ = c.ready.TryCallback(c.client) }
	}
	c.client.MakeConnection(c)
	if c.like != nil {
		_ = c.ready.TryCallback(c.client)
	}
}

func (c *sftpChannel) DataReceived(p []byte) {
	if !c.ready.Called() {
		c.first = append(c.first, p[:min(len(p), maxFirst-len(c.first))]...)
	}
	c.client.DataReceived(p)
}

func (c *sftpChannel) ExtReceived(_ uint32, p []byte) {
	c.stderr = append(c.stderr, p[:min(len(p), maxStderr-len(c.stderr))]...)
	c.Recycle(p)
}

func (c *sftpChannel) ExitStatusReceived(status uint32) {
	if status != 0 {
		c.exit = fmt.Errorf("sftp: the server's program ended with status %d", status)
	}
}

func (c *sftpChannel) ExitSignalReceived(signal conch.ExitSignal) {
	c.exit = fmt.Errorf("sftp: the server's program was ended by signal %s", text.Line(signal.Name))
}

// EOFReceived ends the session: no reply can follow.
func (c *sftpChannel) EOFReceived() {
	c.byServer = true
	c.LoseConnection()
}

// Closed ends the session, and the further connections with it.
func (c *sftpChannel) Closed() {
	lost := c.CloseReason()
	if !errors.Is(lost, conch.ErrClosedLocally) && !c.closedHere() {
		c.reason = c.why()
	}
	if c.owner != nil {
		if c.owner.suspectsChannel() {
			c.reason = fmt.Errorf("%w: %w", ErrFurtherChannel, c.reason)
		}
		c.owner.closeFurther()
	}
	reason := cmp.Or(c.reason, lost, ErrClosed)
	c.fail(reason)
	if errors.Is(reason, conch.ErrConnectionLost) {
		reason = withoutPrefix{reason}
	}
	c.client.ConnectionLost(reason)
}

// closedHere reports whether the session was closed with LoseConnection.
func (c *sftpChannel) closedHere() bool { return c.owner != nil && c.owner.closing }

// ErrFurtherChannel is wrapped by the error of a transfer if the server ended the
// connection while the transfer opened a further channel on it.
var ErrFurtherChannel = errors.New("sftp: the server has ended the connection while a further channel was opened; set Options.Channels: 1")

// suspectsChannel reports whether the server may have ended the connection
// because of a further channel: one was asked for, and none has ever worked.
func (s *Client) suspectsChannel() bool {
	return s.session.reason != nil && s.session.CloseReason() != nil && s.own.tried && !s.own.answered
}

// why returns why the session ended; nil if this side closed it.
func (c *sftpChannel) why() error {
	switch {
	case c.CloseReason() != nil:
		return c.CloseReason()
	case c.client.Lost() != nil && c.printed():
		return fmt.Errorf("sftp: the server printed %s before SFTP began; make its shell start-up files silent for non-interactive logins (%w)",
			text.Quote(strings.TrimSpace(string(c.first))), c.client.Lost())
	case c.exit != nil && len(c.stderr) > 0:
		return fmt.Errorf("%w, saying %q", c.exit, text.Line(string(c.stderr)))
	case c.exit != nil:
		return c.exit
	case c.client.Lost() != nil:
		return c.client.Lost()
	case c.byServer:
		return errors.New("sftp: the server has closed the session")
	}
	return nil
}

// printed reports whether the server sent text instead of its version. The first
// byte of a packet is 0, because packets are shorter than 16 MiB.
func (c *sftpChannel) printed() bool { return !c.ready.Called() && len(c.first) > 0 && c.first[0] != 0 }

// fail fails the opening if it is not complete.
func (c *sftpChannel) fail(err error) {
	if c.ready.TryErrback(err) == nil {
		c.AbortConnection()
	}
}

// withoutPrefix is the reason of an error whose text says that the connection is
// lost.
type withoutPrefix struct{ error }

func (e withoutPrefix) Error() string {
	return strings.TrimPrefix(text.TrimPrefix(e.error), "connection lost: ")
}

// Unwrap returns the error.
func (e withoutPrefix) Unwrap() error { return e.error }
