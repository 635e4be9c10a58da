package sftp

import (
	"errors"
	"slices"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// maxOpenTries is how often a file or directory is opened, at most, while the
// server may have too few handles.
const maxOpenTries = 16

// handles counts the handles that a session has open. An open that the server
// refuses for want of handles waits here until another handle is closed.
type handles struct {
	open    int
	waiting []deferred.Deferred[struct{}]
}

// openHandle opens a file or directory. If the server refuses with SSH_FX_FAILURE
// while other handles are open, openHandle tries again when one is closed. The
// caller must pass the answer of each CLOSE through [Client.closed].
func openHandle[T any](co *deferred.Coro, s *Client, open func() deferred.Deferred[T]) (h T, err error) {
	waited := false
	for range maxOpenTries {
		if h, err = deferred.Await(co, open()); err == nil {
			s.handles.open++
			return h, nil
		}
		status, refused := errors.AsType[*filetransfer.StatusError](err)
		if !refused || status.Code != filetransfer.FXFailure || s.handles.open == 0 {
			break
		}
		waited = true
		if _, cancelled := deferred.Await(co, s.handles.wait()); cancelled != nil {
			return h, cancelled
		}
	}
	if waited {
		s.handles.wake() // this waiter does not need its turn
	}
	return h, err
}

// closed notes that a handle from openHandle is closed when d fires, and returns
// d.
func (s *Client) closed(d deferred.Deferred[filetransfer.Status]) deferred.Deferred[filetransfer.Status] {
	return d.Finally(func() {
		s.handles.open--
		s.handles.wake()
	})
}

// wait returns a Deferred for the next turn.
func (h *handles) wait() deferred.Deferred[struct{}] {
	d := deferred.New(func(d deferred.Deferred[struct{}]) {
		h.waiting = slices.DeleteFunc(h.waiting, func(other deferred.Deferred[struct{}]) bool { return other == d })
	})
	h.waiting = append(h.waiting, d)
	return d
}

func (h *handles) wake() {
	if len(h.waiting) > 0 {
		next := h.waiting[0]
		h.waiting = h.waiting[1:]
		next.Callback(struct{}{})
	}
}
