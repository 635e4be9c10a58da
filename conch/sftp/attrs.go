package sftp

import (
	"context"
	"io/fs"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Stat returns the attributes of a file, and follows symbolic links. Their Sys
// is the filetransfer.Attrs.
func (c *Files) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	return c.stat(ctx, "stat", name, true)
}

// Lstat is like Stat, but returns the attributes of a symbolic link itself.
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

// isDir reports whether name, which has the given attributes, is a directory.
// If the attributes lack the type, isDir tries to open a directory.
func (c *Files) isDir(ctx context.Context, name string, attrs filetransfer.Attrs) bool {
	if hasType(attrs) {
		return attrs.FileMode().IsDir()
	}
	_, err := call(ctx, c, func() deferred.Deferred[filetransfer.Status] {
		return deferred.ThenDeferred(c.client.OpenDirectory(name), (*filetransfer.ClientDirectory).Close)
	})
	return err == nil
}

// StatVFS returns the size and the free space of the file system that name is
// on. It fails with errors.ErrUnsupported at servers without
// statvfs@openssh.com.
func (c *Files) StatVFS(ctx context.Context, name string) (filetransfer.StatVFS, error) {
	usage, err := call(ctx, c, func() deferred.Deferred[filetransfer.StatVFS] { return c.client.StatVFS(name) })
	return usage, pathError("statvfs", name, err)
}

func (c *Files) setAttrs(ctx context.Context, op, name string, attrs filetransfer.Attrs) error {
	return c.status(ctx, op, name, func() deferred.Deferred[filetransfer.Status] { return c.client.SetAttrs(name, attrs) })
}

// Chmod changes the permissions of a file.
func (c *Files) Chmod(ctx context.Context, name string, mode fs.FileMode) error {
	return c.setAttrs(ctx, "chmod", name, filetransfer.Attrs{}.WithMode(mode))
}

// Chown changes the owner and the group of a file. A value of -1 keeps the
// owner or the group; the protocol can only set both, so Chown asks for it
// first.
func (c *Files) Chown(ctx context.Context, name string, uid, gid int) error {
	attrs := filetransfer.Attrs{}.WithOwner(uint32(uid), uint32(gid))
	if uid == -1 || gid == -1 {
		old, err := c.oldAttrs(ctx, "chown", name, filetransfer.AttrUIDGID)
		if err != nil {
			return err
		}
		if uid == -1 {
			attrs.UID = old.UID
		}
		if gid == -1 {
			attrs.GID = old.GID
		}
	}
	return c.setAttrs(ctx, "chown", name, attrs)
}

// Chtimes changes the times of a file, in whole seconds. The zero Time keeps a
// time; the protocol can only set both, so Chtimes asks for it first.
func (c *Files) Chtimes(ctx context.Context, name string, atime, mtime time.Time) error {
	attrs := filetransfer.Attrs{}.WithTimes(atime, mtime)
	if atime.IsZero() || mtime.IsZero() {
		old, err := c.oldAttrs(ctx, "chtimes", name, filetransfer.AttrACModTime)
		if err != nil {
			return err
		}
		if atime.IsZero() {
			attrs.ATime = old.ATime
		}
		if mtime.IsZero() {
			attrs.MTime = old.MTime
		}
	}
	return c.setAttrs(ctx, "chtimes", name, attrs)
}

// oldAttrs returns the attributes of a file, of which some have to be present.
func (c *Files) oldAttrs(ctx context.Context, op, name string, needed filetransfer.AttrFlags) (filetransfer.Attrs, error) {
	attrs, err := c.attrs(ctx, op, name, true)
	if err == nil && !attrs.Has(needed) {
		err = pathError(op, name, errNoAttrs)
	}
	return attrs, err
}

// Truncate changes the size of a file.
func (c *Files) Truncate(ctx context.Context, name string, size int64) error {
	if size < 0 {
		return pathError("truncate", name, fs.ErrInvalid)
	}
	return c.setAttrs(ctx, "truncate", name, filetransfer.Attrs{}.WithSize(uint64(size)))
}
