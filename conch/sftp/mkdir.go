package sftp

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Mkdir makes a directory. The server reduces perm by its umask; a server that
// refuses permissions chooses them itself.
func (c *Files) Mkdir(ctx context.Context, name string, perm fs.FileMode) error {
	err := c.mkdir(ctx, name, filetransfer.Attrs{}.WithMode(perm))
	if mayDislikePermissions(err) {
		if err = c.taken(ctx, name, err); !errors.Is(err, fs.ErrExist) {
			err = c.mkdir(ctx, name, filetransfer.Attrs{})
		}
	}
	return pathError("mkdir", name, err)
}

func (c *Files) mkdir(ctx context.Context, name string, attrs filetransfer.Attrs) error {
	_, err := call(ctx, c, func() deferred.Deferred[filetransfer.Status] { return c.client.MakeDirectory(name, attrs) })
	return err
}

// MkdirAll makes a directory, and its parents if they do not exist. It succeeds
// if the directory exists.
func (c *Files) MkdirAll(ctx context.Context, name string, perm fs.FileMode) error {
	err := c.mkdir(ctx, name, filetransfer.Attrs{}.WithMode(perm))
	if err == nil || !isStatus(err) {
		return pathError("mkdir", name, err)
	}
	if exists, err := c.existingDir(ctx, name); exists || err != nil {
		return err
	}
	if parent := path.Dir(strings.TrimRight(name, "/")); parent != "." && parent != "/" {
		if err := c.MkdirAll(ctx, parent, perm); err != nil {
			return err
		}
	}
	err = c.Mkdir(ctx, name, perm)
	if isStatus(err) { // another process may have made the directory
		if exists, _ := c.existingDir(ctx, name); exists {
			return nil
		}
	}
	return err
}

// existingDir reports whether the directory name exists. It fails if name is
// something else, or if the server cannot be asked.
func (c *Files) existingDir(ctx context.Context, name string) (bool, error) {
	attrs, err := c.attrs(ctx, "mkdir", name, true)
	switch {
	case isStatus(err): // however the server says that there is nothing
		return false, nil
	case err != nil:
		return false, err
	case !c.isDir(ctx, name, attrs):
		return false, pathError("mkdir", name, syscall.ENOTDIR)
	}
	return true, nil
}

// Remove removes a file, a symbolic link or an empty directory.
func (c *Files) Remove(ctx context.Context, name string) error {
	notFile := c.remove(ctx, name, false)
	if !isStatus(notFile) {
		return notFile
	}
	notDir := c.remove(ctx, name, true)
	if notDir == nil || !isStatus(notDir) {
		return notDir
	}
	if errors.Is(notFile, fs.ErrNotExist) && errors.Is(notDir, fs.ErrNotExist) {
		return notFile
	}
	if info, err := c.Lstat(ctx, name); err == nil && info.IsDir() {
		return notDir
	}
	return notFile
}

func (c *Files) remove(ctx context.Context, name string, dir bool) error {
	return c.status(ctx, "remove", name, func() deferred.Deferred[filetransfer.Status] {
		if dir {
			return c.client.RemoveDirectory(name)
		}
		return c.client.RemoveFile(name)
	})
}
