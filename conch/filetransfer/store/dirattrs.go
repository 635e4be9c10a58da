package store

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"syscall"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// attrsOf returns the attributes of a file.
func attrsOf(info fs.FileInfo) filetransfer.Attrs {
	mode := info.Mode()
	attrs := filetransfer.Attrs{Flags: filetransfer.AttrPermissions, Permissions: filetransfer.Permissions(mode)}
	attrs = attrs.WithSize(uint64(max(0, info.Size())))
	more := systemAttrs(info)
	return attrs.WithOwner(more.uid, more.gid).WithTimes(more.accessed, info.ModTime())
}

// moreAttrs are the attributes that only some systems have.
type moreAttrs struct {
	uid, gid uint32
	links    uint64
	accessed time.Time
}

// change is one step of a change of attributes.
type change struct {
	flag  filetransfer.AttrFlags
	apply func() error
}

// changes makes all changes of the attributes that are present, and returns the
// last error.
func changes(attrs filetransfer.Attrs, all ...change) (last error) {
	for _, c := range all {
		if attrs.Has(c.flag) {
			if err := c.apply(); err != nil {
				last = err
			}
		}
	}
	return last
}

// SetAttrs changes attributes in the order size, permissions, times, owner. All
// are tried; the error is the last one.
func (d *Dir) SetAttrs(p string, attrs filetransfer.Attrs, followLinks bool) error {
	name, err := d.name(p)
	if err != nil {
		return err
	}
	if !followLinks {
		return d.setLinkAttrs(name, attrs)
	}
	return changes(attrs,
		change{filetransfer.AttrSize, func() error { return d.truncate(name, attrs.Size) }},
		change{filetransfer.AttrPermissions, func() error { return d.chmod(name, d.permitted(attrs)) }},
		change{filetransfer.AttrACModTime, func() error {
			return d.fail(d.root.Chtimes(name, attrs.AccessTime(), attrs.ModTime()))
		}},
		change{filetransfer.AttrUIDGID, func() error { return d.fail(d.root.Chown(name, int(attrs.UID), int(attrs.GID))) }},
	)
}

// setLinkAttrs is SetAttrs for a link itself.
func (d *Dir) setLinkAttrs(name string, attrs filetransfer.Attrs) error {
	return changes(attrs,
		change{filetransfer.AttrSize, func() error { return syscall.EINVAL }},
		change{filetransfer.AttrPermissions, func() error {
			info, err := d.root.Lstat(name)
			switch {
			case err != nil:
				return d.fail(err)
			case info.Mode().Type() == fs.ModeSymlink:
				return errNotForLinks
			}
			return d.chmod(name, d.permitted(attrs))
		}},
		change{filetransfer.AttrACModTime, func() error {
			return d.fail(setLinkTimes(d.root, name, attrs.AccessTime(), attrs.ModTime()))
		}},
		change{filetransfer.AttrUIDGID, func() error { return d.fail(d.root.Lchown(name, int(attrs.UID), int(attrs.GID))) }},
	)
}

var errNotForLinks = &filetransfer.StatusError{Code: filetransfer.FXFailure}

func (d *Dir) truncate(name string, size uint64) error {
	if size > math.MaxInt64 {
		return syscall.EINVAL
	}
	f, err := d.openRegular(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Truncate(int64(size))
}

// chmod changes the mode of an open file if it can be opened: os.Root could
// change a link that replaces the file meanwhile.
func (d *Dir) chmod(name string, mode fs.FileMode) error {
	f, err := d.root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if errors.Is(err, fs.ErrPermission) {
		return d.fail(d.root.Chmod(name, mode))
	}
	if err != nil {
		return d.fail(err)
	}
	defer f.Close()
	return f.Chmod(mode)
}
