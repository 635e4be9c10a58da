package manhole

import (
	"errors"
	"math"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// TerminalRealm gives each user who has logged in over SSH a terminal program:
// a [Manhole], or any other insults.Protocol. It is Twisted's TerminalRealm.
// Users can do nothing else. Pass it to cred.NewPortal. The method belongs to
// the loop.
type TerminalRealm struct {
	// ChainedProtocolFactory returns the terminal of a shell, with its program.
	// It is called on the loop when the client asks for the shell. It must not
	// be nil. A result of nil refuses the shell.
	ChainedProtocolFactory func(s *TerminalSession) *insults.ServerProtocol
}

// NewTerminalRealm returns a realm whose program is the result of build, for
// each shell.
func NewTerminalRealm(build func() insults.Protocol) *TerminalRealm {
	return &TerminalRealm{ChainedProtocolFactory: func(*TerminalSession) *insults.ServerProtocol {
		return insults.NewServerProtocol(build)
	}}
}

// RequestAvatar returns a new TerminalUser.
func (r *TerminalRealm) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	if r.ChainedProtocolFactory == nil {
		return deferred.Fail[server.Avatar](errors.New("manhole: TerminalRealm needs a ChainedProtocolFactory; see NewTerminalRealm"))
	}
	return deferred.Succeed[server.Avatar](NewTerminalUser(r.ChainedProtocolFactory))
}

// TerminalUser is a user who can open sessions with a terminal, and nothing
// else. It is Twisted's TerminalUser.
type TerminalUser struct{ server.ConchUser }

// NewTerminalUser returns a user. build is the ChainedProtocolFactory of a
// TerminalRealm. Programs with a realm of their own add what their users may do
// besides.
func NewTerminalUser(build func(s *TerminalSession) *insults.ServerProtocol) *TerminalUser {
	u := &TerminalUser{}
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{
		"session": server.NewSession(u, func() server.Session { return &TerminalSession{build: build} }),
	}
	return u
}

// TerminalSession is a session whose shell is a terminal program. It refuses
// commands, and shells without a terminal. It is Twisted's TerminalSession.
//
// The size of the client's terminal reaches the program before any key, and
// each change afterwards. The end of the client's input ends the program, as ^D
// does. The exit status is 0.
type TerminalSession struct {
	server.BaseSession
	build    func(s *TerminalSession) *insults.ServerProtocol
	terminal *insults.ServerProtocol // nil without a shell
	pty      bool
	term     string
	size     conch.WindowSize
}

var (
	errNoCommands = errors.New("manhole: cannot execute commands")
	errNoPTY      = errors.New("manhole: the shell needs a terminal; use ssh -t")
	errNoProgram  = errors.New("manhole: there is no program for this user")
)

// Login returns who has logged in.
func (s *TerminalSession) Login() *server.Login { return s.Channel().Avatar().Login() }

// Term returns the type of the client's terminal, such as "xterm-256color". It
// is a claim of the client, and may be any text.
func (s *TerminalSession) Term() string { return s.term }

// GetPty grants a terminal, and keeps the size.
func (s *TerminalSession) GetPty(term string, size conch.WindowSize, _ []conch.TerminalMode) deferred.Deferred[struct{}] {
	s.pty, s.term, s.size = true, term, size
	return deferred.Succeed(struct{}{})
}

// ExecCommand refuses a command.
func (s *TerminalSession) ExecCommand(*server.SSHSessionProcessProtocol, string) deferred.Deferred[struct{}] {
	return deferred.Fail[struct{}](errNoCommands)
}

// OpenShell connects the program to the client's terminal.
func (s *TerminalSession) OpenShell(p *server.SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	if !s.pty {
		return deferred.Fail[struct{}](errNoPTY)
	}
	if s.terminal = s.build(s); s.terminal == nil {
		return deferred.Fail[struct{}](errNoProgram)
	}
	s.resize() // the terminal keeps the size until the program is connected
	p.ConnectProtocol(shellTerminal{s.terminal})
	return deferred.Succeed(struct{}{})
}

// WindowChanged passes the new size to the program.
func (s *TerminalSession) WindowChanged(size conch.WindowSize) {
	s.size = size
	if s.terminal != nil {
		s.resize()
	}
}

// resize passes the size to the terminal, which bounds it.
func (s *TerminalSession) resize() {
	s.terminal.TerminalSize(clamp(s.size.Columns), clamp(s.size.Rows))
}

func clamp(n uint32) int { return int(min(n, math.MaxInt16)) }

// shellTerminal is a terminal whose program ends with the input.
type shellTerminal struct{ *insults.ServerProtocol }

var _ reactor.HalfCloser = shellTerminal{}

// ReadConnectionLost is called at the end of the client's input.
func (t shellTerminal) ReadConnectionLost() { t.LoseConnection() }

// WriteConnectionLost does nothing.
func (t shellTerminal) WriteConnectionLost() {}

// NewConchFactory returns an SSH server for a portal. The caller adds the
// PrivateKeys. It is Twisted's ConchFactory.
func NewConchFactory(portal *cred.Portal[server.Avatar]) *server.SSHFactory {
	return &server.SSHFactory{Portal: portal}
}
