package sftp

import (
	"context"
	"io"
	"iter"
	"path"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// WalkEntry is a file or directory that a walk has found. For the root,
// Filename is the last element of Path.
type WalkEntry struct {
	filetransfer.Entry
	Path string // begins with the root that the caller has given

	node *node
}

// SkipDir leaves out the contents of a directory. It has an effect only until
// the walk continues, and none on the entry of a file.
func (e WalkEntry) SkipDir() {
	if e.node != nil {
		e.node.skip = true
	}
}

// walkBatch is the memory in bytes that the entries of a directory take before
// they are passed on, although the directory is not at its end. So the
// directory is usually closed before the caller sees an entry, and may remove
// it.
const walkBatch = 1 << 20

// visit is an element of a walk.
type visit struct {
	WalkEntry
	err error
}

// walk is a walk in progress. It belongs to the loop.
type walk struct {
	frontier
	s       *Client
	root    string
	begun   bool
	entered *node   // the directory that was returned last; it is listed next
	open    []level // directories that are being read, the innermost last
}

// level is a directory that is being read.
type level struct {
	n   *node
	dir *dirReader
}

// next returns the next elements: one directory, or the other entries of one.
// The last call returns io.EOF. After any other error the walk is over, too.
func (w *walk) next(co *deferred.Coro) ([]visit, error) {
	if !w.begun {
		w.begun = true
		return w.first(co)
	}
	if n := w.entered; n != nil {
		w.entered = nil
		if err := w.enter(n); err != nil {
			return []visit{w.visitOf(n, err)}, nil
		}
	}
	for {
		last := len(w.open) - 1
		if last < 0 || w.mustDescend(w.open[last].n) && !w.open[last].dir.pending() {
			n := w.pop()
			if n == nil {
				return nil, io.EOF
			}
			w.entered = n
			return []visit{w.visitOf(n, nil)}, nil
		}
		l := w.open[last]
		visits, err := w.read(co, l)
		if err != nil {
			l.dir.close()
			w.open = w.open[:last]
		}
		switch {
		case isCancelled(err) || w.s.Lost() != nil:
			return nil, err
		case err != nil && err != io.EOF:
			visits = append(visits, w.visitOf(l.n, err))
		}
		if len(visits) > 0 {
			return visits, nil
		}
	}
}

// first looks at the root.
func (w *walk) first(co *deferred.Coro) ([]visit, error) {
	attrs, err := deferred.Await(co, typedAttrs(w.s, w.root, false))
	if err != nil {
		return []visit{{WalkEntry{Path: w.root}, err}}, nil
	}
	n := &node{top: w.root, entry: filetransfer.Entry{Filename: path.Base(w.root), Attrs: attrs}}
	v := w.visitOf(n, nil)
	if attrs.FileMode().IsDir() {
		w.entered = n
	} else {
		v.node = nil
	}
	return []visit{v}, nil
}

func (w *walk) visitOf(n *node, err error) visit {
	return visit{WalkEntry{n.entry, n.source(below), n}, err}
}

// enter begins to read a directory.
func (w *walk) enter(n *node) error {
	if n.skip {
		return nil
	}
	name := n.source(below)
	if n.depth > MaxDepth || len(name) > maxPath {
		return ErrTooDeep
	}
	w.open = append(w.open, level{n, &dirReader{s: w.s, name: name, impatient: len(w.open) > 0}})
	return nil
}

// read reads a directory, to its end if it is small, and returns the entries
// that are not directories.
func (w *walk) read(co *deferred.Coro, l level) (visits []visit, err error) {
	for size := 0; size < walkBatch; {
		entries, err := l.dir.next(co, !w.full())
		if err != nil {
			return visits, err
		}
		found, err := l.dir.lookAt(co, entries)
		if err != nil {
			return visits, err
		}
		for _, e := range found {
			size += e.Memory()
			if e.err == nil && e.Attrs.FileMode().IsDir() {
				if !w.push(&node{parent: l.n, entry: e.Entry}) {
					return visits, tooManyEntries(l.dir.name)
				}
			} else {
				visits = append(visits, visit{WalkEntry{e.Entry, below(l.dir.name, e.Filename), nil}, e.err})
			}
		}
		if w.full() {
			break
		}
	}
	return visits, nil
}

func (w *walk) close() {
	for _, l := range w.open {
		l.dir.close()
	}
	w.open = nil
}

// Walk visits root and everything below. The order is that of the server,
// except that a directory comes before its contents, and its files before its
// subdirectories. Symbolic links are visited, not followed.
//
// Walk belongs in the body of a deferred.Inline, whose Coro it takes; it awaits
// the server there. Leaving the loop over the entries closes what is open.
//
// A directory that cannot be listed is visited a second time, with the error;
// the walk continues after that. If the connection is lost or the coroutine is
// cancelled, the last element is the error with an empty entry. Names that are
// empty, "." or "..", or contain a slash or a NUL are left out.
//
// The memory of a walk is less than 64 MiB, whatever the server sends.
func (s *Client) Walk(co *deferred.Coro, root string) iter.Seq2[WalkEntry, error] {
	return func(yield func(WalkEntry, error) bool) {
		w := &walk{s: s, root: root}
		defer w.close()
		for {
			visits, err := w.next(co)
			if err == io.EOF || !yieldAll(visits, err, yield) {
				return
			}
		}
	}
}

// yieldAll passes elements of a walk on, and returns whether the walk
// continues.
func yieldAll(visits []visit, err error, yield func(WalkEntry, error) bool) bool {
	for _, v := range visits {
		if !yield(v.WalkEntry, v.err) {
			return false
		}
	}
	if err != nil {
		yield(WalkEntry{}, err)
	}
	return err == nil
}

// Walk visits root and everything below, as [Client.Walk] does. Errors are of
// type [*fs.PathError]. When ctx is done, the last element is the cause. For
// the order of filepath.WalkDir use fs.WalkDir with [Files.FS].
func (c *Files) Walk(ctx context.Context, root string) iter.Seq2[WalkEntry, error] {
	return func(yield func(WalkEntry, error) bool) {
		w := &walk{s: c.session, root: root}
		for visits, err := range batches(ctx, c, w.next, w.close) {
			for i := range visits {
				visits[i].err = pathError("walk", visits[i].Path, visits[i].err)
			}
			if !yieldAll(visits, pathError("walk", root, err), yield) {
				return
			}
		}
	}
}
