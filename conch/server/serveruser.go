package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/scp"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// serverRealm makes the avatars of a Server.
type serverRealm struct{ s *Server }

// RequestAvatar returns a user who can do what the fields of the Server say.
func (m serverRealm) RequestAvatar(string, any) deferred.Deferred[Avatar] {
	u := &serverUser{s: m.s}
	u.Forwarding = m.s.Forwarding
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{"session": NewSession(u, u.newSession)}
	if m.s.SFTP != nil {
		u.Subsystems = map[string]func([]byte) deferred.Deferred[reactor.Protocol]{"sftp": u.sftp}
	}
	return deferred.Succeed[Avatar](u)
}

// serverUser is the avatar of a user of a Server.
type serverUser struct {
	ConchUser
	s *Server
}

func (u *serverUser) newSession() Session {
	if u.s.Session != nil {
		return u.s.Session(u.Login())
	}
	c := &serverSession{u: u}
	c.Handle, c.Shells = u.s.Handle, u.s.HandleShells
	c.Terminals = c.Shells || u.s.Shell != nil || c.Handle == nil // otherwise a line for the user is all there is
	return c
}

// sftp begins an SFTP session.
func (u *serverUser) sftp([]byte) deferred.Deferred[reactor.Protocol] {
	r := u.Conn().Transport().Reactor()
	login := *u.Login() // a copy for the thread
	files := openFiles(r, func() (filetransfer.BlockingServer, error) { return u.s.SFTP(&login) })
	return deferred.Then(files, func(b filetransfer.BlockingServer) (reactor.Protocol, error) {
		if b == nil {
			return nil, errRefused
		}
		p := filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, b))
		p.ReadOnly, p.LogOperations = u.s.ReadOnly, u.s.LogFiles
		p.Logger = r.Logger().With(userAttr(login.User), "remote", login.Remote)
		return p, nil
	})
}

// openFiles calls open in a thread. If the client has gone meanwhile, the files
// are closed.
func openFiles(r *reactor.Reactor, open func() (filetransfer.BlockingServer, error)) deferred.Deferred[filetransfer.BlockingServer] {
	opened := deferred.New(func(deferred.Deferred[filetransfer.BlockingServer]) {})
	reactor.DeferToThread(r, open).OnResult(func(b filetransfer.BlockingServer, err error) {
		switch {
		case err != nil:
			_ = opened.TryErrback(err) // it may have been cancelled
		case opened.TryCallback(b) != nil && b != nil:
			closed := reactor.DeferToThread(r, func() (struct{}, error) { return struct{}{}, b.Close() })
			closed.OnError(func(err error) {
				r.Logger().Warn("server: closing the files of a client that has gone failed", "err", err)
			})
		}
	})
	return opened
}

// serverSession is a session of a Server without a Session of its own.
type serverSession struct {
	HandlerSession
	u *serverUser
}

// ExecCommand calls Handle, or serves a command of the old scp protocol.
func (c *serverSession) ExecCommand(p *SSHSessionProcessProtocol, line string) deferred.Deferred[struct{}] {
	switch s := c.u.s; {
	case s.Handle != nil:
	case s.SFTP != nil && scp.IsCommand(line):
		c.Handle = c.scp
	default:
		return c.explain(p, "runs no commands")
	}
	return c.HandlerSession.ExecCommand(p, line)
}

// scp serves a command of the old scp protocol with the files of SFTP.
func (c *serverSession) scp(ctx context.Context, cmd *Command) int {
	s, log := c.u.s, c.Channel().Conn().Transport().Reactor().Logger().With(userAttr(cmd.Login.User), "remote", cmd.Login.Remote)
	files, err := s.SFTP(&cmd.Login)
	if err != nil || files == nil {
		log.Info("scp: no files", "err", err)
		fmt.Fprintln(cmd.Stderr, "scp: the server has no files for you")
		return 1
	}
	status := (&scp.Server{Files: files, ReadOnly: s.ReadOnly}).Serve(ctx, cmd.Line, cmd.Stdin, cmd.Stdout, cmd.Stderr)
	if s.LogFiles {
		log.Info("scp: command "+text.Quote(cmd.Line), "status", status)
	}
	if err := files.Close(); err != nil {
		log.Warn("scp: closing the files failed", "err", err)
	}
	return status
}

// OpenShell connects Shell, or calls Handle.
func (c *serverSession) OpenShell(p *SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	switch s := c.u.s; {
	case s.Shell != nil:
		shell := s.Shell(c.u.Login())
		if c.terminal != nil {
			shell = &lineEditor{wrapped: shell}
		}
		p.ConnectProtocol(shell)
		return deferred.Succeed(struct{}{})
	case s.HandleShells:
		return c.HandlerSession.OpenShell(p)
	}
	return c.explain(p, "has no shell")
}

// explain tells the user what the server does instead.
func (c *serverSession) explain(p *SSHSessionProcessProtocol, lacks string) deferred.Deferred[struct{}] {
	line := fmt.Sprintf("This server %s. It %s.\r\n", lacks, c.u.s.does())
	c.Handle = func(_ context.Context, c *Command) int {
		_, _ = fmt.Fprint(c.Stderr, line) // the client may have gone
		return 1
	}
	return c.HandlerSession.ExecCommand(p, "")
}

// does says what the server does.
func (s *Server) does() string {
	var all []string
	for _, one := range []struct {
		has  bool
		what string
	}{
		{s.SFTP != nil, "serves files over SFTP"},
		{s.Handle != nil, "runs commands"},
		{s.Shell != nil, "has a shell"},
		{s.Forwarding.Open != nil || s.Forwarding.Listen != nil, "forwards connections"},
	} {
		if one.has {
			all = append(all, one.what)
		}
	}
	return strings.Join(all, ", and ")
}
