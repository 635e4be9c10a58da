package porting

import (
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/pysource"
)

// maxFollow is the number of modules through which an import is followed, and
// of classes between a class and Twisted.
const maxFollow = 32

// isTwisted reports whether a dotted name belongs to Twisted.
func isTwisted(dotted string) bool {
	return dotted == "twisted" || strings.HasPrefix(dotted, "twisted.")
}

// follow returns the name of Twisted that a dotted name means, through the
// modules of the tree, or the class of the tree. It returns neither if it is
// something else.
func (t *Tree) follow(dotted string) (string, *pysource.Class) {
	for range maxFollow {
		if isTwisted(dotted) {
			return dotted, nil
		}
		f, rest := t.module(dotted)
		if f == nil || rest == "" {
			return "", nil
		}
		first, more, _ := strings.Cut(rest, ".")
		targets, class := f.Module.Name(first)
		if class != nil && more == "" {
			return "", class
		}
		if len(targets) == 0 {
			return "", nil
		}
		dotted = preferred(targets)
		if more != "" {
			dotted += "." + more
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

// meaning returns the name of Twisted that a use means, or the class of the tree.
func (t *Tree) meaning(u *pysource.Use) (string, *pysource.Class) {
	switch {
	case u.From != nil:
		return t.follow(strings.Join(append([]string{preferred(u.From)}, u.Names[1:]...), "."))
	case u.Local != nil && len(u.Names) == 1:
		return "", u.Local
	}
	return "", nil
}
