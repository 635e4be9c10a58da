package insults

import "strconv"

// Mode is a mode of a terminal, for SetModes and ResetModes.
type Mode int

// The modes (ECMA-48, section 7.2), and their short names.
const (
	KeyboardAction       Mode = 2
	InsertionReplacement Mode = 4
	LinefeedNewline      Mode = 20

	KAM = KeyboardAction
	IRM = InsertionReplacement
	LNM = LinefeedNewline
)

// PrivateMode is a mode of a terminal that is not in the standard, for
// SetPrivateModes and ResetPrivateModes.
type PrivateMode int

// The private modes of a VT100.
const (
	PrivateError           PrivateMode = 0
	PrivateCursorKey       PrivateMode = 1
	PrivateANSIVT52        PrivateMode = 2
	PrivateColumn          PrivateMode = 3
	PrivateScroll          PrivateMode = 4
	PrivateScreen          PrivateMode = 5
	PrivateOrigin          PrivateMode = 6
	PrivateAutoWrap        PrivateMode = 7
	PrivateAutoRepeat      PrivateMode = 8
	PrivatePrinterFormFeed PrivateMode = 18
	PrivatePrinterExtent   PrivateMode = 19
	PrivateCursorMode      PrivateMode = 25
)

// Private modes of xterm that change the input. A [ServerProtocol] passes the
// reports of the mouse and the focus to UnhandledControlSequence if the program
// has set their mode. Otherwise some of their bytes count as keys.
const (
	PrivateMouse          PrivateMode = 1000 // reports of mouse buttons
	PrivateMouseDrag      PrivateMode = 1002 // and of motion with a button down
	PrivateMouseMotion    PrivateMode = 1003 // and of all motion
	PrivateFocus          PrivateMode = 1004 // reports of the focus
	PrivateMouseSGR       PrivateMode = 1006 // mouse reports as numbers
	PrivateBracketedPaste PrivateMode = 2004 // KeyPasteStart and KeyPasteEnd
)

// CharacterSet is a character set that a terminal can show. The value is the
// last byte of its control sequence.
type CharacterSet byte

// The character sets of a VT100.
const (
	CSUK               CharacterSet = 'A'
	CSUS               CharacterSet = 'B'
	CSDrawing          CharacterSet = '0' // lines and boxes
	CSAlternate        CharacterSet = '1'
	CSAlternateSpecial CharacterSet = '2'
)

// CharacterSlot is a place for a character set. One slot is in use at a time.
type CharacterSlot byte

// The slots. ShiftIn puts G0 to use, ShiftOut G1, and SingleShift2 and
// SingleShift3 put G2 and G3 to use for one character.
const (
	G0 CharacterSlot = iota
	G1
	G2
	G3
)

// Attribute is an attribute of characters, for SelectGraphicRendition. Any
// parameter of the control sequence SGR is an Attribute.
type Attribute int

// The attributes. The sum of Foreground or Background and a colour selects the
// colour: Foreground + Attribute(Red).
const (
	Normal       Attribute = 0
	Bold         Attribute = 1
	Underline    Attribute = 4
	Blink        Attribute = 5
	ReverseVideo Attribute = 7
	Foreground   Attribute = 30
	Background   Attribute = 40
)

// Color is a colour of characters: an entry of the palette of 256 colours, or
// the result of [RGB].
type Color int32

// The first colours of the palette.
const (
	Black Color = iota
	Red
	Green
	Yellow
	Blue
	Magenta
	Cyan
	White

	NColors = 8 // their number
)

const rgbColor = 1 << 24

// RGB returns a colour that is not in the palette.
func RGB(red, green, blue uint8) Color {
	return rgbColor | Color(red)<<16 | Color(green)<<8 | Color(blue)
}

// String returns the number of the colour, or "#rrggbb".
func (c Color) String() string {
	if c < rgbColor {
		return strconv.Itoa(int(c))
	}
	return "#" + strconv.FormatInt(int64(c), 16)[1:]
}

// Position is a place on the screen. Columns and lines count from 0.
type Position struct{ Column, Line int }
