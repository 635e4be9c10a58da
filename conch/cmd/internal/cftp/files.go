package cftp

import (
	"errors"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

var errBadPattern = path.ErrBadPattern

type requests = filetransfer.FileTransferClient

func serverVersion(c *call) (uint32, error) {
	return ask(c, func(client *requests) deferred.Deferred[uint32] { return deferred.Succeed(client.Version()) })
}

// request makes the server do something that has no result.
func request(c *call, f func(*requests) deferred.Deferred[filetransfer.Status]) error {
	_, err := ask(c, f)
	return err
}

func rm(c *call) error {
	for _, w := range c.args {
		err := c.each(w, func(p string) error {
			c.notice("Removing %s", text.Path(p))
			err := request(c, func(client *requests) deferred.Deferred[filetransfer.Status] { return client.RemoveFile(p) })
			return orNil(err, "remote delete %s", text.Quote(p))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// orNil is because for an error that may be nil.
func orNil(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return because(err, format, args...)
}

func rmdir(c *call) error {
	p := c.path(0)
	err := request(c, func(client *requests) deferred.Deferred[filetransfer.Status] { return client.RemoveDirectory(p) })
	return orNil(err, "remote rmdir %s", text.Quote(p))
}

func mkdir(c *call) error {
	p := c.path(0)
	return orNil(c.files.Mkdir(c.ctx, p, 0o777), "remote mkdir %s", text.Quote(p))
}

// path returns the path at the server that argument i names, without regard to
// wildcards.
func (c *call) path(i int) string { return c.args[i].under(c.remote).text }

func rename(c *call) error {
	from, to := c.path(0), c.path(1)
	return orNil(c.files.Rename(c.ctx, from, to), "remote rename %s to %s", text.Quote(from), text.Quote(to))
}

func symlink(c *call) error { return c.symlink(c.args[0].text, c.path(1)) }

// link makes a symbolic link in Twisted's order of the arguments, and in that
// of sftp with -s.
func link(c *call) error {
	if c.has('s') {
		return symlink(c)
	}
	return c.symlink(c.args[1].text, c.path(0))
}

func (c *call) symlink(target, name string) error {
	return orNil(c.files.Symlink(c.ctx, target, name), "remote symlink %s to %s", text.Quote(name), text.Quote(target))
}

func chmod(c *call) error {
	mode, err := strconv.ParseUint(c.args[0].text, 8, 12)
	if err != nil {
		return failf("You must supply a numeric argument to the %s command: an octal mode such as 644.", c.typed)
	}
	attrs := filetransfer.Attrs{Flags: filetransfer.AttrPermissions, Permissions: uint32(mode)}
	return c.each(c.args[1], func(p string) error {
		c.notice("Changing mode on %s", text.Path(p))
		return c.setAttrs(p, attrs)
	})
}

// setAttrs changes attributes of a path, with -h those of a link itself.
func (c *call) setAttrs(p string, attrs filetransfer.Attrs) error {
	err := request(c, func(client *requests) deferred.Deferred[filetransfer.Status] {
		if c.has('h') {
			return client.SetLinkAttrs(p, attrs)
		}
		return client.SetAttrs(p, attrs)
	})
	if errors.Is(err, errors.ErrUnsupported) && c.has('h') {
		return failf("%s -h: the server cannot change links themselves (lsetstat@openssh.com)", c.typed)
	}
	return orNil(err, "remote setstat %s", text.Quote(p))
}

func chown(c *call) error {
	user, group, both := strings.Cut(c.args[0].text, ":")
	uid, err := c.id(user)
	gid := keepID
	if err == nil && both {
		gid, err = c.id(group)
	}
	if err != nil {
		return err
	}
	return c.setOwner("owner", uid, gid)
}

func chgrp(c *call) error {
	gid, err := c.id(c.args[0].text)
	if err != nil {
		return err
	}
	return c.setOwner("group", keepID, gid)
}

// keepID stands for the id that a file has.
const keepID int64 = -1

// id returns the number of a user or group.
func (c *call) id(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > math.MaxUint32 {
		return 0, failf("You must supply a numeric argument to the %s command.", c.typed)
	}
	return int64(n), nil
}

// setOwner changes the owner, the group or both. The protocol can only set both,
// so it asks for them first.
func (c *call) setOwner(what string, uid, gid int64) error {
	return c.each(c.args[1], func(p string) error {
		now, err := ask(c, func(client *requests) deferred.Deferred[filetransfer.Attrs] { return client.GetAttrs(p, !c.has('h')) })
		if err != nil {
			return because(err, "stat remote %s", text.Quote(p))
		}
		if !now.Has(filetransfer.AttrUIDGID) {
			return failf("Can't get current ownership of remote file %s", text.Quote(p))
		}
		if uid == keepID {
			now.GID = uint32(gid)
		} else if now.UID = uint32(uid); gid != keepID {
			now.GID = uint32(gid)
		}
		c.notice("Changing %s on %s", what, text.Path(p))
		return c.setAttrs(p, filetransfer.Attrs{}.WithOwner(now.UID, now.GID))
	})
}

func df(c *call) error {
	p := c.remote
	if len(c.args) > 0 {
		p = c.path(0)
	}
	s, err := c.files.StatVFS(c.ctx, p)
	if errors.Is(err, errors.ErrUnsupported) {
		return failf("The server does not tell about file systems (statvfs@openssh.com)")
	}
	if err != nil {
		return because(err, "remote statvfs %s", text.Quote(p))
	}
	unit := s.FragmentSize
	used := s.Blocks - min(s.FreeBlocks, s.Blocks)
	switch {
	case c.has('i'):
		used := s.Files - min(s.FreeFiles, s.Files)
		c.printf("     Inodes        Used       Avail      (root)    %%Capacity\n%11d %11d %11d %11d         %3d%%\n",
			s.Files, used, s.AvailableFiles, s.FreeFiles, percent(used, s.Files))
	case c.has('h'):
		c.printf("    Size     Used    Avail   (root)    %%Capacity\n%7sB %7sB %7sB %7sB         %3d%%\n", scaled(s.Blocks*unit),
			scaled(used*unit), scaled(s.AvailableBlocks*unit), scaled(s.FreeBlocks*unit), percent(used, s.Blocks))
	default:
		c.printf("        Size         Used        Avail       (root)    %%Capacity\n%12d %12d %12d %12d         %3d%%\n",
			s.Blocks*unit/1024, used*unit/1024, s.AvailableBlocks*unit/1024, s.FreeBlocks*unit/1024, percent(used, s.Blocks))
	}
	return nil
}

func percent(part, whole uint64) uint64 {
	if whole == 0 {
		return 0
	}
	return uint64(100 * float64(part) / float64(whole))
}

// scaled returns a size with a unit and at most four characters, as OpenSSH
// writes it: 4.0K.
func scaled(n uint64) string {
	const units = "BKMGTPE"
	unit, scale := 0, uint64(1)
	for n/scale >= 1024 && unit < len(units)-1 {
		unit++
		scale *= 1024
	}
	if unit == 0 {
		return strconv.FormatUint(n, 10) + "B"
	}
	whole := n / scale
	tenths := (10*(n%scale/(scale/1024)) + 512) / 1024
	if tenths >= 10 {
		whole, tenths = whole+1, 0
	}
	if whole >= 100 {
		if tenths >= 5 {
			whole++
		}
		return strconv.FormatUint(whole, 10) + units[unit:unit+1]
	}
	return strconv.FormatUint(whole, 10) + "." + strconv.FormatUint(tenths, 10) + units[unit:unit+1]
}
