package sftp

import (
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// lookInPlace finds out where Options.Continue begins.
func (f *download) lookInPlace(co *deferred.Coro) error {
	have, err := deferred.Await(co, threaded(&f.queue, func() (int64, error) {
		info, err := f.disk.Stat(f.name)
		if err != nil || !info.Mode().IsRegular() {
			return 0, nil // creating it finds out why
		}
		return info.Size(), nil
	}, nil))
	if err != nil || have == 0 {
		return err
	}
	if f.size >= 0 && have > f.size {
		return ErrTargetLonger
	}
	same, err := f.same(co, f.name, have)
	if err == nil && same {
		f.start = have
		f.now.Done += have
	}
	return err
}

// compareAgain fails unless what a continued download has written is the
// beginning of a source that has changed in the meantime: a log file may grow.
func (f *download) compareAgain(co *deferred.Coro) error {
	if _, err := deferred.Await(co, do(&f.queue, f.close)); err != nil {
		return err
	}
	same, err := f.same(co, f.name, f.out.pos)
	if err == nil && !same {
		err = ErrSourceChanged
	}
	return err
}

// lookInPlace finds out where Options.Continue begins. What an interrupted
// upload has left may have holes in its last part.
func (f *upload) lookInPlace(co *deferred.Coro) error {
	target, err := f.remoteVersion(co, f.remote)
	if err != nil || target.size <= 0 {
		return err
	}
	if target.size > f.size {
		return ErrTargetLonger
	}
	for _, start := range []int64{target.size, target.size - maxSpread} {
		if start <= 0 {
			break
		}
		same, err := f.same(co, f.remote, start)
		if err != nil {
			return err
		}
		if same {
			f.start, f.had = start, target.size
			f.now.Done += start
			break
		}
	}
	return nil
}

// truncate removes what a failed upload in place has written behind its first
// gap, so that the size of the target tells how much of the source it has.
func (f *upload) truncate() deferred.Deferred[filetransfer.Status] {
	return f.s.SetAttrs(f.remote, filetransfer.Attrs{}.WithSize(uint64(f.writer.confirmed))).AddErrback(ignore)
}
