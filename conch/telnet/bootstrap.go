package telnet

import (
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// TelnetBootstrapProtocol connects a terminal protocol to telnet, such as one
// of package insults. It is Twisted's TelnetBootstrapProtocol.
//
// It asks the peer to send each key at once, to leave the echo to this side,
// and to report the size of the window. Then it connects the terminal protocol,
// whose transport is the TelnetTransport. A peer that refuses may send whole
// lines, and echo them itself.
//
// Some peers send commands in place of keys. The terminal protocol receives the
// keys: Ctrl-C for IP, Ctrl-D for EOF, Ctrl-Z for SUSP, Ctrl-\ for ABORT, DEL
// for EC, and Ctrl-U for EL. The Return key is CR or LF, depending on the peer.
type TelnetBootstrapProtocol struct {
	TelnetProtocol

	// ProtocolFactory returns the terminal protocol. If it returns nil, the
	// connection is closed. If the protocol has a method TerminalSize(width,
	// height int), as that of package insults has, the method is called on the
	// loop when the peer reports the size of its window, in characters. Both are
	// 1 to 65,535. Before that, assume 80 columns and 24 rows.
	ProtocolFactory func() reactor.Protocol

	terminal      reactor.Protocol // nil before ConnectionMade and after ConnectionLost
	width, height int
}

var _ Protocol = (*TelnetBootstrapProtocol)(nil)

// ConnectionMade negotiates the options, and then connects the terminal
// protocol.
func (b *TelnetBootstrapProtocol) ConnectionMade() {
	b.width, b.height = 80, 24
	t := b.Telnet()
	t.HandleSubnegotiation(NAWS, b.sizeReceived)
	t.HandleSubnegotiation(LINEMODE, func([]byte) {}) // which keys edit a line at the client
	b.logRefusal(LINEMODE, t.Do(LINEMODE))
	b.logRefusal(NAWS, t.Do(NAWS))
	b.logRefusal(SGA, t.Do(SGA)).Finally(b.grantSGA)
	b.logRefusal(ECHO, t.Will(ECHO))
	b.terminal = b.ProtocolFactory()
	if b.terminal == nil {
		t.LoseConnection()
		return
	}
	reactor.MakeConnection(b.terminal, b.Transport())
}

// logRefusal logs the failure of a request. Many peers refuse.
func (b *TelnetBootstrapProtocol) logRefusal(o Option, request deferred.Deferred[bool]) deferred.Deferred[bool] {
	return request.OnError(func(err error) {
		b.logger().Debug("telnet: option not enabled", "option", o.String(), "err", err)
	})
}

// grantSGA offers SGA of this side if the peer has asked for SGA during a
// login. The login refuses all options. PuTTY sends single keys only while SGA
// is on.
func (b *TelnetBootstrapProtocol) grantSGA() {
	if t := b.Telnet(); t.turnedDown(SGA) {
		b.logRefusal(SGA, t.Will(SGA))
	}
}

// DataReceived passes data on to the terminal protocol.
func (b *TelnetBootstrapProtocol) DataReceived(data []byte) {
	if b.terminal != nil {
		b.terminal.DataReceived(data)
	}
}

// ConnectionLost ends the connection of the terminal protocol.
func (b *TelnetBootstrapProtocol) ConnectionLost(reason error) {
	if p := b.terminal; p != nil {
		b.terminal = nil
		reactor.EndConnection(p, reason)
	}
}

// EnableLocal accepts ECHO and SGA.
func (b *TelnetBootstrapProtocol) EnableLocal(o Option) bool { return o == ECHO || o == SGA }

// EnableRemote accepts NAWS, SGA and LINEMODE. For LINEMODE it also sets the
// mode: the client edits nothing, and sends commands for signals.
func (b *TelnetBootstrapProtocol) EnableRemote(o Option) bool {
	if o == LINEMODE {
		b.Telnet().RequestNegotiation(LINEMODE, []byte{LinemodeMode, LinemodeTrapSig})
	}
	return o == LINEMODE || o == NAWS || o == SGA
}

// keys has the key for each command that stands for one.
var keys = map[Command]byte{IP: 3, EOF: 4, SUSP: 26, ABORT: 28, EC: 127, EL: 21}

// UnhandledCommand passes the key of a command on to the terminal protocol.
func (b *TelnetBootstrapProtocol) UnhandledCommand(c Command) {
	if key, ok := keys[c]; ok {
		b.DataReceived([]byte{key})
	}
}

// sizeReceived handles the size of the window: two bytes each for the width and
// the height. 0 means unknown (RFC 1073).
func (b *TelnetBootstrapProtocol) sizeReceived(data []byte) {
	if len(data) != 4 {
		b.logger().Debug("telnet: the size of the window has a wrong length", "bytes", len(data))
		return
	}
	width, height := int(data[0])<<8|int(data[1]), int(data[2])<<8|int(data[3])
	if width == 0 && height == 0 {
		return
	}
	b.width, b.height = known(width, b.width), known(height, b.height)
	if p, ok := b.terminal.(interface{ TerminalSize(width, height int) }); ok {
		p.TerminalSize(b.width, b.height)
	}
}

// known returns n, or the value before if n is 0.
func known(n, before int) int {
	if n == 0 {
		return before
	}
	return n
}
