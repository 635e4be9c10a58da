package insults

// Protocol is a program on a terminal. It is Twisted's ITerminalProtocol. To
// make one, embed [TerminalProtocol] by value and define the methods you need.
// The methods of TerminalProtocol do nothing:
//
//	type echo struct{ insults.TerminalProtocol }
//
//	func (e *echo) KeystrokeReceived(k insults.Key, m insults.Modifier) {
//		fmt.Fprintf(e.Terminal(), "%v\n", insults.Stroke{Key: k, Modifier: m})
//	}
//
// All methods are called on the loop, in this order: ConnectionMade once,
// KeystrokeReceived, TerminalSize and UnhandledControlSequence any number of
// times, ConnectionLost once. They must not block.
type Protocol interface {
	// ConnectionMade is called when the terminal is there. Terminal returns the
	// terminal from now on.
	ConnectionMade()

	// KeystrokeReceived is called for each key.
	KeystrokeReceived(key Key, mod Modifier)

	// TerminalSize is called with the size of the user's terminal in columns
	// and lines, when the size becomes known and each time it changes. A
	// program assumes 80 by 24 before. A ServerProtocol passes sizes from 1 to
	// MaxSize only.
	TerminalSize(width, height int)

	// UnhandledControlSequence is called with a control sequence that is no
	// key, from ESC to its last byte. The protocol owns seq.
	UnhandledControlSequence(seq []byte)

	// ConnectionLost is called when the connection to the terminal has ended.
	ConnectionLost(reason error)

	// Terminal is a method of TerminalProtocol.
	Terminal() Terminal

	base() *TerminalProtocol
}

// SizeReceiver is an optional interface of protocols that serve a terminal.
// [ServerProtocol] implements it. A telnet or SSH session calls TerminalSize on
// the loop, with each size that its peer reports. Any size is allowed.
type SizeReceiver interface {
	TerminalSize(width, height int)
}

// Preparer is an optional interface of types that programs embed in their
// protocols. [MakeConnection] calls Prepare before ConnectionMade, so that the
// ConnectionMade of a program finds everything set up. A Preparer that embeds
// another Preparer must call the embedded Prepare first.
type Preparer interface{ Prepare() }

// TerminalProtocol implements [Protocol]. Embed it by value in your own
// protocols. The zero value is ready to use. All methods belong to the loop.
type TerminalProtocol struct {
	self Protocol
	term Terminal
}

// ConnectionMade does nothing.
func (p *TerminalProtocol) ConnectionMade() {}

// KeystrokeReceived does nothing.
func (p *TerminalProtocol) KeystrokeReceived(Key, Modifier) {}

// TerminalSize does nothing.
func (p *TerminalProtocol) TerminalSize(int, int) {}

// UnhandledControlSequence does nothing.
func (p *TerminalProtocol) UnhandledControlSequence([]byte) {}

// ConnectionLost does nothing.
func (p *TerminalProtocol) ConnectionLost(error) {}

func (p *TerminalProtocol) base() *TerminalProtocol { return p }

// Terminal returns the terminal, or nil before ConnectionMade.
func (p *TerminalProtocol) Terminal() Terminal { return p.term }

// Self returns the protocol that embeds p, as it was passed to
// [MakeConnection], or nil before that. A type that is itself meant to be
// embedded calls the methods of the embedding type through Self.
func (p *TerminalProtocol) Self() Protocol { return p.self }

// MakeConnection connects p to t and calls p's ConnectionMade. A
// [ServerProtocol] does this for its program. Call MakeConnection on the loop,
// to connect a protocol to a terminal of your own.
func MakeConnection(p Protocol, t Terminal) {
	b := p.base()
	b.self, b.term = p, t
	if prepares, ok := p.(Preparer); ok {
		prepares.Prepare()
	}
	p.ConnectionMade()
}
