package server

import (
	"errors"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/reactor"
)

// SSHSessionProcessProtocol connects a program to a session: pass it to
// SpawnProcess to run a child process, or call ConnectProtocol to make a protocol
// the program. It is Twisted's SSHSessionProcessProtocol. All methods belong to
// the loop.
//
// The client gets the exit status as soon as a child process has exited,
// end-of-file when its stdout and stderr have ended, and the close after both. If
// both end while the child process runs, end-of-file waits for the exit status for
// up to a second: a client that closes the session at end-of-file gets no more.
type SSHSessionProcessProtocol struct {
	reactor.BaseProcessProtocol
	s      *SSHSession
	open   int  // how many of stdout and stderr have not ended
	exited bool // or is no child process
	eof    *reactor.DelayedCall
}

// eofDelay is the longest time that end-of-file waits for the exit status.
const eofDelay = time.Second

var _ reactor.ProcessProtocol = (*SSHSessionProcessProtocol)(nil)

// Session returns the channel of the session.
func (p *SSHSessionProcessProtocol) Session() *SSHSession { return p.s }

// ConnectProtocol makes proto the program: its input is what the client sends,
// and what it writes is stdout. The channel is its transport; LoseConnection
// ends the program with exit status 0, and Session().Exit with another one. At
// the end of the input a protocol that is no reactor.HalfCloser is ended.
func (p *SSHSessionProcessProtocol) ConnectProtocol(proto reactor.Protocol) {
	p.s.process = nil
	_, p.s.halfCloses = proto.(reactor.HalfCloser)
	p.s.ConnectProtocol(proto)
	p.s.takeEarly(proto.DataReceived)
}

// ConnectionMade is called when a child process has started.
func (p *SSHSessionProcessProtocol) ConnectionMade() {
	t := p.Transport()
	p.open = 2
	_ = p.s.RegisterProducer(t, true)             // the session is new, and has none
	_ = t.RegisterProducer(&p.s.SSHChannel, true) // so is the process
	p.s.takeEarly(t.Write)
	if p.s.inputEnded {
		p.inputEnded()
	}
}

// OutReceived sends output of the child process to the client.
func (p *SSHSessionProcessProtocol) OutReceived(data []byte) { p.s.Write(data) }

// ErrReceived sends output of the child process to the client.
func (p *SSHSessionProcessProtocol) ErrReceived(data []byte) {
	p.s.WriteExtended(conch.ExtendedDataStderr, data)
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
		p.s.LoseWriteConnection()
	default:
		p.eof = p.s.Conn().Transport().Reactor().CallLater(eofDelay, p.s.LoseWriteConnection)
	}
}

// ProcessExited sends the exit status or signal.
func (p *SSHSessionProcessProtocol) ProcessExited(reason error) {
	p.exited = true
	ended, ok := errors.AsType[*reactor.ProcessTerminatedError](reason)
	switch {
	case errors.Is(reason, reactor.ErrProcessDone):
		p.s.sendExit("exit-status", conch.PackRequestExitStatus(0))
	case ok && ended.Signal != 0:
		core := ended.Status&0x80 != 0
		p.s.sendExit("exit-signal", conch.PackRequestExitSignal(conch.ExitSignal{Name: signalName(ended.Signal), CoreDumped: core}))
	case ok:
		p.s.sendExit("exit-status", conch.PackRequestExitStatus(uint32(ended.ExitCode)))
	}
	if p.eof != nil && p.eof.Active() {
		_ = p.eof.Cancel() // it is active
		p.s.LoseWriteConnection()
	}
}

// ProcessEnded closes the session.
func (p *SSHSessionProcessProtocol) ProcessEnded(error) {
	p.exited = true
	p.s.UnregisterProducer()
	p.s.SSHChannel.LoseConnection()
}

// input passes input to the child process.
func (p *SSHSessionProcessProtocol) input(data []byte) { p.Transport().Write(data) }

func (p *SSHSessionProcessProtocol) inputEnded() {
	t := p.Transport()
	t.UnregisterProducer()
	t.CloseStdin()
}

// hangUp tells the child process that the client has gone.
func (p *SSHSessionProcessProtocol) hangUp() {
	t := p.Transport()
	if t == nil || p.exited {
		return
	}
	t.ResumeProducing() // nobody reads the output any more, and it must not block the child
	t.UnregisterProducer()
	_ = t.SignalProcess("HUP") // it may have ended
	t.LoseConnection()
}
