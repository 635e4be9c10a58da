package sftp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Open opens a file for reading. It opens directories too, for ReadDir and
// Stat.
func (c *Files) Open(ctx context.Context, name string) (*File, error) {
	return c.OpenFile(ctx, name, os.O_RDONLY, 0)
}

// Create creates a file, or empties an existing one, and opens it for reading
// and writing.
func (c *Files) Create(ctx context.Context, name string) (*File, error) {
	return c.OpenFile(ctx, name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

// flagPairs are the flags of package os that SFTP has.
var flagPairs = []struct {
	os   int
	sftp filetransfer.OpenFlags
}{
	{os.O_CREATE, filetransfer.FXFCreat}, {os.O_TRUNC, filetransfer.FXFTrunc}, {os.O_EXCL, filetransfer.FXFExcl}, {os.O_APPEND, filetransfer.FXFAppend},
}

// OpenFile opens a file with flags of package os. It fails with
// errors.ErrUnsupported for os.O_SYNC; use [File.Sync]. perm, which the server
// reduces by its umask, is for a file that OpenFile creates; a server that
// refuses permissions chooses them itself. ctx is for all operations on the
// file; see [File.WithContext].
func (c *Files) OpenFile(ctx context.Context, name string, flag int, perm fs.FileMode) (*File, error) {
	if flag&os.O_SYNC != 0 {
		return nil, pathError("open", name, errors.ErrUnsupported)
	}
	flags := openFlags(flag)
	attrs := filetransfer.Attrs{}
	if flag&os.O_CREATE != 0 {
		attrs = attrs.WithMode(perm)
	}
	file, err := c.open(ctx, name, flags, attrs)
	if attrs.Flags != 0 && mayDislikePermissions(err) {
		file, err = c.open(ctx, name, flags, filetransfer.Attrs{})
	}
	if flags == filetransfer.FXFRead && isStatus(err) && !errors.Is(err, fs.ErrNotExist) {
		if dir, _ := c.existingDir(ctx, name); dir {
			file, err = nil, nil
		}
	}
	if flag&os.O_EXCL != 0 {
		err = c.taken(ctx, name, err)
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return c.newFile(ctx, name, newHandle(c.session.r, file, flags)), nil
}

func (c *Files) open(ctx context.Context, name string, flags filetransfer.OpenFlags, attrs filetransfer.Attrs) (*filetransfer.ClientFile, error) {
	return callAndWait(ctx, c, func() deferred.Deferred[*filetransfer.ClientFile] { return c.client.OpenFile(name, flags, attrs) },
		func(f *filetransfer.ClientFile) { f.Close().AddErrback(ignore) })
}

// mayDislikePermissions reports whether a server that refuses permissions could
// have failed with err.
func mayDislikePermissions(err error) bool {
	return isStatus(err) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist)
}

func openFlags(flag int) (flags filetransfer.OpenFlags) {
	switch flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) {
	case os.O_RDONLY:
		flags = filetransfer.FXFRead
	case os.O_WRONLY:
		flags = filetransfer.FXFWrite
	default:
		flags = filetransfer.FXFRead | filetransfer.FXFWrite
	}
	for _, pair := range flagPairs {
		if flag&pair.os != 0 {
			flags |= pair.sftp
		}
	}
	return flags
}

// ReadFile returns the content of a file, up to the end of the file that the
// server reports. The size that the server states does not matter.
func (c *Files) ReadFile(ctx context.Context, name string) ([]byte, error) {
	f, err := c.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return data, nil
}

// WriteFile creates a file with the given content, or replaces the content of
// an existing one; perm is for a new one. The file is written in place: after
// an error it may have a part of the content.
func (c *Files) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	f, err := c.OpenFile(ctx, name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
