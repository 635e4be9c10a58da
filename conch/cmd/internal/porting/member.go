package porting

import (
	"slices"
	"strings"
)

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
// The entry is nil if no table has the attribute. A row that names the class
// counts first, then a table that has a row for the class.
func (t *Table) Member(classes []string, name string) (string, *Entry) {
	candidates := t.candidates(name)
	for _, fits := range []func(e *Entry, class string) bool{rowNames, tableNames} {
		for _, class := range classes {
			var found *Entry
			for _, e := range candidates {
				if !area(e.table.scope, class) || !fits(e, lastPart(class)) {
					continue
				}
				// The class may have its row in the table of a neighbouring module.
				if found == nil || covers(found.table.scope, class) == 0 && covers(e.table.scope, class) > 0 {
					found = e
				}
			}
			if found != nil {
				return class, found
			}
		}
	}
	return "", nil
}

// rowNames reports whether the row of an attribute names the class.
func rowNames(e *Entry, class string) bool {
	if e.owner != "" || e.qualifier() != "" {
		return e.owner == class || e.qualifier() == class
	}
	return isPlainMember(e) && slices.Contains(e.table.rows(class), e.Line)
}

// tableNames reports whether the table of an attribute has a row for the class.
// An attribute whose own row names a class belongs to that one.
func tableNames(e *Entry, class string) bool {
	return e.owner == "" && e.qualifier() == "" && isPlainMember(e) && e.table.rows(class) != nil && !e.table.namesClass(e.Line)
}

// isPlainMember reports whether the entry may be an attribute of any class in its
// table. Private names belong to the class that the page is about.
func isPlainMember(e *Entry) bool {
	return !e.aside && !isClass(e.Name()) && !strings.HasPrefix(e.Name(), "_")
}
