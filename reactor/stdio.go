package reactor

import (
	"cmp"
	"net"
	"os"
	"syscall"
	"time"
)

// StandardIOOptions configures [Reactor.StandardIO]. The zero value means the
// standard input and output of the process.
type StandardIOOptions struct {
	Stdin  *os.File // is read; nil means os.Stdin
	Stdout *os.File // is written; nil means os.Stdout
}

// StandardIO connects p to standard input and output. It calls p's
// ConnectionMade, and then delivers what it reads. Written data goes to
// standard output. Each may be a terminal, a pipe, a socket or a regular file.
// The transport also implements [HalfCloserTransport] and [TerminalTransport].
//
// The connection differs from that of a socket:
//
//   - The end of the input acts as LoseConnection does: written data is still
//     sent. A registered producer is stopped. A [HalfCloser] gets
//     ReadConnectionLost instead.
//   - If the reader of the output has closed it, a HalfCloser gets
//     WriteConnectionLost. Further output is dropped. Other protocols are not
//     told; their connection ends with the input or with LoseConnection.
//   - LoseConnection does not wait for the other side.
//   - The two files stay open, because the process shares them with others. The
//     reader of the output sees its end when the program exits or closes the
//     file. The program can use the files itself after ConnectionLost.
//
// On Unix, nothing of the connection is left after ConnectionLost. Terminals and
// pipes of Linux keep their blocking mode. That of other files is changed until
// ConnectionLost; do not use these files directly before. Data for a regular
// file is written by the loop itself. On Windows, a read or write in progress
// cannot be ended: a goroutine reads until there is input, which is then lost.
//
// If p is a nil pointer, or a file cannot be used, StandardIO returns an error
// and no transport. If ConnectionMade panics, it returns the transport and a
// *deferred.PanicError. StandardIO must be called on the loop, or before Run.
func (r *Reactor) StandardIO(p Protocol, opts StandardIOOptions) (Transport, error) {
	r.mustBeOnLoop("StandardIO")
	if _, err := baseOf(p); err != nil {
		return nil, err
	}
	files, err := openStandardFiles(cmp.Or(opts.Stdin, os.Stdin), cmp.Or(opts.Stdout, os.Stdout))
	if err != nil {
		return nil, err
	}
	c := r.newConn(files, p)
	c.key = r.register(c)
	c.files = files
	c.watchTerminal()
	err = c.guard("ConnectionMade", func() { MakeConnection(p, c) })
	if !c.closed {
		c.startReading()
		c.watchOutput()
	}
	return c, err
}

// StandardIOAddress is the address of both ends of a StandardIO connection. It
// implements net.Addr.
type StandardIOAddress struct{}

// String returns "standard input and output".
func (StandardIOAddress) String() string { return "standard input and output" }

// Network returns "stdio".
func (StandardIOAddress) Network() string { return "stdio" }

// standardFiles is the net.Conn of StandardIO: its own duplicates of the files.
type standardFiles struct {
	in, out *os.File
	stuck   bool // a read in progress cannot be ended
	slow    bool // a write may block its goroutine

	// restore undoes changes to what the duplicates share with the original
	// files. Close calls it when nothing uses the duplicates any more.
	restore  func()
	terminal terminal
	unwatch  func() // ends watchTerminal; nil without a terminal
}

// Read implements net.Conn.
func (f *standardFiles) Read(p []byte) (int, error) { return f.in.Read(p) }

// Write implements net.Conn.
func (f *standardFiles) Write(p []byte) (int, error) { return f.out.Write(p) }

// Close implements net.Conn. It restores the terminal and the blocking mode.
func (f *standardFiles) Close() error {
	if f.unwatch != nil {
		f.unwatch()
	}
	f.terminal.cook()
	return f.closeFiles()
}

// LocalAddr implements net.Conn.
func (f *standardFiles) LocalAddr() net.Addr { return StandardIOAddress{} }

// RemoteAddr implements net.Conn.
func (f *standardFiles) RemoteAddr() net.Addr { return StandardIOAddress{} }

// SetDeadline implements net.Conn.
func (f *standardFiles) SetDeadline(t time.Time) error {
	return cmp.Or(f.SetReadDeadline(t), f.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (f *standardFiles) SetReadDeadline(t time.Time) error { return f.in.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (f *standardFiles) SetWriteDeadline(t time.Time) error { return f.out.SetWriteDeadline(t) }

// inputEnded handles the end of the input of a protocol that is no HalfCloser.
func (c *conn) inputEnded() {
	if c.stopProducer() == nil {
		c.LoseConnection()
	}
}

// outputClosed runs on the loop when the reader of standard output has closed
// it. err is the error of writing, or nil if nothing was being written.
func (c *conn) outputClosed(err error) {
	if c.closed || c.writeClosed {
		return
	}
	if err == nil && c.out.pending() > 0 {
		err = syscall.EPIPE
	}
	if c.disconnecting && err != nil {
		c.close(&ConnectionLostError{err})
		return
	}
	c.out.drop()
	c.endingWrite, c.closingWrite = true, !c.disconnecting
	if c.stopProducer() == nil {
		c.writeEnded(nil)
	}
}

// stopProducer stops and removes the producer, if there is one.
func (c *conn) stopProducer() error {
	p := c.producer
	if p == nil {
		return nil
	}
	c.producer = nil
	return c.guard("StopProducing of a producer", p.StopProducing)
}
