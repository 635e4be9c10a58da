package porting

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/pysource"
)

// maxPlaces is the number of places that are kept of each name.
const maxPlaces = 1000

// Report says what a port of a tree will meet.
type Report struct {
	Names      []*Name   `json:"names"`      // of Twisted, known exactly
	Attributes []*Name   `json:"attributes"` // of objects of unknown type, which are spelled as in the tables
	Classes    []*Class  `json:"classes"`    // that derive from Twisted's
	Problems   []Problem `json:"problems"`   // files that were not read, or not to their end
	Summary    Summary   `json:"summary"`
}

// Name is a name of Twisted in the tree.
type Name struct {
	Name       string   `json:"name"`
	Status     Status   `json:"status"`
	Go         string   `json:"go,omitempty"`
	Package    string   `json:"package,omitempty"`
	Difference string   `json:"difference,omitempty"`
	Line       int      `json:"line,omitempty"` // of docs/from-twisted.md
	Uses       int      `json:"uses"`           // without imports
	Imports    int      `json:"imports"`
	Places     []string `json:"places"` // of the uses: file and line; at most 1,000
}

// Class is a class of the tree.
type Class struct {
	Name  string  `json:"name"`
	Place string  `json:"place"`
	Bases []*Name `json:"bases"` // the classes and interfaces of Twisted; Uses is 0
	Hooks []*Hook `json:"hooks"` // what it replaces of them
	Own   int     `json:"own"`   // the number of its other methods and attributes
}

// Hook is a method or an attribute of Twisted that a class replaces.
type Hook struct {
	Name       string `json:"name"`
	Class      string `json:"class"` // of Twisted
	Line       int    `json:"line"`  // of the file
	Method     bool   `json:"method"`
	Status     Status `json:"status"`
	Go         string `json:"go,omitempty"`
	Package    string `json:"package,omitempty"`
	Difference string `json:"difference,omitempty"`
}

// Count is a number of names, and of their uses.
type Count struct {
	Names int `json:"names"`
	Uses  int `json:"uses"`
}

// Summary counts what is in a Report.
type Summary struct {
	Files      int              `json:"files"`
	Lines      int              `json:"lines"`
	Names      map[Status]Count `json:"names"`
	Attributes map[Status]Count `json:"attributes"`
	Classes    int              `json:"classes"`
	Hooks      map[Status]Count `json:"hooks"`
}

// HasMissing reports whether something of Twisted has no Go name.
func (r *Report) HasMissing() bool {
	for _, list := range [][]*Name{r.Names, r.Attributes} {
		for _, n := range list {
			if !n.Status.HasGoName() {
				return true
			}
		}
	}
	return slices.ContainsFunc(r.Classes, func(c *Class) bool {
		return slices.ContainsFunc(c.Hooks, func(h *Hook) bool { return !h.Status.HasGoName() })
	})
}

// reporter makes a report.
type reporter struct {
	table      *Table
	tree       *Tree
	names      map[string]*Name
	attributes map[string]*Name
	known      map[*pysource.Class]*ancestors
	fileOf     map[*pysource.Class]*File
	depth      int
}

// NewReport compares the tree with the tables.
func NewReport(table *Table, tree *Tree) *Report {
	r := &reporter{table: table, tree: tree, names: make(map[string]*Name), attributes: make(map[string]*Name),
		known: make(map[*pysource.Class]*ancestors), fileOf: make(map[*pysource.Class]*File)}
	for _, f := range tree.Files {
		for _, c := range f.Module.Classes {
			r.fileOf[c] = f
		}
	}
	report := &Report{Problems: append([]Problem{}, tree.Problems...), Classes: []*Class{}}
	for _, f := range tree.Files {
		r.file(f)
		for _, c := range f.Module.Classes {
			if described := r.class(f, c); described != nil {
				report.Classes = append(report.Classes, described)
			}
		}
	}
	report.Names = sorted(r.names)
	report.Attributes = sorted(r.attributes)
	report.Summary = r.summary(report)
	return report
}

// sorted returns the names in the order of the alphabet.
func sorted(names map[string]*Name) []*Name {
	return append([]*Name{}, slices.SortedFunc(maps.Values(names), func(a, b *Name) int { return cmp.Compare(a.Name, b.Name) })...)
}

// file counts the names in a file.
func (r *reporter) file(f *File) {
	modules := r.modules(f)
	for _, i := range f.Module.Imports {
		if isTwisted(i.Target) {
			r.imported(i.Target)
		}
	}
	for i := range f.Module.Uses {
		u := &f.Module.Uses[i]
		at := fmt.Sprintf("%s:%d", f.Path, u.Line)
		rest, receiver := u.Names[1:], u.Names[0]
		if name, _ := r.meaning(f, u); name != "" {
			known, e := r.table.Find(name)
			if e != nil || !r.table.modules[known] {
				r.count(r.names, known, e, at)
			}
			rest = strings.Split(name[len(known):], ".")[1:]
			receiver = lastPart(known)
		} else if len(rest) > 0 && u.Self != nil {
			if class, e := r.table.Member(r.ancestry(u.Self).all, rest[0]); e != nil {
				r.count(r.names, class+"."+rest[0], e, at)
				rest, receiver = rest[1:], rest[0]
			}
		}
		for _, attribute := range rest {
			if len(modules) > 0 {
				if e := r.table.Attribute(receiver, attribute, modules); e != nil {
					r.count(r.attributes, attribute, e, at)
				}
			}
			receiver = attribute
		}
	}
}

// modules returns the modules of Twisted that a file imports, also through
// classes of the tree.
func (r *reporter) modules(f *File) map[string]bool {
	found := make(map[string]bool)
	add := func(name string) {
		parts := strings.Split(name, ".")
		if n := r.table.modulePart(parts); n > 1 {
			found[strings.Join(parts[:n], ".")] = true
		}
	}
	for _, i := range slices.Concat(f.Module.Imports, f.Module.Stars) {
		if name, class := r.follow(i.Target); name != "" {
			add(name)
		} else if class != nil {
			for _, name := range r.ancestry(class).all {
				add(name)
			}
		}
	}
	return found
}

// imported counts an import, unless it is one of a module.
func (r *reporter) imported(name string) {
	known, e := r.table.Find(name)
	if e == nil && r.table.modules[name] {
		return
	}
	r.add(r.names, known, e).Imports++
}

// count counts a use.
func (r *reporter) count(names map[string]*Name, name string, e *Entry, place string) {
	n := r.add(names, name, e)
	if n.Uses++; len(n.Places) < maxPlaces {
		n.Places = append(n.Places, place)
	}
}

// add returns the record of a name, a new one if there is none.
func (r *reporter) add(names map[string]*Name, name string, e *Entry) *Name {
	n := names[name]
	if n == nil {
		n = newName(name, e)
		names[name] = n
	}
	return n
}

func newName(name string, e *Entry) *Name {
	n := &Name{Name: name, Status: Unknown, Places: []string{}}
	if e != nil {
		n.Status, n.Go, n.Package, n.Difference, n.Line = e.Status, e.Go, e.Package, e.Difference, e.Line
	}
	return n
}

// class describes a class, or returns nil if it does not derive from Twisted.
func (r *reporter) class(f *File, c *pysource.Class) *Class {
	a := r.ancestry(c)
	if len(a.all) == 0 {
		return nil
	}
	described := &Class{Name: c.Name, Place: fmt.Sprintf("%s:%d", f.Path, c.Line), Hooks: []*Hook{}}
	for _, name := range a.named {
		_, e := r.table.Find(name)
		described.Bases = append(described.Bases, newName(name, e))
	}
	seen := make(map[string]bool)
	for _, m := range c.Members {
		if seen[m.Name] {
			continue
		}
		seen[m.Name] = true
		class, e := r.table.Member(a.all, m.Name)
		if e == nil {
			described.Own++
			continue
		}
		described.Hooks = append(described.Hooks, &Hook{m.Name, class, m.Line, m.Method, e.Status, e.Go, e.Package, e.Difference})
	}
	return described
}

// summary counts what is in the report.
func (r *reporter) summary(report *Report) Summary {
	s := Summary{Files: len(r.tree.Files), Names: count(report.Names), Attributes: count(report.Attributes), Classes: len(report.Classes),
		Hooks: make(map[Status]Count)}
	for _, f := range r.tree.Files {
		s.Lines += f.Lines
	}
	kinds := make(map[string]bool)
	for _, c := range report.Classes {
		for _, h := range c.Hooks {
			n := s.Hooks[h.Status]
			n.Uses++
			if !kinds[h.Class+h.Name] {
				kinds[h.Class+h.Name] = true
				n.Names++
			}
			s.Hooks[h.Status] = n
		}
	}
	return s
}

// count counts names that are used, by status. Names that are only imported
// have no uses.
func count(names []*Name) map[Status]Count {
	counts := make(map[Status]Count)
	for _, n := range names {
		c := counts[n.Status]
		c.Names++
		c.Uses += n.Uses
		counts[n.Status] = c
	}
	return counts
}
