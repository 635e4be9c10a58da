package sftp

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// listersAhead is how many directories are listed at a time.
const listersAhead = 8

// tree is a transfer of many files.
type tree struct {
	*job
	group
	local disk

	list   func(co *deferred.Coro, n *node) error // makes the directory at the target and lists the source
	finish func(co *deferred.Coro, n *node) error // gives a complete directory its attributes

	stack      []*node    // directories to be listed, the next one last
	nameBudget nameBudget // by the stack
	listing    int
	wake       []deferred.Deferred[struct{}] // of listers that have nothing to do
	files      *deferred.Semaphore
	large      *deferred.Semaphore // for large files, before they get a place among all
	busy       map[string]bool     // paths of targets that are being written
}

// node is a directory.
type node struct {
	parent  *node
	source  string // where it is
	path    string // where it goes, relative to the top of the target, with slashes; empty for the top itself
	depth   int
	info    fs.FileInfo // of the source; nil if there is none, because the source is the matches of a pattern
	pending int         // what has to be done before it is complete
	real    string      // the server's path of the source without symbolic links, once it was asked for
}

func (j *job) newTree() *tree {
	n := j.o.Concurrency
	if most := j.s.KnownLimits().MaxHandles; most > 0 {
		n = int(min(uint64(n), max(most, listersAhead+1)-listersAhead))
	}
	return &tree{job: j, busy: make(map[string]bool), files: deferred.NewSemaphore(n), large: deferred.NewSemaphore(min(MaxLarge, n))}
}

// runTop transfers a directory.
func (t *tree) runTop(co *deferred.Coro, source string, info fs.FileInfo) error {
	if err := t.push(nil, source, "", info); err != nil {
		return err
	}
	return t.run(co)
}

// runMatches transfers what a pattern has matched: match begins one of them.
func (t *tree) runMatches(co *deferred.Coro, n int, match func(co *deferred.Coro, top *node, i int) error) error {
	top := &node{pending: 1}
	t.listing++
	t.start(func(co *deferred.Coro) (err error) {
		for i := 0; i < n && err == nil; i++ {
			err = match(co, top, i)
		}
		t.listing--
		t.wakeListers()
		t.completed(top)
		return err
	})
	return t.run(co)
}

// run transfers everything below the directories that are pushed.
func (t *tree) run(co *deferred.Coro) error {
	for range listersAhead {
		t.start(t.lister)
	}
	return t.wait(co)
}

// push adds a directory to be listed; the top has no parent and no name.
func (t *tree) push(parent *node, source, name string, info fs.FileInfo) error {
	n := &node{parent: parent, source: source, info: info, pending: 1}
	if parent != nil {
		n.path, n.depth = path.Join(parent.path, name), parent.depth+1
	}
	if err := t.nameBudget.keep(n.source, n.path); err != nil {
		return err
	}
	if parent != nil {
		parent.pending++
	}
	t.stack = append(t.stack, n)
	t.wakeListers()
	return nil
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
				t.wakeListers() // they are done, too
				return nil
			}
			d := deferred.New[struct{}]()
			t.wake = append(t.wake, d)
			if _, err := deferred.Await(co, d); err != nil {
				return err
			}
		}
		n := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.nameBudget.drop(n.source, n.path)
		t.listing++
		err := t.listOne(co, n)
		t.listing--
		if err != nil {
			return err
		}
		t.completed(n)
	}
}

func (t *tree) listOne(co *deferred.Coro, n *node) error {
	if n.depth > MaxDepth {
		t.problem(n.source, ErrTooDeep)
		return nil
	}
	return t.judge(n.source, t.list(co, n))
}

// judge notes an error that is one of a file, and returns one that ends everything.
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

// errSameName is the failure of a file that would be written to the same target as one that is under way.
var errSameName = fmt.Errorf("sftp: %w: another source has the same name", fs.ErrExist)

// errLoop is the failure to follow a symbolic link.
var errLoop = errors.New("sftp: the symbolic link leads to a directory that it is in")

// file begins the transfer of a file to target, when there is a place for it.
func (t *tree) file(co *deferred.Coro, n *node, source, target string, size int64, run func(co *deferred.Coro) error) error {
	release, err := t.place(co, size > filetransfer.MaxChunk || size < 0)
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
		release()
		t.completed(n)
		return err
	})
	return nil
}

// place waits until another file may be begun. When that has ended, release is called.
func (t *tree) place(co *deferred.Coro, large bool) (release func(), err error) {
	if large {
		if _, err := deferred.Await(co, t.large.Acquire()); err != nil {
			return nil, err
		}
	}
	if _, err := deferred.Await(co, t.files.Acquire()); err != nil {
		return nil, err // and the group is stopped
	}
	return func() {
		t.files.Release()
		if large {
			t.large.Release()
		}
	}, nil
}

// completed notes that something of a directory is done.
func (t *tree) completed(n *node) {
	n.pending--
	if n.pending > 0 {
		return
	}
	t.start(func(co *deferred.Coro) error {
		err := error(nil)
		if n.info != nil && t.o.Preserve {
			err = t.judge(n.source, t.finish(co, n))
		}
		if n.parent != nil {
			t.completed(n.parent)
		}
		return err
	})
}

// wanted asks the user about something in the tree.
func (t *tree) wanted(name string, info fs.FileInfo) bool {
	return t.o.Filter == nil || t.o.Filter(name, info)
}
