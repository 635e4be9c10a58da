package pysource

import "strings"

// str reads a string, whose prefix in lower case has been read.
func (t *tokenizer) str(prefix string) error {
	quote := t.text[t.at : t.at+1]
	if strings.HasPrefix(t.text[t.at:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	t.at += len(quote)
	s := literal{quote: quote, raw: strings.Contains(prefix, "r")}
	if strings.ContainsAny(prefix, "ft") {
		if t.nesting == maxNesting {
			return t.fail("too many strings in one another")
		}
		t.nesting++
		defer func() { t.nesting-- }()
		s.fields = true
	}
	if err := t.literal(s); err != nil {
		return err
	}
	t.add(kindString, "")
	return nil
}

// literal describes a string.
type literal struct {
	quote  string // one quote or three
	raw    bool   // a backslash is a backslash
	fields bool   // there may be expressions in it
}

// literal reads up to the closing quote.
func (t *tokenizer) literal(s literal) error {
	start := t.line
	for t.at < len(t.text) {
		rest := t.text[t.at:]
		switch {
		case strings.HasPrefix(rest, s.quote):
			t.at += len(s.quote)
			return nil
		case rest[0] == '\\' && len(rest) > 1:
			t.escape(s)
		case rest[0] == '\n' && len(s.quote) == 1:
			return t.fail("the string has no end")
		case rest[0] == '\n':
			t.at++
			t.line++
		case s.fields && (strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}")):
			t.at += 2
		case s.fields && rest[0] == '{':
			if err := t.field(s); err != nil {
				return err
			}
		default:
			t.at++
		}
	}
	return &Error{start, "the string has no end"}
}

// escape skips a backslash, and the character after it unless a field begins
// there. The name of a character, \N{DASH}, is no field.
func (t *tokenizer) escape(s literal) {
	switch next := t.text[t.at+1]; {
	case s.fields && !s.raw && next == 'N' && strings.HasPrefix(t.text[t.at+2:], "{"):
		if end := strings.IndexByte(t.text[t.at:], '}'); end > 0 && !strings.Contains(t.text[t.at:t.at+end], "\n") {
			t.at += end + 1
			return
		}
		t.at += 2
	case s.fields && (next == '{' || next == '}'):
		t.at++
	default:
		if next == '\n' {
			t.line++
		}
		t.at += 2
	}
}

// field reads an expression in braces, as tokens in round brackets. What follows
// a colon or an exclamation mark is format.
func (t *tokenizer) field(s literal) error {
	if len(t.open) == maxNesting {
		return t.fail("too many brackets")
	}
	depth := len(t.open)
	t.open = append(t.open, '{')
	t.at++
	t.add(kindOp, "(")
	for t.at < len(t.text) {
		rest := t.text[t.at:]
		inside := len(t.open) > depth+1
		switch {
		case inside:
		case rest[0] == '}':
			t.open = t.open[:depth]
			t.at++
			t.add(kindOp, ")")
			return nil
		case rest[0] == ':':
			t.at++
			if err := t.format(s); err != nil {
				return err
			}
			continue
		case rest[0] == '!' && !strings.HasPrefix(rest, "!="):
			t.at++ // the letter of the conversion is skipped next
			for t.at < len(t.text) && isNameByte(t.text[t.at]) {
				t.at++
			}
			continue
		case rest[0] == '=' && !strings.HasPrefix(rest, "=="):
			t.at++ // prints the expression too
			continue
		}
		if err := t.next(); err != nil {
			return err
		}
	}
	return t.fail("the expression in the string has no end")
}

// format reads the format of a field, up to the brace that ends the field.
func (t *tokenizer) format(s literal) error {
	for t.at < len(t.text) {
		rest := t.text[t.at:]
		switch {
		case rest[0] == '}':
			return nil
		case rest[0] == '{':
			if err := t.field(s); err != nil {
				return err
			}
		case strings.HasPrefix(rest, s.quote):
			return t.fail("the format in the string has no end")
		case rest[0] == '\n':
			if len(s.quote) == 1 {
				return t.fail("the format in the string has no end")
			}
			t.at++
			t.line++
		default:
			t.at++
		}
	}
	return t.fail("the format in the string has no end")
}
