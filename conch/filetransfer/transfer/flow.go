package transfer

import (
	"slices"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// windowful is how many chunks a lane's window takes.
	windowful = window / filetransfer.MaxChunk

	// singleAhead is how many chunks of a file are under way if it is on one lane only: three windows, so that there is always something for the
	// window to take, whatever the processors are busy with.
	singleAhead = 3 * windowful

	// stripeAhead is how many are under way on each lane of several: a window, and something to fill a gap. With eight lanes, a
	// third of the arena is left for chunks that wait for others.
	stripeAhead = windowful + 2
)

// flow is a large file on its way: a number of coroutines for each lane, its workers, each of which moves one chunk after another. It belongs to
// the loop.
type flow struct {
	group
	job   *job
	open  func(l *lane) deferred.Deferred[*filetransfer.ClientFile]                  // on a further lane; nil if it cannot be spread
	work  func(co *deferred.Coro, h *filetransfer.ClientFile) (more bool, err error) // moves a chunk, if there is one left
	files []*filetransfer.ClientFile                                                 // on further lanes
	runs  bool                                                                       // there may be workers

	closed deferred.Deferred[[]deferred.Outcome[filetransfer.Status]] // after run: fires when the servers are done with files
}

// begin opens the file on all lanes of the job, those that there are and those that come, but not on the one that the caller opens it on. Nothing is
// moved before run.
func (f *flow) begin(on *lane) {
	f.job.flows = append(f.job.flows, f)
	for _, l := range f.job.lanes {
		if l != on {
			f.join(l)
		}
	}
}

// run moves the file, with the caller's handle as well, and returns when all workers have ended. A flow that is stopped already needs no h.
func (f *flow) run(co *deferred.Coro, h *filetransfer.ClientFile) error {
	opened := slices.Clone(f.files)
	f.runs = true
	if f.open != nil && len(f.job.lanes)+f.job.opening > 1 {
		f.employ(h, stripeAhead)
	} else {
		f.employ(h, singleAhead)
	}
	for _, h := range opened {
		f.employ(h, stripeAhead)
	}
	err := f.wait(co)
	f.job.flows = slices.DeleteFunc(f.job.flows, func(other *flow) bool { return other == f })
	var closing []deferred.Deferred[filetransfer.Status]
	for _, h := range f.files {
		closing = append(closing, h.Close())
	}
	f.closed = deferred.List(closing, deferred.ConsumeErrors)
	return err
}

func ignore(error) (filetransfer.Status, error) { return filetransfer.Status{}, nil }

// join spreads the file to another lane. A lane that cannot have it does without; by the time that one has it, there may be nothing left to do.
func (f *flow) join(l *lane) {
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
				f.employ(h, stripeAhead)
			}
		}
		return struct{}{}, nil
	})
}

// employ starts n workers for a file handle: as many as a window takes at once, and the others when the first chunk has come. So the chunks that are
// asked for at about the same time, on all lanes, come at about the same time, or those of some lanes would wait for those of others.
func (f *flow) employ(h *filetransfer.ClientFile, n int) {
	for i := range min(n, windowful) {
		f.hire(h, i, n)
	}
}

// hire starts worker i of n. When the file is spread those end that a lane then has too many of.
func (f *flow) hire(h *filetransfer.ClientFile, i, n int) {
	f.start(func(co *deferred.Coro) error {
		more, err := f.work(co, h)
		if i == 0 && more && err == nil {
			for i := windowful; i < n; i++ {
				f.hire(h, i, n)
			}
		}
		for more && err == nil && (i < stripeAhead || len(f.files) == 0) {
			more, err = f.work(co, h)
		}
		return err
	})
}
