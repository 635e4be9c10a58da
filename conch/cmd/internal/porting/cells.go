package porting

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// splitRow returns the cells of a row. A bar behind a backslash, or between
// backquotes, does not end a cell.
func splitRow(line string) ([]string, error) {
	line, closed := strings.CutSuffix(strings.TrimSpace(line), "|")
	if !closed || line == "" {
		return nil, errors.New("the row does not end with a bar")
	}
	var cells []string
	start, code := 1, false
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '`':
			code = !code
		case line[i] == '|' && line[i-1] != '\\' && !code:
			cells = append(cells, strings.TrimSpace(line[start:i]))
			start = i + 1
		}
	}
	if code {
		return nil, errors.New("a backquote is not closed")
	}
	return append(cells, strings.TrimSpace(line[start:])), nil
}

// spans returns the texts between backquotes.
func spans(cell string) []string {
	var found []string
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			found = append(found, part)
		}
	}
	return found
}

// add adds the names of a row.
func (t *Table) add(line int, cells []string, at *section) error {
	if cells[0] == "" || len(cells) < 2 || cells[1] == "" {
		return errors.New("a cell is empty")
	}
	names := parseNames(cells[0])
	answer := newAnswer(cells[1])
	var row []*Entry
	for i, n := range names {
		e := &Entry{Line: line, path: n.path, prefix: n.prefix, owner: n.owner, aside: n.aside, table: at}
		if e.owner == "" {
			e.owner = at.owner
		}
		e.Go, e.Status = answer.of(names, i)
		if e.Go != "" && !at.whole && !strings.HasPrefix(e.Go, "package ") {
			e.Package = at.pack
			if said := answer.packageOf(e.Go); said != "" {
				e.Package = said
			}
		}
		row = append(row, e)
	}
	for _, e := range row {
		if len(cells) > 2 {
			e.Difference = concerning(e, row, cells[2])
		}
		switch {
		case e.Status == None && e.Difference == "":
			e.Difference = answer.reason
		case e.Status == Same && at.whole:
			e.Status = Elsewhere
		case e.Status == Same && (e.Difference != "" || answer.loose):
			e.Status = Differs
		}
		t.index(e)
	}
	return nil
}

// index adds an entry to the tables.
func (t *Table) index(e *Entry) {
	t.entries = append(t.entries, e)
	own := e.Name()
	if e.prefix != "" {
		own += "*"
	}
	for _, class := range []string{own, e.qualifier()} {
		if class != "" && isClass(class) && !e.aside && !e.table.whole {
			e.table.classes[class] = append(e.table.classes[class], e.Line)
		}
	}
	switch {
	case e.table.whole:
		t.whole[strings.Join(e.path, ".")] = e
	case e.prefix != "":
		t.pattern = append(t.pattern, e)
	default:
		t.byName[e.Name()] = append(t.byName[e.Name()], e)
	}
}

// concerning returns what the last cell says about one name of the row. A clause
// that mentions another name of the row, and not this one, is left out.
func concerning(e *Entry, row []*Entry, cell string) string {
	names := func(e *Entry) []string {
		all := []string{canonical(e.Name())}
		for _, word := range strings.FieldsFunc(e.Go, func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
			all = append(all, canonical(word))
		}
		return all
	}
	own := names(e)
	var kept []string
	for _, clause := range strings.Split(cell, "; ") {
		mentionsOwn, mentionsOther := false, false
		for _, span := range spans(clause) {
			span = canonical(span)
			mentionsOwn = mentionsOwn || slices.Contains(own, span)
			for _, other := range row {
				mentionsOther = mentionsOther || slices.Contains(names(other), span)
			}
		}
		if mentionsOwn || !mentionsOther {
			kept = append(kept, plain(clause))
		}
	}
	return strings.Join(kept, "; ")
}

// links are links, and numbers the numbers of behaviours, which only the page
// explains.
var (
	links   = regexp.MustCompile(`\[([^\]]*)\]\((?:#|[^)]*\.md)[^)]*\)`)
	numbers = regexp.MustCompile(` ?\((?:[A-Z]+-[A-Z-]*|[DR])\d[^()]*\)`)
)

// plain returns the text of a cell without backquotes, links and numbers of
// behaviours.
func plain(cell string) string {
	cell = links.ReplaceAllString(cell, "$1")
	return strings.ReplaceAll(numbers.ReplaceAllString(cell, ""), "`", "")
}
