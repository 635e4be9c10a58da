package remote

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// session is the session on the server.
type session struct {
	client.ClientSession
	job     *job
	streams *streams // nil before SessionStarted
	dropped bool     // nobody reads standard output
}

// startSession opens the session.
func (j *job) startSession() {
	command := *j.session
	if command.Terminal != nil {
		command.Terminal = j.terminal()
	}
	j.openSession(command)
}

func (j *job) openSession(command client.Command) {
	s := &session{job: j}
	s.Command = command
	j.conn.OpenChannel(s)
	s.Finished().OnResult(func(_ deferred.Void, err error) { s.finished(err) })
}

// terminal returns the terminal for the server, or nil if standard input is none
// and -t was not given twice.
func (j *job) terminal() *client.Terminal {
	t, err := client.LocalTerminal(j.Stdin)
	switch {
	case err == nil && (!j.noInput || j.force):
		return t
	case j.force:
		return &client.Terminal{Term: os.Getenv("TERM")}
	}
	j.info("Pseudo-terminal will not be allocated because stdin is not a terminal.")
	return nil
}

// SessionStarted connects the standard streams.
func (s *session) SessionStarted() {
	j := s.job
	j.release()
	input := j.Stdin
	if j.noInput {
		input = nil
	}
	s.streams = &streams{far: s, outClosed: s.outputClosed}
	if s.Command.Terminal != nil {
		s.streams.resized = s.resize
		if j.escape != noEscape {
			s.streams.escapes = &escapes{char: byte(j.escape), atStart: true, act: s.act}
		}
	}
	if err := j.openStreams(s.streams, input, s.Command.Terminal == nil); err != nil {
		j.last = append(j.last, text.Line(text.TrimPrefix(err)))
		j.hangUp()
		return
	}
	j.streams = s.streams
	if s.Command.Terminal != nil {
		s.beRaw()
	}
}

// beRaw makes the terminal raw, and sends its size if that has changed.
func (s *session) beRaw() {
	t := s.streams.Transport().(reactor.TerminalTransport)
	if t.SetRaw(true) == nil { // else there is no terminal
		s.job.log.raw.Store(s.job.LogFile() == "")
	}
	if size, err := t.WindowSize(); err == nil {
		if before := s.Command.Terminal.Size; before.Rows != uint32(size.Rows) || before.Columns != uint32(size.Columns) {
			s.resize(size)
		}
	}
}

// resize tells the server the size of the terminal.
func (s *session) resize(size reactor.WindowSize) {
	s.WindowChange(conch.WindowSize{
		Rows: uint32(size.Rows), Columns: uint32(size.Columns), Width: uint32(size.Width), Height: uint32(size.Height),
	}).OnError(ignore) // the session has ended
}

func ignore(error) {}

// DataReceived writes standard output.
func (s *session) DataReceived(p []byte) {
	if !s.dropped {
		s.streams.Transport().Write(p)
	}
	s.Recycle(p)
}

// ExtReceived writes standard error.
func (s *session) ExtReceived(_ uint32, p []byte) {
	s.streams.ErrorReceived(p)
	s.Recycle(p)
}

// outputClosed ends the output of the remote command: a command that writes on
// then gets SIGPIPE from an OpenSSH server. With another server the session ends.
func (s *session) outputClosed() {
	s.dropped = true
	if strings.Contains(s.Conn().Transport().PeerVersion(), "OpenSSH") {
		s.Conn().SendRequest(s, "eow@openssh.com", nil, false).OnError(ignore) // the session has ended
		return
	}
	s.job.status = statusFailed
	s.AbortConnection()
}

// request names what was requested.
func (s *session) request() string {
	switch {
	case s.Command.Subsystem:
		return "the subsystem " + text.Quote(s.Command.Line)
	case s.Command.Line != "":
		return "the command"
	}
	return "a shell"
}

// waitSilently is the time after which a message says that forwarded connections
// outlive the session.
const waitSilently = time.Second

// finished is called when the session has ended.
func (s *session) finished(err error) {
	j := s.job
	if s.Conn().Transport().Lost() != nil {
		return // the end of the connection follows, and says more
	}
	status, message := exitStatus(err)
	if refused := errors.Is(err, conch.ErrRequestRefused); refused && s.Command.Terminal != nil {
		j.info("the server may have refused the terminal; trying without one")
		s.Command.Terminal = nil
		j.openSession(s.Command)
		return
	} else if refused {
		message = "the server refuses " + s.request()
	}
	if s.dropped && err == nil {
		status = j.status
	}
	j.closeStreams().OnResult(func(deferred.Void, error) {
		j.log.raw.Store(false)
		if s.Command.Terminal != nil && message == "" && !j.Terse() {
			message = "Connection to " + text.Line(j.Target.Host) + " closed."
		}
		j.end(status, message)
		j.r.CallLater(waitSilently, func() {
			if n := j.conn.NumChannels(); n > 0 {
				j.info("waiting for %d forwarded connections to end; Ctrl-C ends them", n)
			}
		})
	})
}
