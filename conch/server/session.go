package server

import (
	"errors"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
)

// Session is what a client does in a session channel: it asks for a terminal, and
// runs one command or shell. It is Twisted's ISession. Embed BaseSession by
// value. All methods belong to the loop.
//
// A Deferred that fails, the zero Deferred, and a panic refuse the request.
// Requests are handled one after another: the next method is called when the
// Deferred has fired. It is cancelled when the client closes the session.
type Session interface {
	// GetPty is called before the command if the client wants a terminal, until
	// it is granted. The size may be zero.
	GetPty(term string, size conch.WindowSize, modes []conch.TerminalMode) deferred.Deferred[struct{}]

	// SetEnv is called before the command for each variable that the client
	// sends.
	SetEnv(name, value string) deferred.Deferred[struct{}]

	// ExecCommand runs a command and OpenShell a shell. p is the process: pass
	// it to SpawnProcess, or use it as the transport of a protocol with
	// p.ConnectProtocol.
	ExecCommand(p *SSHSessionProcessProtocol, command string) deferred.Deferred[struct{}]
	OpenShell(p *SSHSessionProcessProtocol) deferred.Deferred[struct{}]

	// WindowChanged is called when the size of the client's terminal changes. It
	// is not called without a terminal.
	WindowChanged(size conch.WindowSize)

	// SignalReceived is called when the client sends the program a signal. The
	// name has no SIG. It reports whether the signal was delivered. It is not
	// called for a forced command or a subsystem.
	SignalReceived(name string) bool

	// BreakReceived is called when the client sends a break to the terminal. 0
	// is the usual length. It reports whether the break was delivered.
	BreakReceived(length time.Duration) bool

	// AgentRequested is called before the command if the client offers its
	// agent, once for each connection.
	AgentRequested(agent *ForwardedAgent) deferred.Deferred[struct{}]

	// EOFReceived is called when the client sends no more input.
	EOFReceived()

	// Closed is called once, when the session has ended.
	Closed()

	// Channel returns the channel of the session.
	Channel() *SSHSession

	sessionBase() *BaseSession
}

// BaseSession refuses every request. The zero value is ready for use.
type BaseSession struct{ channel *SSHSession }

var _ Session = (*BaseSession)(nil)

func (b *BaseSession) sessionBase() *BaseSession { return b }

// Channel returns the channel of the session.
func (b *BaseSession) Channel() *SSHSession { return b.channel }

// errRefused is the failure of what a BaseSession is asked for.
var errRefused = errors.New("server: refused by the session")

func refused() deferred.Deferred[struct{}] { return deferred.Fail[struct{}](errRefused) }

// GetPty refuses a terminal.
func (b *BaseSession) GetPty(string, conch.WindowSize, []conch.TerminalMode) deferred.Deferred[struct{}] {
	return refused()
}

// SetEnv refuses a variable.
func (b *BaseSession) SetEnv(string, string) deferred.Deferred[struct{}] { return refused() }

// ExecCommand refuses a command.
func (b *BaseSession) ExecCommand(*SSHSessionProcessProtocol, string) deferred.Deferred[struct{}] {
	return refused()
}

// OpenShell refuses a shell.
func (b *BaseSession) OpenShell(*SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	return refused()
}

// WindowChanged does nothing.
func (b *BaseSession) WindowChanged(conch.WindowSize) {}

// SignalReceived refuses a signal.
func (b *BaseSession) SignalReceived(string) bool { return false }

// BreakReceived refuses a break.
func (b *BaseSession) BreakReceived(time.Duration) bool { return false }

// AgentRequested refuses the agent.
func (b *BaseSession) AgentRequested(*ForwardedAgent) deferred.Deferred[struct{}] { return refused() }

// EOFReceived does nothing.
func (b *BaseSession) EOFReceived() {}

// Closed does nothing.
func (b *BaseSession) Closed() {}
