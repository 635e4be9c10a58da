package recvline

import (
	"unicode"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/insults"
)

// BindReadlineKeys adds the usual keys of readline and Emacs to KeyHandlers:
//
//	^A ^E ^B ^F      beginning, end, left, right; Alt-B and Alt-F by words
//	^P ^N            what Up and Down do
//	^H ^D            delete the character before, and at the cursor
//	^U ^K ^W         delete to the beginning, to the end, the word before
//	Alt-D            deletes the word after the cursor
//	^Y               inserts what was deleted last by one of these
//	^T               exchanges the two characters before the cursor
//	^L               draws the screen again
//
// Control or Alt with Left and Right move by words, and Alt-Backspace deletes a
// word. Call BindReadlineKeys in ConnectionMade.
func (l *RecvLine) BindReadlineKeys() {
	for stroke, handler := range map[insults.Stroke]func(){
		insults.Ctrl('a'): l.HandleHome,
		insults.Ctrl('e'): l.HandleEnd,
		insults.Ctrl('b'): l.HandleLeft,
		insults.Ctrl('f'): l.HandleRight,
		insults.Ctrl('p'): l.sameAs(insults.KeyUp),
		insults.Ctrl('n'): l.sameAs(insults.KeyDown),
		insults.Ctrl('h'): l.sameAs(insults.KeyBackspace),
		insults.Ctrl('d'): l.sameAs(insults.KeyDelete),
		insults.Ctrl('u'): func() { l.kill(0, l.index) },
		insults.Ctrl('k'): func() { l.kill(l.index, len(l.line)) },
		insults.Ctrl('w'): func() { l.kill(l.wordBefore(isSpace), l.index) },
		insults.Ctrl('y'): l.yank,
		insults.Ctrl('t'): l.transpose,
		insults.Ctrl('l'): l.ClearScreen,

		insults.WithAlt('b'):                               l.handleWordLeft,
		insults.WithAlt('f'):                               l.handleWordRight,
		insults.WithAlt('d'):                               func() { l.kill(l.index, l.wordAfter()) },
		insults.WithAlt(insults.KeyBackspace):              func() { l.kill(l.wordBefore(isNoWord), l.index) },
		insults.WithAlt('\b'):                              func() { l.kill(l.wordBefore(isNoWord), l.index) },
		insults.WithAlt(insults.KeyLeft):                   l.handleWordLeft,
		insults.WithAlt(insults.KeyRight):                  l.handleWordRight,
		{Key: insults.KeyLeft, Modifier: insults.Control}:  l.handleWordLeft,
		{Key: insults.KeyRight, Modifier: insults.Control}: l.handleWordRight,
	} {
		l.KeyHandlers[stroke] = handler
	}
}

// sameAs returns a function that does what a key does at that time.
func (l *RecvLine) sameAs(key insults.Key) func() {
	return func() {
		if handler := l.KeyHandlers[insults.Stroke{Key: key}]; handler != nil {
			handler()
		}
	}
}

func isSpace(cluster string) bool {
	r, _ := utf8.DecodeRuneInString(cluster)
	return unicode.IsSpace(r)
}

func isNoWord(cluster string) bool {
	r, _ := utf8.DecodeRuneInString(cluster)
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_'
}

// wordBefore returns the index of the beginning of the word before the cursor.
func (l *RecvLine) wordBefore(between func(cluster string) bool) int {
	i := l.index
	for i > 0 && between(l.line[i-1].text) {
		i--
	}
	for i > 0 && !between(l.line[i-1].text) {
		i--
	}
	return i
}

// wordAfter returns the index of the end of the word after the cursor.
func (l *RecvLine) wordAfter() int {
	i := l.index
	for i < len(l.line) && isNoWord(l.line[i].text) {
		i++
	}
	for i < len(l.line) && !isNoWord(l.line[i].text) {
		i++
	}
	return i
}

func (l *RecvLine) handleWordLeft() { l.moveTo(l.wordBefore(isNoWord)) }

func (l *RecvLine) handleWordRight() { l.moveTo(l.wordAfter()) }

// kill deletes the characters from i to j, for yank.
func (l *RecvLine) kill(i, j int) {
	if i >= j {
		return
	}
	l.killed = text(l.line[i:j])
	l.deleteRange(i, j)
}

func (l *RecvLine) yank() { l.deliver(l.killed) }

// transpose exchanges the two characters before the cursor, or those around it,
// and moves the cursor behind them.
func (l *RecvLine) transpose() {
	if len(l.line) < 2 || l.index == 0 {
		return
	}
	i := min(l.index, len(l.line)-1)
	swapped := l.line[i].text + l.line[i-1].text
	l.begin()
	l.replace(i-1, i+1, swapped)
	l.redraw()
}
