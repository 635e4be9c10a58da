package sftp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// RemoveAll removes name and everything below. It succeeds if name does not
// exist. Symbolic links are removed, not followed. RemoveAll removes all that
// can be removed, and returns the first failure.
func (c *Files) RemoveAll(ctx context.Context, name string) error {
	_, err := call(ctx, c, func() deferred.Deferred[struct{}] { return c.session.RemoveAll(name) })
	if failed, ok := errors.AsType[*FileError](err); ok {
		return pathError("remove", failed.Path, failed.Err)
	}
	return pathError("remove", name, err)
}

// RemoveAll removes name and everything below. The Deferred fires if name does
// not exist, too. Symbolic links are removed, not followed. RemoveAll removes
// all that can be removed; the Deferred fails with the first failure, a
// [*FileError].
func (s *Client) RemoveAll(name string) deferred.Deferred[struct{}] {
	run := s.start("remove", Options{}, func(co *deferred.Coro, j *job) error { return j.failure(name, j.removeAll(co, name)) })
	return deferred.ThenBoth(run, func(_ Report, err error) (struct{}, error) {
		if all, ok := errors.AsType[*TreeError](err); ok {
			err = all.Errors[0]
		}
		return struct{}{}, err
	})
}

func (j *job) removeAll(co *deferred.Coro, name string) error {
	t := &removal{j.newTree()}
	t.list, t.finish = t.listDir, t.removeDir
	attrs, err := deferred.Await(co, j.s.GetAttrs(name, false))
	if err != nil {
		if t.isMissing(co, name, err) {
			return nil
		}
		return err
	}
	return t.runMatches(co, 1, func(co *deferred.Coro, top *node, _ int) error {
		return t.entry(co, top, name, filetransfer.Entry{Filename: path.Base(name), Attrs: attrs})
	})
}

// removal removes directories with everything below. A directory is removed
// when it is complete.
type removal struct{ *tree }

func (t *removal) listDir(co *deferred.Coro, n *node) error {
	source := n.source(below)
	err := t.eachRemote(co, n, true, func(e listed) error { return t.entry(co, n, below(source, e.Filename), e.Entry) })
	switch {
	case t.endsAll(err):
		return err
	case err == nil:
		n.failed = nil
	case n.failed == nil:
		n.failed = err // an empty directory can be removed nevertheless
	}
	return nil
}

func (t *removal) removeDir(co *deferred.Coro, n *node) error {
	_, err := deferred.Await(co, t.s.RemoveDirectory(n.source(below)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && n.failed != nil && !t.endsAll(err) {
		return n.failed
	}
	return err
}

// entry begins the removal of name, which is in n.
func (t *removal) entry(co *deferred.Coro, n *node, name string, e filetransfer.Entry) error {
	if e.Attrs.FileMode().IsDir() {
		return t.add(&node{parent: n, entry: e}, name)
	}
	if t.busy[name] {
		return nil // the server has listed it twice
	}
	return t.file(co, n, name, name, 0, func(co *deferred.Coro) error { return t.removeFile(co, n, name, e) })
}

// removeFile removes anything but a directory. If the server does not say what
// the entry is, and it is not a symbolic link, it may be a directory.
func (t *removal) removeFile(co *deferred.Coro, n *node, name string, e filetransfer.Entry) error {
	_, err := deferred.Await(co, t.s.RemoveFile(name))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if hasType(e.Attrs) || t.endsAll(err) {
		return err
	}
	switch _, notLink := deferred.Await(co, t.s.ReadLink(name)); {
	case notLink == nil:
		return err
	case t.endsAll(notLink):
		return notLink
	}
	if added := t.add(&node{parent: n, entry: e, failed: err}, name); added != nil {
		return added
	}
	t.start(t.lister) // the others may have returned
	return nil
}

// isMissing reports whether name does not exist, given the error of LSTAT. As
// servers use several codes for that, the listing of the parent decides.
func (t *removal) isMissing(co *deferred.Coro, name string, err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	parent, base := path.Split(strings.TrimRight(name, "/"))
	d := &dirReader{s: t.s, name: parent}
	defer d.close()
	for base != "" && !t.endsAll(err) {
		entries, err := d.next(co, true)
		if err == io.EOF {
			return true
		}
		if err != nil {
			return d.dir == nil && parent != "" && t.isMissing(co, parent, err)
		}
		if slices.ContainsFunc(entries, func(e filetransfer.Entry) bool { return e.Filename == base }) {
			return false
		}
	}
	return false
}
