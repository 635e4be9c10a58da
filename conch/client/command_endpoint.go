package client

import (
	"cmp"
	"errors"
	"fmt"
	"net"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
)

// SSHCommandClientEndpoint is an endpoint each of whose connections is a command
// on a server: the protocol receives the stdout of the command, and writes to its
// stdin. The transport of the protocol is a conch.Channel, whose Conn is the SSH
// connection. The methods belong to the loop.
type SSHCommandClientEndpoint struct {
	// Stderr is called with what the commands write to stderr. data belongs to
	// the callee. If Stderr is nil, the first 4 KiB of each command are logged.
	// Set it before Connect or Dial.
	Stderr func(data []byte)

	command string
	open    func() deferred.Deferred[*endpointConnection]
}

var _ endpoints.StreamClientEndpoint = (*SSHCommandClientEndpoint)(nil)

// SSHCommandAddress is the address of a command, for BuildProtocol.
type SSHCommandAddress struct {
	Server   net.Addr // nil if the SSH connection is not over a network
	Username string
	Command  string
}

// Network returns "ssh".
func (a SSHCommandAddress) Network() string { return "ssh" }

func (a SSHCommandAddress) String() string {
	if a.Server == nil {
		return "command " + a.Command
	}
	return fmt.Sprintf("%s@%v: %s", a.Username, a.Server, a.Command)
}

// ErrAuthenticationFailed is matched by the error of an endpoint's Connect and
// Dial if the login was refused, or the connection was lost during the login. The
// error wraps the reason too.
var ErrAuthenticationFailed = errors.New("client: authentication failed")

// endpointConnection is the SSH connection of a command.
type endpointConnection struct {
	conn conch.Connection
	user string
	own  bool // it is closed after the command
}

// NewConnection returns an endpoint that logs in to target for each connection.
// The SSH connection is closed after the command. target is copied. If
// Options.UI is nil, questions are asked on the controlling terminal, and are
// answered with no if there is none. NewConnection may be called on any
// goroutine.
func NewConnection(r *reactor.Reactor, command string, target *Target) *SSHCommandClientEndpoint {
	to := *target
	if to.Options.UI == nil {
		to.Options.UI = &fallbackUI{NewConsoleUI(r)}
	}
	return &SSHCommandClientEndpoint{command: command, open: func() deferred.Deferred[*endpointConnection] {
		conn := &bareConnection{}
		return deferred.ThenCallbacks(to.Connect(r, conn), func(struct{}) (*endpointConnection, error) {
			return &endpointConnection{conn, TransportOf(conn).User(), true}, nil
		}, func(err error) (*endpointConnection, error) { return nil, endpointError(err) })
	}}
}

// ExistingConnection returns an endpoint whose commands run on conn, any SSH
// connection whose ServiceStarted has been called. conn stays open.
func ExistingConnection(conn conch.Connection, command string) *SSHCommandClientEndpoint {
	return &SSHCommandClientEndpoint{command: command, open: func() deferred.Deferred[*endpointConnection] {
		user := ""
		if t := TransportOf(conn); t != nil {
			user = t.User()
		}
		return deferred.Succeed(&endpointConnection{conn: conn, user: user})
	}}
}

// endpointError returns the error of an endpoint for an error of Connect: the
// cause itself, or an ErrAuthenticationFailed.
func endpointError(err error) error {
	failed, ok := errors.AsType[*ConnectError](err)
	switch {
	case !ok:
		return err
	case failed.Phase == PhaseAuthentication && !errors.Is(err, ErrTimeout):
		return &causedError{ErrAuthenticationFailed, failed.Err}
	case failed.Phase == PhaseHostKey:
		if bad, ok := failed.Err.(*conch.ConchError); ok && bad.Err != nil {
			return bad.Err
		}
	}
	return failed.Err
}

// fallbackUI answers every question with no where there is no terminal.
type fallbackUI struct{ UI }

// Prompt asks, or answers no.
func (u *fallbackUI) Prompt(question string) deferred.Deferred[bool] {
	return u.UI.Prompt(question).AddErrback(func(error) (bool, error) { return false, nil })
}

// Connect runs the command with a protocol of f. The Deferred fires with the
// protocol when the server has started the command.
//
// The Deferred fails with the cause of Connect's error if there is no SSH
// connection; with an error that matches ErrAuthenticationFailed; with a
// *conch.ConchError if the server refuses the channel or the command; with the
// error of BuildProtocol; and with a *deferred.PanicError if a method of f or
// ConnectionMade panics. Cancelling the Deferred ends the command, and the SSH
// connection if it was made for the command; the Deferred then fails with a
// *reactor.ConnectingCancelledError.
//
// The protocol's ConnectionLost is called with reactor.ErrConnectionDone if the
// command exits with status 0 or the server does not report how it ended; with an
// *ExitError if the command ended in another way; and with an error that matches
// conch.ErrConnectionLost if the SSH connection was lost.
func (e *SSHCommandClientEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	d := deferred.MaybeDeferred(func() deferred.Deferred[reactor.Protocol] {
		reactor.DoStart(f)
		return e.connect(func(*reactor.Reactor) reactor.Factory { return f })
	})
	return d.AddBoth(func(p reactor.Protocol, err error) (reactor.Protocol, error) {
		if p == nil || !p.Connected() {
			if panicked := hook.Call(func() { reactor.DoStop(f) }); panicked != nil {
				err = errors.Join(err, panicked)
			}
			return p, err
		}
		reactor.OnConnectionLost(p, func(error) { reactor.DoStop(f) })
		return p, nil
	})
}

// Dial runs the command. The Deferred fires with a connection to its stdin and
// stdout when the server has started the command, and fails as that of Connect
// does. The connection has a method CloseWrite, which ends stdin. When the
// command has ended, Read returns io.EOF where ConnectionLost of a protocol
// would be called with reactor.ErrConnectionDone, and otherwise the same error.
func (e *SSHCommandClientEndpoint) Dial() deferred.Deferred[net.Conn] {
	connected := e.connect(func(r *reactor.Reactor) reactor.Factory {
		return reactor.ForProtocol(func() reactor.Protocol { return commandConn{reactor.NewNetConn(r)} })
	})
	return deferred.Then(connected, func(p reactor.Protocol) (net.Conn, error) { return p.(commandConn), nil })
}

// commandConn is a connection that Dial returns.
type commandConn struct{ *reactor.NetConn }

// ReadConnectionLost does nothing at the end of stdout: Read waits for the exit
// status.
func (c commandConn) ReadConnectionLost() {}

func (e *SSHCommandClientEndpoint) connect(factory func(r *reactor.Reactor) reactor.Factory) deferred.Deferred[reactor.Protocol] {
	started := deferred.ThenDeferred(e.open(), func(on *endpointConnection) deferred.Deferred[reactor.Protocol] {
		ch := &commandChannel{on: on, factory: factory(on.conn.Transport().Reactor()), stderr: e.Stderr}
		ch.Command.Line = e.command
		ch.ready = deferred.New(func(deferred.Deferred[reactor.Protocol]) { ch.giveUp() })
		on.conn.OpenChannel(ch)
		ch.WhenClosed().OnResult(func(_ deferred.Void, err error) { ch.over(err) })
		return ch.ready
	})
	return started.AddErrback(func(err error) (reactor.Protocol, error) {
		if errors.Is(err, deferred.ErrCancelled) {
			err = &reactor.ConnectingCancelledError{Address: SSHCommandAddress{Command: e.command}}
		}
		return nil, err
	})
}

// commandChannel is the transport of the protocol.
type commandChannel struct {
	ClientSession
	on       *endpointConnection
	factory  reactor.Factory
	stderr   func(data []byte)
	logged   int                                 // bytes of stderr
	ready    deferred.Deferred[reactor.Protocol] // may have been cancelled
	protocol reactor.Protocol
	broken   error // the panic of ConnectionMade
}

// SessionStarted makes the protocol and connects it.
func (c *commandChannel) SessionStarted() {
	p, err := reactor.BuildFrom(c.factory, SSHCommandAddress{c.GetPeer(), c.on.user, c.Command.Line})
	if err == nil {
		c.protocol = p
		err = hook.Call(func() { c.ConnectProtocol(p) })
		c.broken = err
	}
	if err != nil {
		_ = c.ready.TryErrback(err)
		c.giveUp()
		return
	}
	_ = c.ready.TryCallback(p)
}

// maxLoggedStderr is how much of the stderr of a command is logged, in bytes.
const maxLoggedStderr = 4 << 10

// ExtReceived takes what the command writes to stderr.
func (c *commandChannel) ExtReceived(_ uint32, data []byte) {
	if c.stderr != nil {
		c.stderr(data)
		return
	}
	data = data[:min(len(data), maxLoggedStderr-c.logged)]
	if len(data) == 0 {
		return
	}
	c.logged += len(data)
	c.Conn().Transport().Reactor().Logger().Info("Remote command writes to stderr", "command", c.Command.Line, "text", text.Line(string(data)))
}

// giveUp ends the channel at once, and the connection too if it was made for the
// command.
func (c *commandChannel) giveUp() {
	c.AbortConnection()
	if c.on.own {
		c.Conn().Transport().AbortConnection()
	}
}

// Closed tells the protocol how the command ended.
func (c *commandChannel) Closed() {
	reason := cmp.Or(c.broken, c.CloseReason(), c.exit)
	if c.protocol != nil && reason != nil {
		reactor.EndConnection(c.protocol, reason)
	}
}

// over is called after ConnectionLost of the protocol. err is nil, or the reason
// for which the channel was not opened or was lost.
func (c *commandChannel) over(err error) {
	_ = c.ready.TryErrback(cmp.Or(c.started.Err(), err, conch.ErrChannelClosed)) // usually it has fired
	if c.on.own {
		c.Conn().LoseConnection()
	}
}
