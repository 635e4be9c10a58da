package recvline

import (
	"cmp"
	"log/slog"
	"unicode"

	"github.com/hawser-go/hawser/conch/insults"
)

// Line is a program that gets lines which its user edits. To make one, embed
// [RecvLine] or [HistoricRecvLine] by value and define LineReceived. A type
// that defines ConnectionMade, InitializeScreen, HandleReturn or HandleTab
// usually calls the method of the embedded type too.
//
// All methods are called on the loop.
type Line interface {
	insults.Protocol

	// LineReceived is called with each line, without its end. The cursor is at
	// the beginning of the next line of the screen. A program that wants
	// another line writes the next prompt: see RecvLine.WritePrompt.
	LineReceived(line string)

	// CharacterReceived is called with each character to be inserted: a typed
	// one, which may be a combining mark, or one of a line from the history.
	// more means that another character follows at once; nothing need be drawn
	// before that one.
	CharacterReceived(character string, more bool)

	// InitializeScreen prepares the terminal and writes the first prompt.
	InitializeScreen()

	// DrawInputLine writes prompt and line, and puts the cursor to its place in
	// the line. The cursor of the terminal must be in the first column.
	DrawInputLine()

	// HandleReturn is called when the user ends the line, and HandleTab for the
	// Tab key.
	HandleReturn()
	HandleTab()

	recvLine() *RecvLine
}

// Bounds and defaults of the fields of RecvLine.
const (
	DefaultTabStop   = 4
	DefaultMaxLength = 4096 // bytes
)

// RecvLine lets a user edit a line, which LineReceived of the embedding type
// gets. It is Twisted's RecvLine. Embed it by value. The zero value is ready to
// use. All methods and fields belong to the loop.
//
// Fields may be set before the connection is made or later. A change of the
// prompt shows the next time that the prompt is written.
type RecvLine struct {
	insults.TerminalProtocol

	// PS are the prompts, and PN selects the one that is used: 0 or 1. If both
	// are empty when the connection is made, they become ">>> " and "... ". A
	// prompt may have control sequences, such as colours. Of a prompt of
	// several lines only the last one is drawn again.
	PS [2]string
	PN int

	// KeyHandlers are the functions of keys. A key with modifiers that is not
	// in the table has the function of the key without them. Printable
	// characters that are not in the table are inserted. Programs may add,
	// replace and delete functions, from ConnectionMade on.
	KeyHandlers map[insults.Stroke]func()

	// TabStop is the distance of the tab stops in the line; 0 means
	// DefaultTabStop.
	TabStop int

	// MaxLength is the longest line in bytes; 0 means DefaultMaxLength. The
	// bell rings for further characters.
	MaxLength int

	// Complete, if not nil, completes the word before the cursor when Tab is
	// pressed. before and after are the line on both sides of the cursor. word
	// is the end of before that the candidates would replace. The common
	// beginning of all candidates replaces word if it is longer. Otherwise up
	// to 100 candidates are listed above the prompt. Complete is called on the
	// loop and must not block.
	Complete func(before, after string) (word string, candidates []string)

	// Render, if not nil, returns the line with control sequences, such as
	// colours. The text must stay the same. If ok is false, the line is drawn
	// without control sequences. Render is called on the loop each time that
	// text is inserted or a long line is drawn.
	Render func(line string) (rendered string, ok bool)

	// Logger receives keys without a function, at debug level. Nil means
	// slog.Default().
	Logger *slog.Logger

	width, height int
	typeover      bool
	insertMode    bool // the terminal inserts characters

	line  []cluster
	index int // of the cursor in line
	size  int // bytes of line
	cells int // of line
	odd   int // how many clusters of line terminals may show in another width
	drawn drawnPrompt

	undrawn undrawn
	below   bool // the line is empty, and the cursor below a prompt that fills its rows
	paste   paste
	killed  string // for ^Y

	otherPrompt string // during a search in the history
}

var _ Line = (*RecvLine)(nil)

func (l *RecvLine) recvLine() *RecvLine { return l }

// self returns the program.
func (l *RecvLine) self() Line { return l.Self().(Line) }

// Prepare sets everything up before ConnectionMade.
func (l *RecvLine) Prepare() {
	if l.PS == [2]string{} {
		l.PS = [2]string{">>> ", "... "}
	}
	l.width, l.height = 80, 24
	l.otherPrompt = ""
	l.ClearLineBuffer()
	l.KeyHandlers = map[insults.Stroke]func(){
		{Key: insults.KeyLeft}:      l.HandleLeft,
		{Key: insults.KeyRight}:     l.HandleRight,
		{Key: insults.KeyHome}:      l.HandleHome,
		{Key: insults.KeyEnd}:       l.HandleEnd,
		{Key: insults.KeyBackspace}: l.HandleBackspace,
		{Key: insults.KeyDelete}:    l.HandleDelete,
		{Key: insults.KeyInsert}:    l.HandleInsert,
		{Key: insults.KeyTab}:       l.self().HandleTab,
		{Key: '\r'}:                 l.self().HandleReturn,
		{Key: '\n'}:                 l.self().HandleReturn,
	}
}

// ConnectionMade calls InitializeScreen.
func (l *RecvLine) ConnectionMade() { l.self().InitializeScreen() }

// LineReceived does nothing.
func (l *RecvLine) LineReceived(string) {}

// InitializeScreen resets the terminal, which empties the screen, writes the
// prompt, and sets insert mode.
func (l *RecvLine) InitializeScreen() {
	l.Terminal().Reset()
	l.WritePrompt()
	l.SetInsertMode()
}

// WritePrompt writes the prompt for a new line.
func (l *RecvLine) WritePrompt() { l.write(l.prompt()) }

func (l *RecvLine) prompt() string {
	if l.otherPrompt != "" {
		return l.otherPrompt
	}
	return l.PS[min(max(l.PN, 0), 1)]
}

func (l *RecvLine) write(s string) {
	if s != "" {
		_, _ = l.Terminal().WriteString(s) // never fails
	}
}

// SetInsertMode makes typed characters move the rest of the line.
func (l *RecvLine) SetInsertMode() {
	l.typeover, l.insertMode = false, true
	l.Terminal().SetModes(insults.InsertionReplacement)
}

// SetTypeoverMode makes typed characters replace those of the line.
func (l *RecvLine) SetTypeoverMode() {
	l.typeover, l.insertMode = true, false
	l.Terminal().ResetModes(insults.InsertionReplacement)
}

// Typeover reports whether typed characters replace those of the line.
func (l *RecvLine) Typeover() bool { return l.typeover }

// LineBuffer returns the line so far.
func (l *RecvLine) LineBuffer() string { return text(l.line) }

// LineBufferIndex returns the number of characters before the cursor: of
// grapheme clusters, which users see as characters.
func (l *RecvLine) LineBufferIndex() int { return l.index }

// CurrentLineBuffer returns the line before the cursor, and from there on.
func (l *RecvLine) CurrentLineBuffer() (before, after string) {
	return text(l.line[:l.index]), text(l.line[l.index:])
}

// ClearLineBuffer empties the line and returns it. Nothing is drawn.
func (l *RecvLine) ClearLineBuffer() string {
	line := l.LineBuffer()
	l.line, l.index, l.size, l.cells, l.odd = nil, 0, 0, 0, 0
	l.undrawn, l.below = undrawn{}, false
	return line
}

// TerminalSize erases the screen, and draws prompt and line in the new size.
// The width and height are from 1 to insults.MaxSize; others are replaced by
// the nearest.
func (l *RecvLine) TerminalSize(width, height int) {
	l.SetSize(width, height)
	l.ClearScreen()
}

// SetSize is TerminalSize without drawing. A program that leaves the screen as
// it is overrides TerminalSize, and calls SetSize there. If a line is being
// edited, it calls Redraw too.
func (l *RecvLine) SetSize(width, height int) {
	l.width, l.height = min(max(width, 1), insults.MaxSize), min(max(height, 1), insults.MaxSize)
}

// Redraw draws prompt and line again where they are. After a change of the
// width this is right on terminals that wrap their rows again, as most do.
func (l *RecvLine) Redraw() { l.redraw() }

// ClearScreen erases the screen, and draws prompt and line at its top.
func (l *RecvLine) ClearScreen() {
	l.Terminal().EraseDisplay()
	l.Terminal().CursorHome()
	l.self().DrawInputLine()
}

// KeystrokeReceived calls the function of the key, or inserts the character.
// Other keys are logged.
func (l *RecvLine) KeystrokeReceived(key insults.Key, mod insults.Modifier) {
	if l.pasted(key) {
		return
	}
	for _, stroke := range []insults.Stroke{{Key: key, Modifier: mod}, {Key: key}} {
		if handler := l.KeyHandlers[stroke]; handler != nil {
			handler()
			return
		}
	}
	if l.printable(key) {
		l.self().CharacterReceived(string(rune(key)), false)
		return
	}
	log := cmp.Or(l.Logger, slog.Default())
	log.Debug("recvline: key without a function", "key", insults.Stroke{Key: key, Modifier: mod})
}

// printable reports whether a key types something that belongs in a line: a
// character that is visible, or one that continues the character before the
// cursor.
func (l *RecvLine) printable(key insults.Key) bool {
	if !key.IsRune() {
		return false
	}
	r := rune(key)
	return unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) && l.continues(string(r))
}

// HandleReturn ends the line: it passes the line to LineReceived.
func (l *RecvLine) HandleReturn() { l.self().LineReceived(l.EndLine()) }

// EndLine empties the line and returns it. On the screen it stays, and the
// cursor moves to the line below.
func (l *RecvLine) EndLine() string {
	l.finish()
	if !l.onOneRow() {
		l.moveTo(len(l.line))
	}
	wrapped := l.place(len(l.line)).column == l.width && l.cursor().column == 0
	line := l.ClearLineBuffer()
	if !wrapped { // otherwise the cursor is in the next line already
		l.Terminal().NextLine()
	}
	return line
}

// HandleLeft moves the cursor one character to the left.
func (l *RecvLine) HandleLeft() { l.moveTo(l.index - 1) }

// HandleRight moves the cursor one character to the right.
func (l *RecvLine) HandleRight() { l.moveTo(l.index + 1) }

// HandleHome moves the cursor to the beginning of the line.
func (l *RecvLine) HandleHome() { l.moveTo(0) }

// HandleEnd moves the cursor to the end of the line.
func (l *RecvLine) HandleEnd() { l.moveTo(len(l.line)) }

// HandleBackspace deletes the character before the cursor.
func (l *RecvLine) HandleBackspace() { l.deleteRange(l.index-1, l.index) }

// HandleDelete deletes the character at the cursor.
func (l *RecvLine) HandleDelete() { l.deleteRange(l.index, l.index+1) }

// HandleInsert changes between insert and typeover mode.
func (l *RecvLine) HandleInsert() {
	if l.typeover {
		l.SetInsertMode()
		return
	}
	l.SetTypeoverMode()
}
