package server

import (
	"errors"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/drain"
	"github.com/hawser-go/hawser/reactor"
)

// SSHSessionProcessProtocol connects a program to a session: pass it to
// SpawnProcess to run a child process, or call ConnectProtocol to make a protocol
// the program. It is Twisted's SSHSessionProcessProtocol. All methods belong to
// the loop.
//
// The client gets the exit status soon after a child process has exited,
// end-of-file when its stdout and stderr have ended, and the close after both.
// Output that is there when the process exits comes before the exit status. If
// the output ends while the process runs, end-of-file waits for the exit status for
// up to a second: a client that closes the session at end-of-file gets no more.
//
// When the client closes the session, or the connection ends, a child process
// gets SIGHUP, and its pipes or terminal are closed. Give the child process a
// group of its own (reactor.ProcessOptions.NewGroup), so that the signals reach
// the programs that it has started.
type SSHSessionProcessProtocol struct {
	reactor.BaseProcessProtocol

	// LeaveRunning sends no signal when the client goes. A child process with a
	// terminal gets SIGHUP all the same, from the system.
	LeaveRunning bool

	// KillAfter, if not 0, sends SIGKILL to a child process that runs on for
	// this time after SIGHUP.
	KillAfter time.Duration

	s      *SSHSession
	input  drain.Producer       // the client, as the producer of the input
	endKey string               // what ends the input of a child process with a terminal; empty without one
	inLine bool                 // the input has a line that has not ended
	status func()               // sends the exit status; nil if there is none to send
	late   *reactor.DelayedCall // sends the exit status or end-of-file at the latest
	open   int                  // how many of stdout and stderr have not ended
	exited bool                 // or is no child process
	gone   bool                 // hangUp was called
	kill   *reactor.DelayedCall
}

var _ reactor.ProcessProtocol = (*SSHSessionProcessProtocol)(nil)

// Session returns the channel of the session.
func (p *SSHSessionProcessProtocol) Session() *SSHSession { return p.s }

// ConnectProtocol makes proto the program: its input is what the client sends,
// and what it writes is stdout. The channel is its transport; LoseConnection
// ends the program with exit status 0, and Session().Exit with another one. At
// the end of the input a protocol that is no reactor.HalfCloser is ended.
func (p *SSHSessionProcessProtocol) ConnectProtocol(proto reactor.Protocol) {
	s := p.s
	s.process = nil
	half, halfCloses := reactor.As[reactor.HalfCloser](proto)
	s.halfCloses = halfCloses
	s.ConnectProtocol(proto)
	s.early.pass(s, proto.DataReceived)
	switch {
	case !s.inputEnded:
	case halfCloses:
		half.ReadConnectionLost()
	default:
		s.LoseConnection()
	}
}

// ConnectionMade is called when a child process has started.
func (p *SSHSessionProcessProtocol) ConnectionMade() {
	s, t := p.s, p.Transport()
	if s.over { // while the process was being started
		p.hangUp()
		return
	}
	p.open = 2
	p.input.From = s
	_ = s.RegisterProducer(t, true)        // the session is new, and has none
	_ = t.RegisterProducer(&p.input, true) // so is the process
	s.early.pass(s, p.write)
	if s.inputEnded {
		p.inputEnded()
	}
}

// OutReceived sends output of the child process to the client.
func (p *SSHSessionProcessProtocol) OutReceived(data []byte) { p.s.Write(data) }

// ErrReceived sends output of the child process to the client.
func (p *SSHSessionProcessProtocol) ErrReceived(data []byte) {
	p.s.WriteExtended(conch.ExtendedDataStderr, data)
}

// InConnectionLost tells a client that is OpenSSH's that the child process takes
// no more input.
func (p *SSHSessionProcessProtocol) InConnectionLost() {
	if s := p.s; !s.inputEnded && !s.over && s.newOpenSSH() {
		s.notify(endOfWrite, nil)
	}
}

// OutConnectionLost and ErrConnectionLost send end-of-file when both have been
// called.
func (p *SSHSessionProcessProtocol) OutConnectionLost() { p.outputEnded() }

// ErrConnectionLost see OutConnectionLost.
func (p *SSHSessionProcessProtocol) ErrConnectionLost() { p.outputEnded() }

func (p *SSHSessionProcessProtocol) outputEnded() {
	p.open--
	switch {
	case p.open > 0:
	case p.exited:
		p.sendEnd()
	default:
		p.late = p.s.Conn().Transport().Reactor().CallLater(eofDelay, p.s.LoseWriteConnection)
	}
}

// eofDelay is the longest time that end-of-file waits for the exit status.
const eofDelay = time.Second

// outputGrace is how long the exit status waits for the end of the output, which
// another process may hold.
const outputGrace = 50 * time.Millisecond

// ProcessExited sends the exit status or signal.
func (p *SSHSessionProcessProtocol) ProcessExited(reason error) {
	p.exited = true
	if p.kill != nil {
		_ = p.kill.Cancel() // it may have been called
	}
	ended, ok := errors.AsType[*reactor.ProcessTerminatedError](reason)
	switch {
	case errors.Is(reason, reactor.ErrProcessDone):
		p.status = func() { p.s.sendExit("exit-status", conch.PackRequestExitStatus(0)) }
	case ok && ended.Signal != 0:
		signal := conch.ExitSignal{Name: signalName(ended.Signal), CoreDumped: ended.Status&0x80 != 0}
		p.status = func() { p.s.sendExit("exit-signal", conch.PackRequestExitSignal(signal)) }
	case ok:
		p.status = func() { p.s.sendExit("exit-status", conch.PackRequestExitStatus(uint32(ended.ExitCode))) }
	}
	if p.open == 0 {
		p.sendEnd()
	} else {
		p.late = p.s.Conn().Transport().Reactor().CallLater(outputGrace, p.sendStatus)
	}
}

// sendEnd sends the exit status or signal, and end-of-file after it.
func (p *SSHSessionProcessProtocol) sendEnd() {
	if p.late != nil {
		_ = p.late.Cancel() // it may have been called
	}
	p.sendStatus()
	p.s.LoseWriteConnection()
}

// sendStatus sends the exit status or signal, if the process has exited.
func (p *SSHSessionProcessProtocol) sendStatus() {
	if p.status != nil {
		p.status()
	}
}

// ProcessEnded closes the session.
func (p *SSHSessionProcessProtocol) ProcessEnded(error) {
	p.exited = true
	p.s.UnregisterProducer()
	p.sendEnd() // a terminal has not told its end
	p.s.SSHChannel.LoseConnection()
}

// write passes input to the child process.
func (p *SSHSessionProcessProtocol) write(data []byte) {
	if n := len(data); n > 0 {
		p.inLine = data[n-1] != '\r' && data[n-1] != '\n'
	}
	p.Transport().Write(data)
}

// inputEnded ends the input of the child process. A terminal cannot be closed,
// so the key is written that ends its input. Within a line the first one only
// ends the line.
func (p *SSHSessionProcessProtocol) inputEnded() {
	t := p.Transport()
	end := p.endKey
	if p.inLine {
		end += end
	}
	if end != "" {
		t.Write([]byte(end))
	}
	t.UnregisterProducer()
	t.CloseStdin()
}

// hangUp ends the child process, and closes its pipes: the client has gone.
func (p *SSHSessionProcessProtocol) hangUp() {
	if p.gone {
		return
	}
	p.gone = true
	t := p.Transport()
	if !p.exited && !p.LeaveRunning {
		_ = t.SignalProcess("HUP") // it may have ended
		if p.KillAfter > 0 {
			p.kill = p.s.Conn().Transport().Reactor().CallLater(p.KillAfter, func() {
				_ = t.SignalProcess("KILL") // it may have ended
			})
		}
	}
	t.DropConnection()
}
