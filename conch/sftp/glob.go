package sftp

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// maxDirectoryEntries is the maximum number of entries of one directory.
const maxDirectoryEntries = 1 << 20

// Match is a path that a pattern matches.
type Match struct {
	Path string
	// Attrs are those of the file itself, of a symbolic link those of the link. There are none if the last part of the pattern is a plain
	// name.
	Attrs filetransfer.Attrs
}

// Glob fires with the paths at the server that match pattern, sorted: the syntax is that of path.Match, for each part between slashes by itself.
// As in a shell, names that begin with a dot are matched only by patterns that do. Directories that cannot be read match nothing; a malformed
// pattern fails with path.ErrBadPattern. Names of any bytes are matched byte by byte where they are not UTF-8.
func Glob(c *filetransfer.FileTransferClient, pattern string) deferred.Deferred[[]Match] {
	return deferred.Inline(func(co *deferred.Coro) ([]Match, error) {
		parts := strings.FieldsFunc(pattern, func(r rune) bool { return r == '/' })
		for _, part := range parts {
			if _, err := path.Match(part, ""); err != nil {
				return nil, err
			}
		}
		if pattern == "" {
			return nil, nil
		}
		found := []Match{{Path: ""}}
		if pattern[0] == '/' {
			found[0].Path = "/"
		}
		for _, part := range parts {
			var err error
			if found, err = expand(co, c, found, part); err != nil {
				return nil, err
			}
		}
		slices.SortFunc(found, func(a, b Match) int { return strings.Compare(a.Path, b.Path) })
		return found, nil
	})
}

// expand returns what part matches in each of the directories.
func expand(co *deferred.Coro, c *filetransfer.FileTransferClient, dirs []Match, part string) ([]Match, error) {
	plain := !strings.ContainsAny(part, `*?[\`)
	var found []Match
	var nameBudget nameBudget
	for _, dir := range dirs {
		var err error
		if plain {
			var exists bool
			name := path.Join(dir.Path, part)
			if exists, err = isThere(co, c, name); exists {
				found = append(found, Match{Path: name})
			}
		} else {
			found, err = matches(co, c, dir.Path, part, found, &nameBudget)
		}
		if isCancelled(err) || c.Lost() != nil || errors.Is(err, filetransfer.ErrTooManyEntries) || err == ErrTooManyNames {
			return nil, err
		}
	}
	return found, nil
}

func isThere(co *deferred.Coro, c *filetransfer.FileTransferClient, name string) (bool, error) {
	_, err := deferred.Await(co, c.GetAttrs(name, false))
	return err == nil, err
}

// matches adds to found what part matches in the directory dir.
func matches(co *deferred.Coro, c *filetransfer.FileTransferClient, dir, part string, found []Match, nameBudget *nameBudget) ([]Match, error) {
	name := dir
	if name == "" {
		name = "."
	}
	err := eachEntry(co, c, name, func(e filetransfer.Entry) error {
		hidden := strings.HasPrefix(e.Filename, ".") && !strings.HasPrefix(part, ".")
		if ok, _ := path.Match(part, e.Filename); !ok || hidden || notBelow(e.Filename) {
			return nil // the pattern is known to be well formed
		}
		if len(found) == maxDirectoryEntries {
			return &filetransfer.OpError{Op: "glob", Path: dir, Err: filetransfer.ErrTooManyEntries}
		}
		m := Match{path.Join(dir, e.Filename), e.Attrs}
		found = append(found, m)
		return nameBudget.keep(m.Path)
	})
	return found, err
}

// notBelow reports whether an entry is not the name of something in the directory.
func notBelow(name string) bool {
	return name == "" || name == "." || name == ".." || strings.Contains(name, "/")
}

// Walk calls f for root, if it is there, and for everything below, in no particular order but directories before what is in them, one call at a
// time, on the loop. Symbolic links are reported, not followed; entries that are no names are left out. If f returns fs.SkipDir for a directory that is left out, and with fs.SkipAll
// the walk ends; any other error ends it, too, and is what the Deferred fails with. A directory that cannot be read is given to f a second time,
// with the error.
func Walk(c *filetransfer.FileTransferClient, root string, f func(path string, e filetransfer.Entry, err error) error) deferred.Deferred[struct{}] {
	return deferred.Inline(func(co *deferred.Coro) (struct{}, error) {
		attrs, err := deferred.Await(co, c.GetAttrs(root, false))
		if err != nil {
			return struct{}{}, err
		}
		w := &walk{client: c, f: f}
		err = w.visit(root, filetransfer.Entry{Filename: path.Base(root), Attrs: attrs}, 0)
		for err == nil && len(w.stack) > 0 {
			next := w.stack[len(w.stack)-1]
			w.stack = w.stack[:len(w.stack)-1]
			w.nameBudget.drop(next.path, next.entry.Filename, next.entry.Longname())
			err = w.list(co, next)
		}
		if err == fs.SkipAll || err == fs.SkipDir { // the second one for a root that is no directory
			err = nil
		}
		return struct{}{}, err
	})
}

// walk is a Walk under way.
type walk struct {
	client     *filetransfer.FileTransferClient
	f          func(path string, e filetransfer.Entry, err error) error
	stack      []visited  // directories to be listed
	nameBudget nameBudget // by the stack
}

type visited struct {
	path  string
	entry filetransfer.Entry
	depth int
}

func (w *walk) visit(name string, e filetransfer.Entry, depth int) error {
	err := w.f(name, e, nil)
	switch {
	case err == fs.SkipDir && e.Attrs.FileMode().IsDir():
		return nil
	case err == fs.SkipDir:
		return fs.SkipDir
	case err == nil && e.Attrs.FileMode().IsDir():
		if err = w.nameBudget.keep(name, e.Filename, e.Longname()); err != nil {
			return err
		}
		w.stack = append(w.stack, visited{name, e, depth})
	}
	return err
}

func (w *walk) list(co *deferred.Coro, dir visited) error {
	if dir.depth > MaxDepth {
		return ErrTooDeep
	}
	var user error
	err := eachEntry(co, w.client, dir.path, func(e filetransfer.Entry) error {
		if notBelow(e.Filename) {
			return nil
		}
		name := path.Join(dir.path, e.Filename)
		if !e.Attrs.Has(filetransfer.AttrPermissions) {
			attrs, err := deferred.Await(co, w.client.GetAttrs(name, false))
			if isCancelled(err) || w.client.Lost() != nil {
				return err
			}
			if err == nil {
				e.Attrs = attrs
			}
		}
		user = w.visit(name, e, dir.depth+1)
		return user
	})
	if user == nil && err != nil && !isCancelled(err) && w.client.Lost() == nil {
		err = w.f(dir.path, dir.entry, err)
	}
	if err == fs.SkipDir {
		return nil // of the rest of this directory
	}
	return err
}
