package endpoints

import (
	"errors"
	"log/slog"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ProcessEndpoint connects to a new child process: the protocol writes to the
// standard input of the child, and receives its standard output. Each Connect
// starts a child.
type ProcessEndpoint struct {
	r          reactor.ProcessSpawner
	executable string
	args       []string
	opts       ProcessEndpointOptions
}

// ProcessEndpointOptions configures a ProcessEndpoint. The zero value works,
// with an empty environment.
type ProcessEndpointOptions struct {
	reactor.ProcessOptions

	// DropStderr drops the standard error of the child, which is otherwise
	// logged at the level Info.
	DropStderr bool
}

// NewProcessEndpoint returns an endpoint that starts executable. The arguments
// are those of reactor.Reactor.SpawnProcess.
func NewProcessEndpoint(
	r reactor.ProcessSpawner, executable string, args []string, opts ProcessEndpointOptions,
) *ProcessEndpoint {
	return &ProcessEndpoint{r, executable, args, opts}
}

// Connect implements StreamClientEndpoint. If the child cannot be started, the
// Deferred fails with a *reactor.CannotSpawnError.
//
// The connection ends when the child has ended and its pipes are closed. The
// reason of ConnectionLost matches reactor.ErrConnectionDone after exit code 0,
// else reactor.ErrConnectionLost and usually a *reactor.ProcessTerminatedError.
// A protocol that implements reactor.HalfCloser is also called when the child
// closes its output or its input.
//
// LoseConnection of the transport closes the pipes after all written data is
// sent, and waits for the child to end. AbortConnection kills the child.
// LoseWriteConnection closes the child's input.
func (e *ProcessEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return deferred.Maybe(func() (reactor.Protocol, error) {
		reactor.DoStart(f)
		p, err := e.spawn(f)
		return inUse(f, p, err)
	})
}

// Dial implements StreamClientEndpoint. The connection is a *reactor.NetConn;
// Close is the LoseConnection of Connect. If the endpoint was made for another
// reactor than a *reactor.Reactor, the Deferred fails with
// errors.ErrUnsupported.
func (e *ProcessEndpoint) Dial() deferred.Deferred[net.Conn] {
	r, ok := e.r.(*reactor.Reactor)
	if !ok {
		return deferred.Fail[net.Conn](errors.ErrUnsupported)
	}
	d := ConnectProtocol(e, reactor.NewNetConn(r))
	return deferred.Then(d, func(nc *reactor.NetConn) (net.Conn, error) { return nc, nil })
}

// spawn starts a child with a protocol of f. A protocol together with an error
// means that ConnectionMade panicked.
func (e *ProcessEndpoint) spawn(f reactor.Factory) (reactor.Protocol, error) {
	p, err := build(processAddress(e.executable), f)
	if err != nil {
		return nil, err
	}
	c := &processConn{endpoint: e, p: p}
	if _, err := e.r.SpawnProcess(c, e.executable, e.args, e.opts.ProcessOptions); err != nil {
		return nil, err
	}
	return p, c.fault
}

// processAddress is the address of a process: the executable.
type processAddress string

func (a processAddress) Network() string { return "process" }
func (a processAddress) String() string  { return string(a) }

// processConn passes the events of a process to a Protocol.
type processConn struct {
	reactor.BaseProcessProtocol
	endpoint *ProcessEndpoint
	p        reactor.Protocol
	t        *processTransport
	fault    error // a panic in a method of p, as the reason of ConnectionLost
}

// LogPrefix names the protocol in the log.
func (c *processConn) LogPrefix() string { return reactor.LogPrefix(c.p) }

// ConnectionMade implements reactor.ProcessProtocol.
func (c *processConn) ConnectionMade() {
	c.t = &processTransport{ProcessTransport: c.Transport(), addr: processAddress(c.endpoint.executable)}
	c.guard(func() { reactor.MakeConnection(c.p, c.t) })
}

// guard calls a method of the protocol. A panic is the reason of ConnectionLost
// and kills the child; the reactor logs it.
func (c *processConn) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.fault = deferred.NewPanicError(v)
			c.t.AbortConnection()
			panic(v)
		}
	}()
	f()
}

// OutReceived implements reactor.ProcessProtocol.
func (c *processConn) OutReceived(data []byte) {
	if !c.t.disconnecting {
		c.guard(func() { c.p.DataReceived(data) })
	}
}

// ErrReceived implements reactor.ProcessProtocol.
func (c *processConn) ErrReceived(data []byte) {
	if !c.endpoint.opts.DropStderr {
		c.endpoint.logger().Info("endpoints: a process wrote to its standard error",
			"executable", c.endpoint.executable, "protocol", reactor.LogPrefix(c.p), "data", string(data))
	}
}

func (e *ProcessEndpoint) logger() *slog.Logger {
	if r, ok := e.r.(interface{ Logger() *slog.Logger }); ok {
		return r.Logger()
	}
	return slog.Default()
}

// InConnectionLost implements reactor.ProcessProtocol.
func (c *processConn) InConnectionLost() {
	if half, ok := c.p.(reactor.HalfCloser); ok && c.t.closingWrite {
		c.guard(half.WriteConnectionLost)
	}
}

// OutConnectionLost implements reactor.ProcessProtocol.
func (c *processConn) OutConnectionLost() {
	if half, ok := c.p.(reactor.HalfCloser); ok && !c.t.disconnecting {
		c.guard(half.ReadConnectionLost)
	}
}

// ProcessEnded implements reactor.ProcessProtocol.
func (c *processConn) ProcessEnded(reason error) {
	reactor.EndConnection(c.p, c.lostReason(reason))
}

// lostReason returns the reason of ConnectionLost for that of ProcessEnded.
func (c *processConn) lostReason(reason error) error {
	switch {
	case c.fault != nil:
		return c.fault
	case c.t.aborted:
		return reactor.ErrConnectionAborted
	case errors.Is(reason, reactor.ErrConnectionDone):
		return reactor.ErrConnectionDone
	}
	return reason
}

// processTransport makes a process a Transport.
type processTransport struct {
	reactor.ProcessTransport
	addr          processAddress
	disconnecting bool
	aborted       bool
	closingWrite  bool
}

var (
	_ reactor.Transport           = (*processTransport)(nil)
	_ reactor.HalfCloserTransport = (*processTransport)(nil)
	_ StreamClientEndpoint        = (*ProcessEndpoint)(nil)
)

// LoseConnection implements reactor.Transport.
func (t *processTransport) LoseConnection() {
	t.disconnecting = true
	t.ProcessTransport.LoseConnection()
}

// AbortConnection implements reactor.Transport.
func (t *processTransport) AbortConnection() {
	t.aborted, t.disconnecting = true, true
	t.ProcessTransport.AbortConnection()
}

// LoseWriteConnection implements reactor.HalfCloserTransport.
func (t *processTransport) LoseWriteConnection() {
	t.closingWrite = true
	t.CloseStdin()
}

// StopProducing implements reactor.Transport.
func (t *processTransport) StopProducing() { t.LoseConnection() }

// Disconnecting implements reactor.Transport.
func (t *processTransport) Disconnecting() bool { return t.disconnecting }

// GetHost implements reactor.Transport.
func (t *processTransport) GetHost() net.Addr { return t.addr }

// GetPeer implements reactor.Transport.
func (t *processTransport) GetPeer() net.Addr { return t.addr }
