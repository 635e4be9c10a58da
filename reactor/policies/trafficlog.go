package policies

import (
	"fmt"
	"io"
	"net"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// NewTrafficLoggingFactory returns a factory that logs the traffic of f's
// connections. open is called for each connection, with its number from 1 on,
// and returns the writer of its log. If open fails, the connection is refused
// with its error. A writer that is an io.Closer is closed when the connection is
// lost; other errors of writers are ignored. The writers are used on the loop
// and should not block for long.
//
// The log of connection 7 has these lines. Data is quoted as by %q.
//
//   - the connection is made
//     C 7: "data"  data was received
//     S 7: "data"  data was written
//     S 7: *       LoseConnection was called
//     C 7: reason  the connection was lost
//
// If limit is positive, it is the number of bytes that are logged of a piece of
// data.
func NewTrafficLoggingFactory(
	f reactor.Factory, open func(number int) (io.Writer, error), limit int,
) *WrappingFactory {
	arg.NotNil("policies: NewTrafficLoggingFactory", "function", open)
	var out io.Writer // for the next wrapper
	number := 0
	w := newFactory("TrafficLoggingFactory", f, func() Wrapper { return &logged{out: out, number: number, limit: limit} })
	w.build = func(addr net.Addr) (p reactor.Protocol, err error) {
		if p, err = reactor.BuildFrom(f, addr); err == nil {
			number++
			out, err = open(number)
		}
		return p, err
	}
	return w
}

// logged is the wrapper of a traffic logging factory.
type logged struct {
	ProtocolWrapper
	out    io.Writer
	number int
	limit  int
}

// log writes one line.
func (l *logged) log(format string, args ...any) { _, _ = fmt.Fprintf(l.out, format+"\n", args...) }

// data logs a piece of data that was received (C) or written (S).
func (l *logged) data(side string, data []byte) {
	more := ""
	if l.limit > 0 && len(data) > l.limit {
		data, more = data[:l.limit], " ..."
	}
	l.log("%s %d: %q%s", side, l.number, data, more)
}

// ConnectionMade logs the connection.
func (l *logged) ConnectionMade() {
	l.log("*")
	l.ProtocolWrapper.ConnectionMade()
}

// DataReceived logs data.
func (l *logged) DataReceived(data []byte) {
	l.data("C", data)
	l.ProtocolWrapper.DataReceived(data)
}

// Write logs data.
func (l *logged) Write(data []byte) {
	l.data("S", data)
	l.ProtocolWrapper.Write(data)
}

// WriteSequence logs the pieces.
func (l *logged) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		l.data("S", data)
	}
	l.ProtocolWrapper.WriteSequence(pieces)
}

// LoseConnection logs the call.
func (l *logged) LoseConnection() {
	l.log("S %d: *", l.number)
	l.ProtocolWrapper.LoseConnection()
}

// ConnectionLost logs the reason and closes the log.
func (l *logged) ConnectionLost(reason error) {
	l.log("C %d: %v", l.number, reason)
	if c, ok := l.out.(io.Closer); ok {
		defer func() { _ = c.Close() }() // nobody can be told
	}
	l.ProtocolWrapper.ConnectionLost(reason)
}
