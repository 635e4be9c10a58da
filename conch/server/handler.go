package server

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Command is a command or shell that a client runs, for a function that serves
// it on a goroutine of its own.
type Command struct {
	Line     string    // the command line; empty for a shell
	Shell    bool      // the client wants a shell
	Env      []string  // variables of the client, as NAME=value
	Terminal *Terminal // nil without a terminal
	Login    Login     // who runs the command

	Stdin          io.Reader // ends with io.EOF
	Stdout, Stderr io.Writer // wait for a slow client
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

	env      []string
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

// SetEnv keeps a variable for the function.
func (s *HandlerSession) SetEnv(name, value string) deferred.Deferred[struct{}] {
	s.env = append(s.env, name+"="+value)
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
	c.Env, c.Terminal, c.Login = s.env, s.terminal, *ch.login()
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
