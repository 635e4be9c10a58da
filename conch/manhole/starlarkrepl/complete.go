package starlarkrepl

import (
	"slices"
	"strings"

	"go.starlark.net/starlark"
)

// Complete completes the name before the cursor: a name of the namespace, or a
// method or field. It calls no method.
func (i *interpreter) Complete(before, _ string) (word string, candidates []string) {
	start := strings.LastIndexFunc(before, func(r rune) bool { return !isLetter(r) && !isDigit(r) && r != '.' }) + 1
	path := strings.Split(before[start:], ".")
	word = path[len(path)-1]
	for _, name := range i.names(path[:len(path)-1]) {
		if strings.HasPrefix(name, word) {
			candidates = append(candidates, name)
		}
	}
	slices.Sort(candidates)
	return word, slices.Compact(candidates)
}

// names returns the names after a path of names: all that are known, or those of
// the value at the end of the path.
func (i *interpreter) names(path []string) []string {
	if len(path) == 0 {
		return slices.Concat(i.globals.Keys(), starlark.Universe.Keys(), keywords)
	}
	v := i.globals[path[0]]
	for _, name := range path[1:] {
		parent, ok := v.(starlark.HasAttrs)
		if !ok {
			return nil
		}
		v, _ = parent.Attr(name) // nil after an error
	}
	if v, ok := v.(starlark.HasAttrs); ok {
		return v.AttrNames()
	}
	return nil
}
