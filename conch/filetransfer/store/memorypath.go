package store

import (
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// place is where a path leads: a name in a directory, with a node or nil.
type place struct {
	dir  *node
	name string // "" for the top
	n    *node
	path string // absolute, without links
}

// find follows a path. The last component may be missing. The caller holds the
// lock.
func (m *Memory) find(p string, followLast bool) (place, error) {
	if p == "" {
		return place{}, syscall.ENOENT
	}
	if len(p) >= maxPath {
		return place{}, syscall.ENAMETOOLONG
	}
	followLast = followLast || mustBeDirectory(p)
	stack := []place{{n: m.top, path: "/"}}
	rest := components(p)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		here := stack[len(stack)-1]
		switch {
		case here.n == nil:
			return place{}, syscall.ENOENT
		case !here.n.mode.IsDir():
			return place{}, syscall.ENOTDIR
		case name == "" || name == ".":
			continue
		case name == "..":
			stack = stack[:max(1, len(stack)-1)]
			continue
		case len(name) > 255:
			return place{}, syscall.ENAMETOOLONG
		}
		n := here.n.entries[name]
		if n == nil || n.mode.Type() != fs.ModeSymlink || len(rest) == 0 && !followLast {
			stack = append(stack, place{dir: here.n, name: name, n: n, path: path.Join(here.path, name)})
			continue
		}
		if links++; links > maxLinks {
			return place{}, syscall.ELOOP
		}
		if strings.HasPrefix(n.target, "/") {
			stack = stack[:1]
		}
		rest = append(components(n.target), rest...)
	}
	found := stack[len(stack)-1]
	if mustBeDirectory(p) && found.n != nil && !found.n.mode.IsDir() {
		return place{}, syscall.ENOTDIR
	}
	return found, nil
}

// existing is find for what must be there.
func (m *Memory) existing(p string, followLast bool) (place, error) {
	found, err := m.find(p, followLast)
	if err == nil && found.n == nil {
		err = syscall.ENOENT
	}
	return found, err
}

// vacant is find for what must not be there.
func (m *Memory) vacant(p string) (place, error) {
	found, err := m.find(p, false)
	if err == nil && found.n != nil {
		err = syscall.EEXIST
	}
	return found, err
}
