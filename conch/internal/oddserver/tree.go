package oddserver

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Types of files in the mode of a node.
const (
	typeMask = 0o170000
	dirMode  = 0o040000
	fileMode = 0o100000
	linkMode = 0o120000
)

// node is a file, a directory or a symbolic link.
type node struct {
	mode         uint32 // type and permissions, as in POSIX
	data         []byte
	entries      map[string]*node // of a directory
	target       string           // of a link
	uid, gid     uint32
	atime, mtime uint32
	writers      int // open handles for writing
}

func newNode(mode uint32) *node {
	now := uint32(time.Now().Unix())
	n := &node{mode: mode, atime: now, mtime: now}
	if n.is(dirMode) {
		n.entries = make(map[string]*node)
	}
	return n
}

func (n *node) is(kind uint32) bool { return n != nil && n.mode&typeMask == kind }

// child returns the node with the name in the directory, or nil.
func (s *Server) child(dir *node, name string) *node {
	if n := dir.entries[name]; n != nil {
		return n
	}
	number, ok := strings.CutPrefix(name, "d")
	if i, err := strconv.Atoi(number); ok && err == nil && i < s.odd.Fertile {
		return newNode(dirMode | 0o755)
	}
	return nil
}

// find returns the node with the path, or nil, and the directory that has or
// could have the node, with its name there. The directory is nil if it does not
// exist, and for the root. follow says what becomes of a link at the end.
func (s *Server) find(name string, follow bool) (dir *node, base string, n *node) {
	for range 40 { // links
		name = path.Clean("/" + name)
		again := ""
		dir, base, n, again = s.walk(name, follow)
		if again == "" {
			return dir, base, n
		}
		name = again
	}
	return nil, "", nil
}

// walk is find up to the first link that has to be followed. again is the path
// with the link replaced with its target.
func (s *Server) walk(name string, follow bool) (dir *node, base string, n *node, again string) {
	n = s.root
	if name == "/" {
		return nil, "", n, ""
	}
	parts := strings.Split(name[1:], "/")
	for i, part := range parts {
		if !n.is(dirMode) {
			return nil, "", nil, ""
		}
		last := i == len(parts)-1
		dir, base, n = n, part, s.child(n, part)
		if n.is(linkMode) && (follow || !last) {
			target := n.target
			if !path.IsAbs(target) {
				target = path.Join("/", path.Join(parts[:i]...), target)
			}
			return nil, "", nil, path.Join(target, path.Join(parts[i+1:]...))
		}
	}
	return dir, base, n, ""
}

// make returns the directory with the path, after it has created the missing
// ones.
func (s *Server) make(name string) *node {
	if name = path.Clean("/" + name); name == "/" {
		return s.root
	}
	parent := s.make(path.Dir(name))
	if parent.entries[path.Base(name)] == nil {
		parent.entries[path.Base(name)] = newNode(dirMode | 0o755)
	}
	return parent.entries[path.Base(name)]
}

// Info describes a file of the server.
type Info struct {
	Mode   uint32 // type and permissions, as in POSIX
	Data   []byte
	Target string // of a symbolic link
	Atime  int64
	Mtime  int64
}

// Lstat returns the file, directory or link with the path. The data is a copy.
func (s *Server) Lstat(name string) (info Info, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, n := s.find(name, false)
	if n == nil {
		return Info{}, false
	}
	return Info{n.mode, slices.Clone(n.data), n.target, int64(n.atime), int64(n.mtime)}, true
}

// WriteFile puts a file with the permissions 0644 and the directories above it
// in the tree.
func (s *Server) WriteFile(name string, data []byte, mtime time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := newNode(fileMode | 0o644)
	n.data, n.atime, n.mtime = slices.Clone(data), uint32(mtime.Unix()), uint32(mtime.Unix())
	s.make(path.Dir(path.Clean("/" + name))).entries[path.Base(name)] = n
}

// Mkdir puts a directory and those above it in the tree.
func (s *Server) Mkdir(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.make(name)
}

// Symlink puts a symbolic link in the tree.
func (s *Server) Symlink(target, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := newNode(linkMode | 0o777)
	n.target = target
	s.make(path.Dir(path.Clean("/" + name))).entries[path.Base(name)] = n
}

// RemoveAll removes everything below the directory.
func (s *Server) RemoveAll(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.make(dir).entries)
}

// Paths returns the paths of everything below the directory, relative to it and
// sorted. Directories have a slash at the end.
func (s *Server) Paths(dir string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var paths []string
	var add func(n *node, prefix string)
	add = func(n *node, prefix string) {
		for name, child := range n.entries {
			if child.is(dirMode) {
				paths = append(paths, prefix+name+"/")
				add(child, prefix+name+"/")
			} else {
				paths = append(paths, prefix+name)
			}
		}
	}
	if _, _, n := s.find(dir, true); n != nil {
		add(n, "")
	}
	slices.Sort(paths)
	return paths
}

// used returns the bytes of all files below n.
func (n *node) used() int64 {
	total := int64(len(n.data))
	for child := range maps.Values(n.entries) {
		total += child.used()
	}
	return total
}

// resize sets the size of data. New bytes are zero.
func resize(data []byte, size int) []byte {
	if size <= len(data) {
		return data[:size:size] // a later growth clears what comes after
	}
	return append(data, make([]byte, size-len(data))...)
}
