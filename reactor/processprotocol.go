package reactor

// ProcessProtocol handles the events of one child process. To make one, embed
// [BaseProcessProtocol] by value and define the methods you need:
//
//	type counter struct{ reactor.BaseProcessProtocol; n int }
//
//	func (c *counter) OutReceived(data []byte)  { c.n += len(data) }
//	func (c *counter) ProcessEnded(reason error) { fmt.Println(c.n, reason) }
//
// The reactor calls all methods on the loop. They must not block. A panic in
// one is logged, and the other methods are still called; after a panic in
// ChildDataReceived the pipe is closed.
type ProcessProtocol interface {
	// ConnectionMade is called when the child has started, before SpawnProcess
	// returns. Transport returns the process from now on.
	ConnectionMade()

	// ChildDataReceived is called with data that the child wrote to its
	// descriptor fd: at least one byte, at most 64 KiB, in order. The protocol
	// owns data. The output of a terminal comes as descriptor 1. The
	// method of BaseProcessProtocol calls OutReceived for descriptor 1 and
	// ErrReceived for descriptor 2.
	ChildDataReceived(fd int, data []byte)
	OutReceived(data []byte)
	ErrReceived(data []byte)

	// ChildConnectionLost is called once for each pipe, when either side has
	// closed the pipe and all data of the child was delivered. This may
	// be before or after ProcessExited. The method of BaseProcessProtocol calls
	// InConnectionLost, OutConnectionLost or ErrConnectionLost for the
	// descriptors 0, 1 and 2. A child with a terminal has no pipes.
	ChildConnectionLost(fd int)
	InConnectionLost()
	OutConnectionLost()
	ErrConnectionLost()

	// ProcessExited is called when the child has ended, even if a process that
	// the child started still holds the pipes open. reason matches
	// [ErrProcessDone] after exit code 0; otherwise it is a
	// *ProcessTerminatedError.
	ProcessExited(reason error)

	// ProcessEnded is called once, last: the child has ended, and all pipes are
	// closed. reason is that of ProcessExited. If the reactor stops and leaves
	// the child running, ProcessExited is not called, and reason matches
	// ErrReactorEnded.
	ProcessEnded(reason error)

	base() *BaseProcessProtocol
}

// BaseProcessProtocol implements [ProcessProtocol]. Embed it by value in your
// own protocols. The zero value is ready to use. All methods belong to the
// loop.
type BaseProcessProtocol struct {
	self      ProcessProtocol
	transport ProcessTransport
}

var _ ProcessProtocol = (*BaseProcessProtocol)(nil)

// ConnectionMade does nothing.
func (b *BaseProcessProtocol) ConnectionMade() {}

// ChildDataReceived calls OutReceived of the embedding type for descriptor 1,
// ErrReceived for descriptor 2, and drops other data.
func (b *BaseProcessProtocol) ChildDataReceived(fd int, data []byte) {
	switch fd {
	case 1:
		b.self.OutReceived(data)
	case 2:
		b.self.ErrReceived(data)
	}
}

// OutReceived does nothing.
func (b *BaseProcessProtocol) OutReceived([]byte) {}

// ErrReceived does nothing.
func (b *BaseProcessProtocol) ErrReceived([]byte) {}

// ChildConnectionLost calls InConnectionLost, OutConnectionLost or
// ErrConnectionLost of the embedding type for the descriptors 0, 1 and 2.
func (b *BaseProcessProtocol) ChildConnectionLost(fd int) {
	switch fd {
	case 0:
		b.self.InConnectionLost()
	case 1:
		b.self.OutConnectionLost()
	case 2:
		b.self.ErrConnectionLost()
	}
}

// InConnectionLost does nothing.
func (b *BaseProcessProtocol) InConnectionLost() {}

// OutConnectionLost does nothing.
func (b *BaseProcessProtocol) OutConnectionLost() {}

// ErrConnectionLost does nothing.
func (b *BaseProcessProtocol) ErrConnectionLost() {}

// ProcessExited does nothing.
func (b *BaseProcessProtocol) ProcessExited(error) {}

// ProcessEnded does nothing.
func (b *BaseProcessProtocol) ProcessEnded(error) {}

// Transport returns the process, or nil before ConnectionMade.
func (b *BaseProcessProtocol) Transport() ProcessTransport { return b.transport }

// Self returns the protocol that embeds b, as it was passed to SpawnProcess or
// [MakeProcessConnection], or nil before that. A type that is itself meant to
// be embedded calls the methods of the embedding type through Self.
func (b *BaseProcessProtocol) Self() ProcessProtocol { return b.self }

func (b *BaseProcessProtocol) base() *BaseProcessProtocol { return b }

// MakeProcessConnection connects p to t and calls p's ConnectionMade.
// SpawnProcess does this for its children. Call it to connect a protocol to a
// transport of your own, such as reactortest.FakeProcess. MakeProcessConnection
// must be called on the loop.
func MakeProcessConnection(p ProcessProtocol, t ProcessTransport) {
	b := p.base()
	b.self, b.transport = p, t
	p.ConnectionMade()
}
