package sshconfig

import (
	"errors"
	"fmt"
	"strings"
)

// place is where a line stands.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// errorf returns an error that names the place.
func (p place) errorf(format string, args ...any) error {
	return fmt.Errorf("sshconfig: %v: %w", p, fmt.Errorf(format, args...))
}

// line is a keyword and the arguments.
type line struct {
	place
	keyword string // in lower case
	rest    string // the text after the keyword, for values that are not split
	args    []string
	include []*file // the files that an Include names, in order
}

const blanks = " \t\r\n"

// parseLine splits a line of a file. It returns nil for empty lines and
// comments.
func parseLine(text string, at place) (*line, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, at.errorf("a NUL byte; this is not a configuration file")
	}
	rest := text[:1] + strings.TrimRight(text[1:], blanks+"\f")
	keyword, rest, ok := cutKeyword(rest)
	if ok && keyword == "" { // leading blanks
		keyword, rest, ok = cutKeyword(rest)
	}
	if !ok || keyword == "" || keyword[0] == '#' {
		return nil, nil
	}
	l := &line{place: at, keyword: strings.ToLower(keyword), rest: strings.TrimLeft(rest, blanks)}
	if l.rest == "" {
		return nil, at.errorf("%s has no argument", keyword)
	}
	var err error
	if l.args, err = splitArguments(l.rest); err != nil {
		return nil, at.errorf("%s: %w", keyword, err)
	}
	return l, nil
}

// cutKeyword cuts the first word off s. The word ends at a blank or at "=",
// with or without blanks around, or is quoted. ok is false if a quote is not
// closed.
func cutKeyword(s string) (word, rest string, ok bool) {
	end := strings.IndexAny(s, blanks+`"=`)
	if end < 0 {
		return s, "", true
	}
	word, rest = s[:end], s[end+1:]
	switch s[end] {
	case '"':
		quoted, after, closed := strings.Cut(rest, `"`)
		return word + quoted, strings.TrimLeft(after, blanks), closed
	case '=':
		return word, strings.TrimLeft(rest, blanks), true
	}
	rest = strings.TrimLeft(rest, blanks)
	if after, found := strings.CutPrefix(rest, "="); found {
		rest = strings.TrimLeft(after, blanks)
	}
	return word, rest, true
}

// splitArguments splits s at blanks. Single and double quotes protect blanks, a
// backslash protects a quote, a backslash or, outside quotes, a blank. A "#" at
// the start of an argument begins a comment.
func splitArguments(s string) ([]string, error) {
	var args []string
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		if s[i] == '#' {
			break
		}
		arg, n, err := cutArgument(s[i:])
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		i += n
	}
	return args, nil
}

// cutArgument returns the argument at the start of s, and the length of the
// text that it was read from.
func cutArgument(s string) (arg string, n int, err error) {
	var out strings.Builder
	quote := byte(0)
	for ; n < len(s); n++ {
		c := s[n]
		switch {
		case c == '\\' && n+1 < len(s) && (strings.IndexByte(`'"\`, s[n+1]) >= 0 || quote == 0 && s[n+1] == ' '):
			n++
			out.WriteByte(s[n])
		case quote == 0 && (c == ' ' || c == '\t'):
			return out.String(), n, nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			out.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", 0, errors.New("a quote is not closed")
	}
	return out.String(), n, nil
}
