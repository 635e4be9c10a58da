package reactortest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// FakeProcess is a reactor.ProcessTransport without a process. It records what
// the protocol does. The test says what the process does with Receive, LoseFD
// and Exit. Make one with ConnectProcess.
type FakeProcess struct {
	Executable string
	Args       []string
	Options    reactor.ProcessOptions

	Written map[int][]byte     // data written to each descriptor
	Closed  []int              // descriptors whose pipes the protocol closed, in order
	Signals []os.Signal        // sent by Signal, and by SignalProcess as a SignalName
	Size    reactor.WindowSize // the last size; at first that of Options
	State   ProducerState
	Lost    bool // LoseConnection was called
	Aborted bool // AbortConnection was called
	Dropped bool // DropConnection was called
	Breaks  int  // the number of calls of SendBreak that succeeded

	Producer  reactor.Producer // the registered producer; may be nil
	Streaming bool             // the argument of RegisterProducer

	p     reactor.ProcessProtocol
	pid   int
	open  map[int]reactor.PipeEnd
	exit  error // the reason of ProcessExited
	ended bool
}

// SignalName is a signal that was sent by its name, such as "KILL".
type SignalName string

// Signal makes SignalName an os.Signal.
func (SignalName) Signal() {}

// String returns the name.
func (s SignalName) String() string { return string(s) }

var _ reactor.ProcessTransport = (*FakeProcess)(nil)

// fakePID is the number of each FakeProcess.
const fakePID = 4711

// ConnectProcess connects p to a new FakeProcess with the pipes of
// opts.ChildFDs, by default those of a real process. It calls p's
// ConnectionMade.
func ConnectProcess(p reactor.ProcessProtocol, opts reactor.ProcessOptions) *FakeProcess {
	arg.NotNil("reactortest: ConnectProcess", "protocol", p)
	f := newFakeProcess(p, opts)
	reactor.MakeProcessConnection(p, f)
	return f
}

func newFakeProcess(p reactor.ProcessProtocol, opts reactor.ProcessOptions) *FakeProcess {
	f := &FakeProcess{
		Options: opts, Written: make(map[int][]byte), Size: opts.WindowSize, State: Producing,
		p: p, pid: fakePID, open: make(map[int]reactor.PipeEnd),
	}
	fds := opts.ChildFDs
	if fds == nil && !opts.UsePTY {
		fds = map[int]reactor.ChildFD{0: reactor.ParentWrites, 1: reactor.ParentReads, 2: reactor.ParentReads}
	}
	for fd, what := range fds {
		if end, ok := what.(reactor.PipeEnd); ok {
			f.open[fd] = end
		}
	}
	return f
}

// Receive calls p's ChildDataReceived. For a terminal fd is 1.
func (f *FakeProcess) Receive(fd int, data string) { f.p.ChildDataReceived(fd, []byte(data)) }

// LoseFD closes the child's end of a pipe: p's ChildConnectionLost is called.
// If the pipe is closed already, LoseFD does nothing.
func (f *FakeProcess) LoseFD(fd int) {
	if _, open := f.open[fd]; !open {
		return
	}
	delete(f.open, fd)
	if fd == 0 {
		f.stopProducer()
	}
	f.p.ChildConnectionLost(fd)
	f.checkEnded()
}

func (f *FakeProcess) stopProducer() {
	if p := f.Producer; p != nil {
		f.Producer = nil
		p.StopProducing()
	}
}

// Exit ends the process. It calls p's ProcessExited, and ProcessEnded once all
// pipes are closed: call LoseFD for each, or End instead of Exit. The reason
// is reactor.ErrProcessDone for exit code 0, and otherwise a
// *reactor.ProcessTerminatedError.
func (f *FakeProcess) Exit(code int) {
	if code == 0 {
		f.exited(reactor.ErrProcessDone)
		return
	}
	f.exited(&reactor.ProcessTerminatedError{ExitCode: code, Status: uint32(code) << 8})
}

// ExitBySignal is like Exit, for a process that a signal ends.
func (f *FakeProcess) ExitBySignal(sig syscall.Signal) {
	f.exited(&reactor.ProcessTerminatedError{ExitCode: -1, Signal: sig, Status: uint32(sig)})
}

// End closes all pipes, in the order of their descriptors, and calls Exit.
func (f *FakeProcess) End(code int) {
	for _, fd := range slices.Sorted(maps.Keys(f.open)) {
		f.LoseFD(fd)
	}
	f.Exit(code)
}

func (f *FakeProcess) exited(reason error) {
	if f.exit != nil {
		return
	}
	f.exit, f.pid = reason, 0
	f.p.ProcessExited(reason)
	f.checkEnded()
}

func (f *FakeProcess) checkEnded() {
	if f.exit != nil && len(f.open) == 0 && !f.ended {
		f.ended = true
		f.p.ProcessEnded(f.exit)
	}
}

// PID returns 4711, or 0 after Exit.
func (f *FakeProcess) PID() int { return f.pid }

// Write appends data to Written[0], or to Written[1] if the process has a
// terminal. If the pipe is closed, data is dropped.
func (f *FakeProcess) Write(data []byte) {
	if f.Options.UsePTY {
		f.Written[1] = append(f.Written[1], data...)
		return
	}
	_ = f.WriteToChild(0, data)
}

// WriteSequence calls Write for each of the pieces.
func (f *FakeProcess) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		f.Write(data)
	}
}

// WriteToChild appends data to Written[fd]. Its errors are those of a real
// process.
func (f *FakeProcess) WriteToChild(fd int, data []byte) error {
	if f.Options.UsePTY {
		return errors.ErrUnsupported
	}
	if end, open := f.open[fd]; !open || end != reactor.ParentWrites {
		return fmt.Errorf("%w: %d", reactor.ErrNoChildFD, fd)
	}
	f.Written[fd] = append(f.Written[fd], data...)
	return nil
}

// CloseChildFD appends fd to Closed, if the pipe is open. Unlike a real
// process, it does not call ChildConnectionLost; the test calls LoseFD.
func (f *FakeProcess) CloseChildFD(fd int) error {
	if f.Options.UsePTY {
		return errors.ErrUnsupported
	}
	if _, open := f.open[fd]; open && !slices.Contains(f.Closed, fd) {
		f.Closed = append(f.Closed, fd)
	}
	return nil
}

// CloseStdin calls CloseChildFD(0).
func (f *FakeProcess) CloseStdin() { _ = f.CloseChildFD(0) }

// CloseStdout calls CloseChildFD(1).
func (f *FakeProcess) CloseStdout() { _ = f.CloseChildFD(1) }

// CloseStderr calls CloseChildFD(2).
func (f *FakeProcess) CloseStderr() { _ = f.CloseChildFD(2) }

// LoseConnection sets Lost and closes the descriptors 0, 1 and 2.
func (f *FakeProcess) LoseConnection() {
	f.Lost = true
	for fd := range 3 {
		_ = f.CloseChildFD(fd)
	}
}

// AbortConnection sets Aborted. It calls no method of the protocol.
func (f *FakeProcess) AbortConnection() { f.Aborted = true }

// DropConnection sets Dropped. It calls no method of the protocol.
func (f *FakeProcess) DropConnection() { f.Dropped = true }

// SignalProcess appends a SignalName to Signals. Unlike a real process, it
// accepts any name.
func (f *FakeProcess) SignalProcess(name string) error { return f.Signal(SignalName(name)) }

// Signal appends sig to Signals, or returns reactor.ErrProcessExitedAlready.
func (f *FakeProcess) Signal(sig os.Signal) error {
	if f.exit != nil {
		return reactor.ErrProcessExitedAlready
	}
	f.Signals = append(f.Signals, sig)
	return nil
}

// SetWindowSize sets Size. Its error is that of a real process.
func (f *FakeProcess) SetWindowSize(size reactor.WindowSize) error {
	if !f.Options.UsePTY || f.ended {
		return errors.ErrUnsupported
	}
	f.Size = size
	return nil
}

// SendBreak counts in Breaks. Its error is that of a real process.
func (f *FakeProcess) SendBreak() error {
	if !f.Options.UsePTY || f.ended {
		return errors.ErrUnsupported
	}
	f.Breaks++
	return nil
}

// PauseProducing sets State to Paused.
func (f *FakeProcess) PauseProducing() { f.State = Paused }

// ResumeProducing sets State to Producing.
func (f *FakeProcess) ResumeProducing() { f.State = Producing }

// StopProducing sets State to Stopped and calls LoseConnection.
func (f *FakeProcess) StopProducing() {
	f.State = Stopped
	f.LoseConnection()
}

// RegisterProducer sets Producer and Streaming. The errors are those of a real
// process. If the standard input is closed, p is stopped at once.
func (f *FakeProcess) RegisterProducer(p reactor.Producer, streaming bool) error {
	_, push := p.(reactor.PushProducer)
	_, open := f.open[0]
	switch {
	case f.Producer != nil:
		return reactor.ErrProducerRegistered
	case streaming && !push:
		return reactor.ErrNotPushProducer
	case !open && !f.Options.UsePTY:
		p.StopProducing()
		return nil
	}
	f.Producer, f.Streaming = p, streaming
	return nil
}

// UnregisterProducer sets Producer to nil.
func (f *FakeProcess) UnregisterProducer() { f.Producer = nil }
