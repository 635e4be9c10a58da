// Package text makes foreign text safe to show. Foreign text is everything that
// a peer sends: messages, banners, prompts, file names, version lines, key
// comments. It can hold control characters that a terminal obeys, characters
// that reverse the reading order, line breaks that fake a second log record,
// bytes that are not UTF-8, and megabytes.
//
// The package is the one place with rules for such text:
//
//   - [Line] is for messages inside an error, a log record or a line of output.
//   - [Quote] is for names: of files, hosts, users, algorithms, requests. [Name]
//     quotes only names that need it. [Path] never quotes, for lists of names.
//   - [Lines] is for text that a user reads as the peer laid it out: banners,
//     instructions and prompts of an authentication.
//
// In all of them a character that is not printable (unicode.IsPrint) becomes a
// Go escape such as \x1b or \u202e, and so does a byte that is not UTF-8. The
// result has a stated bound. A text that exceeds the bound ends with "...".
//
// [TrimPrefix] has another job: it joins the text of one error into another.
//
// All functions may be called from any goroutine.
package text

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds, in bytes of the result.
const (
	// MaxLine is the size of a longest result of Line and Quote.
	MaxLine = 512

	// MaxLines is the size of a longest result of Lines. Each line of the
	// result has at most MaxLine bytes.
	MaxLines = 16 << 10
)

// cut is the sign at the end of a text that was truncated.
const cut = "..."

// Line returns s as one printable line of at most MaxLine bytes. White space,
// line breaks included, becomes a single space between words and is removed at
// both ends.
func Line(s string) string {
	b := builder{max: MaxLine}
	for rest := strings.TrimSpace(s); rest != "" && !b.full; {
		r, size := utf8.DecodeRuneInString(rest)
		if unicode.IsSpace(r) {
			b.add(" ")
			rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
			continue
		}
		b.add(escape(rest[:size]))
		rest = rest[size:]
	}
	return b.String()
}

// Quote returns a name between double quotes, as strconv.Quote does, in at most
// MaxLine bytes. White space in the name is kept, a backslash is doubled. The
// "..." of a truncated name stands behind the closing quote.
func Quote(name string) string {
	b := builder{max: MaxLine - len(`""`)}
	for rest := name; rest != "" && !b.full; {
		_, size := utf8.DecodeRuneInString(rest)
		quoted := strconv.Quote(rest[:size])
		b.add(quoted[1 : len(quoted)-1])
		rest = rest[size:]
	}
	if !b.full {
		return `"` + b.String() + `"`
	}
	return `"` + strings.TrimSuffix(b.String(), cut) + `"` + cut
}

// Name returns a name as it is if it has only characters that names usually
// have, and quoted otherwise. It is for log records: their handlers often quote
// values themselves.
func Name(name string) string {
	unusual := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"'\`, r) }
	if name == "" || len(name) > MaxLine || strings.ContainsFunc(name, unusual) {
		return Quote(name)
	}
	return name
}

// Path returns a path or a file name for a list of names. White space, quotes
// and backslashes are kept, except that a line break or a tab is escaped. The
// result has at most MaxLines bytes.
func Path(name string) string {
	b := builder{max: MaxLines}
	for rest := name; rest != "" && !b.full; {
		_, size := utf8.DecodeRuneInString(rest)
		b.add(escape(rest[:size]))
		rest = rest[size:]
	}
	return b.String()
}

// Lines returns s as printable text of at most MaxLines bytes that may have
// several lines. It keeps newlines, tabs and spaces. "\r\n" becomes "\n". Each
// line is truncated to MaxLine bytes.
func Lines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line, newline := strings.CutSuffix(line, "\n")
		if newline {
			line = strings.TrimSuffix(line, "\r")
		}
		shown := printable(line)
		if b.Len()+len(shown)+len("\n")+len(cut) > MaxLines {
			b.WriteString(cut)
			break
		}
		b.WriteString(shown)
		if newline {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// printable returns a line of Lines.
func printable(line string) string {
	b := builder{max: MaxLine}
	for rest := line; rest != "" && !b.full; {
		_, size := utf8.DecodeRuneInString(rest)
		if rest[0] == '\t' {
			b.add("\t")
		} else {
			b.add(escape(rest[:size]))
		}
		rest = rest[size:]
	}
	return b.String()
}

// escape returns one character, or one byte that is not UTF-8, in printable
// form. Unlike strconv.Quote it leaves quotes and backslashes alone.
func escape(char string) string {
	if r, size := utf8.DecodeRuneInString(char); unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
		return char
	}
	quoted := strconv.Quote(char)
	return quoted[1 : len(quoted)-1]
}

// builder collects at most max bytes.
type builder struct {
	strings.Builder
	max  int
	room int  // size of the part after which "..." still fits
	full bool // no more fits, and the text ends with "..."
}

// add appends s. If s does not fit, add makes room for "..." instead and sets
// full.
func (b *builder) add(s string) {
	if b.Len()+len(s) > b.max {
		kept := b.String()[:b.room]
		b.Reset()
		b.WriteString(kept + cut)
		b.full = true
		return
	}
	b.WriteString(s)
	if b.Len() <= b.max-len(cut) {
		b.room = b.Len()
	}
}
