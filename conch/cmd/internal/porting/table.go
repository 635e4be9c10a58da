package porting

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Status says how much of a name exists here.
type Status string

// The statuses, from the best to the worst.
const (
	Same      Status = "same"      // it can be ported line by line
	Differs   Status = "differs"   // it has a Go name, and a difference to read
	Elsewhere Status = "elsewhere" // it has to be written anew, with the package that Go says
	NotYet    Status = "not yet"   // it belongs here, but is missing
	None      Status = "none"      // it has no Go name; the difference says why
	Unknown   Status = "unknown"   // the tables do not have it
)

// HasGoName reports whether the name exists here.
func (s Status) HasGoName() bool { return s == Same || s == Differs }

// Entry is a name in the tables, with what its row says.
type Entry struct {
	Line       int    // of the page
	Status     Status // never Unknown
	Go         string // the Go name, or several; empty if there is none
	Package    string // the package of the Go name; empty if Go says it, or there is none
	Difference string

	path   []string // the name, with the module or class before it
	prefix string   // path ends with a name that begins with prefix, if that is not empty
	owner  string   // the class whose member it is, if the page says it
	aside  bool     // the row is about the name in a special case
	table  *section
}

// qualifier returns the part of the name before the last one, or "".
func (e *Entry) qualifier() string {
	if len(e.path) < 2 {
		return ""
	}
	return e.path[len(e.path)-2]
}

// section is a table of the page.
type section struct {
	heading string
	scope   []string // the modules whose names it has
	owner   string   // the class whose members it has, if it is about one
	pack    string
	whole   bool             // the rows are about modules
	classes map[string][]int // the classes that its rows name, with the lines; a pattern ends with a star
}

// rows returns the lines of the rows that name a class, itself or by a pattern.
func (s *section) rows(class string) []int {
	var found []int
	for name, lines := range s.classes {
		begin, isPattern := strings.CutSuffix(name, "*")
		if class == name || isPattern && strings.HasPrefix(class, begin) {
			found = append(found, lines...)
		}
	}
	return found
}

// namesClass reports whether the row in this line names a class. Names of
// capital letters only are constants.
func (s *section) namesClass(line int) bool {
	for name, lines := range s.classes {
		if strings.ToUpper(name) != name && slices.Contains(lines, line) {
			return true
		}
	}
	return false
}

// Table has the names of the page.
type Table struct {
	entries []*Entry
	byName  map[string][]*Entry
	pattern []*Entry
	whole   map[string]*Entry // modules that have no table, as wholes
	modules map[string]bool
	bases   map[string][]string
}

// headings are the headings that do not say in themselves which modules their
// tables are about. An empty list means that the tables have no names.
var headings = map[string][]string{
	"`Deferred`":                       {"twisted.internet.defer"},
	"Functions":                        {"twisted.internet.defer"},
	"Classes and constants":            {"twisted.internet.defer"},
	"Coroutines":                       {"twisted.internet.defer"},
	"`Failure`":                        {"twisted.python.failure", "twisted.internet.defer"}, // which imports it
	"In tests":                         {"twisted.trial.unittest", "twisted.trial"},
	"Reactor":                          {"twisted.internet.reactor", "twisted.internet.base", "twisted.python.threadpool", "twisted.python.threadable", "twisted.internet"},
	"Processes":                        {"twisted.internet.process", "twisted.internet.utils", "twisted.internet"},
	"Tasks":                            {"twisted.internet.task"},
	"Protocols, factories, transports": {"twisted.internet.protocol", "twisted.internet.interfaces", "twisted.internet.address", "twisted.internet.ssl", "twisted.internet", "twisted.protocols"},
	"Endpoints and services":           {"twisted.internet.endpoints", "twisted.application", "twisted.internet"},
	"Testing":                          {"twisted.internet.testing", "twisted.test"},
	"Reconnecting":                     {"twisted.internet.protocol"},
	"Sessions of a server":             {"twisted.conch.ssh.session", "twisted.conch.interfaces", "twisted.conch.unix", "twisted.conch.avatar"},
	"Keeping a connection":             {},
	"conch":                            {}, // modules and packages
}

// noNames are the first headers of tables without names.
var noNames = []string{"chapter", "numbers", "record", "reason", "Python", "The Conch program", "`options[…]`"}

//go:embed modules.txt
var moduleList string

//go:embed bases.txt
var baseList string

// NewTable parses the tables of the page. The error has a line for each row that
// it cannot parse; the table has the others.
func NewTable(page string) (*Table, error) {
	t := &Table{byName: make(map[string][]*Entry), whole: make(map[string]*Entry), modules: make(map[string]bool), bases: make(map[string][]string)}
	for _, name := range strings.Fields(moduleList) {
		for name = "twisted." + name; name != ""; name = name[:max(0, strings.LastIndexByte(name, '.'))] {
			t.modules[name] = true
		}
	}
	for line := range strings.Lines(baseList) {
		for i, name := range strings.Fields(line) {
			if i > 0 {
				class := "twisted." + strings.Fields(line)[0]
				t.bases[class] = append(t.bases[class], "twisted."+name)
			}
		}
	}
	return t, t.parse(page)
}

// parse adds the rows of the page.
func (t *Table) parse(page string) error {
	var problems []error
	var at *section
	chapter, heading, columns, inTable := "", "", 0, false
	for i, line := range strings.Split(page, "\n") {
		fail := func(err error) {
			if err != nil {
				problems = append(problems, fmt.Errorf("porting: line %d of docs/from-twisted.md: %w", i+1, err))
			}
		}
		level := len(line) - len(strings.TrimLeft(line, "#"))
		switch {
		case level > 0:
			heading = strings.TrimSpace(line[level:])
			if level == 2 {
				chapter = heading
			}
			inTable = false
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case !inTable:
			cells, err := splitRow(line)
			if err == nil {
				at, err = newSection(chapter, heading, cells)
			}
			if err == nil && at != nil && at.owner != "" && strings.HasPrefix(cells[0], "`") { // the class itself
				err = t.add(i+1, []string{cells[0], cells[1]}, at)
			}
			fail(err)
			inTable, columns = true, len(cells)
		case strings.Trim(line, "|- ") == "" || at == nil:
		default:
			cells, err := splitRow(line)
			if err == nil && len(cells) != columns {
				err = fmt.Errorf("the row has %d cells, its table %d columns", len(cells), columns)
			}
			if err == nil {
				err = t.add(i+1, cells, at)
			}
			fail(err)
		}
	}
	return errors.Join(problems...)
}

// newSection returns the table with these headers. It returns nil if the table
// has no names.
func newSection(chapter, heading string, headers []string) (*section, error) {
	if len(headers) < 2 {
		return nil, errors.New("the table has one column")
	}
	first := headers[0]
	if first == "module" {
		return &section{heading: heading, whole: true}, nil
	}
	scope, known := headings[heading]
	if slices.Contains(noNames, first) || known && len(scope) == 0 {
		return nil, nil
	}
	s := &section{heading: heading, scope: scope, classes: make(map[string][]int)}
	for _, span := range spans(headers[1]) {
		if strings.HasPrefix(headers[1], "package ") {
			s.pack = span
		}
	}
	if s.pack == "" && heading != "Tasks" && (chapter == "deferred" || chapter == "reactor") { // the names of Tasks are of two packages
		s.pack = chapter
	}
	modules := modulesIn(first)
	switch {
	case len(modules) > 0:
		s.scope = modules
	case strings.HasPrefix(first, "`"):
		s.owner = strings.Trim(first, "`")
	case first != "Twisted" && first != "Conch" && first != "trial":
		return nil, fmt.Errorf("the first header %q is not known; it may be Twisted, Conch, a class, or a module of Twisted", first)
	}
	if class := strings.Trim(heading, "`"); known && class != heading {
		s.owner = class
	}
	if len(s.scope) == 0 {
		s.scope = modulesIn(heading)
	}
	if len(s.scope) == 0 {
		return nil, fmt.Errorf("the heading %q names no module; add it to headings in package porting", heading)
	}
	return s, nil
}

// modulesIn returns the modules that a heading or header names in backquotes.
// Conch's are named without the first part.
func modulesIn(text string) []string {
	var found []string
	for _, span := range spans(text) {
		switch first, _, dotted := strings.Cut(span, "."); {
		case !dotted:
		case first == "twisted":
			found = append(found, span)
		case strings.Trim(span, "abcdefghijklmnopqrstuvwxyz0123456789_.") == "":
			found = append(found, "twisted."+span)
		}
	}
	return found
}

// Len returns the number of names in the tables.
func (t *Table) Len() int { return len(t.entries) }

// At returns the names in a line of the page.
func (t *Table) At(line int) []*Entry {
	var found []*Entry
	for _, e := range t.entries {
		if e.Line == line {
			found = append(found, e)
		}
	}
	return found
}

// Name returns the name, without the module or the class before it. For a
// pattern it returns the begin that all its names have.
func (e *Entry) Name() string { return e.path[len(e.path)-1] }

// All returns the names in the tables, in the order of the page.
func (t *Table) All() []*Entry { return slices.Clone(t.entries) }
