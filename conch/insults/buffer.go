package insults

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

// maxCluster is the largest number of bytes of a character in a cell. Further
// combining marks are dropped.
const maxCluster = 64

// maxKeptMode is the largest mode that a TerminalBuffer remembers.
const maxKeptMode = 9999

// TerminalBuffer is a [Terminal] that keeps the picture in memory. Connect one
// to the output of a program with a [ClientProtocol], or write to it directly.
// It needs no loop; only one goroutine at a time may use it.
//
// A cell holds a grapheme cluster. A wide character takes two cells. After a
// character in the last column, the column of the cursor is Width(). The next
// character goes to the next line.
type TerminalBuffer struct {
	BaseTerminal

	// Logger receives control sequences that the buffer does not know, at debug
	// level. Nil means slog.Default().
	Logger *slog.Logger

	width, height int
	rows          []row
	x, y          int
	top, bottom   int // the first and last line of the scroll region
	tabs          []bool
	saved         Position
	partial       []byte // the beginning of a character in UTF-8

	modes        map[Mode]bool
	privateModes map[PrivateMode]bool
	keypad       bool // application keypad mode
	charsets     [4]CharacterSet
	shifted      CharacterSlot // G0 or G1
	single       CharacterSlot // G2 or G3 for one character, else G0
	format       Format

	onScroll func(line string) // called with a line that leaves the screen; may be nil
}

var _ Terminal = (*TerminalBuffer)(nil)

// NewTerminalBuffer returns an empty screen. A width or height below 1 or above
// MaxSize is replaced by that bound.
func NewTerminalBuffer(width, height int) *TerminalBuffer {
	b := new(TerminalBuffer)
	b.init(width, height)
	return b
}

func (b *TerminalBuffer) init(width, height int) {
	b.width, b.height = min(max(width, 1), MaxSize), min(max(height, 1), MaxSize)
	b.Reset()
}

// Reset empties the screen and restores the initial state: auto-wrap and the
// cursor are on, and G0 is in use.
func (b *TerminalBuffer) Reset() {
	b.format = DefaultFormat()
	b.rows = make([]row, b.height)
	for i := range b.rows {
		b.rows[i] = b.emptyRow()
	}
	b.x, b.y, b.saved = 0, 0, Position{}
	b.top, b.bottom = 0, b.height-1
	b.tabs = nil
	b.setTabs(0)
	b.modes = make(map[Mode]bool)
	b.privateModes = map[PrivateMode]bool{PrivateAutoWrap: true, PrivateCursorMode: true}
	b.keypad = true
	b.charsets = [...]CharacterSet{CSUS, CSUS, CSAlternate, CSAlternateSpecial}
	b.shifted, b.single = G0, G0
}

// setTabs sets a tab stop in each eighth column from the column first on.
func (b *TerminalBuffer) setTabs(first int) {
	for x := first; x < b.width; x++ {
		b.tabs = append(b.tabs, x%8 == 0)
	}
}

// Resize changes the size of the screen. Lines and columns beyond the new size
// are lost; the cursor stays on the screen. The bounds are those of
// NewTerminalBuffer.
func (b *TerminalBuffer) Resize(width, height int) {
	old := b.rows
	tabs := b.tabs
	b.width, b.height = min(max(width, 1), MaxSize), min(max(height, 1), MaxSize)
	b.rows = make([]row, b.height)
	for i := range b.rows {
		b.rows[i] = b.emptyRow()
		if i < len(old) {
			old[i].split(b.width)
			copy(b.rows[i], old[i])
			if len(old[i]) == 1 && b.width > 1 && ClusterCells(old[i][0].Text) == 2 {
				b.rows[i][0].Text = "" // it has one cell only
			}
		}
	}
	b.tabs = slices.Clip(tabs[:min(len(tabs), b.width)])
	b.setTabs(len(b.tabs))
	b.top, b.bottom = 0, b.height-1
	b.x, b.y = min(b.x, b.width), min(b.y, b.height-1)
}

// Width returns the number of columns.
func (b *TerminalBuffer) Width() int { return b.width }

// Height returns the number of lines.
func (b *TerminalBuffer) Height() int { return b.height }

// Cursor returns where the cursor is. The column is Width() after a character
// in the last column.
func (b *TerminalBuffer) Cursor() Position { return Position{b.x, b.y} }

// GetCharacter returns the cell in a column x and line y, and the zero Cell
// beyond the screen.
func (b *TerminalBuffer) GetCharacter(x, y int) Cell {
	if x < 0 || y < 0 || x >= b.width || y >= b.height {
		return Cell{}
	}
	return b.rows[y][x]
}

// String returns the text of all lines, separated by LF. A line ends with the
// last character that was written, which may be a space. Empty cells before are
// spaces.
func (b *TerminalBuffer) String() string {
	lines := make([]string, len(b.rows))
	for i, r := range b.rows {
		lines[i] = r.String()
	}
	return strings.Join(lines, "\n")
}

// Modes returns the modes that are set, in order. Modes above 9,999 are not
// remembered, private ones neither.
func (b *TerminalBuffer) Modes() []Mode { return slices.Sorted(maps.Keys(b.modes)) }

// PrivateModes returns the private modes that are set, in order.
func (b *TerminalBuffer) PrivateModes() []PrivateMode {
	return slices.Sorted(maps.Keys(b.privateModes))
}

// ApplicationKeypad reports whether the keypad sends control sequences. That is
// the initial state.
func (b *TerminalBuffer) ApplicationKeypad() bool { return b.keypad }

// Charset returns the character set of a slot, and ActiveCharset the slot in
// use.
func (b *TerminalBuffer) Charset(slot CharacterSlot) CharacterSet { return b.charsets[slot&3] }

// ActiveCharset returns the slot in use. See also Charset.
func (b *TerminalBuffer) ActiveCharset() CharacterSlot { return b.shifted }

// GraphicRendition returns the format of the characters that are written next.
func (b *TerminalBuffer) GraphicRendition() Format { return b.format }

// Write writes UTF-8 at the cursor. An LF also moves the cursor to the first
// column; TAB, VT, FF and CR move the cursor too. Other control characters are
// dropped. A byte that is not UTF-8 is U+FFFD.
func (b *TerminalBuffer) Write(p []byte) (int, error) {
	for _, c := range p {
		if c < utf8.RuneSelf && len(b.partial) == 0 {
			b.char(rune(c))
			continue
		}
		b.partial = append(b.partial, c)
		for len(b.partial) > 0 && utf8.FullRune(b.partial) {
			r, size := utf8.DecodeRune(b.partial)
			b.partial = b.partial[size:]
			b.char(r)
		}
	}
	return len(p), nil
}

// WriteString writes s.
func (b *TerminalBuffer) WriteString(s string) (int, error) { return b.Write([]byte(s)) }

// WriteSequence writes all pieces with one Write.
func (b *TerminalBuffer) WriteSequence(pieces [][]byte) { _, _ = b.Write(slices.Concat(pieces...)) }

// ReportCursorPosition fires at once.
func (b *TerminalBuffer) ReportCursorPosition() deferred.Deferred[Position] {
	return deferred.Succeed(Position{min(b.x, b.width-1), b.y})
}

// UnhandledControlSequence logs the sequence.
func (b *TerminalBuffer) UnhandledControlSequence(seq []byte) {
	log := b.Logger
	if log == nil {
		log = slog.Default()
	}
	if log.Enabled(context.Background(), slog.LevelDebug) {
		log.Debug("insults: control sequence not handled", "sequence", text.Quote(string(seq)))
	}
}

// ascii is a text of one character each, for cells.
var ascii = func() string {
	var s [utf8.RuneSelf]byte
	for i := range s {
		s[i] = byte(i)
	}
	return string(s[:])
}()

// char takes a character.
func (b *TerminalBuffer) char(r rune) {
	switch {
	case r == '\r':
		b.x = 0
	case r == '\n':
		b.x = 0
		b.down()
	case r == '\v' || r == '\f':
		b.down()
	case r == '\t':
		b.tab()
	case r < ' ' || r == del || 0x80 <= r && r < 0xa0:
	case r < utf8.RuneSelf:
		b.put(ascii[r:r+1], 1)
	default:
		b.wideChar(string(r))
	}
}

// wideChar takes a character outside ASCII. It may continue the one before the
// cursor.
func (b *TerminalBuffer) wideChar(character string) {
	if b.join(character) {
		return
	}
	if cells := ClusterCells(character); cells > 0 {
		b.put(character, min(cells, b.width))
	}
}

// join adds more to the character before the cursor, if it continues that.
func (b *TerminalBuffer) join(more string) bool {
	line := b.rows[b.y]
	x := b.x - 1
	if x > 0 && line[x].Continuation {
		x--
	}
	if x < 0 || !Joins(line[x].Text, more) {
		return false
	}
	if c := &line[x]; len(c.Text)+len(more) <= maxCluster {
		c.Text += more
		if ClusterCells(c.Text) == 2 && x+1 == b.x && b.width > 1 {
			b.widen(x, *c)
		}
	}
	return true
}

// widen gives the character at x, which is before the cursor, a second cell. In
// the last column it moves to the next line.
func (b *TerminalBuffer) widen(x int, c Cell) {
	more := 1
	if b.x == b.width {
		b.rows[b.y].clear(x, b.width, b.empty())
		b.NextLine()
		x, more = 0, 2
	}
	b.x = x
	if b.modes[InsertionReplacement] {
		b.rows[b.y].insert(b.x, more, c.Format)
	}
	b.rows[b.y].put(b.x, 2, c.Text, c.Format)
	b.x += 2
}

// put writes a character of so many cells.
func (b *TerminalBuffer) put(character string, cells int) {
	if b.x+cells > b.width {
		b.NextLine()
	}
	f := b.format
	if f.Charset = b.shifted; b.single != G0 {
		f.Charset, b.single = b.single, G0
	}
	line := b.rows[b.y]
	if b.modes[InsertionReplacement] {
		line.insert(b.x, cells, f)
	}
	line.put(b.x, cells, character, f)
	b.x += cells
}

func (b *TerminalBuffer) tab() {
	for x := b.x + 1; x < b.width; x++ {
		if b.tabs[x] {
			b.x = x
			return
		}
	}
	b.x = max(b.x, b.width-1)
}
