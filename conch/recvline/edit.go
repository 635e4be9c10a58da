package recvline

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/insults"
)

// undrawn is what the terminal does not show yet.
type undrawn struct {
	some   bool
	row    int    // the row of the terminal's cursor, counted from the prompt
	text   []byte // the inserted text
	writes bool   // writing text is all that has to be done
}

// begin records the place of the cursor before a change of the line.
func (l *RecvLine) begin() {
	if !l.undrawn.some {
		l.undrawn = undrawn{some: true, row: l.cursor().row, writes: l.odd == 0}
	}
}

// maxCluster is the largest number of bytes of a character with combining
// marks. Further marks are dropped.
const maxCluster = 64

// CharacterReceived puts a character into the line at the cursor, and draws it
// unless more follow. In typeover mode it replaces the one there. A combining
// mark becomes a part of the character before; without one it is dropped.
func (l *RecvLine) CharacterReceived(character string, more bool) {
	character = clean(character)
	continues := l.continues(character)
	switch {
	case !continues && (insults.Cells(character) == 0 || insults.Joins("a", character)):
	case continues && len(l.line[l.index-1].text)+len(character) > maxCluster:
	case l.fits(character):
		l.begin()
		l.undrawn.writes = l.add(character) && l.undrawn.writes
		l.undrawn.text = append(l.undrawn.text, character...)
	default:
		l.write("\a")
	}
	if !more {
		l.finish()
	}
}

// clean returns s as text for a line: without control characters, and UTF-8.
func clean(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// continues reports whether more continues the character before the cursor.
func (l *RecvLine) continues(more string) bool {
	return l.index > 0 && insults.Joins(l.line[l.index-1].text, more)
}

// fits reports whether the line does not become too long.
func (l *RecvLine) fits(more string) bool {
	longest := DefaultMaxLength
	if l.MaxLength > 0 {
		longest = l.MaxLength
	}
	return l.size+len(more) <= longest
}

// add puts a character into the line. It reports whether writing the character
// is enough to draw it.
func (l *RecvLine) add(character string) bool {
	atEnd, end := l.index == len(l.line), l.index
	if l.typeover && !atEnd && !l.continues(character) {
		end++
	}
	cells, characters := l.cells, len(l.line)
	merged := l.replace(l.index, end, character)
	switch {
	case merged || l.odd > 0:
		return false
	case atEnd:
		return true
	case !l.onOneRow():
		return false
	case l.typeover:
		return l.cells == cells && len(l.line) == characters
	}
	return l.insertMode
}

// finish draws what is undrawn.
func (l *RecvLine) finish() {
	u := l.undrawn
	switch {
	case !u.some:
	case len(u.text) == 0:
		l.undrawn = undrawn{}
	case !u.writes || l.Render != nil && !l.onOneRow():
		l.redraw()
	default:
		l.undrawn = undrawn{}
		l.drawInserted(string(u.text))
	}
}

// drawInserted draws a line into which text was inserted, when writing text is
// enough.
func (l *RecvLine) drawInserted(text string) {
	if l.Render != nil && text != " " {
		if rendered, ok := l.Render(l.LineBuffer()); ok {
			l.drawRendered(rendered)
			return
		}
	}
	l.write(text)
	if l.index == len(l.line) && l.place(l.index).column == l.width {
		l.forceWrap()
	}
}

// replace replaces the clusters from i to j by more, and puts the cursor behind
// that. merged reports whether more and its neighbours have become one cluster.
func (l *RecvLine) replace(i, j int, more string) (merged bool) {
	if isASCII(more) { // and continues nothing
		inserted := cluster{text: more, cells: 1}
		l.count(l.line[i:j], -1)
		l.line = slices.Replace(l.line, i, j, inserted)
		l.size, l.cells, l.index = l.size+1, l.cells+1, i+1
		return false
	}
	first, last := max(i-1, 0), min(j+1, len(l.line)) // with the neighbours
	left, right := text(l.line[first:i]), text(l.line[j:last])
	clusters := split(left + more + right)
	count, size := 0, 0 // of the clusters up to the end of more
	for size < len(left)+len(more) {
		size += len(clusters[count].text)
		count++
	}
	merged = left != "" && clusters[0].text != left || size > len(left)+len(more)
	l.count(l.line[first:last], -1)
	l.line = slices.Replace(l.line, first, last, clusters...)
	l.count(clusters, 1)
	l.index = first + count
	return merged
}

// isASCII reports whether s is one printable character of ASCII.
func isASCII(s string) bool { return len(s) == 1 && ' ' <= s[0] && s[0] <= '~' }

// count adds the clusters to the counters, or takes them away.
func (l *RecvLine) count(clusters []cluster, sign int) {
	for _, c := range clusters {
		l.size += sign * len(c.text)
		l.cells += sign * c.cells
		if c.odd {
			l.odd += sign
		}
	}
}

// deleteRange deletes the characters from i to j, which may lie outside of the
// line. The cursor goes to i.
func (l *RecvLine) deleteRange(i, j int) {
	l.finish()
	if i < 0 || j > len(l.line) || i >= j {
		return
	}
	simple := l.onOneRow() && l.odd == 0
	cells, back := l.cellsOf(i, j), l.cellsOf(i, l.index)
	toEnd := j == len(l.line) && j-i > 1
	if !simple {
		l.begin()
	}
	if merged := l.replace(i, j, ""); merged || !simple {
		l.redraw()
		return
	}
	l.Terminal().CursorBackward(back)
	if toEnd {
		l.Terminal().EraseToLineEnd()
		return
	}
	l.Terminal().DeleteCharacter(cells)
}

// cellsOf returns the number of cells of the characters from i to j.
func (l *RecvLine) cellsOf(i, j int) (n int) {
	for _, c := range l.line[min(i, j):max(i, j)] {
		n += c.cells
	}
	return n
}

// moveTo moves the cursor before the character i, if there is one, or to the
// end.
func (l *RecvLine) moveTo(i int) {
	l.finish()
	if i < 0 || i > len(l.line) || i == l.index {
		return
	}
	if l.odd > 0 || l.place(len(l.line)).row >= l.height {
		l.begin()
		l.index = i
		l.redraw()
		return
	}
	from := l.cursor()
	l.index = i
	l.moveCursor(from, l.cursor())
}

// deliver types text at the cursor.
func (l *RecvLine) deliver(text string) {
	clusters := insults.Clusters(text)
	for i, c := range clusters {
		l.self().CharacterReceived(c, i < len(clusters)-1)
	}
}

// setLine replaces the line, with the cursor at its end.
func (l *RecvLine) setLine(text string) {
	l.finish()
	if l.onOneRow() && l.odd == 0 {
		l.HandleHome()
		l.Terminal().EraseToLineEnd()
		l.ClearLineBuffer()
	} else {
		row := l.cursor().row
		l.ClearLineBuffer()
		l.undrawn = undrawn{some: true, row: row}
		l.redraw()
	}
	l.deliver(text)
}
