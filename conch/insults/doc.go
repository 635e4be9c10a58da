// Package insults puts programs on terminals: it reads the keys of a user, and
// writes text and control sequences. It is twisted.conch.insults for Go.
//
// # The model
//
//	program          a Protocol: KeystrokeReceived, TerminalSize
//	   │ ▲
//	   ▼ │
//	ServerProtocol   a Terminal: Write, CursorPosition, EraseDisplay, …
//	   │ ▲
//	   ▼ │
//	transport        an SSH session, telnet, standard input and output
//
// A program embeds [TerminalProtocol] by value and defines the methods that
// matter. Its [Terminal] has a method for each control sequence:
//
//	type walker struct{ insults.TerminalProtocol }
//
//	func (w *walker) KeystrokeReceived(key insults.Key, mod insults.Modifier) {
//		switch key {
//		case 'q':
//			w.Terminal().LoseConnection()
//		case insults.KeyUp:
//			w.Terminal().CursorUp(1)
//		}
//	}
//
// A [ServerProtocol] connects the program to a user. It is the protocol of any
// transport whose other end is a terminal in raw mode:
//
//	newWalker := func() insults.Protocol { return &walker{} }
//	terminal := insults.NewServerProtocol(newWalker)
//	process.ConnectProtocol(terminal) // in OpenShell of a server.Session
//
// The session then passes each size to terminal.TerminalSize. Over standard
// input and output, call SetRaw of the transport; the size comes by itself.
// Programs that read lines use package recvline.
//
// # The other end
//
// A [ClientProtocol] reads the output of a program and calls the methods of a
// Terminal. If that is a [TerminalBuffer], the picture is in memory, for tests
// and for programs that watch others. An [ExpectableBuffer] waits for text to
// appear.
//
// # Text
//
// Everything is UTF-8. A [Key] is a rune, or one of the constants for keys that
// type none. Received bytes that are not UTF-8 are U+FFFD each. [Cells] counts
// the cells of text on a screen: wide characters take two, combining marks
// none. Characters whose width depends on the locale count as narrow.
//
// # Goroutines
//
// Everything belongs to the loop. No method blocks and no hook may. A
// TerminalBuffer needs no loop; one goroutine at a time may use it. Functions
// whose comments say so may be called from any goroutine.
//
// # Output
//
// Each method writes to the transport at once. The transports of the reactor
// send the output of one iteration of the loop together. An SSH channel joins
// output that waits to be sent.
//
// # Bounds
//
// Nothing that a peer sends grows without a bound: control sequences are kept
// up to [MaxSequence] bytes, control strings are dropped up to [MaxString],
// sizes are at most [MaxSize]. While a user does not take the output that the
// keys have caused, a ServerProtocol stops reading keys.
package insults
