package sftp

import (
	"context"
	"io/fs"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Stat returns the attributes of what name leads to. Its Sys is the filetransfer.Attrs.
func (c *Files) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	return c.stat(ctx, "stat", name, true)
}

// Lstat is Stat for a symbolic link itself.
func (c *Files) Lstat(ctx context.Context, name string) (fs.FileInfo, error) {
	return c.stat(ctx, "lstat", name, false)
}

func (c *Files) stat(ctx context.Context, op, name string, follow bool) (fs.FileInfo, error) {
	attrs, err := c.attrs(ctx, op, name, follow)
	if err != nil {
		return nil, err
	}
	return attrs.FileInfo(name), nil
}

func (c *Files) attrs(ctx context.Context, op, name string, follow bool) (filetransfer.Attrs, error) {
	attrs, err := call(ctx, c, func() deferred.Deferred[filetransfer.Attrs] { return c.client.GetAttrs(name, follow) })
	return attrs, pathError(op, name, err)
}

// StatVFS returns how full the file system is that name is on, if the server has statvfs@openssh.com; else it fails with errors.ErrUnsupported.
func (c *Files) StatVFS(ctx context.Context, name string) (filetransfer.StatVFS, error) {
	is, err := call(ctx, c, func() deferred.Deferred[filetransfer.StatVFS] { return c.client.StatVFS(name) })
	return is, pathError("statvfs", name, err)
}

func (c *Files) setAttrs(ctx context.Context, op, name string, attrs filetransfer.Attrs) error {
	return c.status(ctx, op, name, func() deferred.Deferred[filetransfer.Status] { return c.client.SetAttrs(name, attrs) })
}

// Chmod changes the permissions of a file.
func (c *Files) Chmod(ctx context.Context, name string, mode fs.FileMode) error {
	return c.setAttrs(ctx, "chmod", name, filetransfer.Attrs{}.WithMode(mode))
}

// Chown changes the owner and the group of a file; -1 leaves one of them as it is.
func (c *Files) Chown(ctx context.Context, name string, uid, gid int) error {
	attrs := filetransfer.Attrs{}.WithOwner(uint32(uid), uint32(gid))
	if uid == -1 || gid == -1 {
		is, err := c.attrs(ctx, "chown", name, true)
		if err != nil {
			return err
		}
		if uid == -1 {
			attrs.UID = is.UID
		}
		if gid == -1 {
			attrs.GID = is.GID
		}
	}
	return c.setAttrs(ctx, "chown", name, attrs)
}

// Chtimes changes the times of a file, to the second; the zero Time leaves one of them as it is.
func (c *Files) Chtimes(ctx context.Context, name string, atime, mtime time.Time) error {
	attrs := filetransfer.Attrs{}.WithTimes(atime, mtime)
	if atime.IsZero() || mtime.IsZero() {
		is, err := c.attrs(ctx, "chtimes", name, true)
		if err != nil {
			return err
		}
		if atime.IsZero() {
			attrs.ATime = is.ATime
		}
		if mtime.IsZero() {
			attrs.MTime = is.MTime
		}
	}
	return c.setAttrs(ctx, "chtimes", name, attrs)
}

// Truncate changes the size of a file.
func (c *Files) Truncate(ctx context.Context, name string, size int64) error {
	return c.setAttrs(ctx, "truncate", name, filetransfer.Attrs{}.WithSize(uint64(size)))
}
