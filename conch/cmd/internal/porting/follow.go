package porting

import (
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/pysource"
)

// maxFollow is the number of names through which an import is followed, and of
// classes between a class and Twisted.
const maxFollow = 100

// isTwisted reports whether a dotted name belongs to Twisted.
func isTwisted(dotted string) bool {
	return dotted == "twisted" || strings.HasPrefix(dotted, "twisted.")
}

// follow returns the name of Twisted that a dotted name means, through the
// modules of the tree, or the class of the tree. It returns neither if it is
// something else.
func (r *reporter) follow(dotted string) (string, *pysource.Class) {
	return r.followOnce(dotted, make(map[string]bool))
}

// followOnce is follow, which has already been at the names in seen.
func (r *reporter) followOnce(dotted string, seen map[string]bool) (string, *pysource.Class) {
	if isTwisted(dotted) {
		return dotted, nil
	}
	f, rest := r.tree.module(dotted)
	if f == nil || rest == "" || seen[dotted] || len(seen) == maxFollow {
		return "", nil
	}
	seen[dotted] = true
	first, more, _ := strings.Cut(rest, ".")
	targets, class, known := f.Module.Name(first)
	switch {
	case class != nil && more == "":
		return "", class
	case len(targets) > 0 && more == "":
		return r.followOnce(preferred(targets), seen)
	case len(targets) > 0:
		return r.followOnce(preferred(targets)+"."+more, seen)
	case known:
		return "", nil
	}
	return r.starred(f, rest, seen)
}

// starred returns what a dotted name means that nothing in the file gives a
// meaning, if the file imports all names of some modules. Only the tables say
// which names a module of Twisted has.
func (r *reporter) starred(f *File, dotted string, seen map[string]bool) (string, *pysource.Class) {
	for _, star := range f.Module.Stars {
		name, class := r.followOnce(star.Target+"."+dotted, seen)
		if name != "" && isTwisted(star.Target) {
			if _, e := r.table.Find(name); e == nil {
				continue
			}
		}
		if name != "" || class != nil {
			return name, class
		}
	}
	return "", nil
}

// preferred returns the first of the names that is one of Twisted, or the first.
func preferred(targets []string) string {
	for _, target := range targets {
		if isTwisted(target) {
			return target
		}
	}
	return targets[0]
}

// module returns the file of the tree in whose module a dotted name is, and the
// name in the module.
func (t *Tree) module(dotted string) (*File, string) {
	name, rest := dotted, ""
	for name != "" {
		if f := t.modules[name]; f != nil {
			return f, rest
		}
		i := strings.LastIndexByte(name, '.')
		if rest == "" {
			rest = name[i+1:]
		} else {
			rest = name[i+1:] + "." + rest
		}
		name = name[:max(0, i)]
	}
	return nil, ""
}

// meaning returns the name of Twisted that a use in the file means, with the
// attributes behind it, or the class of the tree.
func (r *reporter) meaning(f *File, u *pysource.Use) (string, *pysource.Class) {
	switch {
	case u.Unbound && len(f.Module.Stars) > 0:
		return r.starred(f, strings.Join(u.Names, "."), make(map[string]bool))
	case u.From != nil:
		return r.follow(strings.Join(append([]string{preferred(u.From)}, u.Names[1:]...), "."))
	case u.Local != nil && len(u.Names) == 1:
		return "", u.Local
	}
	return "", nil
}
