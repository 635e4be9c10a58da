package server

import (
	"errors"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
)

// SSHSession is a session channel of a server (RFC 4254, section 6). It asks the
// avatar for subsystems, and a Session for everything else. It is Twisted's
// SSHSession.
type SSHSession struct {
	conch.SSHChannel
	avatar  Avatar
	session Session

	requests  requests
	variables int // of the environment, that were granted
	envBytes  int // their size
	pty       bool

	kind     string  // of the program: exec, shell or subsystem; empty before it is asked for
	forced   bool    // the program is a forced command
	original *string // the command that the client has asked for, if another one is forced
	starting bool    // the program has been asked for, and has not been granted
	ending   func()  // the end of a program that has ended while starting; may be nil

	process    *SSHSessionProcessProtocol // of the child process; nil for a protocol
	halfCloses bool                       // the program is a protocol that handles the end of the input
	exit       bool                       // the exit status or signal was sent
	over       bool                       // the client has closed the session
	inputEnded bool
	early      earlyInput

	crowded bool // much waits to be sent
	waiting []deferred.Deferred[struct{}]
}

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

// OriginalCommand returns the command or the name of the subsystem that the
// client has asked for, if a forced command runs instead. ok is false without a
// forced command, and if the client has asked for a shell.
func (s *SSHSession) OriginalCommand() (line string, ok bool) {
	if s.original == nil {
		return "", false
	}
	return *s.original, true
}

// originalCommand is the variable of a program that has OriginalCommand.
const originalCommand = "SSH_ORIGINAL_COMMAND"

// originalEnv returns originalCommand as NAME=value, or nothing.
func (s *SSHSession) originalEnv() []string {
	if line, ok := s.OriginalCommand(); ok {
		return []string{originalCommand + "=" + line}
	}
	return nil
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
	s.whenStarted(func() {
		s.sendExit("exit-status", conch.PackRequestExitStatus(status))
		s.LoseConnection()
	})
}

// LoseConnection ends the session, with exit status 0 if there was a program and
// no other status.
func (s *SSHSession) LoseConnection() {
	s.whenStarted(func() {
		if s.kind != "" {
			s.sendExit("exit-status", conch.PackRequestExitStatus(0)) // first: a client may close the session at end-of-file
			s.LoseWriteConnection()
		}
		s.SSHChannel.LoseConnection()
	})
}

// whenStarted calls end when the client has got the answer to its request for a
// program: a client takes a session that is closed before for a refusal.
func (s *SSHSession) whenStarted(end func()) {
	switch {
	case !s.starting:
		end()
	case s.ending == nil:
		s.ending = end
	}
}

// sendExit tells the client how the program has ended, once.
func (s *SSHSession) sendExit(request string, payload []byte) {
	if !s.exit && s.kind != "" {
		s.exit = true
		s.notify(request, payload)
	}
}

// notify sends a request that needs no answer.
func (s *SSHSession) notify(request string, payload []byte) {
	s.Conn().SendRequest(s, request, payload, false).OnError(func(error) {}) // the client has gone
}

// refused logs why a request was refused.
func (s *SSHSession) refused(what string, err error) {
	if err != nil && !errors.Is(err, errRefused) && !errors.Is(err, deferred.ErrCancelled) {
		s.Conn().Transport().Reactor().Logger().Info("server: request refused", "request", what, "login", s.login(), "err", err)
	}
}

// DataReceived passes input to the child process. Input that precedes the
// program is kept.
func (s *SSHSession) DataReceived(p []byte) {
	if child := s.child(); child != nil {
		child.write(p)
		return
	}
	s.early.add(s, p)
}

// EOFReceived passes the end of the input to the program.
func (s *SSHSession) EOFReceived() {
	s.inputEnded = true
	s.session.EOFReceived()
	switch child := s.child(); {
	case child != nil:
		child.inputEnded()
	case s.kind != "" && !s.starting && s.process == nil && !s.halfCloses:
		s.LoseConnection()
	}
}

// CloseReceived ends the program.
func (s *SSHSession) CloseReceived() {
	s.hangUp()
	s.SSHChannel.LoseConnection()
}

// Closed ends the program.
func (s *SSHSession) Closed() {
	s.hangUp()
	s.requests.end()
	s.session.Closed()
}

func (s *SSHSession) hangUp() {
	s.over = true
	if child := s.child(); child != nil {
		child.hangUp()
	}
}

// newOpenSSH reports whether the client is an OpenSSH that knows the extensions
// of OpenSSH 5 and later.
func (s *SSHSession) newOpenSSH() bool {
	version, ok := strings.CutPrefix(s.login().ClientVersion, "SSH-2.0-OpenSSH_")
	return ok && !slices.ContainsFunc([]string{"2.", "3.", "4."}, func(old string) bool { return strings.HasPrefix(version, old) })
}

// earlyInput is input that precedes the program.
type earlyInput struct {
	data   [][]byte
	size   int
	paused bool
}

const (
	// maxEarly is the number of bytes of input that a client may send without a
	// program that takes them. It is the size of a window.
	maxEarly = 2 << 20

	// maxStarting is the number of bytes of input above which the session is
	// paused until the program starts.
	maxStarting = 256 << 10
)

func (e *earlyInput) add(s *SSHSession, p []byte) {
	e.data = append(e.data, p)
	switch e.size += len(p); {
	case s.starting && e.size > maxStarting && !e.paused:
		e.paused = true
		s.PauseProducing()
	case !s.starting && e.size > maxEarly:
		s.AbortConnection()
	}
}

// pass passes the input to the program.
func (e *earlyInput) pass(s *SSHSession, input func([]byte)) {
	data := e.data
	e.data, e.size = nil, 0
	for _, p := range data {
		input(p)
	}
}

func (e *earlyInput) resume(s *SSHSession) {
	if e.paused {
		e.paused = false
		s.ResumeProducing()
	}
}
