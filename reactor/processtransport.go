package reactor

import "os"

// ProcessTransport is a child process, as its [ProcessProtocol] sees it. All
// methods belong to the loop, and none blocks.
//
// The process is a consumer of the data for its standard input, and a producer
// of its output. PauseProducing stops the delivery from all pipes, and soon
// also the reading, so that a child that writes must wait; ProcessExited is
// still called. StopProducing calls LoseConnection.
type ProcessTransport interface {
	// PID returns the number of the process, or 0 from ProcessExited on.
	PID() int

	// Write sends a copy of data to the child's standard input, as
	// Transport.Write does: the data is buffered without a bound, and a
	// registered producer is paused above BufferLimit bytes. Without a pipe to
	// the standard input, data is dropped.
	Write(data []byte)

	// WriteSequence calls Write for each of the pieces.
	WriteSequence(pieces [][]byte)

	// WriteToChild is Write for any descriptor of the child. It returns an
	// error that wraps [ErrNoChildFD] if there is no open pipe to that
	// descriptor, and errors.ErrUnsupported if the child has a terminal.
	WriteToChild(fd int, data []byte) error

	// CloseChildFD closes the pipe of a descriptor of the child, after all
	// written data is sent and a registered producer is unregistered. Received
	// data is dropped. Closing a pipe again, or one that does not exist, does
	// nothing. If the child has a terminal, CloseChildFD returns
	// errors.ErrUnsupported.
	CloseChildFD(fd int) error

	// CloseStdin, CloseStdout and CloseStderr close the pipes of the
	// descriptors 0, 1 and 2. If the child has a terminal, they do nothing.
	CloseStdin()
	CloseStdout()
	CloseStderr()

	// LoseConnection closes the pipes of the descriptors 0, 1 and 2, or the
	// terminal after all written data is sent. Closing the terminal sends
	// SIGHUP to the child. The child may run on; use SignalProcess to end it.
	LoseConnection()

	// AbortConnection kills the child and closes all pipes, or the terminal, at
	// once. Data that is not sent is dropped. ProcessExited and ProcessEnded
	// follow, even if other processes hold the pipes.
	AbortConnection()

	// DropConnection closes all pipes, or the terminal, at once. Data that is
	// not sent is dropped. The child may run on; closing the terminal sends
	// SIGHUP to the child. ProcessExited and ProcessEnded follow when the child
	// ends.
	DropConnection()

	// SignalProcess sends the child the signal "KILL", "TERM", "INT", "HUP" or
	// "STOP". On Windows, the first three end the child, and the others are
	// errors. SignalProcess returns [ErrProcessExitedAlready] if the child has
	// ended, even before ProcessExited.
	SignalProcess(name string) error

	// Signal is SignalProcess for any signal of the system. A signal never
	// reaches another process that has the same number later.
	Signal(sig os.Signal) error

	// SetWindowSize changes the size of the terminal, which sends SIGWINCH to
	// the child. It returns errors.ErrUnsupported if the child has no terminal.
	SetWindowSize(size WindowSize) error

	// SendBreak sends a break on the terminal, as tcsendbreak does. The
	// terminals of Linux ignore a break. SendBreak returns errors.ErrUnsupported
	// if the child has no terminal.
	SendBreak() error

	PushProducer
	Consumer
}

// ProcessSpawner starts child processes. [*Reactor] implements it. So does the
// MemoryReactor of package reactortest, which starts none.
type ProcessSpawner interface {
	SpawnProcess(p ProcessProtocol, executable string, args []string, opts ProcessOptions) (ProcessTransport, error)
}

var (
	_ ProcessSpawner   = (*Reactor)(nil)
	_ ProcessTransport = (*process)(nil)
)
