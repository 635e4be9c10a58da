package starlarkrepl

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// The colours of the parts of a line, as parameters of SGR.
const (
	colorIdentifier = "31" // after def
	colorKeyword    = "32"
	colorParameter  = "33"
	colorVariable   = "1;33"
	colorString     = "35"
	colorNumber     = "36"
	colorOperator   = "37"
)

var keywords = []string{
	"and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda", "load", "not", "or", "pass", "return", "while",
}

// operators are those of more than one character, the longest first.
var operators = []string{
	"**=", "//=", "<<=", ">>=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=",
}

// LastColorizedLine colours the line that follows the kept lines. ok is false if
// a string or a bracket has no end.
func (i *interpreter) LastColorizedLine(line string) (colored string, ok bool) {
	kept := strings.Join(append(slices.Clone(i.lines), ""), "\n")
	s := scanner{source: kept + line}
	var b strings.Builder
	for s.next() {
		part := s.source[max(s.start, len(kept)):max(s.end, len(kept))] // a string may begin in an earlier line
		if part == "" || s.color == "" {
			b.WriteString(part)
			continue
		}
		b.WriteString("\x1b[" + s.color + "m" + part + "\x1b[0m")
	}
	return b.String(), !s.failed && s.brackets <= 0
}

// scanner splits source into parts of one colour.
type scanner struct {
	source     string
	start, end int    // of the part
	color      string // of the part; empty for none
	failed     bool   // a string has no end
	brackets   int    // that are open
	last       string // the last part that was no space
	parameters int    // the number of open brackets that ends the parameters of def; 0 outside
}

// next finds the next part. It returns false at the end, and if there is an
// error.
func (s *scanner) next() bool {
	s.start = s.end
	if s.failed || s.start == len(s.source) {
		return false
	}
	r, size := utf8.DecodeRuneInString(s.source[s.start:])
	s.end += size
	s.color = ""
	switch {
	case strings.ContainsRune(" \t\n\\", r):
		return true
	case r == '#':
		s.extend(func(r rune) bool { return r != '\n' })
		return true
	case isDigit(r), r == '.' && s.end < len(s.source) && isDigit(rune(s.source[s.end])):
		s.number()
	case isLetter(r):
		s.extend(func(r rune) bool { return isLetter(r) || isDigit(r) })
		if !s.prefixed() {
			s.color = s.name()
		}
	case r == '"' || r == '\'':
		s.text()
	case strings.ContainsRune("()[]{}.,:;+-*/%=<>!&|^~", r):
		s.operator(r)
	}
	s.last = s.source[s.start:s.end]
	return true
}

// extend adds the characters that follow.
func (s *scanner) extend(belongs func(r rune) bool) {
	rest := s.source[s.end:]
	if n := strings.IndexFunc(rest, func(r rune) bool { return !belongs(r) }); n >= 0 {
		s.end += n
		return
	}
	s.end = len(s.source)
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isLetter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || r >= utf8.RuneSelf
}

func (s *scanner) number() {
	s.color = colorNumber
	exponent := false
	s.extend(func(r rune) bool {
		sign := exponent && (r == '+' || r == '-')
		exponent = r == 'e' || r == 'E'
		return sign || isLetter(r) || isDigit(r) || r == '.'
	})
}

// prefixed reports whether the name is the prefix of a string, and adds the
// string then.
func (s *scanner) prefixed() bool {
	isPrefix := slices.Contains([]string{"r", "b", "rb"}, s.source[s.start:s.end])
	if !isPrefix || s.end == len(s.source) || s.source[s.end] != '"' && s.source[s.end] != '\'' {
		return false
	}
	s.end++
	s.text()
	return true
}

// text adds a string, of which the first quote is there.
func (s *scanner) text() {
	s.color = colorString
	quote := s.source[s.end-1 : s.end]
	closing := quote
	if strings.HasPrefix(s.source[s.end:], quote+quote) {
		closing = quote + quote + quote
		s.end += 2
	}
	for rest := s.source[s.end:]; ; rest = s.source[s.end:] {
		switch {
		case strings.HasPrefix(rest, closing):
			s.end += len(closing)
			return
		case rest == "", rest[0] == '\n' && len(closing) == 1, len(rest) == 1 && rest[0] == '\\':
			s.failed = true
			return
		case rest[0] == '\\':
			s.end++
		}
		s.end++
	}
}

// name returns the colour of a name.
func (s *scanner) name() string {
	name := s.source[s.start:s.end]
	switch {
	case slices.Contains(keywords, name):
		return colorKeyword
	case s.last == "def":
		s.parameters = s.brackets + 1
		return colorIdentifier
	case s.parameters > 0 && (s.last == "(" || s.last == "," || s.last == "*" || s.last == "**") && s.brackets == s.parameters:
		return colorParameter
	}
	return colorVariable
}

// operator adds an operator or a bracket.
func (s *scanner) operator(first rune) {
	s.color = colorOperator
	switch first {
	case '(', '[', '{':
		s.brackets++
	case ')', ']', '}':
		s.brackets--
		if s.brackets < s.parameters {
			s.parameters = 0
		}
	}
	for _, o := range operators {
		if strings.HasPrefix(s.source[s.start:], o) {
			s.end = s.start + len(o)
			return
		}
	}
}
