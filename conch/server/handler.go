package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime/debug"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/kballard/go-shellquote"
)

// Command is a command or shell that a client runs, for a function that serves
// it on a goroutine of its own.
type Command struct {
	Line     string    // the command line as the client has sent it; empty for a shell
	Shell    bool      // the client wants a shell
	Env      []string  // variables of the client, and SSH_ORIGINAL_COMMAND, as NAME=value
	Terminal *Terminal // nil without a terminal
	Login    Login     // who runs the command

	// DialAgent connects to the agent of the client. It is nil unless the client
	// has offered the agent, and AgentForwarding is set.
	DialAgent func(ctx context.Context) (net.Conn, error)

	Stdin          io.Reader // ends with io.EOF
	Stdout, Stderr io.Writer // wait for a slow client
}

// Args splits Line into words, with the quotes and backslashes of sh. There is
// nothing else of a shell: "$", "*", ";" and "|" are characters of words. It
// fails if a quote or a backslash has no end.
func (c *Command) Args() ([]string, error) {
	words, err := shellquote.Split(c.Line)
	if err != nil {
		return nil, fmt.Errorf("server: cannot split the command line: %w", err)
	}
	return words, nil
}

// Terminal is the terminal of a client.
type Terminal struct {
	Term  string // the value of TERM, such as "xterm-256color"
	Size  conch.WindowSize
	Modes []conch.TerminalMode

	// Resized receives each new size. Sizes that are not taken are replaced by
	// later ones.
	Resized <-chan conch.WindowSize
}

// HandlerSession is a Session that calls a function for each command and shell,
// on a goroutine of its own. Set its fields in a function for NewSession.
type HandlerSession struct {
	BaseSession

	// Handle serves one command and returns the exit status. ctx is done when
	// the client has gone. A panic is logged, and is the exit status 255.
	Handle func(ctx context.Context, c *Command) (status int)

	// Shells and Terminals let the client ask for a shell, and for a terminal.
	Shells, Terminals bool

	// AcceptEnv are patterns for the names of variables that the client may set,
	// as those of ProgramSession. nil means LANG and LC_*.
	AcceptEnv []string

	// AgentForwarding lets the function use the agent of a client that offers
	// it (ssh -A).
	AgentForwarding bool

	env      accepted
	terminal *Terminal
	resized  chan conch.WindowSize
	cancel   context.CancelFunc
}

// GetPty grants a terminal if Terminals is set.
func (s *HandlerSession) GetPty(term string, size conch.WindowSize, modes []conch.TerminalMode) deferred.Deferred[struct{}] {
	if !s.Terminals {
		return refused()
	}
	s.resized = make(chan conch.WindowSize, 1)
	s.terminal = &Terminal{Term: term, Size: size, Modes: modes, Resized: s.resized}
	return deferred.Succeed(struct{}{})
}

// SetEnv keeps a variable that AcceptEnv lists for the function.
func (s *HandlerSession) SetEnv(name, value string) deferred.Deferred[struct{}] {
	return s.env.set(s.AcceptEnv, name, value)
}

// AgentRequested gives the function the agent if AgentForwarding is set.
func (s *HandlerSession) AgentRequested(*ForwardedAgent) deferred.Deferred[struct{}] {
	if !s.AgentForwarding {
		return refused()
	}
	return deferred.Succeed(struct{}{})
}

// WindowChanged tells the function.
func (s *HandlerSession) WindowChanged(size conch.WindowSize) {
	if s.resized == nil {
		return
	}
	select {
	case <-s.resized: // an older size
	default:
	}
	s.resized <- size // only the loop sends
}

// ExecCommand starts the function.
func (s *HandlerSession) ExecCommand(p *SSHSessionProcessProtocol, command string) deferred.Deferred[struct{}] {
	return s.start(p, &Command{Line: command})
}

// OpenShell starts the function if Shells is set.
func (s *HandlerSession) OpenShell(p *SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	if !s.Shells {
		return refused()
	}
	return s.start(p, &Command{Shell: true})
}

// Closed tells the function that the client has gone.
func (s *HandlerSession) Closed() {
	if s.cancel != nil {
		s.cancel()
	}
}

func (s *HandlerSession) start(p *SSHSessionProcessProtocol, c *Command) deferred.Deferred[struct{}] {
	ch := s.Channel()
	r := ch.Conn().Transport().Reactor()
	stdio := reactor.NewNetConn(r)
	p.ConnectProtocol(stdio)
	ctx, cancel := context.WithCancel(ch.Conn().Transport().Context())
	s.cancel = cancel
	c.Env, c.Terminal, c.Login = append(s.env, ch.originalEnv()...), s.terminal, *ch.login()
	if agent := agentOf(ch.Conn()); s.AgentForwarding && agent.granted {
		c.DialAgent = agent.DialContext
	}
	c.Stdin, c.Stdout, c.Stderr = stdio, stdio, &stderrWriter{ctx, r, ch}
	release := ch.Conn().Transport().Hold()
	go func() { // ends when the function returns, which ctx asks for
		defer release()
		defer cancel()
		status := s.call(ctx, r, c)
		r.CallFromThread(func() {
			ch.sendExit("exit-status", conch.PackRequestExitStatus(uint32(status)))
			_ = stdio.Close() // never fails, and closes the channel
		})
	}()
	return deferred.Succeed(struct{}{})
}

// call calls the function.
func (s *HandlerSession) call(ctx context.Context, r *reactor.Reactor, c *Command) (status int) {
	defer func() {
		if v := recover(); v != nil {
			r.Logger().Error("server: panic in the handler of a command", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			status = 255
		}
	}()
	return s.Handle(ctx, c)
}

// stderrWriter sends extended data. It waits while the client takes none.
type stderrWriter struct {
	ctx context.Context
	r   *reactor.Reactor
	ch  *SSHSession
}

// Write implements io.Writer.
func (w *stderrWriter) Write(p []byte) (int, error) {
	_, err := reactor.Await(w.ctx, w.r, func() deferred.Deferred[struct{}] {
		w.ch.WriteExtended(conch.ExtendedDataStderr, p)
		return w.ch.writable()
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}
