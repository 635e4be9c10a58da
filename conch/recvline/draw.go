package recvline

import "strings"

// place is a place on the screen, counted from the first cell of the prompt.
type place struct{ row, column int }

// drawnPrompt is the part of the prompt that is in the line of the input. It is
// computed when the prompt or the width changes.
type drawnPrompt struct {
	prompt string
	width  int // 0 means not computed
	text   string
	cells  int
	end    place
}

// shownPrompt returns the prompt as it is drawn again.
func (l *RecvLine) shownPrompt() drawnPrompt {
	d := &l.drawn
	if p := l.prompt(); d.width != l.width || d.prompt != p {
		*d = drawnPrompt{prompt: p, width: l.width, text: p[strings.LastIndexByte(p, '\n')+1:]}
		for _, c := range split(d.text) {
			d.cells += c.cells
			d.end = l.after(d.end, c)
		}
	}
	return *d
}

// onOneRow reports whether prompt and line leave a cell of the first row free.
func (l *RecvLine) onOneRow() bool { return l.shownPrompt().cells+l.cells < l.width }

// place returns where the character before i ends. The column is the width if
// the row is full.
func (l *RecvLine) place(i int) place {
	p := l.shownPrompt().end
	for _, c := range l.line[:i] {
		p = l.after(p, c)
	}
	return p
}

// after returns where a cluster ends that is written at p.
func (l *RecvLine) after(p place, c cluster) place {
	cells := min(c.cells, l.width)
	if p.column+cells > l.width {
		p = place{p.row + 1, 0}
	}
	p.column += cells
	return p
}

// cursor returns where the terminal's cursor is, if everything is drawn.
func (l *RecvLine) cursor() place {
	p := l.place(l.index)
	switch {
	case l.index < len(l.line):
		next := l.after(p, l.line[l.index])
		if next.row > p.row {
			return place{next.row, 0}
		}
	case p.column == l.width && (len(l.line) > 0 || l.below):
		return place{p.row + 1, 0}
	}
	return p
}

// forceWrap moves the cursor from behind the last column to the next row.
func (l *RecvLine) forceWrap() {
	l.write(" \r")
	l.Terminal().EraseToLineEnd()
}

// DrawInputLine writes prompt and line.
func (l *RecvLine) DrawInputLine() {
	l.undrawn = undrawn{}
	l.draw(l.prompt())
}

// redraw draws prompt and line again, where they are. It erases them first: a
// wide character that does not fit into a row leaves a cell as it is.
func (l *RecvLine) redraw() {
	row := l.cursor().row
	if l.undrawn.some {
		row = l.undrawn.row
	}
	l.undrawn = undrawn{}
	l.Terminal().CursorUp(row)
	l.write("\r")
	l.Terminal().EraseToDisplayEnd()
	l.draw(l.shownPrompt().text)
}

// draw writes prompt and line from the first column on, and puts the cursor to
// its place.
func (l *RecvLine) draw(prompt string) {
	before, after := l.CurrentLineBuffer()
	mark := l.odd > 0 && after != "" && l.Render == nil && l.certainlyOneRow()
	if mark { // the terminal knows better where the cursor belongs
		l.write(prompt + before)
		l.Terminal().SaveCursor()
		l.write(after)
	} else {
		l.write(prompt + l.rendered())
	}
	end := l.place(len(l.line))
	if l.below = false; end.column == l.width {
		l.forceWrap()
		end = place{end.row + 1, 0}
		l.below = len(l.line) == 0
	}
	if mark {
		l.Terminal().RestoreCursor()
		return
	}
	l.moveCursor(end, l.cursor())
}

// certainlyOneRow reports whether prompt and line do not wrap, even if the
// terminal counts more cells than we do.
func (l *RecvLine) certainlyOneRow() bool {
	return l.shownPrompt().cells+l.cells+2*l.odd < l.width
}

// rendered returns the line as it is drawn.
func (l *RecvLine) rendered() string {
	line := l.LineBuffer()
	if l.Render != nil && line != "" {
		if rendered, ok := l.Render(line); ok {
			return rendered
		}
	}
	return line
}

// drawRendered draws a rendered line that stands on one row. The cursor is
// where it was before the last insertion.
func (l *RecvLine) drawRendered(rendered string) {
	t := l.Terminal()
	t.EraseLine()
	t.CursorBackward(l.shownPrompt().cells + l.cells - 1)
	l.write(l.shownPrompt().text + rendered)
	t.CursorBackward(l.cellsOf(l.index, len(l.line)))
}

// moveCursor moves the terminal's cursor from one place to another.
func (l *RecvLine) moveCursor(from, to place) {
	t := l.Terminal()
	t.CursorUp(from.row - to.row)
	t.CursorDown(to.row - from.row)
	t.CursorBackward(from.column - to.column)
	t.CursorForward(to.column - from.column)
}
