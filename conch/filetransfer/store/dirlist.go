package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// OpenDirectory opens a directory.
func (d *Dir) OpenDirectory(p string) (filetransfer.BlockingDirectory, error) {
	name, err := d.name(p)
	if err != nil {
		return nil, err
	}
	root, err := d.root.OpenRoot(name)
	if _, ok := errors.AsType[syscall.Errno](err); err != nil && !ok && !errors.Is(err, d.escapes) {
		return nil, syscall.ENOTDIR // OpenRoot has an error of its own
	}
	if err != nil {
		return nil, d.fail(err)
	}
	f, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, d.fail(err)
	}
	return &dirList{d: d, root: root, f: f, name: name, users: make(map[uint32]string), groups: make(map[uint32]string)}, nil
}

// dirList is an open directory of a Dir.
type dirList struct {
	d             *Dir
	root          *os.Root
	f             *os.File
	name          string
	begun         bool
	users, groups map[uint32]string // names that are known; at most maxKnown
}

// maxKnown is the number of names that a listing keeps.
const maxKnown = 1000

func (l *dirList) Close() error {
	l.root.Close()
	return l.f.Close()
}

// ReadEntries returns "." and "..", and then the entries in the order of the
// system. Entries that have vanished are left out.
func (l *dirList) ReadEntries(n int) (entries []filetransfer.Entry, err error) {
	if !l.begun {
		l.begun = true
		entries = l.add(entries, ".", func() (fs.FileInfo, error) { return l.root.Lstat(".") })
		entries = l.add(entries, "..", func() (fs.FileInfo, error) { return l.d.root.Lstat(path.Dir(l.name)) })
	}
	for len(entries) < n {
		names, err := l.f.Readdirnames(n - len(entries))
		for _, name := range names {
			entries = l.add(entries, name, func() (fs.FileInfo, error) { return l.root.Lstat(name) })
		}
		if err == nil {
			continue
		}
		if len(entries) == 0 || err != io.EOF {
			return nil, err
		}
		break
	}
	return entries, nil
}

func (l *dirList) add(entries []filetransfer.Entry, name string, stat func() (fs.FileInfo, error)) []filetransfer.Entry {
	info, err := stat()
	if err != nil {
		return entries
	}
	attrs := attrsOf(info)
	user, group := l.names(attrs)
	long := filetransfer.Longname(name, attrs, filetransfer.LongnameInfo{
		Links: systemAttrs(info).links, User: user, Group: group, Now: time.Now(),
	})
	return append(entries, filetransfer.NewEntry(name, long, attrs))
}

// names returns the names of owner and group, or "".
func (l *dirList) names(attrs filetransfer.Attrs) (user, group string) {
	if l.d.o.Names == nil {
		return "", ""
	}
	user, knowUser := l.users[attrs.UID]
	group, knowGroup := l.groups[attrs.GID]
	if knowUser && knowGroup {
		return user, group
	}
	found, _ := l.d.UsersGroupsByID([]uint32{attrs.UID}, []uint32{attrs.GID}) // has no error
	if len(l.users) < maxKnown && len(l.groups) < maxKnown {
		l.users[attrs.UID], l.groups[attrs.GID] = found.Users[0], found.Groups[0]
	}
	return found.Users[0], found.Groups[0]
}
