package cftp

import (
	"path"
	"strings"
)

// word is a word of a command line, as pieces that were quoted or not.
type word struct {
	text    string // without quotes and backslashes
	pattern string // for path.Match: only wildcards that were not quoted are active
	wild    bool   // pattern has an active wildcard
}

// wordOf returns a word for text without quotes: a backslash makes the next
// character literal, and wildcards are active.
func wordOf(text string) word {
	var s splitter
	for rest := text; rest != ""; {
		rest = s.unquoted(rest)
	}
	return s.word()
}

// isFlags reports whether the word has the form of flags: a dash that is not
// quoted, and more.
func (w word) isFlags() bool { return strings.HasPrefix(w.pattern, "-") && len(w.text) > 1 }

var (
	errQuote     = failf("Unterminated quoted argument")
	errBackslash = failf("A backslash ends the line; write it twice, or quote the name")
)

// split splits a line into words. Words are separated by blanks, and may have
// parts between double or single quotes. Outside of quotes a backslash makes
// the next character literal. Inside, a backslash stands before the quote or
// another backslash, and is itself otherwise. A word that begins with # begins
// a comment.
func split(line string) ([]word, error) {
	var words []word
	rest := strings.TrimLeft(line, blanks)
	for rest != "" && rest[0] != '#' {
		var s splitter
		for rest != "" && !strings.ContainsRune(blanks, rune(rest[0])) {
			switch quote := rest[0]; quote {
			case '"', '\'':
				rest = s.quoted(rest[1:], quote)
				if s.open {
					return nil, errQuote
				}
			default:
				if rest == `\` {
					return nil, errBackslash
				}
				rest = s.unquoted(rest)
			}
		}
		words = append(words, s.word())
		rest = strings.TrimLeft(rest, blanks)
	}
	return words, nil
}

const blanks = " \t\r\n\v\f"

// splitter builds a word.
type splitter struct {
	text, pattern []byte
	wild          bool
	open          bool // the quotes of the last part have no end
}

func (s *splitter) word() word { return word{string(s.text), string(s.pattern), s.wild} }

// unquoted takes one character that is not quoted, with its backslash, and
// returns the rest.
func (s *splitter) unquoted(rest string) string {
	switch c := rest[0]; {
	case c == '\\' && len(rest) > 1:
		s.literal(rest[1])
		return rest[2:]
	case strings.HasPrefix(rest, "[!"): // the shell's way to say ^
		s.text, s.pattern, s.wild = append(s.text, "[!"...), append(s.pattern, "[^"...), true
		return rest[2:]
	case strings.IndexByte("*?[", c) >= 0:
		s.text, s.pattern, s.wild = append(s.text, c), append(s.pattern, c), true
	case strings.IndexByte("]-^", c) >= 0: // they have a meaning between brackets
		s.text, s.pattern = append(s.text, c), append(s.pattern, c)
	default:
		s.literal(c)
	}
	return rest[1:]
}

// quoted takes the part before the quote, and returns the rest behind it.
func (s *splitter) quoted(rest string, quote byte) string {
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == quote:
			return rest[i+1:]
		case c == '\\' && i+1 < len(rest) && (rest[i+1] == quote || rest[i+1] == '\\'):
			i++
			s.literal(rest[i])
		default:
			s.literal(c)
		}
	}
	s.open = true
	return ""
}

// literal adds a byte that matches only itself.
func (s *splitter) literal(c byte) {
	s.text = append(s.text, c)
	if strings.IndexByte(`*?[]\-^`, c) >= 0 {
		s.pattern = append(s.pattern, '\\')
	}
	s.pattern = append(s.pattern, c)
}

// literalPattern returns the pattern that matches only the path.
func literalPattern(p string) string {
	var s splitter
	for i := range len(p) {
		s.literal(p[i])
	}
	return string(s.pattern)
}

// under returns the word as a path below the directory dir, unless it is
// absolute. The path keeps "..", which leads elsewhere after a symbolic link.
func (w word) under(dir string) word {
	if path.IsAbs(w.text) {
		return w
	}
	return word{join(dir, w.text), join(literalPattern(dir), w.pattern), w.wild}
}

// join puts a slash between a directory and a name.
func join(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }
