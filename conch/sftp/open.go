package sftp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Open opens a file for reading. Directories can be opened, too, for ReadDir and Stat.
func (c *Files) Open(ctx context.Context, name string) (*File, error) {
	return c.OpenFile(ctx, name, os.O_RDONLY, 0)
}

// Create makes a file, or empties the one that is there, and opens it for reading and writing.
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

// OpenFile opens a file with flags of package os, of which O_SYNC has no effect. perm is for a file that is made by that, before the server's
// umask. ctx is for everything that is done with the file, unless it is changed with WithContext.
func (c *Files) OpenFile(ctx context.Context, name string, flag int, perm fs.FileMode) (*File, error) {
	flags, writing := openFlags(flag)
	attrs := filetransfer.Attrs{}
	if flag&os.O_CREATE != 0 {
		attrs = attrs.WithMode(perm)
	}
	if !writing {
		info, err := c.Stat(ctx, name)
		if err != nil {
			return nil, pathError("open", name, errors.Unwrap(err))
		}
		if info.IsDir() {
			return &File{c: c, ctx: ctx, name: name, dir: new(directory), info: info}, nil
		}
	}
	f, err := callAndWait(ctx, c, func() deferred.Deferred[*filetransfer.ClientFile] { return c.client.OpenFile(name, flags, attrs) },
		func(f *filetransfer.ClientFile) { f.Close().AddErrback(ignore) })
	if err != nil {
		if flag&os.O_EXCL != 0 {
			err = c.taken(ctx, name, err)
		}
		return nil, pathError("open", name, err)
	}
	return &File{c: c, ctx: ctx, name: name, file: f, flags: flags, changes: new(atomic.Int64)}, nil
}

func openFlags(flag int) (flags filetransfer.OpenFlags, writing bool) {
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
	return flags, flags != filetransfer.FXFRead
}

// ReadFile returns the content of a file.
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

// WriteFile makes a file with the given content, or replaces the content of the one that is there; perm is for a new one. The file is written in
// place: if that fails on the way, a part of it is left.
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
