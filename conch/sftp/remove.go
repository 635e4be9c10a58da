package sftp

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

func (c *Files) remove(ctx context.Context, name string, dir bool) error {
	return c.status(ctx, "remove", name, func() deferred.Deferred[filetransfer.Status] {
		if dir {
			return c.client.RemoveDirectory(name)
		}
		return c.client.RemoveFile(name)
	})
}

// RemoveAll removes name and everything below. What is not there is no error. Symbolic links are removed, not followed. It removes what it can, and
// returns the first failure.
func (c *Files) RemoveAll(ctx context.Context, name string) error {
	info, err := c.Lstat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return pathError("removeall", name, errors.Unwrap(err))
	}
	return c.removeAll(ctx, name, info.IsDir(), 0)
}

// removeAll goes on after a failure, and returns the first.
func (c *Files) removeAll(ctx context.Context, name string, dir bool, depth int) (err error) {
	if dir {
		err = c.empty(ctx, name, depth)
	}
	if failed := c.remove(ctx, name, dir); err == nil && !errors.Is(failed, fs.ErrNotExist) {
		err = failed
	}
	return err
}

// empty removes what is in a directory: directories one after the other, the rest many at a time.
func (c *Files) empty(ctx context.Context, name string, depth int) error {
	if depth > MaxDepth {
		return pathError("removeall", name, ErrTooDeep)
	}
	entries, err := c.ReadDir(ctx, name)
	if err != nil {
		return err
	}
	var files []string
	for _, e := range entries {
		full := path.Join(name, e.Name())
		if !e.IsDir() {
			files = append(files, full)
		} else if failed := c.removeAll(ctx, full, true, depth+1); err == nil {
			err = failed
		}
	}
	for batch := range slices.Chunk(files, removedAtOnce) {
		if failed := c.removeFiles(ctx, batch); err == nil {
			err = failed
		}
	}
	return err
}

// removedAtOnce is how many requests to remove a file are under way at a time.
const removedAtOnce = 64

func (c *Files) removeFiles(ctx context.Context, names []string) error {
	_, err := call(ctx, c, func() deferred.Deferred[[]filetransfer.Status] {
		all := make([]deferred.Deferred[filetransfer.Status], len(names))
		for i, name := range names {
			all[i] = c.client.RemoveFile(name).AddErrback(func(err error) (filetransfer.Status, error) {
				if errors.Is(err, fs.ErrNotExist) {
					err = nil
				}
				return filetransfer.Status{}, pathError("remove", name, err)
			})
		}
		return deferred.Gather(all, deferred.ConsumeErrors)
	})
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed
	}
	return pathError("remove", path.Dir(names[0]), err)
}
