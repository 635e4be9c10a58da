package store

import (
	"io"
	"io/fs"
	"maps"
	"math"
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

// place is where a path leads: a name in a directory, with a node or nil.
type place struct {
	dir  *node
	name string // "" for the top
	n    *node
	path string // absolute, without links
}

// find follows a path. The last component may be missing. The caller holds the
// lock.
func (m *Memory) find(p string, followLast bool) (place, error) {
	if p == "" {
		return place{}, syscall.ENOENT
	}
	if len(p) >= maxPath {
		return place{}, syscall.ENAMETOOLONG
	}
	followLast = followLast || mustBeDirectory(p)
	stack := []place{{n: m.top, path: "/"}}
	rest := components(p)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		here := stack[len(stack)-1]
		switch {
		case here.n == nil:
			return place{}, syscall.ENOENT
		case !here.n.mode.IsDir():
			return place{}, syscall.ENOTDIR
		case name == "" || name == ".":
			continue
		case name == "..":
			stack = stack[:max(1, len(stack)-1)]
			continue
		case len(name) > 255:
			return place{}, syscall.ENAMETOOLONG
		}
		n := here.n.entries[name]
		if n == nil || n.mode.Type() != fs.ModeSymlink || len(rest) == 0 && !followLast {
			stack = append(stack, place{dir: here.n, name: name, n: n, path: path.Join(here.path, name)})
			continue
		}
		if links++; links > maxLinks {
			return place{}, syscall.ELOOP
		}
		if strings.HasPrefix(n.target, "/") {
			stack = stack[:1]
		}
		rest = append(components(n.target), rest...)
	}
	found := stack[len(stack)-1]
	if mustBeDirectory(p) && found.n != nil && !found.n.mode.IsDir() {
		return place{}, syscall.ENOTDIR
	}
	return found, nil
}

// existing is find for what must be there.
func (m *Memory) existing(p string, followLast bool) (place, error) {
	found, err := m.find(p, followLast)
	if err == nil && found.n == nil {
		err = syscall.ENOENT
	}
	return found, err
}

// vacant is find for what must not be there.
func (m *Memory) vacant(p string) (place, error) {
	found, err := m.find(p, false)
	if err == nil && found.n != nil {
		err = syscall.EEXIST
	}
	return found, err
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

// resize makes a file longer or shorter.
func (m *Memory) resize(n *node, size uint64) error {
	switch {
	case n.mode.IsDir():
		return syscall.EISDIR
	case !n.mode.IsRegular() || size > math.MaxInt64:
		return syscall.EINVAL
	case size <= uint64(len(n.data)):
		clear(n.data[size:])
		n.data = n.data[:size]
	case size > uint64(m.left)+uint64(cap(n.data)):
		return syscall.ENOSPC
	default:
		if err := m.grow(n, int(size)); err != nil {
			return err
		}
		n.data = n.data[:size]
	}
	n.modified = time.Now()
	return nil
}

// grow makes room for size bytes of data.
func (m *Memory) grow(n *node, size int) error {
	if size <= cap(n.data) {
		return nil
	}
	room := min(size+size/4, int(m.left)+cap(n.data))
	if room < size {
		return syscall.ENOSPC
	}
	m.left -= int64(room - cap(n.data))
	data := make([]byte, len(n.data), room)
	copy(data, n.data)
	n.data = data[:len(n.data):room]
	return nil
}

// OpenFile opens a file, or a directory for reading.
func (m *Memory) OpenFile(p string, flags filetransfer.OpenFlags, attrs filetransfer.Attrs) (filetransfer.BlockingFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	creates, writes := flags&filetransfer.FXFCreat != 0, flags&filetransfer.FXFWrite != 0
	if creates && mustBeDirectory(p) {
		return nil, syscall.EISDIR
	}
	at, err := m.find(p, flags&filetransfer.FXFExcl == 0)
	switch {
	case err != nil:
		return nil, err
	case at.n != nil && flags&filetransfer.FXFExcl != 0:
		return nil, syscall.EEXIST
	case at.n == nil && !creates:
		return nil, syscall.ENOENT
	case at.n != nil && at.n.mode.IsDir() && (writes || creates):
		return nil, syscall.EISDIR
	}
	if at.n == nil {
		at.n = newNode(modeOf(attrs, 0o644))
		if err := m.link(at, at.n); err != nil {
			return nil, err
		}
	}
	if flags&filetransfer.FXFTrunc != 0 {
		if err := m.resize(at.n, 0); err != nil {
			return nil, err
		}
	}
	at.n.open++
	return &memoryFile{m: m, n: at.n, flags: flags}, nil
}

// memoryFile is an open file of a Memory.
type memoryFile struct {
	filetransfer.BaseBlockingFile
	m     *Memory
	n     *node
	flags filetransfer.OpenFlags
}

func (f *memoryFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.open--
	f.m.release(f.n)
	return nil
}

func (f *memoryFile) ReadChunk(offset uint64, p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	switch {
	case f.n.mode.IsDir():
		return 0, syscall.EISDIR
	case f.flags&filetransfer.FXFRead == 0:
		return 0, syscall.EBADF
	case offset >= uint64(len(f.n.data)):
		return 0, io.EOF
	}
	return copy(p, f.n.data[offset:]), nil
}

func (f *memoryFile) WriteChunk(offset uint64, data []byte) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.flags&filetransfer.FXFWrite == 0 {
		return syscall.EBADF
	}
	if f.flags&filetransfer.FXFAppend != 0 {
		offset = uint64(len(f.n.data))
	}
	if end := offset + uint64(len(data)); len(data) > 0 && end > uint64(len(f.n.data)) {
		if err := f.m.resize(f.n, end); err != nil {
			return err
		}
	}
	if len(data) > 0 {
		copy(f.n.data[offset:], data)
		f.n.modified = time.Now()
	}
	return nil
}

func (f *memoryFile) GetAttrs() (filetransfer.Attrs, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.n.attrs(), nil
}

func (f *memoryFile) SetAttrs(attrs filetransfer.Attrs) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if attrs.Has(filetransfer.AttrSize) && f.flags&filetransfer.FXFWrite == 0 {
		return syscall.EINVAL
	}
	return f.m.setAttrs(f.n, attrs)
}

func (f *memoryFile) Sync() error { return nil }

// OpenDirectory opens a directory. The listing is that of this moment.
func (m *Memory) OpenDirectory(p string) (filetransfer.BlockingDirectory, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, err := m.existing(p, true)
	switch {
	case err != nil:
		return nil, err
	case !at.n.mode.IsDir():
		return nil, syscall.ENOTDIR
	}
	return &memoryDirectory{m: m, n: at.n, names: append([]string{".", ".."}, slices.Sorted(maps.Keys(at.n.entries))...)}, nil
}

// memoryDirectory is an open directory of a Memory.
type memoryDirectory struct {
	m     *Memory
	n     *node
	names []string // that are not read
}

func (d *memoryDirectory) Close() error { return nil }

func (d *memoryDirectory) ReadEntries(n int) (entries []filetransfer.Entry, err error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	for len(d.names) > 0 && len(entries) < n {
		name := d.names[0]
		d.names = d.names[1:]
		entry := d.n.entries[name]
		if name == "." || name == ".." {
			entry = d.n
		}
		if entry == nil {
			continue // it was removed
		}
		attrs := entry.attrs()
		long := filetransfer.Longname(name, attrs, filetransfer.LongnameInfo{Links: uint64(max(1, entry.links)), Now: time.Now()})
		entries = append(entries, filetransfer.NewEntry(name, long, attrs))
	}
	if len(entries) == 0 {
		return nil, io.EOF
	}
	return entries, nil
}
