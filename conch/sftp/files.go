package sftp

import (
	"context"
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Files is an SFTP session for goroutines that block. Its methods, and those of
// its files, may be called from any goroutine but the loop's: there they fail
// with reactor.ErrOnLoop.
//
// Errors are those of package os: [*fs.PathError] and [*os.LinkError], for
// which errors.Is finds fs.ErrNotExist, fs.ErrExist and fs.ErrPermission. When
// the context of a call is done, the call returns the cause of the context at
// once, also if the server is silent.
type Files struct {
	session *Client
	client  *filetransfer.FileTransferClient // of the session; for the loop
}

// Call runs f on the loop, waits for the Deferred that f returns, and returns
// its result. Call is for the operations of the client that have no method
// here:
//
//	f := func(c *filetransfer.FileTransferClient) deferred.Deferred[string] {
//		return c.ExpandPath("~ann/mail")
//	}
//	home, err := sftp.Call(ctx, files, f)
//
// Call returns the cause of ctx when ctx is done. The Deferred is then
// cancelled.
func Call[T any](ctx context.Context, c *Files, f func(*filetransfer.FileTransferClient) deferred.Deferred[T]) (T, error) {
	return call(ctx, c, func() deferred.Deferred[T] { return f(c.client) })
}

// call is Call for a function that knows the client.
func call[T any](ctx context.Context, c *Files, f func() deferred.Deferred[T]) (T, error) {
	v, err := reactor.Await(ctx, c.session.r, f)
	if errors.Is(err, reactor.ErrReactorEnded) {
		err = fmt.Errorf("%w (%w)", ErrClosed, err)
	}
	return v, err
}

// post runs f on the loop, and does not wait. A loop that has ended drops f.
func (c *Files) post(f func()) { c.session.r.CallFromThread(f) }

// onLoop runs f on the loop and waits for its end, also if a context is done.
// It fails only if the loop has ended, or is the caller's.
func (c *Files) onLoop(f func()) error {
	_, err := call(context.Background(), c, func() deferred.Deferred[struct{}] {
		f()
		return deferred.Succeed(struct{}{})
	})
	return err
}

// callAndWait is call for a request that uses memory of the caller, or opens a
// file. The request is over when callAndWait returns, also if ctx is done.
// undo, unless nil, is called on the loop with a result that arrived too late.
func callAndWait[T any](ctx context.Context, c *Files, f func() deferred.Deferred[T], undo func(T)) (T, error) {
	var d deferred.Deferred[T]
	begun, arrived := false, false
	var late T
	v, err := call(ctx, c, func() deferred.Deferred[T] {
		begun = true
		d = f()
		return d.AddCallback(func(v T) (T, error) {
			late, arrived = v, true
			return v, nil
		})
	})
	if err == nil || ctx.Err() == nil {
		return v, err
	}
	_ = c.onLoop(func() { // a loop that has ended does nothing any more
		if begun {
			d.Cancel()
		}
		if arrived && undo != nil {
			undo(late)
		}
	})
	return v, err
}

// status is call for operations whose only result is their success.
func (c *Files) status(ctx context.Context, op, name string, f func() deferred.Deferred[filetransfer.Status]) error {
	_, err := call(ctx, c, f)
	return pathError(op, name, err)
}
