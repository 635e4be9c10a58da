package insults

import (
	"fmt"
	"strings"
)

// Text is text with an attribute. Its parts may be Texts too, so that
// attributes nest. Two Texts are equal for reflect.DeepEqual if they say the
// same.
type Text struct {
	attribute Attribute
	off       bool
	children  []any // strings and Texts
}

// Styled returns text with an attribute: Normal, Bold, Underline, Blink,
// ReverseVideo, or one of the eight colours such as
// Foreground+Attribute(Red). Other attributes have no effect. The parts are
// Texts and strings; other values are formatted as fmt.Sprint does.
//
//	or := insults.Styled(insults.Underline, "or")
//	insults.Styled(insults.Bold, "now ", or, " never")
func Styled(a Attribute, parts ...any) Text {
	t := Text{attribute: a}
	for _, part := range parts {
		switch part.(type) {
		case string, Text:
		default:
			part = fmt.Sprint(part)
		}
		t.children = append(t.children, part)
	}
	return t
}

// Off returns the same parts with the attribute switched off. Normal and
// colours cannot be switched off: Off returns t then.
func (t Text) Off() Text {
	switch t.attribute {
	case Bold, Underline, Blink, ReverseVideo:
		t.off = !t.off
	}
	return t
}

// textState is a format while a tree of Texts is walked.
type textState struct {
	Format
	subtracting bool // something was switched off
}

// enter returns the state within t.
func (s textState) enter(t Text) textState {
	before := s.Format
	switch a := t.attribute; {
	case a == Normal:
		return textState{Format: DefaultFormat()}
	case t.off:
		s.applySwitch(20 + max(a, 2)) // 22 ends bold
	case a < Foreground:
		s.applySwitch(a)
	case a < Foreground+NColors, Background <= a && a < Background+NColors:
		s.applyColor(a)
	}
	if s.Format != before {
		black := t.attribute == Foreground+Attribute(Black) || t.attribute == Background+Attribute(Black)
		s.subtracting = t.off || black
	}
	return s
}

// walk calls emit for each string of t, in order.
func (t Text) walk(s textState, emit func(textState, string)) {
	s = s.enter(t)
	for _, child := range t.children {
		switch child := child.(type) {
		case string:
			emit(s, child)
		case Text:
			child.walk(s, emit)
		}
	}
}

// sequence returns the control sequence for a format, or "" if there is nothing
// to say.
func (f Format) sequence(reset bool) string {
	var list []Attribute
	for _, a := range []struct {
		on        bool
		attribute Attribute
	}{
		{reset, Normal}, {f.Bold, Bold}, {f.Underline, Underline}, {f.Blink, Blink}, {f.ReverseVideo, ReverseVideo},
		{f.Foreground != White, Foreground + Attribute(f.Foreground)},
		{f.Background != Black, Background + Attribute(f.Background)},
	} {
		if a.on {
			list = append(list, a.attribute)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "\x1b[" + numbers(list) + "m"
}

// AssembleFormattedText returns t with control sequences, byte for byte as
// Twisted does. Nothing is switched off after a part: text after bold text
// stays bold unless it is within a Text.Off. See Text.String.
func AssembleFormattedText(t Text) string {
	var b strings.Builder
	t.walk(textState{Format: DefaultFormat()}, func(s textState, str string) {
		b.WriteString(s.sequence(s.subtracting) + str)
	})
	return b.String()
}

// String returns t with control sequences. Each part looks as its Texts say,
// and at the end all attributes are off.
func (t Text) String() string {
	var b strings.Builder
	shown := DefaultFormat()
	show := func(f Format) {
		if f != shown {
			b.WriteString(f.sequence(shown.needsReset(f)))
			shown = f
		}
	}
	t.walk(textState{Format: DefaultFormat()}, func(s textState, str string) {
		if str != "" {
			show(s.Format)
			b.WriteString(str)
		}
	})
	show(DefaultFormat())
	return b.String()
}

// needsReset reports whether something of f has to be switched off for next.
func (f Format) needsReset(next Format) bool {
	return f.Bold && !next.Bold || f.Underline && !next.Underline || f.Blink && !next.Blink ||
		f.ReverseVideo && !next.ReverseVideo ||
		f.Foreground != White && next.Foreground == White || f.Background != Black && next.Background == Black
}
