package sftp

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Glob returns the paths at the server that match pattern, sorted. The syntax
// is that of path.Match, for each element of the path by itself. As in a shell,
// a name that begins with a dot matches only a pattern that begins with one.
// Directories that cannot be read match nothing. Names that are not UTF-8 are
// matched byte by byte.
//
// Glob fails with path.ErrBadPattern for a malformed pattern, and with an error
// that wraps filetransfer.ErrTooManyEntries if the paths take more than 64 MiB.
func (s *Client) Glob(pattern string) deferred.Deferred[[]string] {
	return deferred.Inline(func(co *deferred.Coro) ([]string, error) {
		parts := strings.FieldsFunc(pattern, func(r rune) bool { return r == '/' })
		for _, part := range parts {
			if _, err := path.Match(part, ""); err != nil {
				return nil, err
			}
		}
		if pattern == "" {
			return nil, nil
		}
		g := &glob{s: s}
		found := []string{""}
		if pattern[0] == '/' {
			found[0] = "/"
		}
		for _, part := range parts {
			g.found = nil
			for _, dir := range found {
				if err := g.expand(co, dir, part); err != nil {
					return nil, err
				}
			}
			found = g.found
		}
		return deferred.Await(co, threaded(&taskQueue{loop: s.loop}, func() ([]string, error) {
			slices.Sort(found)
			return found, nil
		}, nil))
	})
}

// Glob is [Client.Glob] for goroutines.
func (c *Files) Glob(ctx context.Context, pattern string) ([]string, error) {
	return call(ctx, c, func() deferred.Deferred[[]string] { return c.session.Glob(pattern) })
}

// glob is a Glob in progress.
type glob struct {
	s     *Client
	found []string
	size  int // of all paths found so far, in bytes
}

// expand adds what part matches in the directory dir.
func (g *glob) expand(co *deferred.Coro, dir, part string) error {
	if !strings.ContainsAny(part, `*?[\`) {
		name := below(dir, part)
		_, err := deferred.Await(co, g.s.GetAttrs(name, false))
		if err == nil {
			return g.add(name)
		}
		return g.fatal(err)
	}
	d := &dirReader{s: g.s, name: dir}
	defer d.close()
	for {
		entries, err := d.next(co, true)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return g.fatal(err)
		}
		for _, e := range entries {
			hidden := strings.HasPrefix(e.Filename, ".") && !strings.HasPrefix(part, ".")
			if matches, _ := path.Match(part, e.Filename); matches && !hidden { // the pattern is well formed
				if err := g.add(below(dir, strings.Clone(e.Filename))); err != nil {
					return err
				}
			}
		}
	}
}

func (g *glob) add(name string) error {
	if g.size += len(name) + 64; g.size > cmp.Or(g.s.MaxDirectorySize, maxListing) {
		return tooManyEntries(path.Dir(name))
	}
	g.found = append(g.found, name)
	return nil
}

// fatal returns err if it is not about one directory.
func (g *glob) fatal(err error) error {
	if isCancelled(err) || g.s.Lost() != nil || errors.Is(err, filetransfer.ErrTooManyEntries) {
		return err
	}
	return nil
}
