package server

import (
	"errors"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Session is what a client does in a session channel: it asks for a terminal, and
// runs one command or shell. It is Twisted's ISession. Embed BaseSession by
// value. All methods belong to the loop. A Deferred that fails, and a panic,
// refuse the request.
type Session interface {
	// GetPty is called before the command if the client wants a terminal. The
	// size may be zero.
	GetPty(term string, size conch.WindowSize, modes []conch.TerminalMode) deferred.Deferred[struct{}]

	// SetEnv is called before the command for each variable that the client
	// sends.
	SetEnv(name, value string) deferred.Deferred[struct{}]

	// ExecCommand runs a command and OpenShell a shell. p is the process: pass
	// it to SpawnProcess, or use it as the transport of a protocol with
	// p.ConnectProtocol.
	ExecCommand(p *SSHSessionProcessProtocol, command string) deferred.Deferred[struct{}]
	OpenShell(p *SSHSessionProcessProtocol) deferred.Deferred[struct{}]

	// WindowChanged is called when the size of the client's terminal changes.
	WindowChanged(size conch.WindowSize)

	// SignalReceived is called when the client sends the program a signal. The
	// name has no SIG. It reports whether the signal was delivered.
	SignalReceived(name string) bool

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

// EOFReceived does nothing.
func (b *BaseSession) EOFReceived() {}

// Closed does nothing.
func (b *BaseSession) Closed() {}

// SSHSession is a session channel of a server (RFC 4254, section 6). It asks the
// avatar for subsystems, and a Session for everything else. It is Twisted's
// SSHSession.
type SSHSession struct {
	conch.SSHChannel
	avatar  Avatar
	session Session

	process    *SSHSessionProcessProtocol // of the child process; nil for a protocol
	begun      bool                       // a command, shell or subsystem was asked for
	halfCloses bool                       // the program is a protocol that handles the end of the input
	exit       bool                       // the exit status or signal was sent
	inputEnded bool
	early      [][]byte // input from before the program has started
	earlySize  int
	variables  int // of the environment

	crowded bool // much waits to be sent
	waiting []deferred.Deferred[struct{}]
}

// maxEnv is the number of environment variables of a session, as in OpenSSH's
// sshd.
const maxEnv = 128

// NewSession returns a function for ConchUser.Channels: it lets the client open
// sessions. newSession returns what a session of the avatar does; nil refuses
// everything but the subsystems.
func NewSession(avatar Avatar, newSession func() Session) func(data []byte) deferred.Deferred[conch.Channel] {
	return func([]byte) deferred.Deferred[conch.Channel] {
		s := &SSHSession{avatar: avatar, session: &BaseSession{}}
		if newSession != nil {
			s.session = newSession()
		}
		s.session.sessionBase().channel = s
		return deferred.Succeed[conch.Channel](s)
	}
}

// Name returns "session".
func (s *SSHSession) Name() string { return "session" }

// Avatar returns the user.
func (s *SSHSession) Avatar() Avatar { return s.avatar }

// login returns who uses the session.
func (s *SSHSession) login() *Login { return s.avatar.Login() }

// RequestReceived answers the requests of the client.
func (s *SSHSession) RequestReceived(name string, data []byte) deferred.Deferred[bool] {
	switch name {
	case "pty-req":
		return s.ptyRequested(data)
	case "env":
		return s.envRequested(data)
	case "exec", "shell", "subsystem":
		return s.programRequested(name, data)
	case "window-change":
		if size, err := conch.ParseRequestWindowChange(data); err == nil {
			s.session.WindowChanged(size)
			return deferred.Succeed(true)
		}
	case "signal":
		if signal, err := conch.ParseRequestString(data); err == nil {
			return deferred.Succeed(s.session.SignalReceived(signal))
		}
	}
	return s.SSHChannel.RequestReceived(name, data)
}

func (s *SSHSession) ptyRequested(data []byte) deferred.Deferred[bool] {
	term, size, modes, err := conch.ParseRequestPTYReq(data)
	if err != nil || s.begun || s.login().Restrictions.NoPTY {
		return deferred.Succeed(false)
	}
	return s.granted("pty-req", s.session.GetPty(term, size, modes))
}

func (s *SSHSession) envRequested(data []byte) deferred.Deferred[bool] {
	name, value, err := conch.ParseRequestEnv(data)
	if s.variables++; err != nil || s.begun || s.variables > maxEnv {
		return deferred.Succeed(false)
	}
	return s.granted("env", s.session.SetEnv(name, value))
}

// granted answers whether a request was granted.
func (s *SSHSession) granted(what string, d deferred.Deferred[struct{}]) deferred.Deferred[bool] {
	return deferred.ThenBoth(d, func(_ struct{}, err error) (bool, error) {
		s.refused(what, err)
		return err == nil, nil
	})
}

// programRequested starts the command, shell or subsystem. There is one of them
// in a session.
func (s *SSHSession) programRequested(kind string, data []byte) deferred.Deferred[bool] {
	line := ""
	if kind != "shell" {
		var err error
		if line, err = conch.ParseRequestString(data); err != nil {
			return deferred.Succeed(false)
		}
	}
	if s.begun {
		return deferred.Succeed(false)
	}
	if forced := s.login().Restrictions.Command; forced != "" {
		s.session.SetEnv(originalCommand, line) // a session without variables needs none
		kind, line = "exec", forced
	}
	s.begun = true
	s.timed(kind, line)
	return deferred.ThenBoth(s.start(kind, line, data), func(_ struct{}, err error) (bool, error) {
		if err != nil {
			s.begun, s.process = false, nil // the client may ask for something else
			s.refused(kind+" "+text.Quote(line), err)
		}
		return err == nil, nil
	})
}

// start starts a program.
func (s *SSHSession) start(kind, line string, payload []byte) deferred.Deferred[struct{}] {
	if kind == "subsystem" {
		return deferred.Then(s.avatar.LookupSubsystem(line, payload), func(p reactor.Protocol) (struct{}, error) {
			if p == nil {
				return struct{}{}, errRefused
			}
			s.newProcess().ConnectProtocol(p)
			return struct{}{}, nil
		})
	}
	p := s.newProcess()
	if kind == "shell" {
		return s.session.OpenShell(p)
	}
	return s.session.ExecCommand(p, line)
}

func (s *SSHSession) newProcess() *SSHSessionProcessProtocol {
	s.process = &SSHSessionProcessProtocol{s: s}
	return s.process
}

// child returns the child process that runs, or nil.
func (s *SSHSession) child() *SSHSessionProcessProtocol {
	if s.process == nil || s.process.Transport() == nil {
		return nil
	}
	return s.process
}

// takeEarly gives the input that has preceded the program to it.
func (s *SSHSession) takeEarly(input func([]byte)) {
	early := s.early
	s.early = nil
	for _, data := range early {
		input(data)
	}
}

// writable fires when little waits to be sent.
func (s *SSHSession) writable() deferred.Deferred[struct{}] {
	if !s.crowded {
		return deferred.Succeed(struct{}{})
	}
	d := deferred.New(func(deferred.Deferred[struct{}]) {})
	s.waiting = append(s.waiting, d)
	return d
}

// StopWriting is called when much waits to be sent.
func (s *SSHSession) StopWriting() { s.crowded = true }

// StartWriting is called when all is sent, and at the end.
func (s *SSHSession) StartWriting() {
	s.crowded = false
	waiting := s.waiting
	s.waiting = nil
	for _, d := range waiting {
		_ = d.TryCallback(struct{}{}) // it may have been cancelled
	}
}

// Exit ends the program with an exit status.
func (s *SSHSession) Exit(status uint32) {
	s.sendExit("exit-status", conch.PackRequestExitStatus(status))
	s.LoseConnection()
}

// LoseConnection ends the session, with exit status 0 if there was a program and
// no other status.
func (s *SSHSession) LoseConnection() {
	if s.begun {
		s.LoseWriteConnection()
		s.sendExit("exit-status", conch.PackRequestExitStatus(0))
	}
	s.SSHChannel.LoseConnection()
}

// sendExit tells the client how the program has ended, once.
func (s *SSHSession) sendExit(request string, payload []byte) {
	if !s.exit && s.begun {
		s.exit = true
		s.Conn().SendRequest(s, request, payload, false).AddErrback(func(error) ([]byte, error) { return nil, nil }) // it has gone
	}
}

// refused logs why a request was refused.
func (s *SSHSession) refused(what string, err error) {
	if err != nil && !errors.Is(err, errRefused) {
		s.Conn().Transport().Reactor().Logger().Info("server: request refused", "request", what, "login", s.login(), "err", err)
	}
}

// maxEarly is the number of bytes of input that may precede the program. It is
// the size of a window.
const maxEarly = 2 << 20

// DataReceived passes input to the child process. Input that precedes the
// program is kept.
func (s *SSHSession) DataReceived(p []byte) {
	if child := s.child(); child != nil {
		child.input(p)
		return
	}
	if s.earlySize += len(p); s.earlySize > maxEarly {
		s.AbortConnection()
		return
	}
	s.early = append(s.early, p)
}

// EOFReceived passes the end of the input to the program.
func (s *SSHSession) EOFReceived() {
	s.inputEnded = true
	s.session.EOFReceived()
	switch child := s.child(); {
	case child != nil:
		child.inputEnded()
	case s.begun && s.process == nil && !s.halfCloses:
		s.LoseConnection()
	}
}

// CloseReceived ends the program.
func (s *SSHSession) CloseReceived() {
	if child := s.child(); child != nil {
		child.hangUp()
	}
	s.SSHChannel.LoseConnection()
}

// Closed ends the program.
func (s *SSHSession) Closed() {
	if child := s.child(); child != nil {
		child.hangUp()
	}
	s.session.Closed()
}
