package recvline

import (
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
)

// search is a search in the history.
type search struct {
	text  string // must be in the line
	at    int    // the index of the line that is shown
	fails bool   // no line has text

	line  string // from before the search
	index int    // the cursor in line, in characters
}

// BindReadlineKeys adds the keys of RecvLine.BindReadlineKeys, and
//
//	^R               searches the lines from the newest to the oldest
//
// See HandleSearch.
func (h *HistoricRecvLine) BindReadlineKeys() {
	h.RecvLine.BindReadlineKeys()
	h.KeyHandlers[insults.Ctrl('r')] = h.HandleSearch
}

// HandleSearch begins a search in the history. The characters that the user
// types then are the text to search for, and the newest line that has the text
// is shown. ^R goes on to the next older line, Backspace shortens the text, and
// ^G returns to the line from before. Any other key ends the search and has its
// function in the line that was found.
func (h *HistoricRecvLine) HandleSearch() {
	h.finish()
	h.search = &search{at: len(h.HistoryLines), line: h.LineBuffer(), index: h.index}
	h.showSearch()
}

// KeystrokeReceived handles the keys of a search, and all others as RecvLine
// does.
func (h *HistoricRecvLine) KeystrokeReceived(key insults.Key, mod insults.Modifier) {
	s := h.search
	switch stroke := (insults.Stroke{Key: key, Modifier: mod}); {
	case s == nil:
	case stroke == insults.Ctrl('r'):
		h.find(s.at - 1)
		return
	case stroke == insults.Ctrl('g'):
		h.endSearch(s.line, s.index)
		return
	case stroke.Key == insults.KeyBackspace || stroke == insults.Ctrl('h'):
		clusters := insults.Clusters(s.text)
		s.text = strings.Join(clusters[:max(len(clusters)-1, 0)], "")
		h.find(len(h.HistoryLines) - 1)
		return
	case h.printable(key) && mod == 0:
		if len(s.text)+len(string(rune(key))) <= maxSearch {
			s.text += string(rune(key))
		}
		h.find(s.at)
		return
	default:
		if s.at < len(h.HistoryLines) {
			h.HistoryPosition, h.draft = s.at, s.line
			h.endSearch(h.LineBuffer(), h.index)
		} else {
			h.endSearch(s.line, s.index)
		}
	}
	h.RecvLine.KeystrokeReceived(key, mod)
}

// maxSearch is the length of the longest text to search for, in bytes.
const maxSearch = 256

// find shows the newest line from the index at on, backwards, that has the text.
func (h *HistoricRecvLine) find(at int) {
	s := h.search
	at = min(at, len(h.HistoryLines)-1)
	for at >= 0 && !strings.Contains(h.HistoryLines[at], s.text) {
		at--
	}
	if s.fails = at < 0; !s.fails {
		s.at = at
	}
	h.showSearch()
}

// showSearch draws the text that is searched for, and the line that was found.
func (h *HistoricRecvLine) showSearch() {
	s := h.search
	line, index := s.line, s.index
	if s.at < len(h.HistoryLines) {
		line = clean(h.HistoryLines[s.at])
		before, _, _ := strings.Cut(line, s.text)
		index = len(insults.Clusters(before))
	}
	prompt := "(reverse-i-search)`" + s.text + "': "
	if s.fails {
		prompt = "(failed " + prompt[1:]
	}
	h.exchange(prompt, line, index)
}

// endSearch shows a line behind the usual prompt.
func (h *HistoricRecvLine) endSearch(line string, index int) {
	h.search = nil
	h.exchange("", line, index)
}

// exchange draws another prompt and line in the place of those that are shown.
// The cursor is before the character index. An empty prompt is the usual one.
func (l *RecvLine) exchange(prompt, line string, index int) {
	row := l.cursor().row
	l.ClearLineBuffer()
	l.otherPrompt = prompt
	if line != "" {
		l.replace(0, 0, line)
	}
	l.index = min(index, len(l.line))
	l.undrawn = undrawn{some: true, row: row}
	l.redraw()
}
