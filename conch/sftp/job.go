package sftp

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// job is one call of Get, Put or one of their relatives. It belongs to the loop.
type job struct {
	s     *Client
	o     Options
	op    string // "get", "put" or "remove"
	lease *lease

	parts     partLists
	channels  []*channel // the first is the client's own
	opening   int        // channels that are being opened
	ended     bool
	pipelines []*striping // of files in progress

	began   time.Time
	now     Progress
	errs    []error // the first failures of files
	failed  int     // the number of all of them
	fatal   error   // the failure that has ended the job from outside
	cancel  func()
	tick    func() bool // stops the timer
	last    mark        // the state at the last tick
	lastUse time.Time   // the last time at which something had moved
	written int         // chunks written to the local disk
}

// mark is a point in the progress of a job.
type mark struct {
	at    time.Time
	bytes int64
	moved moved
}

// moved changes while a job is not stalled.
type moved struct {
	done                 int64
	files, dirs, written int
}

// newJob returns a job, which must be released.
func (s *Client) newJob(op string, o Options) *job {
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.Atomic = o.Atomic || o.Resume
	now := s.loop.Now()
	j := &job{s: s, o: o, op: op, lease: s.pool.open(), began: now, last: mark{at: now}, lastUse: now, cancel: func() {}}
	j.channels = []*channel{{client: s.FileTransferClient}}
	j.now.Channels = 1
	return j
}

// release gives back the channels and the memory of the job.
func (j *job) release() {
	j.ended = true
	for _, l := range j.channels[1:] {
		j.s.giveChannel(l)
	}
	j.channels = j.channels[:1]
	j.lease.close()
}

// start runs body as a job.
func (s *Client) start(op string, o Options, body func(co *deferred.Coro, j *job) error) deferred.Deferred[Report] {
	if err := o.check(wholeFiles); err != nil {
		return deferred.Fail[Report](err)
	}
	j := s.newJob(op, o)
	j.schedule()
	d := deferred.Inline(func(co *deferred.Coro) (Report, error) {
		err := j.supported(co)
		if err == nil {
			err = body(co, j)
		}
		return j.end(err)
	})
	j.cancel = d.Cancel
	return d
}

// supported fails if the server lacks an extension that the options need. It waits
// until the extensions are known.
func (j *job) supported(co *deferred.Coro) error {
	if j.op != "put" || !j.o.Sync {
		return nil
	}
	if j.s.Version() == 0 {
		if _, err := deferred.Await(co, j.s.RealPath(".")); isCancelled(err) || j.s.Version() == 0 {
			return err
		}
	}
	if !j.s.HasExtension(extFsync) {
		return fmt.Errorf("sftp: %w: Sync needs a server with %s; transfer without Sync", errors.ErrUnsupported, extFsync)
	}
	return nil
}

// end ends the job, and returns its result.
func (j *job) end(err error) (Report, error) {
	if j.tick != nil {
		j.tick()
	}
	j.release()
	j.now.Elapsed = j.s.loop.Now().Sub(j.began)
	if seconds := j.now.Elapsed.Seconds(); j.now.Rate == 0 && seconds > 0 {
		j.now.Rate = float64(j.now.Bytes) / seconds // there was no tick
	}
	if j.o.Progress != nil {
		j.now.Final = true
		j.o.Progress(j.now)
	}
	switch {
	case j.fatal != nil:
		return Report{}, j.fatal
	case err != nil:
		return Report{}, err
	case j.failed > 0:
		return Report{}, &TreeError{Failed: j.failed, Errors: j.errs, Report: j.now.Report}
	}
	return j.now.Report, nil
}

// schedule starts the timer for Progress and StallTimeout.
func (j *job) schedule() {
	every := cmp.Or(j.s.progressEvery, progressEvery)
	switch {
	case j.o.Progress == nil && j.o.StallTimeout <= 0:
		return
	case j.o.Progress == nil:
		every = j.o.StallTimeout / 4
	case j.o.StallTimeout > 0:
		every = min(every, j.o.StallTimeout/4)
	}
	j.tick = j.s.loop.AfterFunc(max(every, time.Millisecond), j.ticked)
}

func (j *job) ticked() {
	now := j.s.loop.Now()
	is := mark{now, j.now.Bytes, moved{j.now.Done, j.now.Files + j.now.Skipped + j.now.Links + j.failed, j.now.Dirs, j.written}}
	if is.moved != j.last.moved {
		j.lastUse = now
	}
	if j.o.StallTimeout > 0 && now.Sub(j.lastUse) >= j.o.StallTimeout {
		j.lastUse = now // the end of the transfer may stall, too
		j.abort(ErrStalled)
	}
	if j.ended {
		return
	}
	if seconds := now.Sub(j.last.at).Seconds(); seconds > 0 {
		rate := float64(is.bytes-j.last.bytes) / seconds
		if j.now.Rate > 0 {
			rate = 0.7*j.now.Rate + 0.3*rate
		}
		j.now.Rate = rate
	}
	j.last = is
	j.schedule()
	if j.o.Progress != nil {
		j.now.Elapsed = now.Sub(j.began)
		j.o.Progress(j.now) // may cancel the job
	}
}

// abort ends the job with an error that does not concern one file.
func (j *job) abort(err error) {
	if j.fatal == nil {
		j.fatal = err
	}
	j.cancel()
}

// moved counts n bytes of content that went over the connection.
func (j *job) moved(n int) {
	j.now.Bytes += int64(n)
	j.now.Done += int64(n)
}

// found counts a file to transfer. A negative size is unknown.
func (j *job) found(size int64) {
	j.now.TotalFiles++
	j.now.Total += max(size, 0)
}

// skip counts an entry of a tree that is left out.
func (j *job) skip() {
	j.now.TotalFiles++
	j.now.Skipped++
}

// problem counts the failure of one of several files.
func (j *job) problem(path string, err error) {
	if j.failed++; len(j.errs) < maxErrors {
		j.errs = append(j.errs, j.failure(path, err))
	}
}

// failure returns err as the error of a file, and nil for nil.
func (j *job) failure(path string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*FileError](err); ok || isCancelled(err) {
		return err
	}
	return &FileError{Op: j.op, Path: path, Err: err}
}

// warn notes a failure that does not fail the transfer.
func (j *job) warn(path string, err error) {
	if err != nil && len(j.now.Warnings) < maxNotes {
		j.now.Warnings = append(j.now.Warnings, j.failure(path, err))
	}
}

func isCancelled(err error) bool { return errors.Is(err, deferred.ErrCancelled) }
