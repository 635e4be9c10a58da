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
