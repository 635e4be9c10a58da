package reactor

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// stdin returns the pipe to the child's standard input, or the terminal. It
// returns nil if there is none.
func (p *process) stdin() *conn {
	fd := 0
	if p.terminal {
		fd = 1
	}
	return p.writer(fd)
}

// writer returns the pipe to a descriptor of the child, or nil if there is
// none.
func (p *process) writer(fd int) *conn {
	if pp := p.pipes[fd]; pp != nil && pp.end.writes {
		return pp.conn
	}
	return nil
}

// Write implements [ProcessTransport].
func (p *process) Write(data []byte) {
	p.r.mustBeOnLoop("Write")
	if c := p.stdin(); c != nil {
		c.Write(data)
	}
}

// WriteSequence implements [ProcessTransport].
func (p *process) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		p.Write(data)
	}
}

// WriteToChild implements [ProcessTransport].
func (p *process) WriteToChild(fd int, data []byte) error {
	p.r.mustBeOnLoop("WriteToChild")
	if p.terminal {
		return errors.ErrUnsupported
	}
	c := p.writer(fd)
	if c == nil {
		return fmt.Errorf("%w: %d", ErrNoChildFD, fd)
	}
	c.Write(data)
	return nil
}

// CloseChildFD implements [ProcessTransport].
func (p *process) CloseChildFD(fd int) error {
	p.r.mustBeOnLoop("CloseChildFD")
	if p.terminal {
		return errors.ErrUnsupported
	}
	p.losePipe(fd)
	return nil
}

func (p *process) losePipe(fd int) {
	if pp := p.pipes[fd]; pp != nil {
		pp.conn.LoseConnection()
	}
}

// CloseStdin implements [ProcessTransport].
func (p *process) CloseStdin() { _ = p.CloseChildFD(0) } // does nothing with a terminal

// CloseStdout implements [ProcessTransport].
func (p *process) CloseStdout() { _ = p.CloseChildFD(1) } // does nothing with a terminal

// CloseStderr implements [ProcessTransport].
func (p *process) CloseStderr() { _ = p.CloseChildFD(2) } // does nothing with a terminal

// LoseConnection implements [ProcessTransport].
func (p *process) LoseConnection() {
	p.r.mustBeOnLoop("LoseConnection")
	for fd := range 3 {
		p.losePipe(fd)
	}
}

// AbortConnection implements [ProcessTransport].
func (p *process) AbortConnection() {
	p.r.mustBeOnLoop("AbortConnection")
	_ = sendSignal(p.child, syscall.SIGKILL, p.group) // an error: it has ended
	p.DropConnection()
}

// DropConnection implements [ProcessTransport].
func (p *process) DropConnection() {
	p.r.mustBeOnLoop("DropConnection")
	for _, pp := range p.open() {
		pp.conn.close(ErrConnectionAborted)
	}
}

// PauseProducing implements [ProcessTransport].
func (p *process) PauseProducing() { p.eachReader((*conn).PauseProducing) }

// ResumeProducing implements [ProcessTransport].
func (p *process) ResumeProducing() { p.eachReader((*conn).ResumeProducing) }

func (p *process) eachReader(f func(*conn)) {
	p.r.mustBeOnLoop("PauseProducing or ResumeProducing")
	for _, pp := range p.pipes {
		if pp.end.reads {
			f(pp.conn)
		}
	}
}

// StopProducing implements [ProcessTransport].
func (p *process) StopProducing() { p.LoseConnection() }

// RegisterProducer implements [ProcessTransport].
func (p *process) RegisterProducer(producer Producer, streaming bool) error {
	p.r.mustBeOnLoop("RegisterProducer")
	c := p.stdin()
	if c == nil {
		producer.StopProducing()
		return nil
	}
	return c.RegisterProducer(producer, streaming)
}

// UnregisterProducer implements [ProcessTransport].
func (p *process) UnregisterProducer() {
	p.r.mustBeOnLoop("UnregisterProducer")
	if c := p.stdin(); c != nil {
		c.UnregisterProducer()
	}
}

// SetWindowSize implements [ProcessTransport].
func (p *process) SetWindowSize(size WindowSize) error {
	p.r.mustBeOnLoop("SetWindowSize")
	return p.onTerminal(func(terminal *os.File) error { return setWindowSize(terminal, size) })
}

// SendBreak implements [ProcessTransport].
func (p *process) SendBreak() error {
	p.r.mustBeOnLoop("SendBreak")
	return p.onTerminal(sendBreak)
}

// onTerminal calls f with this process's end of the terminal.
func (p *process) onTerminal(f func(terminal *os.File) error) error {
	pp := p.pipes[1]
	if !p.terminal || pp == nil {
		return errors.ErrUnsupported
	}
	return f(pp.conn.socket.(*pipeConn).File)
}
