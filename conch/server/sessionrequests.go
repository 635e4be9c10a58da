package server

import (
	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

const (
	// maxEnv is the number of variables that a client may set in a session, as
	// in OpenSSH's sshd.
	maxEnv = 128

	// maxEnvBytes is the size of all names and values of these variables.
	maxEnvBytes = 64 << 10
)

// requests answers the requests of a client, one after another: the program must
// not start before the terminal is granted. conch.Limits bounds the number that
// waits.
type requests struct {
	current deferred.Deferred[bool] // the answer that is awaited, or zero
	waiting []func()
	running bool // next runs
}

// add calls answer when all earlier requests are answered.
func (q *requests) add(answer func() deferred.Deferred[bool]) deferred.Deferred[bool] {
	result := deferred.New[bool]()
	q.waiting = append(q.waiting, func() {
		q.current = answer()
		q.current.OnResult(func(granted bool, err error) {
			q.current = deferred.Deferred[bool]{}
			_ = result.TryCallback(granted && err == nil) // the session may have ended
			q.next()
		})
	})
	q.next()
	return result
}

// next handles the requests until one is not answered at once.
func (q *requests) next() {
	if q.running {
		return
	}
	q.running = true
	for len(q.waiting) > 0 && q.current == (deferred.Deferred[bool]{}) {
		ask := q.waiting[0]
		q.waiting = q.waiting[1:]
		ask()
	}
	q.running = false
}

// end cancels the request that is being answered, and drops the others.
func (q *requests) end() {
	q.waiting = nil
	if q.current != (deferred.Deferred[bool]{}) {
		q.current.Cancel()
	}
}

// RequestReceived answers the requests of the client.
func (s *SSHSession) RequestReceived(name string, data []byte) deferred.Deferred[bool] {
	return s.requests.add(func() deferred.Deferred[bool] {
		d := deferred.MaybeDeferred(func() deferred.Deferred[bool] { return s.answer(name, data) })
		return d.OnError(func(err error) { s.refused(name, err) }) // a panic
	})
}

func (s *SSHSession) answer(name string, data []byte) deferred.Deferred[bool] {
	switch name {
	case "pty-req":
		return s.ptyRequested(data)
	case "env":
		return s.envRequested(data)
	case "auth-agent-req@openssh.com":
		return s.agentRequested()
	case "exec", "shell", "subsystem":
		return s.programRequested(name, data)
	case "window-change":
		size, err := conch.ParseRequestWindowChange(data)
		if err != nil || !s.pty {
			return deferred.Succeed(false)
		}
		s.session.WindowChanged(size)
		return deferred.Succeed(true)
	case "signal":
		signal, err := conch.ParseRequestString(data)
		mayNot := s.kind == "" || s.kind == "subsystem" || s.forced
		return deferred.Succeed(err == nil && !mayNot && s.session.SignalReceived(signal))
	case "break":
		length, err := conch.ParseRequestBreak(data)
		return deferred.Succeed(err == nil && s.pty && s.session.BreakReceived(length))
	case endOfWrite:
		if child := s.child(); child != nil {
			child.Transport().CloseStdout()
			return deferred.Succeed(true)
		}
	}
	return s.SSHChannel.RequestReceived(name, data)
}

// endOfWrite is the request of a side that takes no more data (OpenSSH's
// PROTOCOL, section 2.1).
const endOfWrite = "eow@openssh.com"

// ask calls a method of the session, and answers whether it grants the request.
func (s *SSHSession) ask(what string, method func() deferred.Deferred[struct{}]) deferred.Deferred[bool] {
	d := deferred.MaybeDeferred(method)
	if d == (deferred.Deferred[struct{}]{}) {
		d = refused()
	}
	return deferred.ThenBoth(d, func(_ struct{}, err error) (bool, error) {
		s.refused(what, err)
		return err == nil, nil
	})
}

func (s *SSHSession) ptyRequested(data []byte) deferred.Deferred[bool] {
	term, size, modes, err := conch.ParseRequestPTYReq(data)
	if err != nil || s.kind != "" || s.pty || s.login().Restrictions.NoPTY {
		return deferred.Succeed(false)
	}
	d := s.ask("pty-req", func() deferred.Deferred[struct{}] { return s.session.GetPty(term, size, modes) })
	return d.OnValue(func(granted bool) { s.pty = granted })
}

func (s *SSHSession) envRequested(data []byte) deferred.Deferred[bool] {
	name, value, err := conch.ParseRequestEnv(data)
	size := len(name) + len(value)
	if err != nil || s.kind != "" || s.variables == maxEnv || s.envBytes+size > maxEnvBytes {
		return deferred.Succeed(false)
	}
	d := s.ask("env", func() deferred.Deferred[struct{}] { return s.session.SetEnv(name, value) })
	return d.OnValue(func(granted bool) {
		if granted {
			s.variables++
			s.envBytes += size
		}
	})
}

func (s *SSHSession) agentRequested() deferred.Deferred[bool] {
	agent := agentOf(s.Conn())
	if s.kind != "" || agent.asked || s.login().Restrictions.NoAgentForwarding {
		return deferred.Succeed(false)
	}
	agent.asked = true
	d := s.ask("auth-agent-req", func() deferred.Deferred[struct{}] { return s.session.AgentRequested(agent) })
	return d.OnValue(func(granted bool) { agent.asked, agent.granted = granted, granted })
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
	if s.kind != "" {
		return deferred.Succeed(false)
	}
	s.kind, s.starting, s.forced, s.original = kind, true, false, nil
	if forced := s.login().Restrictions.Command; forced != "" {
		s.forced = true
		if asked := line; kind != "shell" {
			s.original = &asked
		}
		s.kind, line = "exec", forced
	}
	d := s.ask(s.kind+" "+text.Quote(line), func() deferred.Deferred[struct{}] { return s.start(line, data) })
	return d.OnValue(s.started)
}

// builtInSFTP is the forced command that stands for the subsystem sftp.
const builtInSFTP = "internal-sftp"

// start starts a program.
func (s *SSHSession) start(line string, payload []byte) deferred.Deferred[struct{}] {
	if s.forced && line == builtInSFTP {
		s.kind, line, payload = "subsystem", "sftp", conch.NS("sftp")
	}
	s.timed(s.kind, line)
	if s.kind == "subsystem" {
		return s.startSubsystem(line, payload)
	}
	p := s.newProcess()
	if s.kind == "shell" {
		return s.session.OpenShell(p)
	}
	return s.session.ExecCommand(p, line)
}

func (s *SSHSession) startSubsystem(name string, payload []byte) deferred.Deferred[struct{}] {
	d := s.avatar.LookupSubsystem(name, payload)
	if d == (deferred.Deferred[reactor.Protocol]{}) {
		return refused()
	}
	return deferred.Then(d, func(p reactor.Protocol) (struct{}, error) {
		if p == nil {
			return struct{}{}, errRefused
		}
		s.newProcess().ConnectProtocol(p)
		return struct{}{}, nil
	})
}

// started is called with the answer to the request for a program. If the program
// was refused, the client may ask for something else.
func (s *SSHSession) started(granted bool) {
	s.starting = false
	s.early.resume(s)
	end := s.ending
	s.ending = nil
	switch {
	case !granted:
		s.kind, s.process = "", nil
	case end != nil:
		s.Conn().Transport().Reactor().CallFromThread(end) // after the answer
	}
}
