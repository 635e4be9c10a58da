package sftp

import (
	"io"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Get downloads the file or directory remote to the path local. It writes over an
// existing file, and adds to an existing directory.
//
// The Deferred fails with a [*FileError], with a [*TreeError] if some of several
// files failed, with an error that wraps [ErrOptions] or errors.ErrUnsupported if
// the options cannot be honoured, or with deferred.ErrCancelled after Cancel.
func (s *Client) Get(remote, local string, o Options) deferred.Deferred[Report] {
	return s.start("get", o, func(co *deferred.Coro, j *job) error {
		j.foresee()
		attrs, err := deferred.Await(co, timed(s, typedAttrs(s, remote, true)))
		if err != nil {
			return j.failure(remote, err)
		}
		return j.failure(remote, j.get(co, remote, local, attrs))
	})
}

func (j *job) get(co *deferred.Coro, remote, local string, attrs filetransfer.Attrs) error {
	switch attrs.FileMode().Type() {
	case 0:
		return j.newDownload(remote, attrs, j.s.wrap(plainDisk{}), local).run(co)
	case fs.ModeDir:
		info := attrs.FileInfo(path.Base(remote))
		return j.inRoot(co, local, info.Mode().Perm()|0o700, func(t *getTree) error { return t.runTop(co, remote, attrs, nil) })
	default:
		return ErrNotRegular
	}
}

// inRoot runs f with a tree whose target is the directory local. It creates the
// directory if necessary.
func (j *job) inRoot(co *deferred.Coro, local string, perm fs.FileMode, f func(*getTree) error) error {
	t := j.newGetTree()
	d, err := deferred.Await(co, threaded(&t.queue, func() (disk, error) { return makeRoot(local, perm) }, func(d disk) { d.Close() }))
	if err != nil {
		return err
	}
	t.local = j.s.wrap(d)
	err = f(t)
	do(&t.queue, d.Close).AddErrback(noResult) // everything in it is closed
	if err != nil {
		t.queue.idle(co)
	}
	return err
}

func (s *Client) wrap(d disk) disk {
	if s.disk != nil {
		return s.disk(d)
	}
	return d
}

// GetTo downloads the file remote to w, whose Write is called on threads. Options
// about the target are errors. The Deferred fails like that of Get.
func (s *Client) GetTo(remote string, w io.Writer, o Options) deferred.Deferred[Report] {
	if err := o.check(toWriter); err != nil {
		return deferred.Fail[Report](err)
	}
	return s.start("get", o, func(co *deferred.Coro, j *job) error {
		j.foresee()
		attrs, err := deferred.Await(co, timed(s, typedAttrs(s, remote, true)))
		if err == nil && attrs.FileMode().Type() != 0 {
			err = ErrNotRegular
		}
		if err == nil {
			f := j.newDownload(remote, attrs, nil, "")
			f.out = output{w: w}
			err = f.run(co)
		}
		return j.failure(remote, err)
	})
}

// GetGlob downloads the files and directories that match pattern into the
// directory local, which it creates if necessary. See [Client.Glob] for the
// pattern. The Deferred fails with an error that wraps fs.ErrNotExist if nothing
// matches, and otherwise like that of Get.
func (s *Client) GetGlob(pattern, local string, o Options) deferred.Deferred[Report] {
	return s.start("get", o, func(co *deferred.Coro, j *job) error {
		matches, err := deferred.Await(co, timed(s, s.Glob(pattern)))
		if err == nil && len(matches) == 0 {
			err = fs.ErrNotExist
		}
		if err != nil {
			return j.failure(pattern, err)
		}
		return j.failure(pattern, j.inRoot(co, local, 0o777, func(t *getTree) error { return t.matches(co, matches) }))
	})
}

func (t *getTree) matches(co *deferred.Coro, matches []string) error {
	seen := make(map[string]bool)
	return t.runMatches(co, len(matches), func(co *deferred.Coro, top *node, i int) error {
		source := matches[i]
		name := path.Base(source)
		if seen[name] {
			t.problem(source, errSameName)
			return nil
		}
		seen[name] = true
		attrs, err := deferred.Await(co, typedAttrs(t.s, source, true))
		if err != nil {
			return t.judge(source, err)
		}
		return t.entry(co, top, source, name, filetransfer.Entry{Filename: name, Attrs: attrs})
	})
}

// Put uploads the file or directory local to the path remote. It writes over an
// existing file, and adds to an existing directory. The Deferred fails like that
// of Get.
func (s *Client) Put(local, remote string, o Options) deferred.Deferred[Report] {
	return s.start("put", o, func(co *deferred.Coro, j *job) error {
		d := s.wrap(plainDisk{})
		queue := taskQueue{loop: s.loop}
		stat := threaded(&queue, func() (fs.FileInfo, error) { return d.Stat(local) }, nil)
		target := timed(s, typedAttrs(s, remote, true)).AddErrback(absent)
		info, err := deferred.Await(co, stat)
		if err != nil {
			return j.failure(local, err)
		}
		if s.rtt == 0 && info.Size() > 2*window || info.IsDir() || j.o.Atomic {
			err = fits(co, target, info)
		}
		if err == nil {
			err = j.put(co, d, local, remote, info)
		}
		return j.failure(local, err)
	})
}

// absent turns a failure to look at the target into no attributes.
func absent(err error) (filetransfer.Attrs, error) {
	if !isCancelled(err) {
		err = nil
	}
	return filetransfer.Attrs{}, err
}

// fits fails with ErrIsDirectory if a file cannot replace the target.
func fits(co *deferred.Coro, target deferred.Deferred[filetransfer.Attrs], info fs.FileInfo) error {
	is, err := deferred.Await(co, target)
	if err == nil && is.FileMode().IsDir() && !info.IsDir() {
		err = ErrIsDirectory
	}
	return err
}

func (j *job) put(co *deferred.Coro, d disk, local, remote string, info fs.FileInfo) error {
	switch info.Mode().Type() {
	case 0:
		return j.newUpload(d, local, info, remote).run(co)
	case fs.ModeDir:
		return j.newPutTree(d, remote).runTop(co, local, filetransfer.Attrs{}, info)
	default:
		return ErrNotRegular
	}
}

// PutFrom uploads the data of r, up to its end, to the file remote. Read is called
// on threads. A transfer that fails does not wait for a Read in progress, and
// calls none after that. Options about the source are errors. The Deferred fails
// like that of Get.
func (s *Client) PutFrom(r io.Reader, remote string, o Options) deferred.Deferred[Report] {
	if err := o.check(fromReader); err != nil {
		return deferred.Fail[Report](err)
	}
	return s.start("put", o, func(co *deferred.Coro, j *job) error {
		f := j.newUpload(nil, "", nil, remote)
		f.from = &source{r: r}
		defer f.from.stop()
		return j.failure(remote, f.run(co))
	})
}

// PutGlob uploads the local files and directories that match pattern into the
// directory remote, which it creates if necessary. See filepath.Glob for the
// pattern. The Deferred fails with an error that wraps fs.ErrNotExist if nothing
// matches, and otherwise like that of Get.
func (s *Client) PutGlob(pattern, remote string, o Options) deferred.Deferred[Report] {
	return s.start("put", o, func(co *deferred.Coro, j *job) error {
		queue := taskQueue{loop: s.loop}
		matches, err := deferred.Await(co, threaded(&queue, func() ([]string, error) { return filepath.Glob(pattern) }, nil))
		if err == nil && len(matches) == 0 {
			err = fs.ErrNotExist
		}
		if err != nil {
			return j.failure(pattern, err)
		}
		return j.failure(pattern, j.putMatches(co, matches, remote))
	})
}

func (j *job) putMatches(co *deferred.Coro, matches []string, remote string) error {
	d := j.s.wrap(plainDisk{})
	t := j.newPutTree(d, remote)
	if err := t.makeDir(co, remote, 0o777); err != nil {
		return err
	}
	queue := taskQueue{loop: j.s.loop}
	return t.runMatches(co, len(matches), func(co *deferred.Coro, top *node, i int) error {
		e := localEntry{name: filepath.Base(matches[i])}
		e.info, e.err = deferred.Await(co, threaded(&queue, func() (fs.FileInfo, error) {
			return d.Stat(matches[i])
		}, nil))
		if isCancelled(e.err) {
			return e.err
		}
		return t.entry(co, top, matches[i], e.name, e)
	})
}
