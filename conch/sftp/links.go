package sftp

import (
	"context"
	"errors"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Rename renames a file or a directory, and replaces what newname named before if the server has posix-rename@openssh.com; else that is an
// error.
func (c *Files) Rename(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "rename", oldname, newname, func() deferred.Deferred[filetransfer.Status] {
		if c.client.HasExtension("posix-rename@openssh.com") {
			return c.client.PosixRename(oldname, newname)
		}
		return c.client.RenameFile(oldname, newname)
	})
}

// PosixRename is Rename for a server that has posix-rename@openssh.com; with another it fails with errors.ErrUnsupported, so that what newname named
// before is replaced at once or not at all.
func (c *Files) PosixRename(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "rename", oldname, newname, func() deferred.Deferred[filetransfer.Status] { return c.client.PosixRename(oldname, newname) })
}

// Symlink makes newname a symbolic link to oldname.
func (c *Files) Symlink(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "symlink", oldname, newname, func() deferred.Deferred[filetransfer.Status] { return c.client.MakeLink(newname, oldname) })
}

// Link gives the file oldname a second name.
func (c *Files) Link(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "link", oldname, newname, func() deferred.Deferred[filetransfer.Status] { return c.client.HardLink(oldname, newname) })
}

func (c *Files) link(ctx context.Context, op, oldname, newname string, f func() deferred.Deferred[filetransfer.Status]) error {
	if err := c.status(ctx, op, oldname, f); err != nil {
		return &os.LinkError{Op: op, Old: oldname, New: newname, Err: c.taken(ctx, newname, errors.Unwrap(err))}
	}
	return nil
}

// ReadLink returns what a symbolic link points to.
func (c *Files) ReadLink(ctx context.Context, name string) (string, error) {
	target, err := call(ctx, c, func() deferred.Deferred[string] { return c.client.ReadLink(name) })
	return target, pathError("readlink", name, err)
}

// RealPath returns the absolute form of a path; that of "." is where relative paths start from.
func (c *Files) RealPath(ctx context.Context, name string) (string, error) {
	real, err := call(ctx, c, func() deferred.Deferred[string] { return c.client.RealPath(name) })
	return real, pathError("realpath", name, err)
}
