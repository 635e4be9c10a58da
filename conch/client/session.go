package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/deferred"
)

// Command is what a session runs on the server.
type Command struct {
	Line      string      // a command line, or the name of a subsystem; empty means a shell
	Subsystem bool        // Line is the name of a subsystem
	Terminal  *Terminal   // nil means no terminal
	Env       [][2]string // environment variables: names and values; servers ignore most names

	// MaxOutput is the number of bytes of output, stdout and stderr together,
	// that Exec keeps. 0 means DefaultMaxOutput. A ClientSession has no limit,
	// because it keeps nothing.
	MaxOutput int
}

// Terminal is a terminal for a session.
type Terminal struct {
	Term  string // the value of TERM, such as "xterm-256color"
	Size  conch.WindowSize
	Modes []conch.TerminalMode
}

// ClientSession is a session channel (RFC 4254, section 6) that runs a Command.
// Set Command and pass the ClientSession to OpenChannel. The channel is the
// transport of the program: Write and LoseWriteConnection are its stdin.
//
// Embed ClientSession by value to replace hooks: SessionStarted, DataReceived for
// stdout, ExtReceived for stderr. A replacement of ChannelOpen, OpenFailed,
// ExitStatusReceived or ExitSignalReceived must call the method of ClientSession.
// All methods belong to the loop.
type ClientSession struct {
	conch.SSHChannel
	Command Command

	started    work.Completion
	exit       error // the end of the program: nil or an *ExitError
	reported   bool  // the server has reported the end of the program
	closedHere bool  // LoseConnection or AbortConnection was called
}

// Session is a channel that embeds ClientSession.
type Session interface {
	conch.Channel

	// SessionStarted is called when the server has started the command. Output
	// follows.
	SessionStarted()
}

var (
	_ Session                  = (*ClientSession)(nil)
	_ conch.ExitStatusReceiver = (*ClientSession)(nil)
	_ conch.ExitSignalReceiver = (*ClientSession)(nil)
)

// ErrNoExitStatus is matched by the *ExitError of a command or shell whose
// session the server closed without an exit status or signal. The command may
// have been interrupted, and its output may be incomplete. Some servers never
// report a status; accept this error only from those.
var ErrNoExitStatus = errors.New("client: remote command ended without exit status; its output may be incomplete")

// ExitError reports that a remote command did not end with status 0.
type ExitError struct {
	Status uint32           // the exit status; 0 if a signal ended the command, or Err is set
	Signal conch.ExitSignal // the signal; its Name is empty if the command exited
	Output Output           // what Exec received; empty otherwise
	Err    error            // ErrNoExitStatus if the server reported neither, otherwise nil
}

func (e *ExitError) Error() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Signal.Name != "":
		return "client: remote command was ended by signal " + text.Line(e.Signal.Name)
	}
	return fmt.Sprintf("client: remote command exited with status %d", e.Status)
}

// Unwrap returns Err.
func (e *ExitError) Unwrap() error { return e.Err }

// NewClientSession returns a session for command.
func NewClientSession(command Command) *ClientSession { return &ClientSession{Command: command} }

// Name returns "session".
func (s *ClientSession) Name() string { return "session" }

// SessionStarted does nothing.
func (s *ClientSession) SessionStarted() {}

// Started returns a new Deferred that fires when the server has started the
// command, after SessionStarted. It fails with a *conch.ConchError if the server
// refuses the channel, the terminal or the command, and with an error that
// matches conch.ErrConnectionLost if the connection ends first.
func (s *ClientSession) Started() deferred.Deferred[struct{}] { return s.started.Wait() }

// Finished returns a new Deferred that fires when the session has ended and the
// command has exited with status 0. It fails with an *ExitError otherwise, with
// the error of Started if the command was not started, and with an error that
// matches conch.ErrConnectionLost if the connection ended first.
//
// If the server reports no exit status, the *ExitError matches ErrNoExitStatus.
// Finished then fires without an error only for a subsystem, and after
// LoseConnection or AbortConnection of the session.
func (s *ClientSession) Finished() deferred.Deferred[struct{}] {
	return s.WhenClosed().AddCallback(func(struct{}) (struct{}, error) { return struct{}{}, s.result() })
}

func (s *ClientSession) result() error {
	switch {
	case s.started.Err() != nil:
		return s.started.Err()
	case s.reported || s.closedHere || s.Command.Subsystem:
		return s.exit
	}
	return &ExitError{Err: ErrNoExitStatus}
}

// Exited returns how the program ended: nil after status 0, or an *ExitError. ok
// is false if the server has not reported the end.
func (s *ClientSession) Exited() (err error, ok bool) { return s.exit, s.reported }

// LoseConnection closes the session, as conch.SSHChannel.LoseConnection does.
func (s *ClientSession) LoseConnection() {
	s.closedHere = true
	s.SSHChannel.LoseConnection()
}

// AbortConnection closes the session, as conch.SSHChannel.AbortConnection does.
func (s *ClientSession) AbortConnection() {
	s.closedHere = true
	s.SSHChannel.AbortConnection()
}

// ChannelOpen requests what Command says: environment, terminal and program, and
// first the forwarding of the agent if Options.ForwardAgent is set.
func (s *ClientSession) ChannelOpen([]byte) {
	if t := TransportOf(s.Conn().Self()); t != nil && t.options.ForwardAgent && !s.Command.Subsystem {
		s.send("auth-agent-req@openssh.com", nil, false).OnError(ignore) // the command runs without the agent
	}
	for _, v := range s.Command.Env {
		s.send("env", conch.PackRequestEnv(v[0], v[1]), false).OnError(ignore) // the command fails too then
	}
	terminal := deferred.Succeed[[]byte](nil)
	if t := s.Command.Terminal; t != nil {
		terminal = s.send("pty-req", conch.PackRequestPTYReq(t.Term, t.Size, t.Modes), true)
	}
	granted := deferred.ThenDeferred(terminal, func([]byte) deferred.Deferred[[]byte] { return s.run() })
	granted.OnResult(func(_ []byte, err error) { s.answered(err) })
}

// ignore handles failures that another Deferred reports too.
func ignore(error) {}

func (s *ClientSession) run() deferred.Deferred[[]byte] {
	switch {
	case s.Command.Subsystem:
		return s.send("subsystem", conch.NS(s.Command.Line), true)
	case s.Command.Line == "":
		return s.send("shell", nil, true)
	}
	return s.send("exec", conch.NS(s.Command.Line), true)
}

func (s *ClientSession) send(name string, data []byte, wantReply bool) deferred.Deferred[[]byte] {
	return s.Conn().SendRequest(s.Self(), name, data, wantReply)
}

// answered takes the server's answer to the command.
func (s *ClientSession) answered(err error) {
	if err != nil {
		s.started.Fire(err)
		s.LoseConnection()
		return
	}
	if hooks, ok := s.Self().(Session); ok {
		if err := hook.Call(hooks.SessionStarted); err != nil {
			hook.Log(s.Conn().Transport().Reactor().Logger(), "SessionStarted of "+s.String(), err)
			s.SSHChannel.AbortConnection()
		}
	}
	s.started.Fire(nil)
}

// OpenFailed makes Started and Finished fail.
func (s *ClientSession) OpenFailed(reason error) { s.started.Fire(reason) }

// ExitStatusReceived notes the exit status of the program.
func (s *ClientSession) ExitStatusReceived(status uint32) {
	s.reported = true
	if status != 0 {
		s.exit = &ExitError{Status: status}
	}
}

// ExitSignalReceived notes the signal that ended the program.
func (s *ClientSession) ExitSignalReceived(signal conch.ExitSignal) {
	s.reported = true
	s.exit = &ExitError{Signal: signal}
}

// WindowChange tells the server the new size of the terminal (RFC 4254, section
// 6.7). The Deferred fires when the request has been sent; there is no reply.
func (s *ClientSession) WindowChange(size conch.WindowSize) deferred.Deferred[[]byte] {
	return s.send("window-change", conch.PackRequestWindowChange(size), false)
}

// Signal asks the server to send a signal to the program (RFC 4254, section 6.9).
// name has no SIG prefix. The Deferred fires when the request has been sent;
// there is no reply.
func (s *ClientSession) Signal(name string) deferred.Deferred[[]byte] {
	return s.send("signal", conch.NS(name), false)
}

// Break asks the server for a break of the given length (RFC 4335); 0 means the
// server's default. The Deferred fails with an error that matches
// conch.ErrRequestRefused if the server refuses.
func (s *ClientSession) Break(length time.Duration) deferred.Deferred[[]byte] {
	return s.send("break", conch.PackRequestBreak(length), true)
}
