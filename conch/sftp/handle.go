package sftp

import (
	"context"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// handle is an open file of the server. The Files that WithContext makes of one
// File share their handle. The methods belong to the loop.
//
// Requests whose meaning depends on the WRITE requests before them, such as
// CLOSE, are sent after the replies to these: servers may work on requests side
// by side, also on requests that nobody waits for any more.
type handle struct {
	r     *reactor.Reactor
	file  *filetransfer.ClientFile // nil if the server does not open directories as files
	flags filetransfer.OpenFlags

	// Any goroutine may use the following.
	closing context.Context // done, with the cause fs.ErrClosed, after stop
	stop    context.CancelCauseFunc
	closed  atomic.Bool
	isFile  atomic.Bool  // the handle is known not to be a directory
	changes atomic.Int64 // counts writes: data read ahead before one is out of date
	appends sync.Mutex   // held while data is appended
	end     atomic.Int64 // of a file to append to; unknownEnd if not known

	// The following belong to the loop.
	writes   int  // WRITE requests without a reply
	givenUp  bool // nobody waits for some of them
	idle     []deferred.Deferred[struct{}]
	released bool // CLOSE was or will be sent
}

// unknownEnd is the value of handle.end while the size of the file is not
// known.
const unknownEnd = -1

func newHandle(r *reactor.Reactor, file *filetransfer.ClientFile, flags filetransfer.OpenFlags) *handle {
	h := &handle{r: r, file: file, flags: flags}
	h.closing, h.stop = context.WithCancelCause(context.Background())
	if flags&filetransfer.FXFTrunc == 0 {
		h.end.Store(unknownEnd)
	}
	return h
}

// context returns a context that is done when ctx is done, or with the cause
// fs.ErrClosed when the file is closed.
func (h *handle) context(ctx context.Context) context.Context {
	if ctx.Done() == nil {
		return h.closing
	}
	io, cancel := context.WithCancelCause(ctx)
	context.AfterFunc(h.closing, func() { cancel(fs.ErrClosed) })
	return io
}

// write sends WRITE requests by calling send. Cancelling the returned Deferred
// does not cancel them. After a cancellation the next write waits for all
// replies.
func (h *handle) write(send func() deferred.Deferred[filetransfer.Status]) deferred.Deferred[filetransfer.Status] {
	if h.givenUp {
		return deferred.ThenDeferred(h.settled(), func(struct{}) deferred.Deferred[filetransfer.Status] { return h.write(send) })
	}
	h.writes++
	h.changes.Add(1)
	result := deferred.New(func(deferred.Deferred[filetransfer.Status]) { h.givenUp = true })
	send().AddBoth(func(s filetransfer.Status, err error) (filetransfer.Status, error) {
		h.changes.Add(1)
		h.wrote()
		pass(result, s, err)
		return s, nil
	})
	return result
}

// wrote counts the reply to a WRITE request.
func (h *handle) wrote() {
	if h.writes--; h.writes > 0 {
		return
	}
	h.givenUp = false
	idle := h.idle
	h.idle = nil
	for _, d := range idle {
		pass(d, struct{}{}, nil)
	}
}

// settled fires when no WRITE request is in flight.
func (h *handle) settled() deferred.Deferred[struct{}] {
	if h.writes == 0 {
		return deferred.Succeed(struct{}{})
	}
	d := deferred.New[struct{}]()
	h.idle = append(h.idle, d)
	return d
}

// after makes a request that must follow the replies to all writes.
func (h *handle) after(request func() deferred.Deferred[filetransfer.Status]) deferred.Deferred[filetransfer.Status] {
	if h.writes == 0 {
		return request()
	}
	return deferred.ThenDeferred(h.settled(), func(struct{}) deferred.Deferred[filetransfer.Status] { return request() })
}

// close sends CLOSE after the replies to all writes. It waits for the replies
// to writes that were given up for stopTimeout at most. Cancelling the returned
// Deferred does not stop it. A second call does nothing.
func (h *handle) close() deferred.Deferred[filetransfer.Status] {
	if h.released {
		return deferred.Succeed(filetransfer.Status{})
	}
	h.released = true
	settled := h.settled()
	if h.givenUp {
		settled.AddTimeout(h.r, stopTimeout)
	}
	result := deferred.New[filetransfer.Status]()
	deferred.ThenBothDeferred(settled, func(struct{}, error) deferred.Deferred[filetransfer.Status] {
		return h.file.Close()
	}).AddBoth(func(s filetransfer.Status, err error) (filetransfer.Status, error) {
		pass(result, s, err)
		return s, nil
	})
	return result
}

// pass fires d, unless d was cancelled.
func pass[T any](d deferred.Deferred[T], v T, err error) {
	if err != nil {
		_ = d.TryErrback(err)
	} else {
		_ = d.TryCallback(v)
	}
}
