package store

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// Memory is a tree of files in memory. Any number of sessions may use it at the
// same time, and any goroutine.
type Memory struct {
	filetransfer.BaseBlockingServer
	mu   sync.Mutex // guards the tree and its size
	top  *node
	left int64 // bytes that are free
}

// nodeCost is the number of bytes that a file, directory or link counts in
// addition to its name and contents.
const nodeCost = 512

// node is a file, directory or link.
type node struct {
	mode     fs.FileMode
	data     []byte           // of a file
	target   string           // of a link
	entries  map[string]*node // of a directory
	accessed time.Time
	modified time.Time
	uid, gid uint32
	links    int // names in directories
	open     int // open files
}

// NewMemory returns an empty tree, whose files, names and data may need max
// bytes. A write that needs more fails with ENOSPC.
func NewMemory(max int) *Memory {
	return &Memory{top: newNode(fs.ModeDir | 0o755), left: int64(max)}
}

func newNode(mode fs.FileMode) *node {
	now := time.Now()
	n := &node{mode: mode, accessed: now, modified: now}
	if mode.IsDir() {
		n.entries = make(map[string]*node)
	}
	return n
}

func (n *node) attrs() filetransfer.Attrs {
	size := len(n.data)
	if n.mode.Type() == fs.ModeSymlink {
		size = len(n.target)
	}
	attrs := filetransfer.Attrs{Flags: filetransfer.AttrPermissions, Permissions: filetransfer.Permissions(n.mode)}
	return attrs.WithSize(uint64(size)).WithOwner(n.uid, n.gid).WithTimes(n.accessed, n.modified)
}

// GotVersion returns the extensions of OpenSSH's server that a Memory has.
func (m *Memory) GotVersion(uint32, []filetransfer.Extension) []filetransfer.Extension {
	return slices.DeleteFunc(filetransfer.Extensions(), func(x filetransfer.Extension) bool {
		return strings.Contains(x.Name, "statvfs") || x.Name == "home-directory" || x.Name == "users-groups-by-id@openssh.com"
	})
}

// take takes bytes of what is free. The caller holds the lock.
func (m *Memory) take(n int64) error {
	if n > m.left {
		return syscall.ENOSPC
	}
	m.left -= n
	return nil
}

// link adds a node to its directory.
func (m *Memory) link(at place, n *node) error {
	cost := int64(nodeCost + len(at.name))
	if err := m.take(cost); err != nil {
		return err
	}
	at.dir.entries[at.name] = n
	at.dir.modified = time.Now()
	n.links++
	return nil
}

// unlink removes a name.
func (m *Memory) unlink(at place) {
	delete(at.dir.entries, at.name)
	at.dir.modified = time.Now()
	m.left += int64(nodeCost + len(at.name))
	at.n.links--
	m.release(at.n)
}

// release stops counting a node that has no name and is not open.
func (m *Memory) release(n *node) {
	if n.links == 0 && n.open == 0 {
		m.left += int64(cap(n.data) + len(n.target))
	}
}

// GetAttrs returns the attributes of a file.
func (m *Memory) GetAttrs(p string, followLinks bool) (filetransfer.Attrs, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, err := m.existing(p, followLinks)
	if err != nil {
		return filetransfer.Attrs{}, err
	}
	return found.n.attrs(), nil
}

// RemoveFile removes a file or link.
func (m *Memory) RemoveFile(p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, err := m.existing(p, false)
	switch {
	case err != nil:
		return err
	case found.n.mode.IsDir():
		return syscall.EISDIR
	}
	m.unlink(found)
	return nil
}

// RemoveDirectory removes an empty directory.
func (m *Memory) RemoveDirectory(p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, err := m.existing(p, false)
	switch {
	case err != nil:
		return err
	case !found.n.mode.IsDir():
		return syscall.ENOTDIR
	case path.Base(p) == ".":
		return syscall.EINVAL
	case found.dir == nil:
		return syscall.EBUSY
	case len(found.n.entries) > 0:
		return syscall.ENOTEMPTY
	}
	m.unlink(found)
	return nil
}

// MakeDirectory makes a directory.
func (m *Memory) MakeDirectory(p string, attrs filetransfer.Attrs) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, err := m.vacant(p)
	if err != nil {
		return err
	}
	return m.link(at, newNode(fs.ModeDir|modeOf(attrs, 0o755)))
}

// modeOf returns the permissions of a new node. There is no umask.
func modeOf(attrs filetransfer.Attrs, without fs.FileMode) fs.FileMode {
	if !attrs.Has(filetransfer.AttrPermissions) {
		return without
	}
	return attrs.FileMode() &^ fs.ModeType
}

// RenameFile renames a file or directory, and never replaces another.
func (m *Memory) RenameFile(oldpath, newpath string) error { return m.rename(oldpath, newpath, false) }

// PosixRename renames a file or directory, and replaces another.
func (m *Memory) PosixRename(oldpath, newpath string) error { return m.rename(oldpath, newpath, true) }

func (m *Memory) rename(oldpath, newpath string, replace bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, err := m.existing(oldpath, false)
	if err != nil {
		return err
	}
	to, err := m.find(newpath, false)
	switch {
	case err != nil:
		return err
	case from.dir == nil || to.dir == nil:
		return syscall.EBUSY
	case to.n != nil && !replace:
		return syscall.EEXIST
	case to.n == from.n:
		return nil
	case from.n.mode.IsDir() && strings.HasPrefix(to.path, from.path+"/"):
		return syscall.EINVAL
	}
	if to.n != nil {
		if err := replaceable(from.n, to.n); err != nil {
			return err
		}
		m.unlink(to)
	}
	m.unlinkForMove(from)
	return m.link(to, from.n)
}

// unlinkForMove is unlink for a node that gets another name.
func (m *Memory) unlinkForMove(at place) {
	at.n.links++
	m.unlink(at)
	at.n.links--
}

// replaceable checks that one node may replace another.
func replaceable(n, old *node) error {
	switch {
	case n.mode.IsDir() && !old.mode.IsDir():
		return syscall.ENOTDIR
	case !n.mode.IsDir() && old.mode.IsDir():
		return syscall.EISDIR
	case len(old.entries) > 0:
		return syscall.ENOTEMPTY
	}
	return nil
}

// HardLink makes another name of a file.
func (m *Memory) HardLink(oldpath, newpath string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, err := m.existing(oldpath, false)
	switch {
	case err != nil:
		return err
	case from.n.mode.IsDir():
		return syscall.EPERM
	}
	at, err := m.vacant(newpath)
	if err != nil {
		return err
	}
	return m.link(at, from.n)
}

// MakeLink makes a symbolic link. An absolute target begins at the top.
func (m *Memory) MakeLink(linkPath, targetPath string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case targetPath == "":
		return syscall.ENOENT
	case len(targetPath) >= maxPath:
		return syscall.ENAMETOOLONG
	}
	at, err := m.vacant(linkPath)
	if err != nil {
		return err
	}
	if err := m.take(int64(len(targetPath))); err != nil {
		return err
	}
	n := newNode(fs.ModeSymlink | 0o777)
	n.target = targetPath
	return m.link(at, n)
}

// ReadLink returns the target of a link.
func (m *Memory) ReadLink(p string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, err := m.existing(p, false)
	switch {
	case err != nil:
		return "", err
	case found.n.mode.Type() != fs.ModeSymlink:
		return "", syscall.EINVAL
	}
	return found.n.target, nil
}

// RealPath returns the absolute path without links. The last component may be
// missing.
func (m *Memory) RealPath(p string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p == "" {
		return "/", nil
	}
	found, err := m.find(p, true)
	if err == nil && found.n == nil && mustBeDirectory(p) {
		err = syscall.ENOENT
	}
	return found.path, err
}

// ExpandPath is RealPath; "~" is the top.
func (m *Memory) ExpandPath(p string) (string, error) {
	if rest, ok := strings.CutPrefix(p, "~"); ok {
		if rest != "" && rest[0] != '/' {
			return "", errNoSuchUser
		}
		p = "/" + rest
	}
	return m.RealPath(p)
}

// SetAttrs changes attributes.
func (m *Memory) SetAttrs(p string, attrs filetransfer.Attrs, followLinks bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, err := m.existing(p, followLinks)
	if err != nil {
		return err
	}
	return m.setAttrs(found.n, attrs)
}

func (m *Memory) setAttrs(n *node, attrs filetransfer.Attrs) error {
	return changes(attrs,
		change{filetransfer.AttrSize, func() error { return m.resize(n, attrs.Size) }},
		change{filetransfer.AttrPermissions, func() error {
			if n.mode.Type() == fs.ModeSymlink {
				return errNotForLinks
			}
			n.mode = n.mode.Type() | attrs.FileMode()&^fs.ModeType
			return nil
		}},
		change{filetransfer.AttrACModTime, func() error {
			n.accessed, n.modified = attrs.AccessTime(), attrs.ModTime()
			return nil
		}},
		change{filetransfer.AttrUIDGID, func() error {
			n.uid, n.gid = attrs.UID, attrs.GID
			return nil
		}},
	)
}
