package recvline

import (
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
)

// maxCandidates is the largest number of candidates that are listed.
const maxCandidates = 100

// HandleTab completes the word before the cursor if Complete is set. Otherwise
// it inserts spaces up to the next tab stop.
func (l *RecvLine) HandleTab() {
	l.finish()
	if l.Complete != nil {
		l.complete()
		return
	}
	l.insertTab()
}

// insertTab inserts spaces up to the next tab stop.
func (l *RecvLine) insertTab() {
	stop := DefaultTabStop
	if l.TabStop > 0 {
		stop = l.TabStop
	}
	spaces := strings.Repeat(" ", stop-l.cellsOf(0, l.index)%stop)
	if l.index < len(l.line) || !l.fits(spaces) || l.shownPrompt().cells+l.cells+len(spaces) >= l.width || l.odd > 0 {
		l.deliver(spaces)
		return
	}
	l.replace(l.index, l.index, spaces) // the cells are empty
	l.Terminal().CursorForward(len(spaces))
}

// complete completes the word before the cursor.
func (l *RecvLine) complete() {
	before, after := l.CurrentLineBuffer()
	word, candidates := l.Complete(before, after)
	if len(candidates) == 0 || !strings.HasSuffix(before, word) {
		return
	}
	common := commonStart(candidates)
	switch {
	case len(candidates) == 1 || len(common) > len(word) && strings.HasPrefix(common, word):
		l.ReplaceWord(word, common)
	case len(candidates) > maxCandidates:
		l.AddOutput(strings.Join(candidates[:maxCandidates], "  ")+" ...", true)
	default:
		l.AddOutput(strings.Join(candidates, "  "), true)
	}
}

// ReplaceWord replaces word by text. The line before the cursor must end with
// word. If text begins with word, only the rest of text is typed. It is for
// programs that complete words themselves, for example after they have asked a
// server.
func (l *RecvLine) ReplaceWord(word, text string) {
	rest, begins := strings.CutPrefix(text, word)
	if !begins {
		l.deleteRange(l.index-len(insults.Clusters(word)), l.index)
	}
	l.deliver(rest)
}

// commonStart returns what all texts begin with, in whole characters.
func commonStart(texts []string) string {
	common := insults.Clusters(texts[0])
	for _, text := range texts[1:] {
		other := insults.Clusters(text)
		n := 0
		for n < min(len(common), len(other)) && common[n] == other[n] {
			n++
		}
		common = common[:n]
	}
	return strings.Join(common, "")
}
