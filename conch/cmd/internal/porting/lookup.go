package porting

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Find returns what the tables say about a dotted name, which begins with
// "twisted". The name may have attributes behind it: Find returns the part of it
// that is a name of Twisted. The entry is nil if no table has it.
func (t *Table) Find(dotted string) (known string, e *Entry) {
	parts := strings.Split(dotted, ".")
	n := t.modulePart(parts)
	module, path := strings.Join(parts[:n], "."), parts[n:]
	if len(path) == 0 { // a module, which only the reactor has as an object
		if strings.HasSuffix(module, "reactor") {
			e = t.best(strings.Join(parts[:n-1], "."), parts[n-1:])
		}
		return dotted, e
	}
	if len(path) > 1 {
		if e := t.best(module, path[:2]); e != nil {
			return module + "." + path[0] + "." + path[1], e
		}
		if class := module + "." + path[0]; t.best(module, path[:1]) != nil {
			if _, e := t.Member(t.Ancestors(class), path[1]); e != nil {
				return class + "." + path[1], e
			}
		}
	}
	known = module + "." + path[0]
	if e := t.best(module, path[:1]); e != nil {
		return known, e
	}
	if e := t.byMembers(module, path[0]); e != nil {
		return known, e
	}
	return known, t.wholeOf(module)
}

// byMembers returns an entry for a class of which the tables have only members,
// or nil.
func (t *Table) byMembers(module, class string) *Entry {
	if !isClass(class) {
		return nil
	}
	for _, e := range t.entries {
		if e.qualifier() == class && covers(e.table.scope, module) > 0 {
			made := *e
			made.path = []string{class}
			if e.Status.HasGoName() {
				made.Status, made.Go = Differs, "see its members, such as "+e.Name()+": "+e.Go
			}
			return &made
		}
	}
	return nil
}

// wholeOf returns the entry of a module that has no table, or of one around it.
func (t *Table) wholeOf(module string) *Entry {
	for ; module != ""; module = module[:max(0, strings.LastIndexByte(module, '.'))] {
		if e := t.whole[module]; e != nil {
			return e
		}
	}
	return nil
}

// modulePart returns the number of parts that name a module.
func (t *Table) modulePart(parts []string) int {
	for n := len(parts); n > 1; n-- {
		if t.modules[strings.Join(parts[:n], ".")] {
			return n
		}
	}
	return 1
}

// best returns the entry that fits a name of a module best, or nil. The path is
// the name alone, or a class and a member.
func (t *Table) best(module string, path []string) *Entry {
	last := path[len(path)-1]
	full := append(strings.Split(module, "."), path...)
	var found *Entry
	rank := 0
	for _, e := range t.candidates(last) {
		if !fits(e, full, path) {
			continue
		}
		r := 1000*covers(e.table.scope, module) + 100*len(e.path) + 1
		if r < 1000 && !(len(path) == 1 && isClass(last) && area(e.table.scope, module)) {
			continue // a name that its module has from another one is the name of a class
		}
		if e.prefix != "" {
			r -= 50
		}
		if r > rank {
			found, rank = e, r
		}
	}
	return found
}

// candidates returns the entries for a name without its module, patterns last. Of
// those that fit equally well the first one counts, as for a reader of the page.
func (t *Table) candidates(name string) []*Entry {
	found := slices.Clone(t.byName[name])
	for _, e := range t.pattern {
		if strings.HasPrefix(name, e.prefix) && len(name) > len(e.prefix) {
			found = append(found, e)
		}
	}
	return found
}

// fits reports whether the entry may mean the name. The page may say less of the
// name than the program, but nothing else.
func fits(e *Entry, full, path []string) bool {
	if e.owner != "" {
		return len(path) == 2 && path[0] == e.owner || len(path) == 1 && e.owner == e.table.owner
	}
	if len(path) == 2 && len(e.path) < 2 {
		return false
	}
	if len(e.path) > len(full) {
		return false
	}
	before := e.path[:len(e.path)-1]
	if slices.Equal(before, full[len(full)-1-len(before):len(full)-1]) {
		return true
	}
	return len(before) == 1 && len(path) == 1 && isClass(path[0]) && !isClass(before[0]) // imported by another module
}

// covers returns the length of the longest module in scope that module is or is
// below, or 0.
func covers(scope []string, module string) int {
	longest := 0
	for _, s := range scope {
		if module == s || strings.HasPrefix(module, s+".") || s == module+"."+lastPart(s) && strings.HasSuffix(s, ".reactor") {
			longest = max(longest, len(s))
		}
	}
	return longest
}

func lastPart(dotted string) string { return dotted[strings.LastIndexByte(dotted, '.')+1:] }

// area reports whether one of the modules in scope belongs to the same part of
// Twisted as module: twisted.conch, twisted.internet and so on.
func area(scope []string, module string) bool {
	return slices.ContainsFunc(scope, func(s string) bool { return areaOf(s) == areaOf(module) })
}

func areaOf(module string) string {
	parts := strings.SplitN(module, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// isClass reports whether a name looks like that of a class.
func isClass(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return unicode.IsUpper(r)
}

// Ancestors returns the classes of Twisted from which a class of Twisted
// derives, itself included, the nearest first.
func (t *Table) Ancestors(class string) []string {
	found := []string{class}
	for i := 0; i < len(found); i++ {
		for _, base := range t.bases[found[i]] {
			if !slices.Contains(found, base) {
				found = append(found, base)
			}
		}
	}
	return found
}

// Member returns the entry of an attribute of one of the classes, and the class.
// The entry is nil if no table has the attribute.
func (t *Table) Member(classes []string, name string) (string, *Entry) {
	candidates := t.candidates(name)
	for _, class := range classes {
		var found *Entry
		rank := 0
		for _, e := range candidates {
			if r := memberRank(e, class, name); r > rank {
				found, rank = e, r
			}
		}
		if found != nil {
			return class, found
		}
	}
	return "", nil
}

// memberRank says how well an entry fits an attribute of a class; 0 means that
// it does not. The row may name the class, or the table may have a row for it.
// Classes may have their row in the table of a neighbouring module.
func memberRank(e *Entry, class, name string) int {
	short := lastPart(class)
	rank := 0
	switch {
	case !area(e.table.scope, class):
		return 0
	case e.owner == short || e.qualifier() == short:
		rank = 40
	case e.owner != "" || len(e.path) > 1 || e.aside || isClass(e.Name()) || strings.HasPrefix(name, "_") || !e.table.classes[short]:
		return 0
	default:
		rank = 20
	}
	if covers(e.table.scope, class) > 0 {
		rank += 10
	}
	return rank
}

// receivers are the usual names of objects, with the modules that their
// attributes are looked for in.
var receivers = map[string][]string{
	"reactor":    {"twisted.internet.reactor"},
	"transport":  {"twisted.conch.ssh.transport", "twisted.conch.telnet", "twisted.internet.interfaces"},
	"conn":       {"twisted.conch.ssh.connection"},
	"connection": {"twisted.conch.ssh.connection"},
	"channel":    {"twisted.conch.ssh.channel"},
	"session":    {"twisted.conch.ssh.channel"},
	"terminal":   {"twisted.conch.insults.insults"},
	"portal":     {"twisted.cred"},
	"factory":    {"twisted.internet.protocol"},
	"protocol":   {"twisted.internet.protocol"},
	"proto":      {"twisted.internet.protocol"},
	"d":          {"twisted.internet.defer"},
	"deferred":   {"twisted.internet.defer"},
	"defer":      {"twisted.internet.defer"},
}

// Attribute returns the entry for an attribute of an object whose type is not
// known, or nil. Receiver is the name of the object, or empty. Modules are those
// that the program imports. A name that is a word of plain English counts only
// if the receiver has one of the usual names.
func (t *Table) Attribute(receiver, name string, modules map[string]bool) *Entry {
	preferred := receivers[strings.TrimLeft(receiver, "_")]
	if preferred == nil && strings.HasSuffix(strings.ToLower(receiver), "deferred") {
		preferred = receivers["d"]
	}
	var found *Entry
	rank := 0
	for _, e := range t.candidates(name) {
		if isClass(e.Name()) || e.prefix != "" {
			continue
		}
		r := 0
		for _, s := range preferred {
			if covers(e.table.scope, s) > 0 && (s != "twisted.conch.ssh.transport" && s != "twisted.conch.telnet" || modules[s]) {
				r = 100
			}
		}
		if isDistinct(name) {
			r += relation(e.table.scope, modules)
		}
		if r > 0 && e.aside {
			r = 1
		}
		if r > rank {
			found, rank = e, r
		}
	}
	return found
}

// isDistinct reports whether a name is hardly used outside of Twisted: methods
// are written in mixed case there.
func isDistinct(name string) bool {
	return !strings.HasPrefix(name, "_") && strings.ToLower(name) != name || strings.Contains(strings.Trim(name, "_"), "_")
}

// relation says how near the modules of a table are to those that the program
// imports; 0 means that they have nothing to do with each other.
func relation(scope []string, modules map[string]bool) int {
	near := 0
	for _, s := range scope {
		switch {
		case modules[s]:
			return 30
		case s == "twisted.internet" || strings.HasPrefix(s, "twisted.internet."):
			near = max(near, 10)
		}
		for m := range modules {
			if strings.HasPrefix(m, s+".") {
				near = max(near, 25)
			} else if areaOf(m) == areaOf(s) {
				near = max(near, 20)
			}
		}
	}
	return near
}
