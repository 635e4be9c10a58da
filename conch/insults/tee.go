package insults

import (
	"net"

	"github.com/hawser-go/hawser/deferred"
)

// Tee returns a terminal that passes every call to all terminals, in order. It
// is Twisted's TransportSequence. The results are those of the last terminal. A
// program whose terminal is Tee(TerminalBuffer, ServerProtocol) knows what its
// user sees. Tee panics without a terminal.
func Tee(terminals ...Terminal) Terminal {
	if len(terminals) == 0 {
		panic("insults: Tee without a terminal")
	}
	return tee(terminals)
}

type tee []Terminal

func (t tee) terminal() {}

func (t tee) last() Terminal { return t[len(t)-1] }

func (t tee) each(call func(Terminal)) {
	for _, terminal := range t {
		call(terminal)
	}
}

func (t tee) number(call func(Terminal, int), n int) {
	for _, terminal := range t {
		call(terminal, n)
	}
}

func (t tee) Write(p []byte) (n int, err error) {
	for _, terminal := range t {
		n, err = terminal.Write(p)
	}
	return n, err
}

func (t tee) WriteString(s string) (n int, err error) {
	for _, terminal := range t {
		n, err = terminal.WriteString(s)
	}
	return n, err
}

func (t tee) SelectCharacterSet(set CharacterSet, slot CharacterSlot) (err error) {
	for _, terminal := range t {
		err = terminal.SelectCharacterSet(set, slot)
	}
	return err
}

func (t tee) ReportCursorPosition() (d deferred.Deferred[Position]) {
	for i, terminal := range t {
		d = terminal.ReportCursorPosition()
		if i < len(t)-1 {
			d.OnError(func(error) {}) // only the last one is asked
		}
	}
	return d
}

func (t tee) LastWrite() []byte { return t.last().LastWrite() }
func (t tee) GetHost() net.Addr { return t.last().GetHost() }
func (t tee) GetPeer() net.Addr { return t.last().GetPeer() }

func (t tee) CursorUp(n int)        { t.number(Terminal.CursorUp, n) }
func (t tee) CursorDown(n int)      { t.number(Terminal.CursorDown, n) }
func (t tee) CursorForward(n int)   { t.number(Terminal.CursorForward, n) }
func (t tee) CursorBackward(n int)  { t.number(Terminal.CursorBackward, n) }
func (t tee) DeleteCharacter(n int) { t.number(Terminal.DeleteCharacter, n) }
func (t tee) InsertLine(n int)      { t.number(Terminal.InsertLine, n) }
func (t tee) DeleteLine(n int)      { t.number(Terminal.DeleteLine, n) }

func (t tee) CursorHome()              { t.each(Terminal.CursorHome) }
func (t tee) Index()                   { t.each(Terminal.Index) }
func (t tee) ReverseIndex()            { t.each(Terminal.ReverseIndex) }
func (t tee) NextLine()                { t.each(Terminal.NextLine) }
func (t tee) SaveCursor()              { t.each(Terminal.SaveCursor) }
func (t tee) RestoreCursor()           { t.each(Terminal.RestoreCursor) }
func (t tee) ApplicationKeypadMode()   { t.each(Terminal.ApplicationKeypadMode) }
func (t tee) NumericKeypadMode()       { t.each(Terminal.NumericKeypadMode) }
func (t tee) ShiftIn()                 { t.each(Terminal.ShiftIn) }
func (t tee) ShiftOut()                { t.each(Terminal.ShiftOut) }
func (t tee) SingleShift2()            { t.each(Terminal.SingleShift2) }
func (t tee) SingleShift3()            { t.each(Terminal.SingleShift3) }
func (t tee) HorizontalTabulationSet() { t.each(Terminal.HorizontalTabulationSet) }
func (t tee) TabulationClear()         { t.each(Terminal.TabulationClear) }
func (t tee) TabulationClearAll()      { t.each(Terminal.TabulationClearAll) }
func (t tee) SingleWidthLine()         { t.each(Terminal.SingleWidthLine) }
func (t tee) DoubleWidthLine()         { t.each(Terminal.DoubleWidthLine) }
func (t tee) EraseToLineEnd()          { t.each(Terminal.EraseToLineEnd) }
func (t tee) EraseToLineBeginning()    { t.each(Terminal.EraseToLineBeginning) }
func (t tee) EraseLine()               { t.each(Terminal.EraseLine) }
func (t tee) EraseToDisplayEnd()       { t.each(Terminal.EraseToDisplayEnd) }
func (t tee) EraseToDisplayBeginning() { t.each(Terminal.EraseToDisplayBeginning) }
func (t tee) EraseDisplay()            { t.each(Terminal.EraseDisplay) }
func (t tee) ResetScrollRegion()       { t.each(Terminal.ResetScrollRegion) }
func (t tee) Reset()                   { t.each(Terminal.Reset) }
func (t tee) LoseConnection()          { t.each(Terminal.LoseConnection) }

func (t tee) WriteSequence(pieces [][]byte) {
	t.each(func(to Terminal) { to.WriteSequence(pieces) })
}

func (t tee) CursorPosition(column, line int) {
	t.each(func(to Terminal) { to.CursorPosition(column, line) })
}

func (t tee) SetModes(modes ...Mode) {
	t.each(func(to Terminal) { to.SetModes(modes...) })
}

func (t tee) ResetModes(modes ...Mode) {
	t.each(func(to Terminal) { to.ResetModes(modes...) })
}

func (t tee) SetPrivateModes(modes ...PrivateMode) {
	t.each(func(to Terminal) { to.SetPrivateModes(modes...) })
}

func (t tee) ResetPrivateModes(modes ...PrivateMode) {
	t.each(func(to Terminal) { to.ResetPrivateModes(modes...) })
}

func (t tee) SelectGraphicRendition(attributes ...Attribute) {
	t.each(func(to Terminal) { to.SelectGraphicRendition(attributes...) })
}

func (t tee) DoubleHeightLine(top bool) {
	t.each(func(to Terminal) { to.DoubleHeightLine(top) })
}

func (t tee) SetScrollRegion(first, last int) {
	t.each(func(to Terminal) { to.SetScrollRegion(first, last) })
}

func (t tee) UnhandledControlSequence(seq []byte) {
	t.each(func(to Terminal) { to.UnhandledControlSequence(seq) })
}
