package insults

// emptyRow returns a row in the current format.
func (b *TerminalBuffer) emptyRow() row { return newRow(b.width, b.empty()) }

// empty returns the format of empty cells.
func (b *TerminalBuffer) empty() Format {
	f := b.format
	f.Charset = b.shifted
	return f
}

// down moves the cursor down one line, and scrolls at the end of the scroll
// region.
func (b *TerminalBuffer) down() {
	switch {
	case b.y == b.bottom:
		b.deleteRows(b.top, 1)
	case b.y < b.height-1:
		b.y++
	}
}

// deleteRows deletes n lines from y on. Empty lines appear at the end of the
// scroll region.
func (b *TerminalBuffer) deleteRows(y, n int) {
	for range min(n, b.bottom-y+1) {
		if y == 0 && b.onScroll != nil {
			b.onScroll(b.rows[0].String())
		}
		copy(b.rows[y:b.bottom], b.rows[y+1:])
		b.rows[b.bottom] = b.emptyRow()
	}
}

// insertRows inserts n empty lines before y. Lines at the end of the scroll
// region are lost.
func (b *TerminalBuffer) insertRows(y, n int) {
	for range min(n, b.bottom-y+1) {
		copy(b.rows[y+1:b.bottom+1], b.rows[y:])
		b.rows[y] = b.emptyRow()
	}
}

// CursorUp moves the cursor, at most to the edge of the screen or the scroll
// region.
func (b *TerminalBuffer) CursorUp(n int) {
	edge := 0
	if b.y >= b.top {
		edge = b.top
	}
	b.y = max(b.y-max(n, 0), edge)
}

// CursorDown moves the cursor, at most to the edge of the screen or the scroll
// region.
func (b *TerminalBuffer) CursorDown(n int) {
	edge := b.height - 1
	if b.y <= b.bottom {
		edge = b.bottom
	}
	b.y = min(b.y+min(max(n, 0), b.height), edge)
}

// CursorForward moves the cursor, at most to the last column.
func (b *TerminalBuffer) CursorForward(n int) {
	if n > 0 {
		b.x = min(b.x+min(n, b.width), b.width-1)
	}
}

// CursorBackward moves the cursor, at most to the first column.
func (b *TerminalBuffer) CursorBackward(n int) { b.x = max(b.x-max(n, 0), 0) }

// CursorPosition moves the cursor. A place beyond the screen means its edge.
func (b *TerminalBuffer) CursorPosition(column, line int) {
	b.x, b.y = min(max(column, 0), b.width-1), min(max(line, 0), b.height-1)
}

// CursorHome moves the cursor to the first column of the first line.
func (b *TerminalBuffer) CursorHome() { b.x, b.y = 0, 0 }

// Index moves the cursor down, or scrolls.
func (b *TerminalBuffer) Index() { b.down() }

// ReverseIndex moves the cursor up, or scrolls.
func (b *TerminalBuffer) ReverseIndex() {
	switch {
	case b.y == b.top:
		b.insertRows(b.top, 1)
	case b.y > 0:
		b.y--
	}
}

// NextLine moves the cursor to the first column of the next line, or scrolls.
func (b *TerminalBuffer) NextLine() {
	b.x = 0
	b.down()
}

// SaveCursor remembers where the cursor is.
func (b *TerminalBuffer) SaveCursor() { b.saved = b.Cursor() }

// RestoreCursor returns to where SaveCursor was called, any number of times.
func (b *TerminalBuffer) RestoreCursor() {
	b.x, b.y = min(b.saved.Column, b.width), min(b.saved.Line, b.height-1)
}

// SetModes remembers the modes. InsertionReplacement makes written characters
// move the rest of the line; the others have no effect.
func (b *TerminalBuffer) SetModes(modes ...Mode) { keep(b.modes, modes) }

// ResetModes forgets the modes.
func (b *TerminalBuffer) ResetModes(modes ...Mode) { forget(b.modes, modes) }

// SetPrivateModes remembers the modes, which have no effect.
func (b *TerminalBuffer) SetPrivateModes(modes ...PrivateMode) { keep(b.privateModes, modes) }

// ResetPrivateModes forgets the modes.
func (b *TerminalBuffer) ResetPrivateModes(modes ...PrivateMode) { forget(b.privateModes, modes) }

func keep[M ~int](set map[M]bool, modes []M) {
	for _, m := range modes {
		if 0 <= m && m <= maxKeptMode {
			set[m] = true
		}
	}
}

func forget[M ~int](set map[M]bool, modes []M) {
	for _, m := range modes {
		delete(set, m)
	}
}

// ApplicationKeypadMode makes ApplicationKeypad return true.
func (b *TerminalBuffer) ApplicationKeypadMode() { b.keypad = true }

// NumericKeypadMode makes ApplicationKeypad return false.
func (b *TerminalBuffer) NumericKeypadMode() { b.keypad = false }

// SelectCharacterSet remembers the set. The characters are not translated.
func (b *TerminalBuffer) SelectCharacterSet(set CharacterSet, slot CharacterSlot) error {
	b.charsets[slot&3] = set
	return nil
}

// ShiftIn puts G0 to use.
func (b *TerminalBuffer) ShiftIn() { b.shifted = G0 }

// ShiftOut puts G1 to use.
func (b *TerminalBuffer) ShiftOut() { b.shifted = G1 }

// SingleShift2 puts G2 to use for the next printable character.
func (b *TerminalBuffer) SingleShift2() { b.single = G2 }

// SingleShift3 puts G3 to use for the next printable character.
func (b *TerminalBuffer) SingleShift3() { b.single = G3 }

// SelectGraphicRendition changes the format of the characters that are written
// next. No attributes change nothing, and unknown ones have no effect.
func (b *TerminalBuffer) SelectGraphicRendition(attributes ...Attribute) { b.format.apply(attributes) }

// HorizontalTabulationSet sets a tab stop at the column of the cursor.
func (b *TerminalBuffer) HorizontalTabulationSet() { b.setTab(true) }

// TabulationClear removes the tab stop at the column of the cursor.
func (b *TerminalBuffer) TabulationClear() { b.setTab(false) }

func (b *TerminalBuffer) setTab(on bool) { b.tabs[min(b.x, b.width-1)] = on }

// TabulationClearAll removes all tab stops.
func (b *TerminalBuffer) TabulationClearAll() { clear(b.tabs) }

// EraseToLineEnd empties the cells from the cursor on.
func (b *TerminalBuffer) EraseToLineEnd() { b.erase(b.y, b.x, b.width) }

// EraseToLineBeginning empties the cells up to that of the cursor.
func (b *TerminalBuffer) EraseToLineBeginning() { b.erase(b.y, 0, min(b.x+1, b.width)) }

// EraseLine empties the line of the cursor.
func (b *TerminalBuffer) EraseLine() { b.erase(b.y, 0, b.width) }

// EraseToDisplayEnd empties the screen from the cursor on.
func (b *TerminalBuffer) EraseToDisplayEnd() {
	b.EraseToLineEnd()
	b.eraseLines(b.y+1, b.height)
}

// EraseToDisplayBeginning empties the screen up to the cursor.
func (b *TerminalBuffer) EraseToDisplayBeginning() {
	b.eraseLines(0, b.y)
	b.EraseToLineBeginning()
}

// EraseDisplay empties the screen.
func (b *TerminalBuffer) EraseDisplay() { b.eraseLines(0, b.height) }

func (b *TerminalBuffer) erase(y, x, end int) { b.rows[y].clear(x, end, b.empty()) }

func (b *TerminalBuffer) eraseLines(first, end int) {
	for y := first; y < end; y++ {
		b.erase(y, 0, b.width)
	}
}

// DeleteCharacter deletes n cells from the cursor on.
func (b *TerminalBuffer) DeleteCharacter(n int) {
	if n > 0 {
		b.rows[b.y].delete(b.x, n, b.empty())
	}
}

// InsertLine inserts n lines, if the cursor is within the scroll region.
func (b *TerminalBuffer) InsertLine(n int) {
	if b.top <= b.y && b.y <= b.bottom {
		b.insertRows(b.y, max(n, 0))
	}
}

// DeleteLine deletes n lines, if the cursor is within the scroll region.
func (b *TerminalBuffer) DeleteLine(n int) {
	if b.top <= b.y && b.y <= b.bottom {
		b.deleteRows(b.y, max(n, 0))
	}
}

// SetScrollRegion sets the region, and moves the cursor to the home position. A
// region of less than two lines has no effect.
func (b *TerminalBuffer) SetScrollRegion(first, last int) {
	if last <= 0 || last > b.height {
		last = b.height
	}
	if first = max(first, 1); first < last {
		b.top, b.bottom = first-1, last-1
		b.CursorHome()
	}
}

// ResetScrollRegion makes the region the whole screen.
func (b *TerminalBuffer) ResetScrollRegion() { b.SetScrollRegion(0, 0) }

var _ screen = (*TerminalBuffer)(nil)

// cursorColumn moves the cursor to a column, which counts from 1.
func (b *TerminalBuffer) cursorColumn(n int) { b.CursorPosition(n-1, b.y) }

// cursorLine moves the cursor to a line, which counts from 1.
func (b *TerminalBuffer) cursorLine(n int) { b.CursorPosition(b.x, n-1) }

// insertCharacter inserts n empty cells before the cursor.
func (b *TerminalBuffer) insertCharacter(n int) { b.rows[b.y].insert(b.x, n, b.empty()) }

// eraseCharacter empties n cells from the cursor on.
func (b *TerminalBuffer) eraseCharacter(n int) {
	b.erase(b.y, b.x, min(b.x+min(n, b.width), b.width))
}

// scrollUp deletes n lines at the beginning of the scroll region.
func (b *TerminalBuffer) scrollUp(n int) { b.deleteRows(b.top, n) }

// scrollDown inserts n lines at the beginning of the scroll region.
func (b *TerminalBuffer) scrollDown(n int) { b.insertRows(b.top, n) }
