package telnet

import (
	"log/slog"

	"github.com/hawser-go/hawser/reactor"
)

// Protocol is a protocol whose transport is a [TelnetTransport]. It is
// Twisted's ITelnetProtocol. To make one, embed by value [TelnetProtocol] or
// another protocol of this package, and define the methods you need.
// DataReceived receives data without telnet. The TelnetTransport calls all
// methods on the loop.
type Protocol interface {
	reactor.Protocol

	// UnhandledCommand is called for a command without an option and without
	// a function from HandleCommand.
	UnhandledCommand(c Command)

	// UnhandledSubnegotiation is called for a subnegotiation without a function
	// from HandleSubnegotiation. data may be empty and has at most 64 KiB. The
	// method owns data.
	UnhandledSubnegotiation(o Option, data []byte)

	// EnableLocal is called when the peer asks this side to turn an option on.
	// EnableRemote is called when the peer offers to turn on an option of its
	// own. The result true accepts.
	//
	// EnableLocal is also called when the peer has accepted a request of Will,
	// and EnableRemote when the peer has accepted a request of Do, after the
	// Deferred of the request has fired. The option is on then, and the result
	// is ignored.
	EnableLocal(o Option) bool
	EnableRemote(o Option) bool

	// DisableLocal is called when an option of this side has been turned off,
	// and DisableRemote when one of the peer has been.
	DisableLocal(o Option)
	DisableRemote(o Option)

	// Telnet returns the transport.
	Telnet() *TelnetTransport

	own() *negotiator
}

// TelnetProtocol implements [Protocol]: its methods do nothing, and refuse all
// options. Embed it by value in your own protocols. The zero value is ready to
// use. It is Twisted's TelnetProtocol.
type TelnetProtocol struct {
	reactor.BaseProtocol
	negotiator
}

var _ Protocol = (*TelnetProtocol)(nil)

// negotiator has the methods of a Protocol that a reactor.Protocol lacks.
type negotiator struct{ transport *TelnetTransport }

func (n *negotiator) own() *negotiator { return n }

// Telnet returns the transport, or nil before ConnectionMade. If the transport
// is a type that embeds TelnetTransport, Telnet returns the embedded value, and
// Transport returns the whole.
func (n *negotiator) Telnet() *TelnetTransport { return n.transport }

// UnhandledCommand does nothing.
func (n *negotiator) UnhandledCommand(Command) {}

// UnhandledSubnegotiation does nothing.
func (n *negotiator) UnhandledSubnegotiation(Option, []byte) {}

// EnableLocal refuses.
func (n *negotiator) EnableLocal(Option) bool { return false }

// EnableRemote refuses.
func (n *negotiator) EnableRemote(Option) bool { return false }

// DisableLocal does nothing.
func (n *negotiator) DisableLocal(Option) {}

// DisableRemote does nothing.
func (n *negotiator) DisableRemote(Option) {}

// logger returns the logger of the transport.
func (n *negotiator) logger() *slog.Logger {
	if n.transport != nil && n.transport.Logger != nil {
		return n.transport.Logger
	}
	return slog.Default()
}
