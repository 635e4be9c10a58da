package sftp

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// getTree downloads directories into one of the local disk.
type getTree struct {
	*tree
	queue taskQueue // for what is done with directories and links, and for closing the root
}

func (j *job) newGetTree() *getTree {
	t := &getTree{tree: j.newTree(), queue: taskQueue{loop: j.s.loop}}
	t.list, t.finish = t.listDir, t.finishDir
	return t
}

// listDir makes a directory and lists it.
func (t *getTree) listDir(co *deferred.Coro, n *node) error {
	if n.path != "" {
		if _, err := deferred.Await(co, do(&t.queue, func() error { return t.makeDir(n) })); err != nil {
			return err
		}
	}
	t.now.Dirs++
	return eachEntry(co, t.s.FileTransferClient, n.source, func(e filetransfer.Entry) error {
		if e.Filename == "." || e.Filename == ".." {
			return nil
		}
		if !isName(e.Filename) {
			t.problem(n.source+"/"+e.Filename, ErrUnsafeName)
			return nil
		}
		return t.entry(co, n, path.Join(n.source, e.Filename), e.Filename, e.Attrs)
	})
}

func (t *getTree) makeDir(n *node) error {
	name := localPath(n.path)
	err := t.local.Mkdir(name, n.info.Mode().Perm()|0o700)
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := t.local.Stat(name); statErr == nil && info.IsDir() {
			return nil
		}
	}
	return err
}

func (t *getTree) finishDir(co *deferred.Coro, n *node) error {
	f := &download{job: t.job, attrs: n.info.Sys().(filetransfer.Attrs)}
	name := "."
	if n.path != "" {
		name = localPath(n.path)
	}
	_, err := deferred.Await(co, do(&t.queue, func() error { return f.preserve(t.local, name) }))
	return err
}

// readsAhead is how many requests for parts of a directory are under way at a time.
const readsAhead = 4

// eachEntry lists a directory of the server.
func eachEntry(co *deferred.Coro, c *filetransfer.FileTransferClient, name string, f func(filetransfer.Entry) error) error {
	dir, err := deferred.Await(co, c.OpenDirectory(name))
	if err != nil {
		return err
	}
	var ahead []deferred.Deferred[[]filetransfer.Entry]
	defer func() {
		for _, d := range ahead {
			d.AddErrback(func(error) ([]filetransfer.Entry, error) { return nil, nil }) // past the end
		}
		dir.Close().AddErrback(ignore)
	}()
	for count := 0; ; {
		for len(ahead) < readsAhead {
			ahead = append(ahead, dir.Read())
		}
		d := ahead[0]
		ahead = ahead[1:]
		entries, err := deferred.Await(co, d)
		if errors.Is(err, io.EOF) || err == nil && len(entries) == 0 {
			return nil
		}
		if count += len(entries); err == nil && count > maxDirectoryEntries {
			err = &filetransfer.OpError{Op: "readdir", Path: name, Err: filetransfer.ErrTooManyEntries}
		}
		for i := 0; i < len(entries) && err == nil; i++ {
			err = f(entries[i])
		}
		if err != nil {
			return err
		}
	}
}

// entry transfers something that is called name, in the directory n, and is at source.
func (t *getTree) entry(co *deferred.Coro, n *node, source, name string, attrs filetransfer.Attrs) (err error) {
	if !attrs.Has(filetransfer.AttrPermissions) {
		if attrs, err = deferred.Await(co, t.s.GetAttrs(source, false)); err != nil {
			return t.judge(source, err)
		}
	}
	rel := path.Join(n.path, name)
	if !t.wanted(rel, attrs.FileInfo(name)) {
		return nil
	}
	if attrs.FileMode().Type() == fs.ModeSymlink && t.o.Links == FollowLinks {
		if attrs, err = deferred.Await(co, t.s.GetAttrs(source, true)); err == nil && attrs.FileMode().IsDir() {
			err = t.mustNotLoop(co, n, source)
		}
		if err != nil {
			return t.judge(source, err)
		}
	}
	switch attrs.FileMode().Type() {
	case fs.ModeDir:
		return t.push(n, source, name, attrs.FileInfo(name))
	case 0:
		if whole := wholeOf(name); whole != "" && t.o.Atomic {
			other, err := deferred.Await(co, t.s.GetAttrs(path.Join(path.Dir(source), whole), t.o.Links == FollowLinks))
			if isCancelled(err) {
				return err
			}
			if err == nil && other.FileMode().IsRegular() {
				t.problem(source, errPartName)
				return nil
			}
		}
		f := t.newDownload(source, attrs, t.local, localPath(rel))
		return t.file(co, n, source, rel, f.size, f.run)
	case fs.ModeSymlink:
		if t.o.Links == CopyLinks {
			return t.file(co, n, source, rel, 0, func(co *deferred.Coro) error { return t.copyLink(co, source, rel) })
		}
		t.skip()
	default:
		t.skip()
	}
	return nil
}

// mustNotLoop fails if the link at source, in the directory n, leads to n or to one that n is in. A server that does not tell where it leads is
// bounded by MaxDepth.
func (t *getTree) mustNotLoop(co *deferred.Coro, n *node, source string) error {
	to, err := deferred.Await(co, t.s.RealPath(source))
	for ; err == nil && n != nil && n.info != nil; n = n.parent {
		if n.real == "" {
			n.real, err = deferred.Await(co, t.s.RealPath(n.source))
		}
		if err == nil && n.real == to {
			return errLoop
		}
	}
	if isCancelled(err) {
		return err
	}
	return nil
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

// replaceLink makes a symbolic link, in the place of one that is there. What leads upwards has to be where its name says.
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
