package insults_test

import (
	"net"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/tracetest"
	"github.com/hawser-go/hawser/deferred"
)

// recorder is a terminal that records all calls. Its cursor stands at (3, 7).
type recorder struct {
	insults.BaseTerminal
	events []any
	lost   error
}

func (r *recorder) called(name string, args ...any) {
	r.events = append(r.events, append([]any{"call", name}, args...))
}

func (r *recorder) Write(p []byte) (int, error) {
	r.called("write", tracetest.Text(p))
	return len(p), nil
}

func (r *recorder) WriteString(s string) (int, error) { return r.Write([]byte(s)) }

func (r *recorder) WriteSequence(pieces [][]byte) { r.called("writeSequence", len(pieces)) }

func (r *recorder) SelectCharacterSet(set insults.CharacterSet, slot insults.CharacterSlot) error {
	r.called("selectCharacterSet", setName(set), slotName(slot))
	return nil
}

func (r *recorder) ReportCursorPosition() deferred.Deferred[insults.Position] {
	r.called("reportCursorPosition")
	return deferred.Succeed(insults.Position{Column: 3, Line: 7})
}

func (r *recorder) GetHost() net.Addr { return nil }

func (r *recorder) ConnectionLost(reason error) { r.lost = reason }

func (r *recorder) UnhandledControlSequence(seq []byte) {
	r.called("unhandledControlSequence", tracetest.Text(seq))
}

func (r *recorder) SelectGraphicRendition(attributes ...insults.Attribute) {
	args := make([]any, len(attributes))
	for i, a := range attributes {
		args[i] = int(a)
	}
	r.called("selectGraphicRendition", args...)
}

func (r *recorder) SetScrollRegion(first, last int) {
	r.called("setScrollRegion", orNull(first), orNull(last))
}

func orNull(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func (r *recorder) CursorUp(n int)        { r.called("cursorUp", n) }
func (r *recorder) CursorDown(n int)      { r.called("cursorDown", n) }
func (r *recorder) CursorForward(n int)   { r.called("cursorForward", n) }
func (r *recorder) CursorBackward(n int)  { r.called("cursorBackward", n) }
func (r *recorder) DeleteCharacter(n int) { r.called("deleteCharacter", n) }
func (r *recorder) InsertLine(n int)      { r.called("insertLine", n) }
func (r *recorder) DeleteLine(n int)      { r.called("deleteLine", n) }

func (r *recorder) CursorHome()              { r.called("cursorHome") }
func (r *recorder) Index()                   { r.called("index") }
func (r *recorder) ReverseIndex()            { r.called("reverseIndex") }
func (r *recorder) NextLine()                { r.called("nextLine") }
func (r *recorder) SaveCursor()              { r.called("saveCursor") }
func (r *recorder) RestoreCursor()           { r.called("restoreCursor") }
func (r *recorder) ApplicationKeypadMode()   { r.called("applicationKeypadMode") }
func (r *recorder) NumericKeypadMode()       { r.called("numericKeypadMode") }
func (r *recorder) ShiftIn()                 { r.called("shiftIn") }
func (r *recorder) ShiftOut()                { r.called("shiftOut") }
func (r *recorder) SingleShift2()            { r.called("singleShift2") }
func (r *recorder) SingleShift3()            { r.called("singleShift3") }
func (r *recorder) HorizontalTabulationSet() { r.called("horizontalTabulationSet") }
func (r *recorder) TabulationClear()         { r.called("tabulationClear") }
func (r *recorder) TabulationClearAll()      { r.called("tabulationClearAll") }
func (r *recorder) SingleWidthLine()         { r.called("singleWidthLine") }
func (r *recorder) DoubleWidthLine()         { r.called("doubleWidthLine") }
func (r *recorder) EraseToLineEnd()          { r.called("eraseToLineEnd") }
func (r *recorder) EraseToLineBeginning()    { r.called("eraseToLineBeginning") }
func (r *recorder) EraseLine()               { r.called("eraseLine") }
func (r *recorder) EraseToDisplayEnd()       { r.called("eraseToDisplayEnd") }
func (r *recorder) EraseToDisplayBeginning() { r.called("eraseToDisplayBeginning") }
func (r *recorder) EraseDisplay()            { r.called("eraseDisplay") }
func (r *recorder) ResetScrollRegion()       { r.called("resetScrollRegion") }
func (r *recorder) Reset()                   { r.called("reset") }
func (r *recorder) LoseConnection()          { r.called("loseConnection") }

func (r *recorder) CursorPosition(column, line int)              { r.called("cursorPosition", column, line) }
func (r *recorder) DoubleHeightLine(top bool)                    { r.called("doubleHeightLine", top) }
func (r *recorder) SetModes(modes ...insults.Mode)               { r.called("setModes", modes) }
func (r *recorder) ResetModes(modes ...insults.Mode)             { r.called("resetModes", modes) }
func (r *recorder) SetPrivateModes(modes ...insults.PrivateMode) { r.called("setPrivateModes", modes) }
func (r *recorder) ResetPrivateModes(modes ...insults.PrivateMode) {
	r.called("resetPrivateModes", modes)
}
