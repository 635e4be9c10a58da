package porting

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// splitRow returns the cells of a row. A bar behind a backslash, or between
// backquotes, does not end a cell.
func splitRow(line string) ([]string, error) {
	line, closed := strings.CutSuffix(strings.TrimSpace(line), "|")
	if !closed {
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
		if e.Go != "" && !at.whole && !strings.HasPrefix(e.Go, "package ") && !strings.Contains(strings.Fields(e.Go)[0], ".") {
			e.Package = at.pack
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
	for _, class := range []string{e.Name(), e.qualifier()} {
		if class != "" && isClass(class) && !e.aside && !e.table.whole {
			e.table.classes[class] = true
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

// name is a name in the first cell of a row.
type name struct {
	path   []string
	prefix string
	owner  string
	group  int // the number of semicolons before it
	aside  bool
}

func (n name) last() string { return n.path[len(n.path)-1] }

// between are the words between two names of a list.
var between = regexp.MustCompile(`^(?:, |; | and |, and | to | … |, …,? |, methods |, its |, method | or |, … )$`)

// owned is the text behind a list of names that are members of a class.
var owned = regexp.MustCompile("^,? of (?:a |the )?`([A-Z]\\w*)`")

// identifier is a name, perhaps with the arguments of a call or with a pattern.
var identifier = regexp.MustCompile(`^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(\*?)($|\(|\[| = )`)

// dottedArgument finds a call with a certain argument, as in
// addErrback(log.err).
var dottedArgument = regexp.MustCompile(`\([a-z]+\.[a-z]+`)

// parseNames returns the names in the first cell of a row. A cell that begins
// with other words is about something that has no name.
func parseNames(cell string) []name {
	parts := strings.Split(cell, "`") // every second one is a name
	switch parts[0] {
	case "", "its ", "methods ":
	default:
		return nil
	}
	var names []name
	group := 0
	for i := 1; i < len(parts); i += 2 {
		if i > 1 {
			if !between.MatchString(parts[i-1]) {
				break
			}
			group += strings.Count(parts[i-1], ";")
		}
		if n, ok := parseName(parts[i]); ok {
			n.group = group
			names = append(names, n)
			names = append(names, more(parts, i, n)...)
		}
	}
	markTail(cell, parts, names)
	return names
}

// parseName returns the name that a span of code shows.
func parseName(span string) (name, bool) {
	m := identifier.FindStringSubmatch(span)
	if m == nil || m[1] == "options" {
		return name{}, false
	}
	n := name{path: strings.Split(m[1], "."), aside: dottedArgument.MatchString(span)}
	if m[2] != "" {
		n.prefix = n.last()
	}
	return n, true
}

// relatives are the names that the page leaves out, by the name after which it
// has dots or words such as "and others".
var relatives = map[string][]string{
	"cursorUp":               {"cursorDown", "cursorForward", "cursorBackward"},
	"telnet_WILL":            {"telnet_WONT", "telnet_DO", "telnet_DONT"},
	"willMap":                {"wontMap", "doMap", "dontMap"},
	"BLACK":                  {"RED", "GREEN", "YELLOW", "BLUE", "MAGENTA", "CYAN"},
	"G0":                     {"G1", "G2"},
	"asyncioreactor":         {"selectreactor", "pollreactor", "kqreactor", "cfreactor", "glib2reactor", "gtk2reactor", "gtk3reactor", "gireactor", "win32eventreactor", "iocpreactor", "default"},
	"LINEMODE_SLC_SYNCH":     {"LINEMODE_SLC_*"},
	"IReactorTCP":            {"IReactor*"},
	"modes.IRM":              {"modes.*"},
	"privateModes.AUTO_WRAP": {"privateModes.*"},
	"ClientContextFactory":   {"ContextFactory", "DefaultOpenSSLContextFactory", "Certificate", "KeyPair", "CertificateRequest", "DistinguishedName", "DN", "platformTrust", "Options", "AcceptableCiphers", "TLSVersion", "ProtocolNegotiationSupport", "protocolNegotiationMechanisms", "VerificationError"},
	"UP_ARROW": {"DOWN_ARROW", "RIGHT_ARROW", "LEFT_ARROW", "HOME", "INSERT", "DELETE", "END", "PGUP", "PGDN", "NUMPAD_MIDDLE", "F1", "F2", "F3", "F4",
		"F5", "F6", "F7", "F8", "F9", "F10", "F11"},
}

// more returns the names that follow from dots or words behind a name.
func more(parts []string, i int, n name) []name {
	after := parts[min(i+1, len(parts)-1)]
	if !strings.Contains(after, "…") && after != " to " && !strings.Contains(after, "and others") && !strings.Contains(after, "and its relatives") {
		return nil
	}
	var names []name
	for _, text := range relatives[strings.Join(n.path, ".")] {
		if r, ok := parseName(text); ok {
			r.group = n.group
			names = append(names, r)
		}
	}
	return names
}

// markTail notes what the words behind the list of names say about it.
func markTail(cell string, parts []string, names []name) {
	list := 1
	for list+2 < len(parts) && between.MatchString(parts[list+1]) {
		list += 2
	}
	tail := strings.Join(parts[list+1:], "`")
	m := owned.FindStringSubmatch(tail)
	for i := range names {
		if m != nil {
			names[i].owner = m[1]
		}
		names[i].aside = names[i].aside || m == nil && (strings.HasPrefix(tail, " of ") || strings.HasPrefix(tail, " in an except"))
	}
}

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
	if strings.HasPrefix(part, "the same") || strings.Contains(part, "of the same names") || strings.HasSuffix(part, "of these names") {
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
	case strings.Contains(cell, "…") && canonical(a.spans[0]) == canonical(names[0].last()) && !strings.Contains(last, "_"):
		return exported(last)
	}
	return cell
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
func exported(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
