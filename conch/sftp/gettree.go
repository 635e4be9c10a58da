package sftp

import (
	"cmp"
	"errors"
	"hash/maphash"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// getTree downloads directories into a directory of the local disk.
type getTree struct {
	*tree
	queue taskQueue // for directories and links, and for closing the root
}

func (j *job) newGetTree() *getTree {
	t := &getTree{tree: j.newTree(), queue: taskQueue{loop: j.s.loop}}
	t.list, t.finish = t.listDir, t.finishDir
	return t
}

// listDir makes a directory and begins what is in it.
func (t *getTree) listDir(co *deferred.Coro, n *node) error {
	rel := n.rel()
	if rel != "" {
		if _, err := deferred.Await(co, do(&t.queue, func() error { return t.makeDir(rel, n.entry.Attrs.FileMode()) })); err != nil {
			return err
		}
	}
	n.made = true
	t.now.Dirs++
	source := n.source(below)
	return t.eachRemote(co, n, false, func(e listed) error {
		if e.err != nil {
			return t.judge(below(source, e.Filename), e.err)
		}
		return t.entry(co, n, below(source, e.Filename), path.Join(rel, e.Filename), e.Entry)
	})
}

func (t *getTree) makeDir(rel string, mode fs.FileMode) error {
	name := localPath(rel)
	err := t.local.Mkdir(name, mode.Perm()|0o700)
	if errors.Is(err, fs.ErrExist) {
		if is, statErr := t.local.Stat(name); statErr == nil && is.IsDir() {
			return nil
		}
	}
	return err
}

// finishDir gives a complete directory its attributes.
func (t *getTree) finishDir(co *deferred.Coro, n *node) error {
	if !n.made || !t.o.Preserve {
		return nil
	}
	f := &download{job: t.job, attrs: n.entry.Attrs}
	name := localPath(cmp.Or(n.rel(), "."))
	_, err := deferred.Await(co, do(&t.queue, func() error { return f.preserve(t.local, name, true) }))
	return err
}

// entry begins the transfer of source, which is in n. rel is its path below the
// target.
func (t *getTree) entry(co *deferred.Coro, n *node, source, rel string, e filetransfer.Entry) (err error) {
	if !isLocalName(path.Base(rel)) {
		t.problem(source, ErrUnsafeName)
		return nil
	}
	if !t.wanted(rel, e.FileInfo()) {
		return nil
	}
	attrs := e.Attrs
	if attrs.FileMode().Type() == fs.ModeSymlink && t.o.Links == FollowLinks {
		if attrs, err = deferred.Await(co, typedAttrs(t.s, source, true)); err == nil && attrs.FileMode().IsDir() {
			err = t.mustNotLoop(co, n, source)
		}
		if err != nil {
			return t.judge(source, err)
		}
	}
	switch attrs.FileMode().Type() {
	case fs.ModeDir:
		e.Attrs = attrs
		return t.add(&node{parent: n, entry: e}, source)
	case 0:
		f := t.newDownload(source, attrs, t.local, localPath(rel))
		if whole := wholeOf(path.Base(rel)); whole != "" && f.partName != f.name {
			sibling := strings.TrimSuffix(source, path.Base(source)) + whole
			attrs, err := deferred.Await(co, t.s.GetAttrs(sibling, t.o.Links == FollowLinks))
			if t.endsAll(err) {
				return err
			}
			if err == nil && t.newDownload(sibling, attrs, t.local, localPath(path.Join(path.Dir(rel), whole))).partName == f.name {
				t.problem(source, errPartName)
				return nil
			}
		}
		return t.file(co, n, source, rel, f.size, f.run)
	case fs.ModeSymlink:
		if t.o.Links == CopyLinks {
			return t.file(co, n, source, rel, 0, func(co *deferred.Coro) error { return t.copyLink(co, source, rel) })
		}
	}
	t.skip()
	return nil
}

// mustNotLoop fails if the symbolic link source, which is in n, leads to n or
// to a directory above n. A server without REALPATH is bounded by MaxDepth.
func (t *getTree) mustNotLoop(co *deferred.Coro, n *node, source string) error {
	to, err := t.realPath(co, source)
	for ; err == nil && n != nil && !n.isPattern(); n = n.parent {
		if n.real == 0 {
			n.real, err = t.realPath(co, n.source(below))
		}
		if err == nil && n.real == to {
			return errLoop
		}
	}
	if t.endsAll(err) {
		return err
	}
	return nil
}

// pathSeed is for the hashes of paths without symbolic links.
var pathSeed = maphash.MakeSeed()

// realPath returns a hash of the path of source without symbolic links.
func (t *getTree) realPath(co *deferred.Coro, source string) (uint64, error) {
	real, err := deferred.Await(co, t.s.RealPath(source))
	return max(maphash.String(pathSeed, real), 1), err
}

// copyLink makes a link with the same target.
func (t *getTree) copyLink(co *deferred.Coro, source, rel string) error {
	target, err := deferred.Await(co, t.s.ReadLink(source))
	if err != nil {
		return err
	}
	if !staysInside(rel, target) {
		return ErrUnsafeLink
	}
	_, err = deferred.Await(co, do(&t.queue, func() error { return replaceLink(t.local, target, localPath(rel)) }))
	if err == nil {
		t.now.Links++
	}
	return err
}

// replaceLink makes a symbolic link, and replaces one. If target has "..", the
// directories above name must not be links.
func replaceLink(d disk, target, name string) error {
	for dir := filepath.Dir(name); dir != "." && strings.Contains(target, ".."); dir = filepath.Dir(dir) {
		if info, err := d.Lstat(dir); err != nil || !info.IsDir() {
			return ErrUnsafeLink
		}
	}
	err := d.Symlink(target, name)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, statErr := d.Lstat(name); statErr != nil || info.Mode().Type() != fs.ModeSymlink {
		return err
	}
	if err := d.Remove(name); err != nil {
		return err
	}
	return d.Symlink(target, name)
}
