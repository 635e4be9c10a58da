package store

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// maxLinks is the number of symbolic links that one path may lead through.
const maxLinks = 40

// absolute returns a client's path with the start directory in front if the
// path is relative.
func (d *Dir) absolute(p string) string {
	if strings.HasPrefix(p, "/") {
		return p
	}
	return d.start + "/" + p
}

// name returns the name in the root for a client's path. A path that ends with
// a slash names a directory. If the path has ".." components, those are
// resolved as the system does, after the links before them.
func (d *Dir) name(p string) (string, error) {
	name, err := d.newName(p)
	if err == nil && mustBeDirectory(p) {
		if name, err = d.followed(name); err != nil {
			return "", err
		}
		if info, err := d.root.Stat(name); err != nil {
			return "", d.fail(err)
		} else if !info.IsDir() {
			return "", syscall.ENOTDIR
		}
	}
	return name, err
}

// newName is name for a path that need not exist.
func (d *Dir) newName(p string) (string, error) {
	switch {
	case p == "":
		return "", syscall.ENOENT
	case len(p) >= maxPath:
		return "", syscall.ENAMETOOLONG
	}
	p = d.absolute(p)
	if at := lastDotDot(p); at >= 0 {
		resolved, err := d.resolve(p[:at], true)
		if err != nil {
			return "", err
		}
		p = resolved + "/" + p[at:]
	}
	return inRoot(path.Clean(p)), nil
}

// maxPath is the length of a path, in bytes, that systems refuse.
const maxPath = 4096

// inRoot returns the name in the root for an absolute path.
func inRoot(p string) string {
	if name := strings.TrimPrefix(p, "/"); name != "" {
		return name
	}
	return "."
}

// mustBeDirectory reports whether a path ends with a slash or with ".".
func mustBeDirectory(p string) bool { return strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") }

// lastDotDot returns the index after the last ".." component, or -1.
func lastDotDot(p string) int {
	if strings.HasSuffix(p, "/..") {
		return len(p)
	}
	if at := strings.LastIndex(p, "/../"); at >= 0 {
		return at + len("/..")
	}
	return -1
}

// followed returns the name of the file that a link points to, for names that
// end with a slash.
func (d *Dir) followed(name string) (string, error) {
	info, err := d.root.Lstat(name)
	if err != nil || info.Mode().Type() != fs.ModeSymlink {
		return name, d.fail(err)
	}
	resolved, err := d.resolve("/"+name, true)
	return inRoot(resolved), err
}

// walk resolves the links of a path.
type walk struct {
	d        *Dir
	at       []string // the components so far, without links
	rest     []string // the components to come
	fromLink int      // the number of components of rest that are from links
	links    int
}

// resolve returns the absolute path without links and "..". If all is true, all
// components must exist and be directories where the path goes on; otherwise
// the last one may be missing, and a file may precede "..".
func (d *Dir) resolve(p string, all bool) (string, error) {
	w := walk{d: d, rest: strings.Split(p, "/")}
	for len(w.rest) > 0 {
		name := w.rest[0]
		w.rest = w.rest[1:]
		inLink := w.fromLink > 0
		w.fromLink = max(0, w.fromLink-1)
		if name == ".." && inLink && len(w.at) == 0 {
			return "", syscall.ENOENT // the link leads out
		}
		if err := w.step(name, all); err != nil {
			return "", err
		}
	}
	return "/" + strings.Join(w.at, "/"), nil
}

// isLast reports whether no component is left.
func (w *walk) isLast() bool {
	for _, name := range w.rest {
		if name != "" && name != "." {
			return false
		}
	}
	return true
}

func (w *walk) step(name string, all bool) error {
	switch name {
	case "", ".":
		return nil
	case "..": // the parent of the top is the top
		w.at = w.at[:max(0, len(w.at)-1)]
		return nil
	}
	w.at = append(w.at, name)
	here := strings.Join(w.at, "/")
	info, err := w.d.root.Lstat(here)
	switch {
	case !all && len(w.rest) == 0 && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return w.d.fail(err)
	case info.Mode().Type() == fs.ModeSymlink:
		return w.follow(here)
	case !info.IsDir() && !w.isLast() && (all || w.rest[0] != ".."):
		return syscall.ENOTDIR
	}
	return nil
}

func (w *walk) follow(link string) error {
	if w.links++; w.links > maxLinks {
		return syscall.ELOOP
	}
	target, err := w.d.root.Readlink(link)
	if err != nil {
		return w.d.fail(err)
	}
	if strings.HasPrefix(target, "/") {
		return syscall.ENOENT
	}
	components := strings.Split(target, "/")
	w.at = w.at[:len(w.at)-1]
	w.rest = append(components, w.rest...)
	w.fromLink += len(components)
	return nil
}

// RealPath returns the absolute path without links. The last component may be
// missing.
func (d *Dir) RealPath(p string) (string, error) {
	if len(p) >= maxPath {
		return "", syscall.ENAMETOOLONG
	}
	return d.resolve(d.absolute(p), false)
}

// errNoSuchUser is the answer for the home directory of a user that is not
// known.
var errNoSuchUser = &filetransfer.StatusError{Code: filetransfer.FXNoSuchFile, Message: "no such user"}

// ExpandPath is RealPath, but "~" is the start directory.
func (d *Dir) ExpandPath(p string) (string, error) {
	rest, ok := strings.CutPrefix(p, "~")
	if !ok {
		return d.RealPath(p)
	}
	user, rest, _ := strings.Cut(rest, "/")
	if user != "" && user != d.o.User {
		return "", errNoSuchUser
	}
	return d.RealPath(d.start + "/" + rest)
}

// HomeDirectory returns the start directory, for the user of the options.
func (d *Dir) HomeDirectory(user string) (string, error) {
	if user == "" || user != d.o.User {
		return "", &filetransfer.StatusError{Code: filetransfer.FXFailure}
	}
	return d.start, nil
}
