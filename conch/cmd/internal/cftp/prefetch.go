package cftp

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
)

// maxPrefetch is the size of the largest file, in bytes, that a batch holds in
// memory until the turn of its command comes.
const maxPrefetch = 64 << 10

// fetched is what a get has found at the server.
type fetched struct {
	paths []string
	dir   bool // the only path is a directory

	whole bool // data is the content of the only path
	info  fs.FileInfo
	data  []byte
}

// sources finds what a get is to download.
func (c *call) sources() (*fetched, error) {
	paths, err := c.match(c.args[0])
	if err != nil {
		return nil, err
	}
	f := &fetched{paths: paths}
	if len(paths) == 1 {
		f.info, err = c.files.Stat(c.ctx, paths[0])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.paths = nil
		case err != nil:
			return nil, because(err, "stat remote %s", text.Quote(paths[0]))
		default:
			f.dir = f.info.IsDir()
		}
	}
	return f, nil
}

// prefetch reads a small file before the turn of the command comes. Whatever
// fails here is tried again then.
func prefetch(c *call) any {
	if c.flagsOf().Continue {
		return nil
	}
	f, err := c.sources()
	if err != nil {
		return nil
	}
	if len(f.paths) == 1 && f.info.Mode().IsRegular() && f.info.Size() > 0 && f.info.Size() <= maxPrefetch {
		content := limited{max: maxPrefetch}
		if _, err := c.files.GetTo(c.ctx, f.paths[0], &content, sftp.Options{}); err == nil {
			f.whole, f.data = true, content.Bytes()
		}
	}
	return f
}

var errTooLong = errors.New("cftp: the file is longer than its size")

// limited is a buffer of a limited size.
type limited struct {
	bytes.Buffer
	max int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > l.max {
		return 0, errTooLong
	}
	return l.Buffer.Write(p)
}

// write makes a local file of what was fetched, as a download does.
func (t *transfer) write(f *fetched, target string) error {
	mode := fs.FileMode(0o666)
	attrs, _ := f.info.Sys().(filetransfer.Attrs)
	if attrs.Has(filetransfer.AttrPermissions) {
		mode = f.info.Mode().Perm() | 0o200
	}
	err := writeFile(target, f.data, mode, t.Sync)
	if err != nil {
		return transferred(&sftp.FileError{Op: "get", Path: f.paths[0], Err: err}, t.what, f.paths[0], t.dir())[0]
	}
	if !t.Preserve {
		return nil
	}
	if attrs.Has(filetransfer.AttrPermissions) {
		err = os.Chmod(target, f.info.Mode().Perm())
	}
	if m := attrs.ModTime(); !m.IsZero() {
		err = errors.Join(err, os.Chtimes(target, attrs.AccessTime(), m))
	}
	if err != nil {
		t.warn("%s %s: %s", t.what, text.Quote(f.paths[0]), reason(err))
	}
	return nil
}

func writeFile(name string, data []byte, mode fs.FileMode, sync bool) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && sync {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func hasExtension(name string) func(*requests) deferred.Deferred[bool] {
	return func(client *requests) deferred.Deferred[bool] { return deferred.Succeed(client.HasExtension(name)) }
}

// cat prints a file.
func cat(c *call) error {
	return c.each(c.args[0], func(p string) error {
		if _, err := c.files.GetTo(c.ctx, p, c.out, sftp.Options{}); err != nil {
			if c.ctx.Err() != nil {
				return context.Cause(c.ctx)
			}
			return transferred(err, "download", p, "")[0]
		}
		return nil
	})
}
