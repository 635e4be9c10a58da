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

// putTree uploads a directory of the local disk.
type putTree struct {
	*tree
	to string // the target
}

func (j *job) newPutTree(d disk, remote string) *putTree {
	t := &putTree{j.newTree(), remote}
	t.local, t.list, t.finish = d, t.listDir, t.finishDir
	return t
}

// batchSize is how many entries of a local directory are read at a time.
const batchSize = 256

// listDir makes a directory at the server and lists the local one.
func (t *putTree) listDir(co *deferred.Coro, n *node) error {
	if err := t.makeDir(co, path.Join(t.to, n.path), n.info.Mode().Perm()|0o700); err != nil {
		return err
	}
	t.now.Dirs++
	name := n.source
	queue := taskQueue{loop: t.s.loop}
	dir, err := deferred.Await(co, threaded(&queue, func() (file, error) { return t.local.OpenFile(name, os.O_RDONLY, 0) }, func(dir file) { dir.Close() }))
	if err != nil {
		return err
	}
	defer func() {
		do(&queue, dir.Close).AddErrback(func(error) (struct{}, error) { return struct{}{}, nil }) // it was only read
	}()
	for {
		batch, err := deferred.Await(co, threaded(&queue, func() ([]entry, error) { return t.readDir(dir, name) }, nil))
		for _, e := range batch {
			if err := t.entry(co, n, filepath.Join(name, e.name), e); err != nil {
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

func (t *putTree) makeDir(co *deferred.Coro, name string, perm fs.FileMode) error {
	_, err := deferred.Await(co, t.s.MakeDirectory(name, filetransfer.Attrs{}.WithMode(perm)))
	if err == nil || isCancelled(err) {
		return err
	}
	is, statErr := deferred.Await(co, t.s.GetAttrs(name, true))
	switch {
	case statErr == nil && is.FileMode().IsDir():
		return nil
	case isCancelled(statErr) || t.s.Lost() != nil:
		return statErr
	default:
		return err
	}
}

func (t *putTree) finishDir(co *deferred.Coro, n *node) error {
	f := &upload{job: t.job, info: n.info}
	_, err := deferred.Await(co, t.s.SetAttrs(path.Join(t.to, n.path), f.preserved()))
	return err
}

// entry is something in a local directory.
type entry struct {
	name   string
	info   fs.FileInfo
	target string // of a link that is to be copied
	gone   bool   // meanwhile
	err    error
}

// readDir reads some entries, on a thread.
func (t *putTree) readDir(dir file, name string) ([]entry, error) {
	list, err := dir.ReadDir(batchSize)
	batch := make([]entry, len(list))
	for i, is := range list {
		batch[i] = t.look(is, filepath.Join(name, is.Name()))
	}
	return batch, err
}

func (t *putTree) look(is fs.DirEntry, source string) entry {
	e := entry{name: is.Name()}
	e.info, e.err = is.Info()
	e.gone = errors.Is(e.err, fs.ErrNotExist)
	if e.err == nil && e.info.Mode().Type() == fs.ModeSymlink {
		switch t.o.Links {
		case FollowLinks:
			e.info, e.err = t.local.Stat(source)
		case CopyLinks:
			e.target, e.err = t.local.Readlink(source)
		}
	}
	return e
}

// entry transfers something in the directory n.
func (t *putTree) entry(co *deferred.Coro, n *node, source string, e entry) error {
	rel := path.Join(n.path, e.name)
	target := path.Join(t.to, rel)
	if e.gone {
		return nil
	}
	if e.err != nil {
		t.problem(source, e.err)
		return nil
	}
	if !t.wanted(rel, e.info) {
		return nil
	}
	switch e.info.Mode().Type() {
	case fs.ModeDir:
		if t.loops(n, e.info) {
			t.problem(source, errLoop)
			return nil
		}
		return t.push(n, source, e.name, e.info)
	case 0:
		f := t.newUpload(t.local, source, e.info, target)
		return t.file(co, n, source, rel, f.size, f.run)
	case fs.ModeSymlink:
		if t.o.Links == CopyLinks {
			return t.file(co, n, source, rel, 0, func(co *deferred.Coro) error { return t.copyLink(co, target, filepath.ToSlash(e.target)) })
		}
		t.skip()
	default:
		t.skip()
	}
	return nil
}

// loops reports whether a directory in n is n itself, or one that n is in.
func (t *putTree) loops(n *node, info fs.FileInfo) bool {
	for ; n != nil && t.o.Links == FollowLinks; n = n.parent {
		if n.info != nil && os.SameFile(n.info, info) {
			return true
		}
	}
	return false
}

// copyLink makes a link, in the place of one that is there.
func (t *putTree) copyLink(co *deferred.Coro, name, target string) error {
	c := t.s.FileTransferClient
	_, err := deferred.Await(co, c.MakeLink(name, target))
	if err != nil && !isCancelled(err) {
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
