package store

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// DirOptions configures a Dir. The zero value is for clients that are not
// trusted.
type DirOptions struct {
	// Start is the directory where relative paths begin, and which "~" is. It
	// begins at the top of the Dir. "" is the top.
	Start string

	// User is the name of the user, for "~user". "" means that it is not known.
	User string

	// Umask replaces the umask of the process for new files and directories.
	Umask *fs.FileMode

	// SpecialBits lets clients set the setuid, setgid and sticky bits.
	// Otherwise these are dropped.
	SpecialBits bool

	// EscapingLinks lets clients make symbolic links that lead out of the Dir.
	// The Dir does not follow them, but other programs on the host do.
	EscapingLinks bool

	// HostTargets shows the targets of symbolic links that are absolute paths
	// of the host. Otherwise ReadLink fails for those outside of the Dir.
	HostTargets bool

	// Names returns the names of users and groups for long names and
	// users-groups-by-id@openssh.com, in the order of the ids. It is called in
	// threads. nil shows numbers: names tell who has an account. See
	// SystemNames.
	Names func(uids, gids []uint32) filetransfer.Names
}

// SystemNames returns the names of users and groups of the host, for
// DirOptions.Names.
func SystemNames(uids, gids []uint32) (names filetransfer.Names) {
	for _, id := range uids {
		name := ""
		if u, err := user.LookupId(strconv.FormatUint(uint64(id), 10)); err == nil {
			name = u.Username
		}
		names.Users = append(names.Users, name)
	}
	for _, id := range gids {
		name := ""
		if g, err := user.LookupGroupId(strconv.FormatUint(uint64(id), 10)); err == nil {
			name = g.Name
		}
		names.Groups = append(names.Groups, name)
	}
	return names
}

// Dir is a directory of the host. Clients cannot leave it, not even through
// symbolic links: it is an os.Root. A link with an absolute target leads out, and
// so do some others: they are shown, but behave as if their target were missing.
// A Dir is for one session.
//
// Only regular files and directories can be opened, so that a FIFO does not
// block a thread. Hard links that others have made to files outside lead there.
// On Windows, paths that are not valid there fail.
type Dir struct {
	filetransfer.BaseBlockingServer
	root    *os.Root
	host    string // the absolute path of the root on the host
	start   string // absolute
	escapes error  // the error of os.Root for a path that leads out
	o       DirOptions
}

// OpenDir opens a directory of the host for one session. The start directory
// need not exist.
func OpenDir(name string, o DirOptions) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &Dir{root: root, start: path.Clean("/" + o.Start), o: o}
	if d.host, err = filepath.Abs(name); err == nil {
		if resolved, err := filepath.EvalSymlinks(d.host); err == nil {
			d.host = resolved
		}
	}
	_, err = root.Lstat("..")
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		d.escapes = e.Err
	}
	return d, nil
}

// GotVersion returns the extensions of OpenSSH's server that the system has.
func (d *Dir) GotVersion(uint32, []filetransfer.Extension) []filetransfer.Extension {
	var have []filetransfer.Extension
	for _, x := range filetransfer.Extensions() {
		if hasStatVFS || !strings.Contains(x.Name, "statvfs") {
			have = append(have, x)
		}
	}
	return have
}

// Close closes the Dir.
func (d *Dir) Close() error { return d.root.Close() }

// fail makes an error of os.Root one for the client: what lies outside does not
// exist.
func (d *Dir) fail(err error) error {
	if err != nil && d.escapes != nil && errors.Is(err, d.escapes) {
		return syscall.ENOENT
	}
	return err
}

// lstat returns the attributes of a name, and of a directory that a link points
// to if the path has a slash at its end.
func (d *Dir) lstat(p string) (fs.FileInfo, error) {
	name, err := d.name(p)
	if err != nil {
		return nil, err
	}
	info, err := d.root.Lstat(name)
	return info, d.fail(err)
}

// GetAttrs returns the attributes of a file.
func (d *Dir) GetAttrs(p string, followLinks bool) (filetransfer.Attrs, error) {
	name, err := d.name(p)
	if err != nil {
		return filetransfer.Attrs{}, err
	}
	stat := d.root.Lstat
	if followLinks {
		stat = d.root.Stat
	}
	info, err := stat(name)
	if err != nil {
		return filetransfer.Attrs{}, d.fail(err)
	}
	return attrsOf(info), nil
}

// RemoveFile removes a file or link.
func (d *Dir) RemoveFile(p string) error {
	info, err := d.lstat(p)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return syscall.EISDIR
	}
	return d.remove(p)
}

// RemoveDirectory removes an empty directory.
func (d *Dir) RemoveDirectory(p string) error {
	info, err := d.lstat(p)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return syscall.ENOTDIR
	case path.Base(p) == ".":
		return syscall.EINVAL
	}
	return d.remove(p)
}

func (d *Dir) remove(p string) error {
	name, err := d.name(p)
	if err != nil {
		return err
	}
	if name == "." {
		return syscall.EBUSY
	}
	return d.fail(d.root.Remove(name))
}

// MakeDirectory makes a directory.
func (d *Dir) MakeDirectory(p string, attrs filetransfer.Attrs) error {
	name, err := d.newName(p)
	if err != nil {
		return err
	}
	mode := d.mode(attrs, 0o777)
	if err := d.root.Mkdir(name, mode.Perm()); err != nil {
		return d.fail(err)
	}
	if mode &^= fs.ModeSetuid | fs.ModeSetgid; d.o.Umask != nil || mode != mode.Perm() {
		return d.fail(d.root.Chmod(name, d.masked(name, mode)))
	}
	return nil
}

// masked returns mode without the bits of the umask. Without an option, the new
// file shows which bits those are.
func (d *Dir) masked(name string, mode fs.FileMode) fs.FileMode {
	if d.o.Umask != nil {
		return mode &^ *d.o.Umask
	}
	if info, err := d.root.Lstat(name); err == nil {
		return mode&^fs.ModePerm | info.Mode().Perm()
	}
	return mode
}

// mode returns the mode of a new file.
func (d *Dir) mode(attrs filetransfer.Attrs, without fs.FileMode) fs.FileMode {
	if !attrs.Has(filetransfer.AttrPermissions) {
		return without
	}
	return d.permitted(attrs)
}

// permitted returns the mode in attrs without the bits that clients may not
// set.
func (d *Dir) permitted(attrs filetransfer.Attrs) fs.FileMode {
	mode := attrs.FileMode() &^ fs.ModeType
	if !d.o.SpecialBits {
		mode = mode.Perm()
	}
	return mode
}

// RenameFile renames a file or directory, and never replaces another.
func (d *Dir) RenameFile(oldpath, newpath string) error {
	from, err := d.name(oldpath)
	if err != nil {
		return err
	}
	info, err := d.root.Lstat(from)
	if err != nil {
		return d.fail(err)
	}
	to, err := d.newName(newpath)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		err := d.root.Link(from, to)
		if err == nil {
			return d.fail(d.root.Remove(from))
		}
		if !noHardLinks(err) {
			return d.fail(err)
		}
	}
	if _, err := d.root.Lstat(to); err == nil {
		return syscall.EEXIST
	}
	return d.fail(d.root.Rename(from, to))
}

// noHardLinks reports whether a file system may have refused a link because it
// has none.
func noHardLinks(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && (errno == syscall.ENOSYS || errno == syscall.EPERM || errno == syscall.EMLINK || errors.Is(errno, errors.ErrUnsupported))
}

// PosixRename renames a file or directory, and replaces another.
func (d *Dir) PosixRename(oldpath, newpath string) error {
	from, err := d.name(oldpath)
	if err != nil {
		return err
	}
	to, err := d.newName(newpath)
	if err != nil {
		return err
	}
	return d.fail(rename(d.root, from, to))
}

// HardLink makes another name of a file.
func (d *Dir) HardLink(oldpath, newpath string) error {
	from, err := d.name(oldpath)
	if err != nil {
		return err
	}
	to, err := d.newName(newpath)
	if err != nil {
		return err
	}
	return d.fail(d.root.Link(from, to))
}

// StatVFS describes the file system of a file.
func (d *Dir) StatVFS(p string) (filetransfer.StatVFS, error) {
	name, err := d.name(p)
	if err == nil { // statFlags may open a link itself
		name, err = d.resolve("/"+name, true)
	}
	if err != nil {
		return filetransfer.StatVFS{}, err
	}
	f, err := d.root.OpenFile(inRoot(name), statFlags, 0)
	if err != nil {
		return filetransfer.StatVFS{}, d.fail(err)
	}
	defer f.Close()
	return statVFS(f)
}

// UsersGroupsByID returns the names of the option Names.
func (d *Dir) UsersGroupsByID(uids, gids []uint32) (filetransfer.Names, error) {
	names := filetransfer.Names{Users: make([]string, len(uids)), Groups: make([]string, len(gids))}
	if d.o.Names != nil {
		found := d.o.Names(uids, gids)
		copy(names.Users, found.Users)
		copy(names.Groups, found.Groups)
	}
	return names, nil
}
