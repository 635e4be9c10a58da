package porting

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// answer is the second cell of a row.
type answer struct {
	parts  []string // between semicolons
	spans  []string // the names in it
	loose  bool     // there are words besides names
	reason string   // behind "no equivalent" and the like
}

func newAnswer(cell string) answer {
	a := answer{parts: strings.Split(cell, "; ")}
	rest := cell
	for _, span := range spans(cell) {
		a.spans = append(a.spans, span)
		rest = strings.Replace(rest, "`"+span+"`", "", 1)
	}
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if !slices.Contains([]string{"and", "or", "to", "interface", "base", "the", "same", "names", "exported", "functions", "of", "methods", "these", "method", "field"}, word) {
			a.loose = true
		}
	}
	return a
}

// missing are the beginnings of cells that have no Go name.
var missing = map[string]Status{"no equivalent": None, "not needed": None, "not there yet": NotYet}

// sameName finds the cells that repeat the names of Python, with a capital.
var sameName = regexp.MustCompile(`^the same( names)?(, exported)?$|of (the same|these) names$`)

// of returns the Go name and the status of the name with this index in the row.
func (a *answer) of(names []name, index int) (string, Status) {
	n := names[index]
	part := strings.Join(a.parts, "; ")
	mixed := slices.ContainsFunc(a.parts, func(p string) bool { _, ok := missing[p]; return ok })
	if mixed && len(a.parts) > 1 {
		switch {
		case n.group > 0 && n.group < len(a.parts):
			part = a.parts[n.group]
		case len(names) == len(a.parts):
			part = a.parts[index]
		default:
			part = a.parts[0]
		}
	}
	for begin, status := range missing {
		if rest, ok := strings.CutPrefix(part, begin); ok {
			a.reason = plain(strings.TrimLeft(rest, ":; "))
			return "", status
		}
	}
	if sameName.MatchString(part) {
		return exported(n.last()), Same
	}
	if part == strings.Join(a.parts, "; ") {
		part = a.partner(part, names, index)
	}
	return plain(part), Same
}

// partner returns the Go name of one name among several: the one that is spelled
// alike, or the one at the same place, or else the whole cell. If the cell ends
// with dots, the names that it leaves out follow the first one.
func (a *answer) partner(cell string, names []name, index int) string {
	if len(names) == 1 || strings.Contains(cell, "(interface)") {
		return cell
	}
	last := names[index].last()
	for _, span := range a.spans {
		if canonical(span) == canonical(last) {
			return span
		}
	}
	switch {
	case len(names) == len(a.spans):
		return a.spans[index]
	case len(a.spans) == 0 || !strings.Contains(cell, "…") || canonical(a.spans[0]) != canonical(names[0].last()) || strings.Contains(last, "_"):
		return cell
	case a.spans[0] == title(names[0].last()):
		return title(last)
	}
	return exported(last)
}

// canonical returns the last part of a name in a spelling that Python and Go
// share.
func canonical(name string) string {
	name, _, _ = strings.Cut(name, "(")
	name = name[strings.LastIndexByte(name, '.')+1:]
	name = strings.ToLower(strings.TrimLeft(name, "*"))
	return strings.ReplaceAll(strings.TrimPrefix(name, "err"), "_", "")
}

// exported returns the name with a capital letter at its begin.
func exported(name string) string {
	if rest, ok := strings.CutPrefix(name, "eof"); ok {
		return "EOF" + rest
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// title returns a name of capital letters as a word.
func title(name string) string { return name[:1] + strings.ToLower(name[1:]) }

// packageOf returns the package that a cell says for a name in it: the one
// before the name, or before a name that stands further left. If goName is the
// text of the cell, the package is that of its first name. It returns "" if the
// cell says none.
func (a *answer) packageOf(goName string) string {
	pack := ""
	for _, span := range a.spans {
		if said := packageIn(span); said != "" {
			pack = said
		}
		if span == goName {
			return pack
		}
	}
	if len(a.spans) == 0 {
		return ""
	}
	return packageIn(a.spans[0])
}

// qualified is a Go name with its package, or a method of a variable.
var qualified = regexp.MustCompile(`^\*?([a-z]+)\.[A-Z]`)

// variables stand before a dot in the cells, and are no packages.
var variables = []string{"d", "err", "record"}

// packageIn returns the package before a Go name, or "".
func packageIn(span string) string {
	m := qualified.FindStringSubmatch(span)
	if m == nil || slices.Contains(variables, m[1]) {
		return ""
	}
	return m[1]
}
