package client

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

// Command says what a session is to run.
type Command struct {
	Line      string    // the command, or the name of the subsystem; empty means a shell
	Subsystem bool      // Line is the name of a subsystem
	Terminal  *Terminal // nil means none
	Env       [][2]string
}

// Terminal is a terminal to ask the server for.
type Terminal struct {
	Term  string // as in TERM, such as "xterm-256color"
	Size  conch.WindowSize
	Modes []conch.TerminalMode
}

// ClientSession is the client's end of a session channel (RFC 4254, section 6), ready to be given to OpenChannel once its Command is set. Embed
// it by value to replace hooks: SessionStarted, and DataReceived and ExtReceived for what the program writes to stdout and stderr. Who
// replaces ChannelOpen, OpenFailed or RequestReceived has to call those of the ClientSession.
type ClientSession struct {
	conch.SSHChannel
	Command Command

	started  completion
	exit     error // how the program ended, if it has told: nil or an *ExitError
	reported bool
}

// Session is what ClientSession is to the framework: a channel that is told when its program runs.
type Session interface {
	conch.Channel
	// SessionStarted is called when the server has granted the command. What the program writes comes later. stdin is Write and SendEOF.
	SessionStarted()
}

// ExitError is the end of a program that was not success.
type ExitError struct {
	Status uint32           // what it exited with; 0 if a signal ended it
	Signal conch.ExitSignal // what ended it; its Name is empty if it exited
	Output Output           // what it has written, if Exec ran it
}

func (e *ExitError) Error() string {
	if e.Signal.Name == "" {
		return fmt.Sprintf("client: remote command exited with status %d", e.Status)
	}
	return "client: remote command was ended by signal " + text.Line(e.Signal.Name)
}

// NewClientSession returns a session for command.
func NewClientSession(command Command) *ClientSession { return &ClientSession{Command: command} }

// Name returns "session".
func (s *ClientSession) Name() string { return "session" }

// SessionStarted does nothing.
func (s *ClientSession) SessionStarted() {}

// Started returns a Deferred that fires when the server has granted the command, and fails when it has not.
func (s *ClientSession) Started() deferred.Deferred[struct{}] { return s.started.wait() }

// Finished returns a Deferred that fires when the program and the channel are over. It fails with an *ExitError if the program has not
// ended with status 0, and with what went wrong if it was not granted, or the connection was lost. A program whose end the server does
// not tell counts as success; see Exited.
func (s *ClientSession) Finished() deferred.Deferred[struct{}] {
	return s.WhenClosed().AddCallback(func(struct{}) (struct{}, error) { return struct{}{}, s.result() })
}

func (s *ClientSession) result() error {
	if s.started.err != nil {
		return s.started.err
	}
	return s.exit
}

// Exited reports how the program ended: err is nil or an *ExitError. ok is false as long as the server has not told.
func (s *ClientSession) Exited() (err error, ok bool) { return s.exit, s.reported }

// ChannelOpen asks for the agent to be forwarded if the options say so, for the environment, the terminal and the program.
func (s *ClientSession) ChannelOpen([]byte) {
	if t := TransportOf(s.Conn().Self()); t != nil && t.options.ForwardAgent && !s.Command.Subsystem {
		s.send("auth-agent-req@openssh.com", nil, false).OnError(ignore) // a server that does not do it does not tell ssh either
	}
	for _, v := range s.Command.Env {
		s.send("env", conch.PackRequestEnv(v[0], v[1]), false).OnError(ignore) // servers take few; ssh does not mind either
	}
	terminal := deferred.Succeed[[]byte](nil)
	if t := s.Command.Terminal; t != nil {
		terminal = s.send("pty-req", conch.PackRequestPTYReq(t.Term, t.Size, t.Modes), true)
	}
	granted := deferred.ThenDeferred(terminal, func([]byte) deferred.Deferred[[]byte] { return s.run() })
	granted.AddCallbacks(s.granted, s.refused)
}

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

func (s *ClientSession) granted([]byte) ([]byte, error) {
	if hooks, ok := s.Self().(Session); ok {
		if err := hook.Call(hooks.SessionStarted); err != nil {
			hook.Log(s.Conn().Transport().Reactor().Logger(), "SessionStarted of "+s.String(), err)
			s.AbortConnection()
		}
	}
	s.started.fire(nil)
	return nil, nil
}

func (s *ClientSession) refused(err error) ([]byte, error) {
	s.started.fire(err)
	s.LoseConnection()
	return nil, nil
}

// OpenFailed makes Started fail.
func (s *ClientSession) OpenFailed(reason error) { s.started.fire(reason) }

// ExitStatusReceived notes how the program ended.
func (s *ClientSession) ExitStatusReceived(status uint32) {
	s.reported = true
	if status != 0 {
		s.exit = &ExitError{Status: status}
	}
}

// ExitSignalReceived notes how the program ended.
func (s *ClientSession) ExitSignalReceived(signal conch.ExitSignal) {
	s.reported = true
	s.exit = &ExitError{Signal: signal}
}

// WindowChange tells the server that the terminal has another size (RFC 4254, section 6.7).
func (s *ClientSession) WindowChange(size conch.WindowSize) deferred.Deferred[[]byte] {
	return s.send("window-change", conch.PackRequestWindowChange(size), false)
}

// Signal asks the server to send the program a signal, named without SIG (RFC 4254, section 6.9). That it arrives is not told.
func (s *ClientSession) Signal(name string) deferred.Deferred[[]byte] {
	return s.send("signal", conch.NS(name), false)
}

// Break asks the server for a break of the line (RFC 4335); the Deferred fails if it cannot do that.
func (s *ClientSession) Break(length time.Duration) deferred.Deferred[[]byte] {
	return s.send("break", conch.PackRequestBreak(length), true)
}

// MaxOutput is how much of each of stdout and stderr Exec keeps, in bytes; a program that writes more is cut off with ErrOutputTooLong.
const MaxOutput = 64 << 20

// ErrOutputTooLong is what Exec fails with when the program writes more than MaxOutput.
var ErrOutputTooLong = errors.New("client: remote command writes more than Exec keeps; use a ClientSession to take it as it comes")

// Output is what a program has written.
type Output struct{ Stdout, Stderr []byte }

// Exec runs command on a new session of the connection, with stdin as its input, and fires with its output when it is over. It fails with an
// *ExitError, which has the output too, if the program does not end with status 0; with ErrOutputTooLong; and like
// ClientSession.Finished. Cancelling it closes the session; what becomes of the program then is up to the server.
func Exec(conn conch.Connection, command string, stdin []byte) deferred.Deferred[Output] {
	s := &execSession{ClientSession: ClientSession{Command: Command{Line: command}}, stdin: slices.Clone(stdin)}
	d := deferred.New(func(deferred.Deferred[Output]) { s.AbortConnection() })
	s.tooLong = func() { _ = d.TryErrback(ErrOutputTooLong) } // it may have been cancelled
	conn.OpenChannel(s)
	s.Finished().AddBoth(func(_ struct{}, err error) (struct{}, error) {
		if err = s.ended(err); err != nil {
			_ = d.TryErrback(err) // it may have been cancelled
		} else {
			_ = d.TryCallback(s.output) // likewise
		}
		return struct{}{}, nil
	})
	return d
}

// execSession collects the output of a program.
type execSession struct {
	ClientSession
	stdin   []byte
	output  Output
	tooLong func() // ends it
}

// ended says how it was.
func (s *execSession) ended(err error) error {
	if exit, ok := errors.AsType[*ExitError](err); ok {
		exit.Output = s.output
	}
	return err
}

// SessionStarted sends the input.
func (s *execSession) SessionStarted() {
	s.Write(s.stdin)
	s.LoseWriteConnection()
	s.stdin = nil
}

// DataReceived keeps what comes from stdout.
func (s *execSession) DataReceived(p []byte) { s.keep(&s.output.Stdout, p) }

// ExtReceived keeps what comes from stderr.
func (s *execSession) ExtReceived(_ uint32, p []byte) { s.keep(&s.output.Stderr, p) }

func (s *execSession) keep(in *[]byte, p []byte) {
	if len(*in)+len(p) > MaxOutput {
		s.AbortConnection()
		s.tooLong()
		return
	}
	*in = append(*in, p...)
}
