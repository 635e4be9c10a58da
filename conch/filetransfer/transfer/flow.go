package transfer

import (
	"slices"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// firstAhead is how many chunks of a file are under way on the lane that it was opened on: three windows, so that there is always
	// something for the window to take, whatever the processors are busy with.
	firstAhead = 24

	// furtherAhead is how many are under way on each further lane: a window and a half. With eight lanes, a quarter of the arena is left.
	furtherAhead = 12
)

// flow is a large file on its way: a number of coroutines for each lane, its workers, each of which moves one chunk after another. It belongs to
// the loop.
type flow struct {
	group
	job   *job
	open  func(l *lane) deferred.Deferred[*filetransfer.ClientFile]                  // on a further lane; nil if it cannot be spread
	work  func(co *deferred.Coro, h *filetransfer.ClientFile) (more bool, err error) // moves a chunk, if there is one left
	files []*filetransfer.ClientFile                                                 // on further lanes
}

// run moves the file: on the lane of h, and on others as they come. It returns when all workers have ended.
func (f *flow) run(co *deferred.Coro, h *filetransfer.ClientFile, on *lane) error {
	f.job.flows = append(f.job.flows, f)
	f.employ(h, firstAhead)
	for _, l := range f.job.lanes {
		if l != on {
			f.join(l)
		}
	}
	err := f.wait(co)
	f.job.flows = slices.DeleteFunc(f.job.flows, func(other *flow) bool { return other == f })
	for _, h := range f.files {
		h.Close().AddErrback(ignore) // read, or written and answered for
	}
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
			f.employ(h, furtherAhead)
		}
		return struct{}{}, nil
	})
}

// employ starts workers for a file handle. When the file is spread those end that a lane then has too many of: chunks that are asked for at the same
// time are to come at about the same time, or those of the other lanes pile up.
func (f *flow) employ(h *filetransfer.ClientFile, n int) {
	for i := range n {
		f.start(func(co *deferred.Coro) error {
			more, err := f.work(co, h)
			for more && err == nil && (i < furtherAhead || len(f.files) == 0) {
				more, err = f.work(co, h)
			}
			return err
		})
	}
}
