package insults

// Format is how characters look.
type Format struct {
	Bold, Underline, Blink, ReverseVideo bool

	Foreground, Background Color
	Charset                CharacterSlot // the slot whose character set the characters are of
}

// DefaultFormat returns the format after a reset: white on black, without
// attributes.
func DefaultFormat() Format { return Format{Foreground: White, Background: Black} }

// apply changes the format as a terminal does that gets the attributes. Unknown
// ones have no effect.
func (f *Format) apply(attributes []Attribute) {
	for len(attributes) > 0 {
		a := attributes[0]
		attributes = attributes[1:]
		switch {
		case a == Foreground+8 || a == Background+8:
			var c Color
			var ok bool
			if c, attributes, ok = extendedColor(attributes); ok {
				f.setColor(a-8, c)
			}
		case a >= 30:
			f.applyColor(a)
		default:
			f.applySwitch(a)
		}
	}
}

// applySwitch applies an attribute that is no colour.
func (f *Format) applySwitch(a Attribute) {
	switch a {
	case Normal:
		slot := f.Charset
		*f = DefaultFormat()
		f.Charset = slot
	case Bold:
		f.Bold = true
	case 22:
		f.Bold = false
	case Underline:
		f.Underline = true
	case 24:
		f.Underline = false
	case Blink:
		f.Blink = true
	case 25:
		f.Blink = false
	case ReverseVideo:
		f.ReverseVideo = true
	case 27:
		f.ReverseVideo = false
	}
}

// applyColor applies one of the attributes of the first 16 colours.
func (f *Format) applyColor(a Attribute) {
	switch {
	case a == Foreground+9:
		f.Foreground = White
	case a == Background+9:
		f.Background = Black
	case a < Foreground+NColors:
		f.Foreground = Color(a - Foreground)
	case Background <= a && a < Background+NColors:
		f.Background = Color(a - Background)
	case 90 <= a && a < 90+NColors:
		f.Foreground = Color(a-90) + NColors
	case 100 <= a && a < 100+NColors:
		f.Background = Color(a-100) + NColors
	}
}

func (f *Format) setColor(which Attribute, c Color) {
	if which == Foreground {
		f.Foreground = c
		return
	}
	f.Background = c
}

// extendedColor returns the colour after a 38 or 48, and the attributes after
// the colour: 5 and a number of the palette, or 2, red, green and blue.
func extendedColor(a []Attribute) (c Color, rest []Attribute, ok bool) {
	switch {
	case len(a) >= 2 && a[0] == 5:
		return Color(a[1] & 0xff), a[2:], true
	case len(a) >= 4 && a[0] == 2:
		return RGB(uint8(a[1]), uint8(a[2]), uint8(a[3])), a[4:], true
	}
	return 0, nil, false
}
