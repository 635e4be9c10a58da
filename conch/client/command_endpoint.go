package client

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// SSHCommandClientEndpoint is a client endpoint whose connections are commands on a server: what the command writes to stdout is received by the
// protocol, what the protocol writes is its stdin (C-ENDP-4). stderr is logged.
type SSHCommandClientEndpoint struct {
	command string
	open    func() deferred.Deferred[*endpointConnection] // a connection to run it on
}

// SSHCommandAddress is the address of a command: what BuildProtocol is given.
type SSHCommandAddress struct {
	Server   net.Addr // nil if the SSH connection is not over a network
	Username string
	Command  string
}

// Network returns "ssh".
func (a SSHCommandAddress) Network() string { return "ssh" }

func (a SSHCommandAddress) String() string {
	return fmt.Sprintf("%s@%v: %s", a.Username, a.Server, a.Command)
}

// ErrAuthenticationFailed is what an endpoint's Deferred fails with when the login was refused, or the connection was lost during it. The cause is
// wrapped beside it.
var ErrAuthenticationFailed = errors.New("conch: authentication failed")

// EndpointOptions says how NewConnection logs in (C-ENDP-1, C-ENDP-3).
type EndpointOptions struct {
	Username, Hostname string
	Port               int            // zero means 22
	Keys               []gossh.Signer // offered in order
	Password           string         // used after the keys; empty means none
	Agent              bool           // use the agent at SSH_AUTH_SOCK instead of Keys

	// Options has everything else, such as KnownHosts and UI; its Identities and NoAgent are not used.
	Options Options
}

// endpointConnection is the connection of one command.
type endpointConnection struct {
	conn conch.Connection
	user string
	own  bool // it is closed when the command ends
}

// NewConnection returns an endpoint each of whose connections logs in anew, and is closed with its command (C-ENDP-6).
func NewConnection(r *reactor.Reactor, command string, o EndpointOptions) *SSHCommandClientEndpoint {
	return &SSHCommandClientEndpoint{command: command, open: func() deferred.Deferred[*endpointConnection] { return o.connect(r) }}
}

// ExistingConnection returns an endpoint whose commands run on a connection that is there, and stays (C-ENDP-6, C-ENDP-7): any connection.
func ExistingConnection(conn conch.Connection, command string) *SSHCommandClientEndpoint {
	return &SSHCommandClientEndpoint{command: command, open: func() deferred.Deferred[*endpointConnection] {
		user := ""
		if t := TransportOf(conn); t != nil {
			user = t.User()
		}
		return deferred.Succeed(&endpointConnection{conn: conn, user: user})
	}}
}

func (o EndpointOptions) connect(r *reactor.Reactor) deferred.Deferred[*endpointConnection] {
	conn := &bareConnection{}
	if o.Options.UI == nil {
		o.Options.UI = &fallbackUI{NewConsoleUI(r)}
	}
	o.Options.Identities, o.Options.Signers, o.Options.Password = nil, append([]gossh.Signer{}, o.Keys...), o.Password
	o.Options.NoAgent = !o.Agent
	if o.Agent {
		o.Options.Signers, o.Options.AgentSocket = []gossh.Signer{}, o.Options.agentSocket()
	}
	target := Target{User: o.Username, Host: o.Hostname, Port: o.Port, Options: o.Options}
	return deferred.ThenCallbacks(target.Connect(r, conn), func(struct{}) (*endpointConnection, error) {
		return &endpointConnection{conn, o.Username, true}, nil
	}, func(err error) (*endpointConnection, error) { return nil, endpointError(err) })
}

// endpointError turns Connect's failure into what an endpoint fails with: causes as they are, but for failed logins.
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

// Connect runs the command and connects a protocol of the factory to it (C-ENDP-2). The Deferred fires with the protocol when the server has granted the
// command. It fails as the SSH connection fails; with the *conch.ConchError of a channel or command that is refused; with ErrAuthenticationFailed;
// and with deferred.ErrCancelled, after which all is over. The protocol's ConnectionLost gets reactor.ErrConnectionDone if the command ended
// with status 0 or told nothing, and else an *ExitError, or the conch.ErrConnectionLost (C-ENDP-5).
func (e *SSHCommandClientEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return deferred.ThenDeferred(e.open(), func(on *endpointConnection) deferred.Deferred[reactor.Protocol] {
		ch := &commandChannel{ClientSession: ClientSession{Command: Command{Line: e.command}}, on: on, factory: f}
		ch.ready = deferred.New(func(deferred.Deferred[reactor.Protocol]) { ch.giveUp() })
		on.conn.OpenChannel(ch)
		ch.Finished().AddBoth(ch.ended)
		return ch.ready
	})
}

// commandChannel is the transport of the protocol.
type commandChannel struct {
	ClientSession
	on       *endpointConnection
	factory  reactor.Factory
	ready    deferred.Deferred[reactor.Protocol]
	protocol reactor.Protocol
}

// SessionStarted builds the protocol and connects it.
func (c *commandChannel) SessionStarted() {
	p, err := reactor.BuildFrom(c.factory, SSHCommandAddress{c.GetPeer(), c.on.user, c.Command.Line})
	if err != nil {
		_ = c.ready.TryErrback(err) // it may have been cancelled
		c.giveUp()
		return
	}
	c.protocol = p
	if err := hook.Call(func() { reactor.MakeConnection(p, c) }); err != nil {
		hook.Log(c.Conn().Transport().Reactor().Logger(), "ConnectionMade of "+c.String(), err)
		_ = c.ready.TryErrback(err) // likewise
		c.giveUp()
		return
	}
	_ = c.ready.TryCallback(p) // likewise
}

// DataReceived passes on what the command writes.
func (c *commandChannel) DataReceived(p []byte) {
	if c.protocol != nil {
		c.protocol.DataReceived(p)
	}
}

// ExtReceived logs what the command writes to stderr.
func (c *commandChannel) ExtReceived(_ uint32, p []byte) {
	c.Conn().Transport().Reactor().Logger().Info("Remote command writes to stderr", "command", c.Command.Line, "bytes", strconv.Quote(string(p)))
}

// EOFReceived tells a protocol that wants to know that the command writes no more.
func (c *commandChannel) EOFReceived() {
	if half, ok := c.protocol.(reactor.HalfCloser); ok {
		half.ReadConnectionLost()
	}
}

// giveUp ends the channel, and with it the connection if that is its own, at once (C-ENDP table, last row).
func (c *commandChannel) giveUp() {
	c.AbortConnection()
	if c.on.own {
		c.Conn().Transport().AbortConnection()
	}
}

// ended tells the protocol, or who waits for it, how it was.
func (c *commandChannel) ended(_ struct{}, err error) (struct{}, error) {
	switch {
	case c.protocol == nil && err == nil:
		_ = c.ready.TryErrback(conch.ErrChannelClosed) // it may have been cancelled
	case c.protocol == nil:
		_ = c.ready.TryErrback(err) // likewise
	default:
		if err == nil {
			err = reactor.ErrConnectionDone
		}
		if panicked := hook.Call(func() { c.protocol.ConnectionLost(err) }); panicked != nil {
			hook.Log(c.Conn().Transport().Reactor().Logger(), "ConnectionLost of "+c.String(), panicked)
		}
	}
	if c.on.own {
		c.Conn().LoseConnection()
	}
	return struct{}{}, nil
}
