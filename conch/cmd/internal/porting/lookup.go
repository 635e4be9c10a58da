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
	return known, t.wholeOf(known)
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
		if module == s || strings.HasPrefix(module, s+".") {
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
