package porting

import (
	"slices"

	"github.com/hawser-go/hawser/conch/cmd/internal/pysource"
)

// ancestors are the classes of Twisted from which a class derives, and the
// interfaces that it implements.
type ancestors struct {
	named []string // those that the tree names
	all   []string // also those from which these derive
}

// ancestry returns the ancestors of a class of the tree.
func (r *reporter) ancestry(c *pysource.Class) *ancestors {
	if a := r.known[c]; a != nil {
		return a
	}
	a := &ancestors{}
	r.known[c] = a // also ends a circle
	for _, u := range slices.Concat(c.Bases, c.Implements) {
		name, class := r.meaning(r.fileOf[c], &u)
		if name != "" {
			add(&a.named, name)
			add(&a.all, r.table.Ancestors(name)...)
		} else if class != nil && r.depth < maxFollow {
			r.depth++
			above := r.ancestry(class)
			r.depth--
			add(&a.named, above.named...)
			add(&a.all, above.all...)
		}
	}
	return a
}

// add adds names that the list does not have.
func add(list *[]string, names ...string) {
	for _, name := range names {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
}
