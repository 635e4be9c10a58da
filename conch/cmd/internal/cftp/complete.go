package cftp

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Complete returns the candidates for the word before the cursor, which is a
// byte offset in line. Each candidate replaces line[start:cursor]. A candidate
// is quoted as Run reads it; a directory ends in a slash, and so does the only
// candidate if it is a link to a directory; a candidate that is complete ends in
// a space or, inside quotes, in the quote and a space. Names that cannot be
// typed are left out.
func (s *Shell) Complete(ctx context.Context, line string, cursor int) (start int, candidates []string) {
	line = line[:min(max(cursor, 0), len(line))]
	w, ok := lastWord(line)
	switch {
	case !ok:
		return len(line), nil
	case w.command == nil && w.first:
		return w.start, commandNames(w.text)
	case w.command == nil:
		return len(line), nil
	}
	var names []candidate
	dir, prefix := path.Split(w.text)
	switch w.place {
	case 'r':
		names = s.remoteNames(ctx, dir)
	case 'l':
		names = s.localNames(dir)
	default:
		if w.command.name == "help" {
			return w.start, commandNames(w.text)
		}
	}
	names = slices.DeleteFunc(names, func(n candidate) bool {
		return !strings.HasPrefix(n.name, prefix) || prefix == "" && isHidden(n.name) || !typeable(n.name)
	})
	if w.place == 'r' && len(names) == 1 && names[0].isLink {
		info, err := s.files.Stat(ctx, word{text: dir + names[0].name}.under(s.remote).text)
		names[0].isDir = err == nil && info.IsDir()
	}
	for _, n := range names {
		candidates = append(candidates, w.quote(dir+n.name, n.isDir))
	}
	slices.Sort(candidates)
	return w.start, candidates
}

// candidate is a name in a directory.
type candidate struct {
	name   string
	isDir  bool
	isLink bool // at the server; isDir is not known yet
}

// remoteNames returns the names in a directory of the server, and none if the
// directory cannot be listed.
func (s *Shell) remoteNames(ctx context.Context, dir string) []candidate {
	dir = word{text: dir}.under(s.remote).text
	entries, err := s.files.ReadDir(ctx, dir)
	if err != nil {
		return nil
	}
	var names []candidate
	for _, e := range entries {
		names = append(names, candidate{name: e.Name(), isDir: e.IsDir(), isLink: e.Type()&fs.ModeSymlink != 0})
	}
	return names
}

func (s *Shell) localNames(dir string) []candidate {
	entries, _ := os.ReadDir(s.localPath(dir)) // the names that were read count
	var names []candidate
	for _, e := range entries {
		isDir := e.IsDir()
		if e.Type()&os.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(s.localPath(dir), e.Name()))
			isDir = err == nil && info.IsDir()
		}
		names = append(names, candidate{name: e.Name(), isDir: isDir})
	}
	return names
}

// commandNames returns the commands that begin with a prefix.
func commandNames(prefix string) []string {
	var names []string
	for _, c := range commands {
		for _, name := range append([]string{c.name}, c.aliases...) {
			if strings.HasPrefix(name, strings.ToLower(prefix)) && name != "!" && name != "?" {
				names = append(names, name+" ")
			}
		}
	}
	slices.Sort(names)
	return names
}

func typeable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// partial is the word before the cursor.
type partial struct {
	text    string // without quotes and backslashes
	start   int    // in the line
	open    byte   // the quote that is open, or 0
	first   bool   // the word is the command
	command *command
	place   byte // a letter of command.places
}

// lastWord finds the word before the end of a line. It returns false if nothing
// can be completed there.
func lastWord(line string) (w partial, ok bool) {
	at := len(line) - len(strings.TrimLeft(line, blanks+"-@"))
	name := line[at:]
	if strings.HasPrefix(name, "!") || strings.HasPrefix(name, "#") {
		return w, false
	}
	end := strings.IndexAny(name, blanks)
	if end < 0 {
		return partial{text: name, start: at, first: true}, true
	}
	w.command = lookup(name[:end])
	at += end
	n := 0        // arguments before the word
	flags := true // which may still come
	for {
		at += len(line[at:]) - len(strings.TrimLeft(line[at:], blanks))
		text, open, size := firstWord(line[at:])
		if at+size == len(line) {
			w.text, w.start, w.open = text, at, open
			break
		}
		switch {
		case flags && text == "--":
			flags = false
		case !flags || line[at] != '-':
			flags = false
			n++
		}
		at += size
	}
	if w.command == nil || w.command.places == "" || isComment(line[w.start:]) {
		return w, w.command != nil && !isComment(line[w.start:])
	}
	w.place = w.command.places[min(n, len(w.command.places)-1)]
	if w.command.max == 2 && len(w.command.places) == 1 {
		w.place = w.command.places[0]
	}
	return w, !flags || !strings.HasPrefix(line[w.start:], "-")
}

func isComment(s string) bool { return strings.HasPrefix(s, "#") }

// firstWord reads the word at the beginning of a line, which may lack the end of
// its quotes.
func firstWord(line string) (text string, open byte, size int) {
	var s splitter
	rest := line
	for rest != "" && !strings.ContainsRune(blanks, rune(rest[0])) {
		switch quote := rest[0]; {
		case quote == '"' || quote == '\'':
			if rest = s.quoted(rest[1:], quote); s.open {
				return string(s.text), quote, len(line)
			}
		case rest == `\`:
			return string(s.text), 0, len(line)
		default:
			rest = s.unquoted(rest)
		}
	}
	return string(s.text), 0, len(line) - len(rest)
}

// quote returns a candidate as the user would type it, in the quotes that the
// word has.
func (w *partial) quote(name string, isDir bool) string {
	var b strings.Builder
	if w.open != 0 {
		b.WriteByte(w.open)
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case w.open != 0 && (c == w.open || c == '\\'):
			b.WriteByte('\\')
		case w.open == 0 && (strings.IndexByte(blanks+`"'\*?[`, c) >= 0 || i == 0 && (c == '#' || c == '-')):
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	switch {
	case isDir:
		b.WriteByte('/')
	case w.open != 0:
		b.WriteString(string(w.open) + " ")
	default:
		b.WriteByte(' ')
	}
	return b.String()
}
