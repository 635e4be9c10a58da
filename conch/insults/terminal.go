package insults

import (
	"io"
	"net"

	"github.com/hawser-go/hawser/deferred"
)

// Terminal is what a program writes to. It is Twisted's ITerminalTransport. A
// [ServerProtocol] sends everything to the user's terminal; a [TerminalBuffer]
// keeps the picture in memory; [Tee] passes everything to several terminals. To
// make your own, embed [BaseTerminal] by value.
//
// Columns and lines count from 0, but for SetScrollRegion. All methods belong
// to the loop, and none blocks.
type Terminal interface {
	// Write and WriteString write UTF-8 at the cursor. They never fail; the end
	// of the connection is reported to ConnectionLost of the program.
	//
	// A ServerProtocol sends a CR before each LF that has none.
	io.Writer
	io.StringWriter

	// WriteSequence writes all pieces with one Write.
	WriteSequence(pieces [][]byte)

	// LastWrite returns the data of the last Write that was not empty, control
	// sequences included. It is nil if the terminal does not keep that.
	LastWrite() []byte

	// CursorUp and the others move the cursor by n. The edges of the screen
	// stop the cursor. If n is not positive, they do nothing.
	CursorUp(n int)
	CursorDown(n int)
	CursorForward(n int)
	CursorBackward(n int)

	// CursorPosition moves the cursor to a column and a line, CursorHome to the
	// first column of the first line.
	CursorPosition(column, line int)
	CursorHome()

	// Index moves the cursor down one line, and ReverseIndex up. At the edge of
	// the screen the picture scrolls. NextLine moves the cursor to the first
	// column of the next line.
	Index()
	ReverseIndex()
	NextLine()

	// SaveCursor remembers the position of the cursor, and RestoreCursor
	// returns there. Without a saved position that is the home position.
	SaveCursor()
	RestoreCursor()

	SetModes(modes ...Mode)
	ResetModes(modes ...Mode)
	SetPrivateModes(modes ...PrivateMode)
	ResetPrivateModes(modes ...PrivateMode)

	// ApplicationKeypadMode makes the keypad send control sequences, and
	// NumericKeypadMode digits.
	ApplicationKeypadMode()
	NumericKeypadMode()

	// SelectCharacterSet puts a character set into a slot. An unknown set, and
	// a slot other than G0 and G1, are an error; a TerminalBuffer takes all.
	SelectCharacterSet(set CharacterSet, slot CharacterSlot) error

	// ShiftIn puts G0 to use, and ShiftOut G1.
	ShiftIn()
	ShiftOut()

	// SingleShift2 and SingleShift3 put G2 and G3 to use for one character.
	SingleShift2()
	SingleShift3()

	// SelectGraphicRendition sets attributes of the text that is written later.
	// None means Normal.
	SelectGraphicRendition(attributes ...Attribute)

	// HorizontalTabulationSet sets a tab stop at the column of the cursor,
	// TabulationClear removes that, and TabulationClearAll all tab stops.
	HorizontalTabulationSet()
	TabulationClear()
	TabulationClearAll()

	// DoubleHeightLine makes the line of the cursor the top or bottom half of a
	// line of double height.
	DoubleHeightLine(top bool)
	SingleWidthLine()
	DoubleWidthLine()

	// The erasing methods empty a part of the line or the screen: from the
	// cursor to the end, from the beginning to the cursor inclusive, or all of
	// it. The cursor stays.
	EraseToLineEnd()
	EraseToLineBeginning()
	EraseLine()
	EraseToDisplayEnd()
	EraseToDisplayBeginning()
	EraseDisplay()

	// DeleteCharacter deletes n characters at the cursor; the rest of the line
	// moves left. n must be positive, here and in the next two methods.
	DeleteCharacter(n int)

	// InsertLine inserts n empty lines before the line of the cursor, and
	// DeleteLine deletes n lines from that line on.
	InsertLine(n int)
	DeleteLine(n int)

	// SetScrollRegion restricts scrolling to the lines from first to last,
	// which count from 1. Zero means the first or last line of the screen.
	SetScrollRegion(first, last int)
	ResetScrollRegion()

	// Reset puts the terminal into its initial state, with an empty screen.
	Reset()

	// ReportCursorPosition asks the terminal where its cursor is. The Deferred
	// fails when the connection is lost. Many terminals never answer: use
	// AddTimeout.
	ReportCursorPosition() deferred.Deferred[Position]

	// UnhandledControlSequence is called with a control sequence that has no
	// method here.
	UnhandledControlSequence(seq []byte)

	// LoseConnection resets the terminal and closes the connection after all
	// written data is sent.
	LoseConnection()

	// GetHost returns the address of this end of the connection, and GetPeer
	// the user's. They are nil without a connection.
	GetHost() net.Addr
	GetPeer() net.Addr

	terminal()
}
