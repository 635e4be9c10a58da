package scp

import (
	"io"
	"path"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// The bounds of patterns, for all of a command together.
const (
	maxLooked  = 100_000 // names that are compared
	maxMatches = 10_000  // paths
)

// home expands a path that begins with "~", as a shell does.
func (p *peer) home(word string) string {
	if strings.HasPrefix(word, "~") {
		if expanded, err := p.files.ExpandPath(word); err == nil {
			return expanded
		}
	}
	return word
}

// expand returns the paths that a word of the command stands for. A pattern that
// matches nothing stands for itself, as in a shell.
func (p *peer) expand(word string) ([]string, error) {
	word = p.home(word)
	if !strings.ContainsAny(word, "*?[") {
		return []string{word}, nil
	}
	if _, err := p.files.GetAttrs(word, false); err == nil {
		return []string{word}, nil
	}
	found := []string{""}
	for i, part := range strings.Split(word, "/") {
		var next []string
		for _, dir := range found {
			if i > 0 {
				dir += "/"
			}
			more, err := p.matches(dir, part)
			if err != nil {
				return nil, err
			}
			if next = append(next, more...); len(next) > maxMatches {
				return nil, fatal("the pattern matches more than %d files", maxMatches)
			}
		}
		found = next
	}
	if len(found) == 0 {
		found = []string{word}
	}
	return found, nil
}

// matches returns the paths in a directory that one part of a pattern matches.
// dir is empty or ends with a slash.
func (p *peer) matches(dir, pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, "*?[") {
		if _, err := p.files.GetAttrs(dir+pattern, false); err != nil && dir+pattern != "" {
			return nil, nil
		}
		return []string{dir + pattern}, nil
	}
	// A shell writes [!a], and has no escapes left here.
	pattern = strings.ReplaceAll(strings.ReplaceAll(pattern, `\`, `\\`), "[!", "[^")
	list, err := p.files.OpenDirectory(dir + ".")
	if err != nil {
		return nil, nil
	}
	defer list.Close()
	var found []string
	for {
		entries, err := list.ReadEntries(100)
		if err != nil && err != io.EOF {
			return nil, fatal("%s: %s", text.Line(dir), reason(err))
		}
		if err != nil {
			slices.Sort(found)
			return found, nil
		}
		if p.looked += len(entries); p.looked > maxLooked {
			return nil, fatal("the pattern looks at more than %d files", maxLooked)
		}
		for _, e := range entries {
			if hidden(e.Filename, pattern) {
				continue
			}
			if ok, err := path.Match(pattern, e.Filename); err == nil && ok {
				found = append(found, dir+e.Filename)
			}
		}
		if err := p.ended(); err != nil {
			return nil, err
		}
	}
}

// hidden reports whether a name is not matched by patterns: "." and "..", names
// with a slash, and names with a dot at the front, unless the pattern has it.
func hidden(name, pattern string) bool {
	return name == "" || name == "." || name == ".." || strings.Contains(name, "/") || name[0] == '.' && pattern[0] != '.'
}
