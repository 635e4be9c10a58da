package reactor

import (
	"fmt"
	"net"
	"os"
)

// pipeConn makes a pipe or a terminal a net.Conn, so that it can be the socket
// of a conn.
type pipeConn struct {
	*os.File
	end processEnd
}

// pipeAddress is the address of a pipeConn: the name of the file.
type pipeAddress string

func (a pipeAddress) Network() string { return "pipe" }
func (a pipeAddress) String() string  { return string(a) }

func (c *pipeConn) LocalAddr() net.Addr  { return pipeAddress(c.Name()) }
func (c *pipeConn) RemoteAddr() net.Addr { return pipeAddress(c.Name()) }

// pipe is the protocol of a conn over a pipe or terminal of a process.
type pipe struct {
	BaseProtocol
	proc *process
	end  processEnd
	conn *conn
}

// attachPipe makes a conn of one end. Reading starts with pipe.start.
func (p *process) attachPipe(end processEnd) {
	pp := &pipe{proc: p, end: end}
	pp.conn = p.r.newConn(&pipeConn{end.file, end}, pp) // closed by the process, not by the reactor
	p.pipes[end.fd] = pp
	MakeConnection(pp, pp.conn)
}

// start starts reading. On an end that only writes, the read ends when the
// child has closed its end. Where the system cannot see that, nothing is read.
func (pp *pipe) start() {
	if pp.end.reads || canWatch(pp.conn.s) {
		pp.conn.startReading()
	}
}

// DataReceived implements Protocol.
func (pp *pipe) DataReceived(data []byte) { pp.proc.p.ChildDataReceived(pp.end.fd, data) }

// ConnectionLost implements Protocol.
func (pp *pipe) ConnectionLost(error) { pp.proc.pipeLost(pp) }

// LogPrefix names the pipe in the log.
func (pp *pipe) LogPrefix() string {
	return fmt.Sprintf("%s, descriptor %d", pp.proc.name(), pp.end.fd)
}
