// Package recvline lets users edit lines on a terminal, with a history and
// completion. It is twisted.conch.recvline for Go.
//
// # The model
//
//	program            LineReceived, and what else it overrides
//	   │ ▲
//	HistoricRecvLine   Up and Down
//	   │ ▲
//	RecvLine           the line, its cursor, the functions of keys
//	   │ ▲
//	   ▼ │
//	insults.Terminal   the user's terminal
//
// A program embeds [HistoricRecvLine] or [RecvLine] by value and defines
// LineReceived. It writes the next prompt itself, when it is ready for another
// line:
//
//	type shell struct{ recvline.HistoricRecvLine }
//
//	func (s *shell) LineReceived(line string) {
//		fmt.Fprintf(s.Terminal(), "you said %s\n", line)
//		s.WritePrompt()
//	}
//
// Package insults connects it to a user:
//
//	insults.NewServerProtocol(func() insults.Protocol { return &shell{} })
//
// # Keys
//
// KeyHandlers has a function for each key. Programs change the table in
// ConnectionMade, before or after they call ConnectionMade of the embedded
// type, which calls InitializeScreen:
//
//	func (s *shell) ConnectionMade() {
//		s.BindReadlineKeys()
//		s.KeyHandlers[insults.Ctrl('c')] = s.interrupt
//		s.HistoricRecvLine.ConnectionMade()
//	}
//
// The methods that begin with Handle are what the keys do. HandleReturn,
// HandleTab, CharacterReceived, InitializeScreen and DrawInputLine of the
// embedding type are called if it has them; see [Line].
//
// # Drawing
//
// A line that fits into a row is drawn with as few bytes as possible; inserting
// in the middle is left to the terminal. A longer one, and one with characters
// that terminals do not show in the same width, is drawn as a whole where that
// is necessary. The width comes from TerminalSize. A line that needs more rows
// than the terminal has is shown with its end.
//
// Output that arrives while the user edits a line must go through AddOutput,
// which draws prompt and line again below. Other output between a prompt and
// the end of its line makes the picture wrong.
//
// # Text
//
// Lines are UTF-8 without control characters. The unit of editing is what users
// see as a character: a letter with its combining marks, an emoji of several
// parts.
//
// # Goroutines
//
// Everything belongs to the loop. No hook may block.
package recvline
