package cftp

import (
	"errors"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

// copyFile makes the server copy a file. The copy gets the permissions of the
// file, less the server's umask.
func copyFile(c *call) error {
	from, to := c.path(0), c.path(1)
	if !c.supports("copy-data") {
		return failf("%s: the server cannot copy files (copy-data); use get and put", c.typed)
	}
	attrs, err := ask(c, func(r *requests) deferred.Deferred[filetransfer.Attrs] { return r.GetAttrs(from, true) })
	if err != nil {
		return because(err, "stat remote %s", text.Quote(from))
	}
	if !attrs.FileMode().IsRegular() {
		return failf("%s %s: not a regular file", c.typed, text.Quote(from))
	}
	if c.same(from, to) {
		return failf("%s: %s and %s are the same file", c.typed, text.Quote(from), text.Quote(to))
	}
	source, err := c.open(from, filetransfer.FXFRead, filetransfer.Attrs{})
	if err != nil {
		return err
	}
	defer c.close(source)
	mode := filetransfer.Attrs{}.WithMode(attrs.FileMode().Perm())
	target, err := c.open(to, filetransfer.FXFWrite|filetransfer.FXFCreat|filetransfer.FXFTrunc, mode)
	if err != nil {
		return err
	}
	err = request(c, func(*requests) deferred.Deferred[filetransfer.Status] { return source.CopyData(0, 0, target, 0) })
	return orNil(errors.Join(err, c.close(target)), "%s %s to %s", c.typed, text.Quote(from), text.Quote(to))
}

// same reports whether two paths are known to lead to the same file.
func (c *call) same(a, b string) bool {
	a, errA := c.files.RealPath(c.ctx, a)
	b, errB := c.files.RealPath(c.ctx, b)
	return errA == nil && errB == nil && a == b
}

func (c *call) open(p string, flags filetransfer.OpenFlags, attrs filetransfer.Attrs) (*filetransfer.ClientFile, error) {
	f, err := ask(c, func(r *requests) deferred.Deferred[*filetransfer.ClientFile] { return r.OpenFile(p, flags, attrs) })
	return f, orNil(err, "remote open %s", text.Quote(p))
}

// close closes a file, also if the user has stopped the command.
func (c *call) close(f *filetransfer.ClientFile) error {
	err := request(c, func(*requests) deferred.Deferred[filetransfer.Status] { return f.Close() })
	if c.ctx.Err() != nil {
		c.files.Client().Reactor().CallFromThread(func() {
			f.Close().AddErrback(func(error) (filetransfer.Status, error) { return filetransfer.Status{}, nil }) // it may be closed
		})
	}
	return err
}
