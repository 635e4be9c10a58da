package sftp

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

const (
	// fullFrontier is the memory in bytes from which on a directory is not read
	// further before directories in it are done. A directory that would take
	// more than maxFrontier fails.
	fullFrontier = 12 << 20
	maxFrontier  = 32 << 20

	// nodeSize is the memory of a node without its entry, in bytes.
	nodeSize = 160

	// maxPath is the length of the longest path of a directory that is listed,
	// in bytes.
	maxPath = 64 << 10
)

// node is a directory that was found, listed or not.
type node struct {
	parent *node
	top    string             // the path of the source, if that is not in parent
	entry  filetransfer.Entry // in parent; of a local directory without attributes
	info   fs.FileInfo        // of a local directory
	depth  int
	skip   bool // do not list it
	nested bool // it is listed while a directory above it is open

	// The rest is for a tree.
	made    bool   // the target exists
	pending int    // things to do before the directory is complete
	real    uint64 // a hash of the path without symbolic links; 0 if unknown
	failed  error  // why it could not be listed, for a removal
}

// isPattern reports whether n is not a directory, but the parent of the matches
// of a pattern.
func (n *node) isPattern() bool { return n.parent == nil && n.top == "" }

func (n *node) memory() int { return nodeSize + n.entry.Memory() + len(n.top) }

// source returns the path of the directory. join adds a path to a directory.
func (n *node) source(join func(dir, name string) string) string {
	var names []string
	for ; n.top == "" && n.parent != nil; n = n.parent {
		names = append(names, n.entry.Filename)
	}
	if names == nil {
		return n.top
	}
	slices.Reverse(names)
	return join(n.top, strings.Join(names, "/"))
}

// rel returns the path below the top, with slashes; empty for the top itself.
func (n *node) rel() string {
	if n.parent == nil {
		return ""
	}
	return path.Join(n.parent.rel(), n.entry.Filename)
}

// frontier is the directories that a walk has found and not listed yet. They
// are listed last in, first out, so that a walk goes down before it goes on.
// held counts their memory, and other memory that the walk takes, in bytes.
type frontier struct {
	stack []*node
	held  int
}

// push adds a directory. It returns false if there is no memory left.
func (f *frontier) push(n *node) bool {
	if !f.keep(n.memory()) {
		return false
	}
	if n.parent != nil {
		n.depth = n.parent.depth + 1
	}
	f.stack = append(f.stack, n)
	return true
}

// pop takes the directory that was added last, or nil.
func (f *frontier) pop() *node {
	last := len(f.stack) - 1
	if last < 0 {
		return nil
	}
	n := f.stack[last]
	f.stack[last] = nil
	f.stack = f.stack[:last]
	f.held -= n.memory()
	return n
}

// keep counts size bytes. It returns false if there is no memory left.
func (f *frontier) keep(size int) bool {
	if f.held+size > maxFrontier {
		return false
	}
	f.held += size
	return true
}

// full reports whether directories must be done before others are read further.
func (f *frontier) full() bool { return f.held > fullFrontier }

// mustDescend reports whether the next directory must be listed before n, which
// is above it, is read further.
func (f *frontier) mustDescend(n *node) bool {
	last := len(f.stack) - 1
	return f.full() && last >= 0 && f.stack[last].depth > n.depth
}
