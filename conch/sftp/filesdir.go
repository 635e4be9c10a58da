package sftp

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Mkdir makes a directory.
func (c *Files) Mkdir(ctx context.Context, name string, perm fs.FileMode) error {
	_, err := call(ctx, c, func() deferred.Deferred[filetransfer.Status] {
		return c.client.MakeDirectory(name, filetransfer.Attrs{}.WithMode(perm))
	})
	return pathError("mkdir", name, c.taken(ctx, name, err))
}

// MkdirAll makes a directory, and those above it that are not there. One that is there is no error.
func (c *Files) MkdirAll(ctx context.Context, name string, perm fs.FileMode) error {
	info, err := c.Stat(ctx, name)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return pathError("mkdir", name, syscall.ENOTDIR)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if dir := path.Dir(name); dir != name && dir != "." && dir != "/" {
		if err := c.MkdirAll(ctx, dir, perm); err != nil {
			return err
		}
	}
	if err = c.Mkdir(ctx, name, perm); err == nil {
		return nil
	}
	if info, statErr := c.Stat(ctx, name); statErr == nil && info.IsDir() { // somebody else's
		return nil
	}
	return err
}
