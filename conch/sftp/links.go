package sftp

import (
	"context"
	"errors"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Rename renames a file or a directory. It replaces an existing newname at
// servers with posix-rename@openssh.com; others fail then.
func (c *Files) Rename(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "rename", oldname, newname, func() deferred.Deferred[filetransfer.Status] {
		if c.client.HasExtension("posix-rename@openssh.com") {
			return c.client.PosixRename(oldname, newname)
		}
		return c.client.RenameFile(oldname, newname)
	})
}

// PosixRename renames a file or a directory, and replaces an existing newname
// atomically. It fails with errors.ErrUnsupported at servers without
// posix-rename@openssh.com.
func (c *Files) PosixRename(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "rename", oldname, newname, func() deferred.Deferred[filetransfer.Status] { return c.client.PosixRename(oldname, newname) })
}

// Symlink makes newname a symbolic link to oldname.
func (c *Files) Symlink(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "symlink", oldname, newname, func() deferred.Deferred[filetransfer.Status] { return c.client.MakeLink(newname, oldname) })
}

// Link makes newname a hard link to the file oldname. It fails with
// errors.ErrUnsupported at servers without hardlink@openssh.com.
func (c *Files) Link(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "link", oldname, newname, func() deferred.Deferred[filetransfer.Status] { return c.client.HardLink(oldname, newname) })
}

// link makes a request with two paths, and turns its failure into a
// *os.LinkError.
func (c *Files) link(ctx context.Context, op, oldname, newname string, f func() deferred.Deferred[filetransfer.Status]) error {
	err := c.status(ctx, op, oldname, f)
	if err == nil {
		return nil
	}
	err = errors.Unwrap(err)
	if status, ok := errors.AsType[*filetransfer.StatusError](err); ok && (op != "rename" || status.Code == filetransfer.FXFailure) {
		err = c.taken(ctx, newname, err)
	}
	return &os.LinkError{Op: op, Old: oldname, New: newname, Err: err}
}

// ReadLink returns the target of a symbolic link.
func (c *Files) ReadLink(ctx context.Context, name string) (string, error) {
	target, err := call(ctx, c, func() deferred.Deferred[string] { return c.client.ReadLink(name) })
	return target, pathError("readlink", name, err)
}

// RealPath returns the absolute form of a path. Relative paths start from the
// directory RealPath(".").
func (c *Files) RealPath(ctx context.Context, name string) (string, error) {
	real, err := call(ctx, c, func() deferred.Deferred[string] { return c.client.RealPath(name) })
	return real, pathError("realpath", name, err)
}
