package sftp

import (
	"slices"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// windowful is how many chunks a channel's window takes.
	windowful = window / filetransfer.MaxChunk

	// singleAhead is how many chunks of a file are under way if it is on one channel only: three windows, so that there is always something for the
	// window to take, whatever the processors are busy with.
	singleAhead = 3 * windowful

	// stripeAhead is how many are under way on each channel of several: a window, and something to fill a gap. With eight channels, a
	// third of the arena is left for chunks that wait for others.
	stripeAhead = windowful + 2
)

// pipeline is a large file on its way: a number of coroutines for each channel, its workers, each of which moves one chunk after another. It belongs to
// the loop.
type pipeline struct {
	group
	job   *job
	open  func(l *channel) deferred.Deferred[*filetransfer.ClientFile]               // on a further channel; nil if it cannot be spread
	work  func(co *deferred.Coro, h *filetransfer.ClientFile) (more bool, err error) // moves a chunk, if there is one left
	files []*filetransfer.ClientFile                                                 // on further channels
	runs  bool                                                                       // there may be workers

	closed deferred.Deferred[[]deferred.Outcome[filetransfer.Status]] // after run: fires when the servers are done with files
}

// begin opens the file on all channels of the job, those that there are and those that come, but not on the one that the caller opens it on. Nothing is
// moved before run.
func (f *pipeline) begin(on *channel) {
	f.job.pipelines = append(f.job.pipelines, f)
	for _, l := range f.job.channels {
		if l != on {
			f.addStripe(l)
		}
	}
}

// run moves the file, with the caller's handle as well, and returns when all workers have ended. A pipeline that is stopped already needs no h.
func (f *pipeline) run(co *deferred.Coro, h *filetransfer.ClientFile) error {
	opened := slices.Clone(f.files)
	f.runs = true
	if f.open != nil && len(f.job.channels)+f.job.opening > 1 {
		f.startWorkers(h, stripeAhead)
	} else {
		f.startWorkers(h, singleAhead)
	}
	for _, h := range opened {
		f.startWorkers(h, stripeAhead)
	}
	err := f.wait(co)
	f.job.pipelines = slices.DeleteFunc(f.job.pipelines, func(other *pipeline) bool { return other == f })
	var closing []deferred.Deferred[filetransfer.Status]
	for _, h := range f.files {
		closing = append(closing, h.Close())
	}
	f.closed = deferred.List(closing, deferred.ConsumeErrors)
	return err
}

func ignore(error) (filetransfer.Status, error) { return filetransfer.Status{}, nil }

// join spreads the file to another channel. A channel that cannot have it does without; by the time that one has it, there may be nothing left to do.
func (f *pipeline) addStripe(l *channel) {
	if f.stopped || f.open == nil {
		return
	}
	deferred.Inline(func(co *deferred.Coro) (struct{}, error) {
		h, err := deferred.Await(co, f.open(l))
		switch {
		case err != nil:
		case f.stopped:
			h.Close().AddErrback(ignore)
		default:
			f.files = append(f.files, h)
			if f.runs {
				f.startWorkers(h, stripeAhead)
			}
		}
		return struct{}{}, nil
	})
}

// startWorkers starts n workers for a file handle: as many as a window takes at once, and the others when the first chunk has come. So the chunks that are
// asked for at about the same time, on all channels, come at about the same time, or those of some channels would wait for those of others.
func (f *pipeline) startWorkers(h *filetransfer.ClientFile, n int) {
	for i := range min(n, windowful) {
		f.startWorker(h, i, n)
	}
}

// startWorker starts worker i of n. When the file is spread those end that a channel then has too many of.
func (f *pipeline) startWorker(h *filetransfer.ClientFile, i, n int) {
	f.start(func(co *deferred.Coro) error {
		more, err := f.work(co, h)
		if i == 0 && more && err == nil {
			for i := windowful; i < n; i++ {
				f.startWorker(h, i, n)
			}
		}
		for more && err == nil && (i < stripeAhead || len(f.files) == 0) {
			more, err = f.work(co, h)
		}
		return err
	})
}
