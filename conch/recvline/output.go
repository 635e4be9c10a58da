package recvline

import "strings"

// AddOutput writes output of the program. While a command runs, and no line is
// being edited, async is false, and data is written as it is.
//
// If async is true, data arrives while the user may be editing a line: prompt
// and line are erased, data is written in their place, and they are drawn again
// below. The line is typed again for that, through CharacterReceived.
func (l *RecvLine) AddOutput(data string, async bool) {
	if !async {
		l.write(data)
		return
	}
	if data == "" {
		return
	}
	l.finish()
	l.erasePrompt()
	l.write(data)
	if !strings.HasSuffix(data, "\n") {
		l.Terminal().NextLine()
	}
	index := l.index
	line := l.ClearLineBuffer()
	l.below = false
	l.WritePrompt()
	l.deliver(line)
	l.moveTo(min(index, len(l.line)))
}

// erasePrompt erases prompt and line, and leaves the cursor at their beginning.
func (l *RecvLine) erasePrompt() {
	t := l.Terminal()
	if l.onOneRow() && l.odd == 0 {
		t.EraseLine()
		t.CursorBackward(l.shownPrompt().cells + l.cells)
		return
	}
	t.CursorUp(l.cursor().row)
	l.write("\r")
	t.EraseToDisplayEnd()
}
