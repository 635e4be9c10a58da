package insults

import (
	"fmt"
	"strings"
	"unicode"
)

// Key is a key that was pressed: the character that it types, or one of the
// constants below. Control characters are the runes 0 to 31 and 127, as the
// terminal sends them: '\r' is Return, '\t' Tab, 1 is Ctrl-A.
type Key rune

// The keys of control characters that have a name.
const (
	KeyTab       Key = '\t'
	KeyReturn    Key = '\r'
	KeyBackspace Key = 0x7f
)

// The keys that type no character.
const (
	KeyUp Key = unicode.MaxRune + 1 + iota
	KeyDown
	KeyRight
	KeyLeft
	KeyHome
	KeyInsert
	KeyDelete
	KeyEnd
	KeyPgUp
	KeyPgDn
	KeyNumpadMiddle
	KeyF1
	KeyF2
	KeyF3
	KeyF4
	KeyF5
	KeyF6
	KeyF7
	KeyF8
	KeyF9
	KeyF10
	KeyF11
	KeyF12
	KeyF13
	KeyF14
	KeyF15
	KeyF16
	KeyF17
	KeyF18
	KeyF19
	KeyF20

	// KeyEscape is the Escape key; see ServerProtocol.EscapeTimeout.
	KeyEscape

	// KeyPasteStart and KeyPasteEnd come before and after pasted text, if the
	// program has set PrivateBracketedPaste.
	KeyPasteStart
	KeyPasteEnd
)

// keyNames are the names of the keys from KeyUp on: Twisted's, and new ones.
var keyNames = strings.Fields("UP_ARROW DOWN_ARROW RIGHT_ARROW LEFT_ARROW HOME INSERT DELETE END PGUP PGDN NUMPAD_MIDDLE " +
	"F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19 F20 ESCAPE PASTE_START PASTE_END")

// IsRune reports whether the key types a character, which is rune(k).
func (k Key) IsRune() bool { return 0 <= k && k <= unicode.MaxRune }

// String returns the character, or a name such as "[UP_ARROW]".
func (k Key) String() string {
	switch i := int(k - KeyUp); {
	case k.IsRune():
		return string(rune(k))
	case 0 <= i && i < len(keyNames):
		return "[" + keyNames[i] + "]"
	}
	return fmt.Sprintf("[KEY %d]", int(k))
}

// Modifier is the set of the modifier keys that were held down.
//
// Most terminals tell Alt for all keys, and the others for keys that type no
// character. A letter with Control is a control character without Control:
// Ctrl-A is Key(1).
type Modifier uint8

// The modifiers. The bits are those of xterm's control sequences.
const (
	Shift Modifier = 1 << iota
	Alt
	Control
	Meta
)

// String returns the names of the modifiers, such as "[ALT]", and "" for none.
func (m Modifier) String() string {
	var b strings.Builder
	for i, name := range []string{"[SHIFT]", "[ALT]", "[CONTROL]", "[META]"} {
		if m&(1<<i) != 0 {
			b.WriteString(name)
		}
	}
	return b.String()
}

// Stroke is a key with its modifiers. It is the index of tables of keys.
type Stroke struct {
	Key      Key
	Modifier Modifier
}

// String returns the names of the modifiers and of the key.
func (s Stroke) String() string { return s.Modifier.String() + s.Key.String() }

// Ctrl returns the stroke of a letter or one of @ [ \ ] ^ _ with Control, as
// terminals send it: a control character.
func Ctrl(r rune) Stroke { return Stroke{Key: Key(r & 0x1f)} }

// WithAlt returns the stroke of a key with Alt.
func WithAlt(k Key) Stroke { return Stroke{k, Alt} }
