package sftp

import (
	"errors"
	"io/fs"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// The extensions that transfers use.
const (
	extFsync       = "fsync@openssh.com"
	extHardLink    = "hardlink@openssh.com"
	extPosixRename = "posix-rename@openssh.com"
)

// complete gives the target, which is still open and has all of its content, its
// attributes. Each request follows the answer to the one before.
func (f *upload) complete(co *deferred.Coro) error {
	if end := f.writer.confirmed; f.o.Sparse && end > 0 || end < f.had { // it may end with a hole, or with old data
		if err := f.setAttrs(co, filetransfer.Attrs{}.WithSize(uint64(end))); err != nil {
			return err
		}
	}
	if attrs := f.preserved(); attrs.Flags != 0 {
		err := f.setAttrs(co, attrs)
		if err != nil && !refused(err) {
			return err
		}
		f.warn(f.remote, err)
	}
	if f.o.Sync {
		_, err := deferred.Await(co, f.handle.Sync())
		return err
	}
	return nil
}

// setAttrs changes attributes of the open target, by its path if the server
// refuses to use the handle.
func (f *upload) setAttrs(co *deferred.Coro, attrs filetransfer.Attrs) error {
	_, err := deferred.Await(co, f.handle.SetAttrs(attrs))
	if refused(err) {
		_, err = deferred.Await(co, f.s.SetAttrs(f.partName, attrs))
	}
	return err
}

// preserved returns the attributes of the source that the target gets.
func (f *upload) preserved() filetransfer.Attrs {
	switch {
	case f.info == nil:
		return filetransfer.Attrs{}
	case f.o.Preserve:
		return timesOf(f.info).WithMode(f.info.Mode().Perm())
	case f.o.Resume:
		return timesOf(f.info)
	}
	return filetransfer.Attrs{}
}

func timesOf(info fs.FileInfo) filetransfer.Attrs {
	return filetransfer.Attrs{}.WithTimes(accessTime(info), info.ModTime())
}

// commit checks the target, which is closed, and gives it its name.
func (f *upload) commit(co *deferred.Coro) error {
	if f.o.Verify {
		if err := differs(f.same(co, f.partName, whole)); err != nil {
			return err
		}
	}
	if f.o.Resume {
		var now version
		_, err := deferred.Await(co, do(&f.queue, func() error {
			info, err := f.disk.Stat(f.name)
			if err == nil {
				now = versionOf(info.Size(), info.ModTime())
			}
			return err
		}))
		if err == nil && now != f.source() || errors.Is(err, fs.ErrNotExist) {
			err = ErrSourceChanged
		}
		if err != nil {
			return err
		}
	}
	switch {
	case f.partName == f.remote:
		return nil
	case f.o.Exclusive:
		return f.renameToNew(co)
	}
	return f.rename(co)
}

// rename gives the partial file the target's name.
func (f *upload) rename(co *deferred.Coro) error {
	c := f.s.FileTransferClient
	if c.HasExtension(extPosixRename) {
		return f.request(co, c.PosixRename(f.partName, f.remote))
	}
	err := f.request(co, c.RenameFile(f.partName, f.remote))
	status, ok := errors.AsType[*filetransfer.StatusError](err)
	if !ok || status.Code != filetransfer.FXFailure && status.Code != filetransfer.FXFileAlreadyExists {
		return err
	}
	is, statErr := deferred.Await(co, c.GetAttrs(f.remote, false))
	if isCancelled(statErr) {
		return statErr
	}
	if statErr != nil || !is.FileMode().IsRegular() {
		return err
	}
	return f.replace(co)
}

// replace puts the partial file in the place of a target, at a server whose
// rename does not. If it fails, the old target is restored.
func (f *upload) replace(co *deferred.Coro) error {
	c := f.s.FileTransferClient
	backup := f.partName + ".old"
	if err := f.request(co, c.RemoveFile(backup)); isCancelled(err) { // usually there is none
		return err
	}
	err := f.request(co, c.RenameFile(f.remote, backup))
	if refused(err) {
		return err
	}
	if err == nil {
		err = f.request(co, c.RenameFile(f.partName, f.remote))
	}
	if err != nil {
		c.RenameFile(backup, f.remote).AddErrback(ignore)
		return err
	}
	if err := f.request(co, c.RemoveFile(backup)); err != nil {
		f.warn(f.remote, err)
	}
	return nil
}

// renameToNew gives the partial file the target's name, unless something has it
// by now.
func (f *upload) renameToNew(co *deferred.Coro) error {
	c := f.s.FileTransferClient
	if c.HasExtension(extHardLink) {
		err := f.request(co, c.HardLink(f.partName, f.remote))
		if err == nil {
			return f.request(co, c.RemoveFile(f.partName))
		}
		if err = f.mustNotExist(co, err); !refused(err) || errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if !c.HasExtension(extPosixRename) {
		if err := f.mustNotExist(co, nil); err != nil {
			return err
		}
		return f.request(co, c.RenameFile(f.partName, f.remote))
	}
	flags := filetransfer.FXFWrite | filetransfer.FXFCreat | filetransfer.FXFExcl
	placeholder, err := openHandle(co, f.s, func() deferred.Deferred[*filetransfer.ClientFile] {
		return c.OpenFile(f.remote, flags, filetransfer.Attrs{})
	})
	if err != nil {
		return f.mustNotExist(co, err)
	}
	if err := f.request(co, f.s.closed(placeholder.Close())); err != nil {
		return err
	}
	return f.request(co, c.PosixRename(f.partName, f.remote))
}

// request waits for the answer to a request without a result.
func (f *upload) request(co *deferred.Coro, d deferred.Deferred[filetransfer.Status]) error {
	_, err := deferred.Await(co, d)
	return err
}

// abandon cleans up after a failure: it keeps what Resume can continue, and
// removes the rest, unless that has replaced an old file. The target is closed
// when closed fires.
func (f *upload) abandon(co *deferred.Coro, closed deferred.Deferred[filetransfer.Status], cause error) {
	keep := f.o.Resume && f.writer.confirmed > 0 && !errors.Is(cause, ErrSourceChanged) && !errors.Is(cause, ErrVerify)
	remove := !keep && (f.o.Atomic || f.o.Exclusive) && cause != errStartOver
	done := deferred.ThenBothDeferred(closed, func(status filetransfer.Status, err error) deferred.Deferred[filetransfer.Status] {
		switch {
		case f.s.Lost() != nil:
		case remove:
			return f.s.RemoveFile(f.partName)
		case f.partName == f.remote && cause != errStartOver && len(f.writer.pending) > 0:
			return f.truncate()
		}
		return deferred.Succeed(status)
	})
	_, _ = deferred.Await(co, done.AddTimeout(f.s.loop, drainTimeout)) // there is a cause already
}
