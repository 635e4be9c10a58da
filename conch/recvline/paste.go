package recvline

import "github.com/hawser-go/hawser/conch/insults"

// paste is the state of a bracketed paste.
type paste struct {
	active bool
	held   string // a character that is not inserted, since more may follow
	cr     bool   // the last character was a CR
}

// SetBracketedPaste makes the terminal mark pasted text, if it can. The keys of
// a paste have no function then: a Tab inserts spaces, and other control
// characters are dropped. Each line of the paste but the last one is passed to
// LineReceived, and the last one can be edited. A long paste is also drawn
// faster.
func (l *RecvLine) SetBracketedPaste(on bool) {
	if on {
		l.Terminal().SetPrivateModes(insults.PrivateBracketedPaste)
		return
	}
	l.Terminal().ResetPrivateModes(insults.PrivateBracketedPaste)
}

// pasted takes a key of a paste. It reports whether the key was one.
func (l *RecvLine) pasted(key insults.Key) bool {
	switch {
	case key == insults.KeyPasteStart:
		l.release(false)
		l.paste = paste{active: true}
	case key == insults.KeyPasteEnd:
		l.release(false)
		l.paste = paste{}
	case l.paste.active:
		l.pasteKey(key)
	default:
		return false
	}
	return true
}

func (l *RecvLine) pasteKey(key insults.Key) {
	afterCR := l.paste.cr
	l.paste.cr = key == '\r'
	switch {
	case key == '\n' && afterCR:
	case key == '\r' || key == '\n':
		l.release(false)
		l.self().HandleReturn()
	case key == '\t':
		l.release(false)
		l.insertTab()
	case key.IsRune():
		l.release(true)
		if l.printable(key) {
			l.paste.held = string(rune(key))
		}
	}
}

// release inserts the character that was held.
func (l *RecvLine) release(more bool) {
	if held := l.paste.held; held != "" {
		l.paste.held = ""
		l.self().CharacterReceived(held, more)
		return
	}
	if !more {
		l.finish()
	}
}
