package insults

import "strings"

// Cell is a place for one character of a [TerminalBuffer].
type Cell struct {
	// Text is what users see as one character: a grapheme cluster. It is empty
	// if nothing was written, and in the second cell of a wide character.
	Text string

	Continuation bool // this is the second cell of a wide character
	Format       Format
}

// row is a line of cells. Wide characters are never cut in half: the cell that
// would be left becomes empty.
type row []Cell

func newRow(width int, f Format) row {
	r := make(row, width)
	r.clear(0, width, f)
	return r
}

// split makes the wide character that has cells on both sides of the edge
// before x empty.
func (r row) split(x int) {
	if 0 < x && x < len(r) && r[x].Continuation {
		r[x-1].Text, r[x].Continuation = "", false
	}
}

// clear empties the cells from x to end.
func (r row) clear(x, end int, f Format) {
	r.split(x)
	r.split(end)
	for i := x; i < end; i++ {
		r[i] = Cell{Format: f}
	}
}

// insert moves the cells from x on to the right by n. The last ones fall off.
func (r row) insert(x, n int, f Format) {
	n = min(n, len(r)-x)
	r.split(x)
	r.split(len(r) - n)
	copy(r[x+n:], r[x:])
	for i := x; i < x+n; i++ {
		r[i] = Cell{Format: f}
	}
}

// delete deletes n cells from x on. The rest moves left.
func (r row) delete(x, n int, f Format) {
	n = min(n, len(r)-x)
	r.split(x)
	r.split(x + n)
	copy(r[x:], r[x+n:])
	for i := len(r) - n; i < len(r); i++ {
		r[i] = Cell{Format: f}
	}
}

// put writes a character of one or two cells at x.
func (r row) put(x, cells int, text string, f Format) {
	r.split(x)
	r.split(x + cells)
	r[x] = Cell{Text: text, Format: f}
	if cells == 2 {
		r[x+1] = Cell{Continuation: true, Format: f}
	}
}

// String returns the text up to the last character, with spaces for the empty
// cells between.
func (r row) String() string {
	end := len(r)
	for end > 0 && r[end-1].Text == "" && !r[end-1].Continuation {
		end--
	}
	var b strings.Builder
	for _, c := range r[:end] {
		switch {
		case c.Text != "":
			b.WriteString(c.Text)
		case !c.Continuation:
			b.WriteByte(' ')
		}
	}
	return b.String()
}
