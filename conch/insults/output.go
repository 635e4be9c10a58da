package insults

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Write sends p, with a CR before each LF that has none.
func (s *ServerProtocol) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.lastWrite = append(s.lastWrite[:0], p...)
	sent := addCR(p, s.endsInCR)
	s.endsInCR = p[len(p)-1] == '\r'
	if t := s.Transport(); t != nil {
		s.pull(len(sent))
		t.Write(sent)
	}
	return len(p), nil
}

// addCR returns p with a CR before each LF that has none. afterCR says that a
// CR precedes p.
func addCR(p []byte, afterCR bool) []byte {
	if bytes.IndexByte(p, '\n') < 0 {
		return p
	}
	var sent []byte
	done := 0
	for i, b := range p {
		if b == '\n' && !afterCR {
			sent = append(append(sent, p[done:i]...), '\r')
			done = i
		}
		afterCR = b == '\r'
	}
	if done == 0 && sent == nil {
		return p
	}
	return append(sent, p[done:]...)
}

// WriteString writes str.
func (s *ServerProtocol) WriteString(str string) (int, error) { return s.self().Write([]byte(str)) }

// WriteSequence writes all pieces with one Write.
func (s *ServerProtocol) WriteSequence(pieces [][]byte) { s.write(slices.Concat(pieces...)) }

func (s *ServerProtocol) write(p []byte) { _, _ = s.self().Write(p) } // never fails

// send writes a control sequence.
func (s *ServerProtocol) send(sequence string) { s.write([]byte(sequence)) }

// LastWrite returns the data of the last Write that was not empty. Control
// sequences of the other methods count too.
func (s *ServerProtocol) LastWrite() []byte { return bytes.Clone(s.lastWrite) }

// CursorPos returns where the cursor is, as far as the methods that move the
// cursor tell: written text does not count.
func (s *ServerProtocol) CursorPos() Position { return s.own }

// moveOwn moves the own cursor within the screen.
func (s *ServerProtocol) moveOwn(column, line int) {
	width, height := s.TermSize()
	s.own = Position{min(max(column, 0), width-1), min(max(line, 0), height-1)}
}

// CursorUp sends CSI n A.
func (s *ServerProtocol) CursorUp(n int) { s.moveCursor(n, 'A', 0, -1) }

// CursorDown sends CSI n B.
func (s *ServerProtocol) CursorDown(n int) { s.moveCursor(n, 'B', 0, 1) }

// CursorForward sends CSI n C.
func (s *ServerProtocol) CursorForward(n int) { s.moveCursor(n, 'C', 1, 0) }

// CursorBackward sends CSI n D.
func (s *ServerProtocol) CursorBackward(n int) { s.moveCursor(n, 'D', -1, 0) }

func (s *ServerProtocol) moveCursor(n int, final byte, columns, lines int) {
	if n <= 0 {
		return
	}
	s.sendNumber(n, final)
	n = min(n, MaxSize)
	s.moveOwn(s.own.Column+columns*n, s.own.Line+lines*n)
}

func (s *ServerProtocol) sendNumber(n int, final byte) {
	s.send("\x1b[" + strconv.Itoa(n) + string(final))
}

// CursorPosition sends CSI line ; column H, which counts from 1.
func (s *ServerProtocol) CursorPosition(column, line int) {
	column, line = max(column, 0), max(line, 0)
	s.send(fmt.Sprintf("\x1b[%d;%dH", line+1, column+1))
	s.moveOwn(column, line)
}

// CursorHome sends CSI H.
func (s *ServerProtocol) CursorHome() {
	s.send("\x1b[H")
	s.own = Position{}
}

// Index sends ESC D.
func (s *ServerProtocol) Index() {
	s.send("\x1bD")
	s.moveOwn(s.own.Column, s.own.Line+1)
}

// ReverseIndex sends ESC M.
func (s *ServerProtocol) ReverseIndex() {
	s.send("\x1bM")
	s.moveOwn(s.own.Column, s.own.Line-1)
}

// NextLine sends CR LF: not every terminal scrolls when it gets ESC E.
func (s *ServerProtocol) NextLine() {
	s.send("\n")
	s.moveOwn(0, s.own.Line+1)
}

// SaveCursor sends ESC 7.
func (s *ServerProtocol) SaveCursor() {
	saved := s.own
	s.saved = &saved
	s.send("\x1b7")
}

// RestoreCursor sends ESC 8.
func (s *ServerProtocol) RestoreCursor() {
	s.send("\x1b8")
	s.own = Position{}
	if s.saved != nil {
		s.own, s.saved = *s.saved, nil
	}
}

// numbers returns the parameters of a control sequence.
func numbers[N ~int](list []N) string {
	var b strings.Builder
	for i, n := range list {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(strconv.Itoa(int(n)))
	}
	return b.String()
}

// SetModes sends CSI and the modes, then h.
func (s *ServerProtocol) SetModes(modes ...Mode) { s.send("\x1b[" + numbers(modes) + "h") }

// ResetModes sends CSI and the modes, then l.
func (s *ServerProtocol) ResetModes(modes ...Mode) { s.send("\x1b[" + numbers(modes) + "l") }

// SetPrivateModes sends CSI ? and the modes, then h.
func (s *ServerProtocol) SetPrivateModes(modes ...PrivateMode) {
	s.send("\x1b[?" + numbers(modes) + "h")
	s.keepPrivate(modes, true)
}

// ResetPrivateModes sends CSI ? and the modes, then l.
func (s *ServerProtocol) ResetPrivateModes(modes ...PrivateMode) {
	s.send("\x1b[?" + numbers(modes) + "l")
	s.keepPrivate(modes, false)
}

func (s *ServerProtocol) keepPrivate(modes []PrivateMode, on bool) {
	for _, mode := range modes {
		switch {
		case !on:
			delete(s.private, mode)
		case s.private == nil:
			s.private = map[PrivateMode]bool{mode: true}
		default:
			s.private[mode] = true
		}
	}
}

// ApplicationKeypadMode sends ESC =.
func (s *ServerProtocol) ApplicationKeypadMode() { s.send("\x1b=") }

// NumericKeypadMode sends ESC >.
func (s *ServerProtocol) NumericKeypadMode() { s.send("\x1b>") }

// SelectCharacterSet sends ESC ( or ESC ) and the set. If the set is none of
// the constants, or the slot neither G0 nor G1, it sends nothing and returns an
// error.
func (s *ServerProtocol) SelectCharacterSet(set CharacterSet, slot CharacterSlot) error {
	switch {
	case !strings.ContainsRune("AB012", rune(set)):
		return fmt.Errorf("insults: unknown character set %q", rune(set))
	case slot > G1:
		return fmt.Errorf("insults: no character set can be selected for G%d; use G0 or G1", slot)
	}
	s.send("\x1b" + string("()"[slot]) + string(rune(set)))
	return nil
}

// ShiftIn sends SI.
func (s *ServerProtocol) ShiftIn() { s.send("\x0f") }

// ShiftOut sends SO.
func (s *ServerProtocol) ShiftOut() { s.send("\x0e") }

// SingleShift2 sends ESC N.
func (s *ServerProtocol) SingleShift2() { s.send("\x1bN") }

// SingleShift3 sends ESC O.
func (s *ServerProtocol) SingleShift3() { s.send("\x1bO") }

// SelectGraphicRendition sends CSI and the attributes, then m.
func (s *ServerProtocol) SelectGraphicRendition(attributes ...Attribute) {
	s.send("\x1b[" + numbers(attributes) + "m")
}

// HorizontalTabulationSet sends ESC H.
func (s *ServerProtocol) HorizontalTabulationSet() { s.send("\x1bH") }

// TabulationClear sends CSI g.
func (s *ServerProtocol) TabulationClear() { s.send("\x1b[g") }

// TabulationClearAll sends CSI 3 g.
func (s *ServerProtocol) TabulationClearAll() { s.send("\x1b[3g") }

// DoubleHeightLine sends ESC # 3 for the top half, and ESC # 4 for the bottom.
func (s *ServerProtocol) DoubleHeightLine(top bool) {
	if top {
		s.send("\x1b#3")
		return
	}
	s.send("\x1b#4")
}

// SingleWidthLine sends ESC # 5.
func (s *ServerProtocol) SingleWidthLine() { s.send("\x1b#5") }

// DoubleWidthLine sends ESC # 6.
func (s *ServerProtocol) DoubleWidthLine() { s.send("\x1b#6") }

// EraseToLineEnd sends CSI K.
func (s *ServerProtocol) EraseToLineEnd() { s.send("\x1b[K") }

// EraseToLineBeginning sends CSI 1 K.
func (s *ServerProtocol) EraseToLineBeginning() { s.send("\x1b[1K") }

// EraseLine sends CSI 2 K.
func (s *ServerProtocol) EraseLine() { s.send("\x1b[2K") }

// EraseToDisplayEnd sends CSI J.
func (s *ServerProtocol) EraseToDisplayEnd() { s.send("\x1b[J") }

// EraseToDisplayBeginning sends CSI 1 J.
func (s *ServerProtocol) EraseToDisplayBeginning() { s.send("\x1b[1J") }

// EraseDisplay sends CSI 2 J.
func (s *ServerProtocol) EraseDisplay() { s.send("\x1b[2J") }

// DeleteCharacter sends CSI n P. Terminals take 0 for 1.
func (s *ServerProtocol) DeleteCharacter(n int) { s.sendNumber(n, 'P') }

// InsertLine sends CSI n L. Terminals take 0 for 1.
func (s *ServerProtocol) InsertLine(n int) { s.sendNumber(n, 'L') }

// DeleteLine sends CSI n M. Terminals take 0 for 1.
func (s *ServerProtocol) DeleteLine(n int) { s.sendNumber(n, 'M') }

// SetScrollRegion sends CSI first ; last r. A number that is not positive is
// left out.
func (s *ServerProtocol) SetScrollRegion(first, last int) {
	s.send("\x1b[" + present(first) + ";" + present(last) + "r")
}

func present(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// ResetScrollRegion sends CSI ; r.
func (s *ServerProtocol) ResetScrollRegion() { s.SetScrollRegion(0, 0) }

// Reset sends ESC c.
func (s *ServerProtocol) Reset() {
	s.send("\x1bc")
	s.own, s.saved, s.private = Position{}, nil, nil
}
