package sftp

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// ReadDir returns the entries of a directory, sorted by name, without "." and "..".
func (c *Files) ReadDir(ctx context.Context, name string) ([]fs.DirEntry, error) {
	entries, err := call(ctx, c, func() deferred.Deferred[[]filetransfer.Entry] { return c.list(name) })
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	found := make([]fs.DirEntry, 0, len(entries))
	for _, e := range entries {
		if e.Filename == "" || e.Filename == "." || e.Filename == ".." || strings.Contains(e.Filename, "/") {
			continue
		}
		if !e.Attrs.Has(filetransfer.AttrPermissions) { // then it is not known what it is
			attrs, err := c.attrs(ctx, "lstat", path.Join(name, e.Filename), false)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			e.Attrs = attrs
		}
		found = append(found, fs.FileInfoToDirEntry(e.FileInfo()))
	}
	slices.SortFunc(found, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return found, nil
}

func (c *Files) list(name string) deferred.Deferred[[]filetransfer.Entry] {
	return deferred.ThenDeferred(c.client.OpenDirectory(name), func(d *filetransfer.ClientDirectory) deferred.Deferred[[]filetransfer.Entry] {
		return d.ReadAll().AddBoth(func(entries []filetransfer.Entry, err error) ([]filetransfer.Entry, error) {
			d.Close().AddErrback(ignore) // everything was read, or it does not matter
			return entries, err
		})
	})
}

// WalkDir calls f for root and everything below, in lexical order, as filepath.WalkDir does. Symbolic links are not followed.
func (c *Files) WalkDir(ctx context.Context, root string, f fs.WalkDirFunc) error {
	info, err := c.Lstat(ctx, root)
	if err != nil {
		err = f(root, nil, err)
	} else {
		err = c.walk(ctx, root, fs.FileInfoToDirEntry(info), f, 0)
	}
	if err == fs.SkipDir || err == fs.SkipAll {
		return nil
	}
	return err
}

func (c *Files) walk(ctx context.Context, name string, d fs.DirEntry, f fs.WalkDirFunc, depth int) error {
	if err := f(name, d, nil); err != nil || !d.IsDir() {
		if err == fs.SkipDir && d.IsDir() {
			return nil
		}
		return err
	}
	entries, err := c.ReadDir(ctx, name)
	if err == nil && depth > MaxDepth {
		err = pathError("readdir", name, ErrTooDeep)
	}
	if err != nil {
		if err = f(name, d, err); err != nil {
			if err == fs.SkipDir {
				return nil
			}
			return err
		}
	}
	for _, e := range entries {
		if err := c.walk(ctx, path.Join(name, e.Name()), e, f, depth+1); err != nil {
			if err == fs.SkipDir {
				return nil
			}
			return err
		}
	}
	return nil
}

// Glob returns the paths that match pattern, see [Glob].
func (c *Files) Glob(ctx context.Context, pattern string) ([]string, error) {
	found, err := call(ctx, c, func() deferred.Deferred[[]Match] { return Glob(c.client, pattern) })
	var names []string
	for _, m := range found {
		names = append(names, m.Path)
	}
	return names, err
}
