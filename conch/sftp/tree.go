package sftp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// listersAhead is the number of directories of a tree that are listed at a
// time.
const listersAhead = 8

// tree transfers or removes directories with everything below them.
//
// Listers take directories from the frontier and begin a task for each file. A
// directory is complete when its files and subdirectories are done.
type tree struct {
	*job
	group
	frontier
	local disk

	join    func(dir, name string) string          // adds a name to the path of a source
	list    func(co *deferred.Coro, n *node) error // lists a directory and begins what is in it
	finish  func(co *deferred.Coro, n *node) error // is called when a directory is complete
	wake    []deferred.Deferred[struct{}]          // of listers without a directory
	listing int                                    // directories that are being listed
	files   *deferred.Semaphore                    // places for tasks
	large   *deferred.Semaphore                    // places for large files, which need one of files as well
	busy    map[string]bool                        // targets of the tasks
}

func (j *job) newTree() *tree {
	n := j.o.Concurrency
	if most := j.s.KnownLimits().MaxHandles; most > 0 {
		n = int(min(uint64(n), max(most, listersAhead+1)-listersAhead))
	}
	return &tree{
		job: j, join: below, busy: make(map[string]bool),
		files: deferred.NewSemaphore(n), large: deferred.NewSemaphore(min(MaxLarge, n)),
	}
}

// runTop transfers the directory source. info is that of a local directory.
func (t *tree) runTop(co *deferred.Coro, source string, attrs filetransfer.Attrs, info fs.FileInfo) error {
	if err := t.add(&node{entry: filetransfer.Entry{Attrs: attrs}, info: info}, source); err != nil {
		return err
	}
	return t.run(co)
}

// runMatches transfers n files or directories. match begins one of them.
func (t *tree) runMatches(co *deferred.Coro, n int, match func(co *deferred.Coro, top *node, i int) error) error {
	top := &node{pending: 1}
	t.listing++
	t.start(func(co *deferred.Coro) (err error) {
		for i := 0; i < n && err == nil; i++ {
			err = match(co, top, i)
		}
		t.listed()
		return err
	})
	return t.run(co)
}

// run transfers the directories of the frontier and everything below.
func (t *tree) run(co *deferred.Coro) error {
	for range listersAhead {
		t.start(t.lister)
	}
	return t.wait(co)
}

// add adds a directory to the frontier. source is its path.
func (t *tree) add(n *node, source string) error {
	if n.pending = 1; n.parent == nil || n.parent.isPattern() {
		n.top = source
	}
	if !t.push(n) {
		return tooManyEntries(source)
	}
	if n.parent != nil {
		n.parent.pending++
	}
	t.wakeListers()
	return nil
}

// listed notes that a directory is listed.
func (t *tree) listed() {
	if t.listing--; t.listing == 0 {
		t.wakeListers()
	}
}

func (t *tree) wakeListers() {
	wake := t.wake
	t.wake = nil
	for _, d := range wake {
		_ = d.TryCallback(struct{}{}) // it may have been cancelled
	}
}

// lister lists one directory after another.
func (t *tree) lister(co *deferred.Coro) error {
	for {
		for len(t.stack) == 0 {
			if t.listing == 0 {
				t.wakeListers() // the others may return, too
				return nil
			}
			d := deferred.New[struct{}]()
			t.wake = append(t.wake, d)
			if _, err := deferred.Await(co, d); err != nil {
				return err
			}
		}
		if err := t.listNext(co, false); err != nil {
			return err
		}
	}
}

// listNext lists the next directory of the frontier. nested says that the
// caller is listing a directory above it.
func (t *tree) listNext(co *deferred.Coro, nested bool) error {
	n := t.pop()
	n.nested = nested
	t.listing++
	source := n.source(t.join)
	err := error(ErrTooDeep)
	if n.depth <= MaxDepth && len(source) <= maxPath {
		t.held += 2 * len(source) // list keeps the path
		err = t.list(co, n)
		t.held -= 2 * len(source)
	}
	if err = t.judge(source, err); err == nil {
		err = t.completed(co, n)
	}
	t.listed()
	return err
}

// eachRemote calls begin for each entry of a directory of the server. While no
// task may begin it reads on: usually the directory is closed when its files
// are opened, which may need the last handle of the server. For a removal,
// begin is called for files only when the directory is closed, or memory is
// short.
func (t *tree) eachRemote(co *deferred.Coro, n *node, removal bool, begin func(e listed) error) (failed error) {
	dir := &dirReader{s: t.s, name: n.source(below), impatient: n.nested, typeless: removal}
	dir.unsafe = func(name string) { t.problem(below(dir.name, name), ErrUnsafeName) }
	defer dir.close()
	var waiting []listed
	for more := true; more || len(waiting) > 0; {
		switch {
		case len(waiting) > 0 && (!more || t.full() || !removal && t.mayBegin(waiting[0].Attrs)):
			e := waiting[0]
			waiting[0], waiting = listed{}, waiting[1:]
			t.held -= e.Memory()
			if err := begin(e); err != nil {
				return err
			}
		case t.mustDescend(n) && !dir.pending():
			if err := t.listNext(co, true); err != nil {
				return err
			}
		default:
			files, err := t.readSome(co, dir, begin)
			waiting = append(waiting, files...)
			if t.endsAll(err) {
				return err
			}
			if err != nil {
				more = false
				dir.close()
			}
			if err != io.EOF {
				failed = err
			}
		}
	}
	return failed
}

// readSome calls begin for the directories among the next entries, and returns
// the other entries.
func (t *tree) readSome(co *deferred.Coro, dir *dirReader, begin func(e listed) error) (files []listed, err error) {
	entries, err := dir.next(co, !t.full())
	if err != nil {
		return nil, err
	}
	found, err := dir.lookAt(co, entries)
	if err != nil {
		return nil, err
	}
	files = found[:0]
	for _, e := range found {
		switch {
		case e.err == nil && e.Attrs.FileMode().IsDir():
			err = begin(e)
		case t.keep(e.Memory()):
			files = append(files, e)
		default:
			err = tooManyEntries(dir.name)
		}
		if err != nil {
			break
		}
	}
	return files, err
}

// endsAll reports whether err concerns more than one file.
func (t *tree) endsAll(err error) bool { return err != nil && (isCancelled(err) || t.s.Lost() != nil) }

// judge notes the failure of one file or directory. It returns an error that
// ends everything.
func (t *tree) judge(source string, err error) error {
	switch {
	case err == nil:
		return nil
	case isCancelled(err):
		return err
	case t.s.Lost() != nil:
		return t.failure(source, err)
	default:
		t.problem(source, err)
		return nil
	}
}

// errSameName is the failure of a file whose target another task is writing.
var errSameName = fmt.Errorf("sftp: %w: another source has the same name", fs.ErrExist)

// errPartName is the failure of a file whose target is the partial file of
// another file in the tree.
var errPartName = fmt.Errorf("sftp: %w: another file in the directory needs this name until it is whole; rename one of them", fs.ErrExist)

// errLoop is the failure to follow a symbolic link.
var errLoop = errors.New("sftp: the symbolic link leads to a directory that it is in")

// file begins the task of a file in n when there is a place for it.
func (t *tree) file(co *deferred.Coro, n *node, source, target string, size int64, run func(co *deferred.Coro) error) error {
	release, err := t.place(co, isLarge(size))
	if err != nil {
		return err
	}
	if t.busy[target] {
		release()
		t.problem(source, errSameName)
		return nil
	}
	t.busy[target] = true
	n.pending++
	t.start(func(co *deferred.Coro) error {
		err := t.judge(source, run(co))
		delete(t.busy, target)
		if err == nil {
			err = t.completed(co, n)
		}
		release()
		return err
	})
	return nil
}

// isLarge reports whether a file of that size needs a place among large files.
// A negative size is unknown.
func isLarge(size int64) bool { return size > filetransfer.MaxChunk || size < 0 }

// mayBegin reports whether there is a place for a file.
func (t *tree) mayBegin(attrs filetransfer.Attrs) bool {
	return t.files.Tokens() > 0 && (t.large.Tokens() > 0 || !isLarge(int64(attrs.Size)))
}

// place waits until another task may begin. The caller calls release when the
// task has ended.
func (t *tree) place(co *deferred.Coro, large bool) (release func(), err error) {
	if large {
		if _, err := deferred.Await(co, t.large.Acquire()); err != nil {
			return nil, err
		}
	}
	if _, err := deferred.Await(co, t.files.Acquire()); err != nil {
		return nil, err // the whole group is stopped
	}
	return func() {
		t.files.Release()
		if large {
			t.large.Release()
		}
	}, nil
}

// completed notes that something in n is done. It finishes n, and directories
// above n, if nothing is left to do there.
func (t *tree) completed(co *deferred.Coro, n *node) error {
	for ; n != nil; n = n.parent {
		if n.pending--; n.pending > 0 {
			return nil
		}
		if n.isPattern() {
			continue
		}
		if err := t.judge(n.source(t.join), t.finish(co, n)); err != nil {
			return err
		}
	}
	return nil
}

// wanted calls Options.Filter.
func (t *tree) wanted(name string, info fs.FileInfo) bool {
	return t.o.Filter == nil || t.o.Filter(name, info)
}
