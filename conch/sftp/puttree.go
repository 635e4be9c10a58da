package sftp

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// putTree uploads directories of the local disk into a directory of the server.
type putTree struct {
	*tree
	to string // the directory at the server
}

func (j *job) newPutTree(d disk, remote string) *putTree {
	t := &putTree{j.newTree(), remote}
	t.local, t.list, t.finish = d, t.listDir, t.finishDir
	t.join = func(dir, name string) string { return filepath.Join(dir, name) }
	return t
}

// batchSize is the number of entries of a local directory in one read.
const batchSize = 256

// listDir makes a directory at the server and begins what is in the local one.
func (t *putTree) listDir(co *deferred.Coro, n *node) error {
	rel, source := n.rel(), n.source(t.join)
	if err := t.makeDir(co, t.target(rel), n.info.Mode().Perm()|0o700); err != nil {
		return err
	}
	n.made = true
	t.now.Dirs++
	queue := taskQueue{loop: t.s.loop}
	open := func() (file, error) { return t.local.OpenFile(source, os.O_RDONLY, 0) }
	dir, err := deferred.Await(co, threaded(&queue, open, func(dir file) { dir.Close() }))
	if err != nil {
		return err
	}
	defer func() {
		do(&queue, dir.Close).AddErrback(func(error) (struct{}, error) { return struct{}{}, nil }) // it was only read
	}()
	for {
		batch, err := deferred.Await(co, threaded(&queue, func() ([]localEntry, error) { return t.readDir(dir, source) }, nil))
		for _, e := range batch {
			if err := t.entry(co, n, filepath.Join(source, e.name), path.Join(rel, e.name), e); err != nil {
				return err
			}
		}
		for err == nil && t.mustDescend(n) {
			if err := t.listNext(co, true); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// target returns the path at the server for one below the top.
func (t *putTree) target(rel string) string {
	if rel == "" {
		return t.to
	}
	return below(t.to, rel)
}

// makeDir makes a directory, unless there is one. A server that refuses
// permissions chooses them.
func (t *putTree) makeDir(co *deferred.Coro, name string, perm fs.FileMode) error {
	_, err := deferred.Await(co, t.s.MakeDirectory(name, filetransfer.Attrs{}.WithMode(perm)))
	if err == nil || t.endsAll(err) {
		return err
	}
	is, statErr := deferred.Await(co, typedAttrs(t.s, name, true))
	switch {
	case t.endsAll(statErr):
		return statErr
	case statErr == nil && is.FileMode().IsDir():
		return nil
	case statErr == nil:
		return err
	}
	if _, again := deferred.Await(co, t.s.MakeDirectory(name, filetransfer.Attrs{})); again == nil || t.endsAll(again) {
		return again
	}
	return err
}

// finishDir gives a complete directory its attributes. A server may refuse
// them.
func (t *putTree) finishDir(co *deferred.Coro, n *node) error {
	if !n.made || !t.o.Preserve {
		return nil
	}
	f := &upload{job: t.job, info: n.info}
	_, err := deferred.Await(co, t.s.SetAttrs(t.target(n.rel()), f.preserved()))
	if t.endsAll(err) {
		return err
	}
	t.warn(n.source(t.join), err)
	return nil
}

// localEntry is an entry of a local directory.
type localEntry struct {
	name   string
	info   fs.FileInfo
	target string // of a symbolic link to be copied
	err    error  // why it cannot be transferred

	// whole is the file with the partial file that the name of the entry belongs
	// to; nil if there is none.
	whole fs.FileInfo
}

// readDir reads some entries, on a thread.
func (t *putTree) readDir(dir file, source string) ([]localEntry, error) {
	list, err := dir.ReadDir(batchSize)
	var batch []localEntry
	for _, is := range list {
		if e := t.look(is, filepath.Join(source, is.Name())); !errors.Is(e.err, fs.ErrNotExist) || e.info != nil {
			batch = append(batch, e) // else it was removed meanwhile
		}
	}
	return batch, err
}

func (t *putTree) look(is fs.DirEntry, source string) localEntry {
	e := localEntry{name: is.Name()}
	e.info, e.err = is.Info()
	if e.err == nil && e.info.Mode().Type() == fs.ModeSymlink {
		switch t.o.Links {
		case FollowLinks:
			var info fs.FileInfo
			if info, e.err = t.local.Stat(source); e.err == nil {
				e.info = info
			}
		case CopyLinks:
			e.target, e.err = t.local.Readlink(source)
		}
	}
	if whole := wholeOf(e.name); whole != "" {
		e.whole, _ = t.local.Stat(filepath.Join(filepath.Dir(source), whole)) // nil if it does not exist
	}
	return e
}

// entry begins the transfer of source, which is in n. rel is its path below the
// target.
func (t *putTree) entry(co *deferred.Coro, n *node, source, rel string, e localEntry) error {
	if e.err != nil {
		t.problem(source, e.err)
		return nil
	}
	if !t.wanted(rel, e.info) {
		return nil
	}
	target := t.target(rel)
	switch e.info.Mode().Type() {
	case fs.ModeDir:
		if t.loops(n, e.info) {
			t.problem(source, errLoop)
			return nil
		}
		return t.add(&node{parent: n, entry: filetransfer.Entry{Filename: e.name}, info: e.info}, source)
	case 0:
		f := t.newUpload(t.local, source, e.info, target)
		if e.whole != nil && f.partName != target {
			name := e.whole.Name()
			if t.newUpload(t.local, filepath.Join(filepath.Dir(source), name), e.whole, below(path.Dir(target), name)).partName == target {
				t.problem(source, errPartName)
				return nil
			}
		}
		return t.file(co, n, source, rel, f.size, f.run)
	case fs.ModeSymlink:
		if t.o.Links == CopyLinks {
			return t.file(co, n, source, rel, 0, func(co *deferred.Coro) error { return t.copyLink(co, target, filepath.ToSlash(e.target)) })
		}
	}
	t.skip()
	return nil
}

// loops reports whether a directory in n is n or a directory above n.
func (t *putTree) loops(n *node, info fs.FileInfo) bool {
	for ; n != nil && t.o.Links == FollowLinks; n = n.parent {
		if n.info != nil && os.SameFile(n.info, info) {
			return true
		}
	}
	return false
}

// copyLink makes a symbolic link, and replaces one.
func (t *putTree) copyLink(co *deferred.Coro, name, target string) error {
	c := t.s.FileTransferClient
	_, err := deferred.Await(co, c.MakeLink(name, target))
	if err != nil && !t.endsAll(err) {
		if is, statErr := deferred.Await(co, c.GetAttrs(name, false)); statErr == nil && is.FileMode().Type() == fs.ModeSymlink {
			if _, err = deferred.Await(co, c.RemoveFile(name)); err == nil {
				_, err = deferred.Await(co, c.MakeLink(name, target))
			}
		}
	}
	if err == nil {
		t.now.Links++
	}
	return err
}
