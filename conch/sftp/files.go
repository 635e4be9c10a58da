package sftp

import (
	"context"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// Files is an SFTP session for goroutine code. Its methods, and those of its files, may be called from any goroutine but the loop's.
type Files struct {
	session *Client
	client  *filetransfer.FileTransferClient
	await   func(ctx context.Context, f func() deferred.Deferred[struct{}]) error
}

func newFiles(s *Client, await func(context.Context, func() deferred.Deferred[struct{}]) error) *Files {
	return &Files{s, s.FileTransferClient, await}
}

// Call runs f on the loop and waits for what its Deferred fires with: for everything of the client that has no method here, such as its
// extensions. The error is that of the Deferred, or the cause of ctx.
//
//	limits, err := blocking.Call(ctx, files, (*filetransfer.FileTransferClient).Limits)
func Call[T any](ctx context.Context, c *Files, f func(*filetransfer.FileTransferClient) deferred.Deferred[T]) (T, error) {
	return call(ctx, c, func() deferred.Deferred[T] { return f(c.client) })
}

// call runs f on the loop and waits for what its Deferred fires with.
func call[T any](ctx context.Context, c *Files, f func() deferred.Deferred[T]) (v T, err error) {
	var got T
	err = c.await(ctx, func() deferred.Deferred[struct{}] {
		return deferred.Then(f(), func(v T) (struct{}, error) {
			got = v
			return struct{}{}, nil
		})
	})
	if err != nil {
		return v, err // got may be written to still
	}
	return got, nil
}

// onLoop runs f on the loop, whatever became of anybody's context. It fails only if the loop has ended, or is the caller's.
func (c *Files) onLoop(f func()) error {
	return c.await(context.Background(), func() deferred.Deferred[struct{}] {
		f()
		return deferred.Succeed(struct{}{})
	})
}

// callAndWait is call for a request that uses memory of the caller's, or leaves something open: when it returns the request is over. undo, if it is not
// nil, is called on the loop with what came although nobody waited any more.
func callAndWait[T any](ctx context.Context, c *Files, f func() deferred.Deferred[T], undo func(T)) (T, error) {
	var d deferred.Deferred[T]
	begun, came := false, false
	var late T
	v, err := call(ctx, c, func() deferred.Deferred[T] {
		begun = true
		d = f()
		return d.AddCallback(func(v T) (T, error) {
			late, came = v, true
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
		if came && undo != nil {
			undo(late)
		}
	})
	return v, err
}

// status is call for operations without result.
func (c *Files) status(ctx context.Context, op, name string, f func() deferred.Deferred[filetransfer.Status]) error {
	_, err := call(ctx, c, f)
	return pathError(op, name, err)
}
