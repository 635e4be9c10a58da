package blocking

import (
	"context"
	"io"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer/transfer"
	"github.com/hawser-go/hawser/deferred"
)

// settling is how long a transfer whose context is done may take to leave what has come in order, so that a later one can go on with it.
const settling = 2 * time.Second

// Get downloads a file or a tree, see [transfer.Session.Get]. Progress and Filter of the options are called on the loop. When ctx is done the
// transfer is stopped, and Get returns as soon as what has come is in order, after two seconds at most; so do the other transfers.
func (c *Client) Get(ctx context.Context, remote, local string, o transfer.Options) (transfer.Report, error) {
	return c.move(ctx, func() deferred.Deferred[transfer.Report] { return c.session.Get(remote, local, o) })
}

// GetTo downloads a file to a writer, see [transfer.Session.GetTo].
func (c *Client) GetTo(ctx context.Context, remote string, w io.Writer, o transfer.Options) (transfer.Report, error) {
	return c.move(ctx, func() deferred.Deferred[transfer.Report] { return c.session.GetTo(remote, w, o) })
}

// GetGlob downloads what matches a pattern into a directory, see [transfer.Session.GetGlob].
func (c *Client) GetGlob(ctx context.Context, pattern, local string, o transfer.Options) (transfer.Report, error) {
	return c.move(ctx, func() deferred.Deferred[transfer.Report] { return c.session.GetGlob(pattern, local, o) })
}

// Put uploads a file or a tree, see [transfer.Session.Put].
func (c *Client) Put(ctx context.Context, local, remote string, o transfer.Options) (transfer.Report, error) {
	return c.move(ctx, func() deferred.Deferred[transfer.Report] { return c.session.Put(local, remote, o) })
}

// PutFrom uploads what a reader gives, see [transfer.Session.PutFrom].
func (c *Client) PutFrom(ctx context.Context, r io.Reader, remote string, o transfer.Options) (transfer.Report, error) {
	return c.move(ctx, func() deferred.Deferred[transfer.Report] { return c.session.PutFrom(r, remote, o) })
}

// PutGlob uploads what matches a local pattern into a directory, see [transfer.Session.PutGlob].
func (c *Client) PutGlob(ctx context.Context, pattern, remote string, o transfer.Options) (transfer.Report, error) {
	return c.move(ctx, func() deferred.Deferred[transfer.Report] { return c.session.PutGlob(pattern, remote, o) })
}

// move runs a transfer, and waits for it for a while after the end of ctx.
func (c *Client) move(ctx context.Context, f func() deferred.Deferred[transfer.Report]) (transfer.Report, error) {
	over := make(chan struct{})
	begun := false // the loop's
	report, err := call(ctx, c, func() deferred.Deferred[transfer.Report] {
		begun = true
		return f().AddBoth(func(r transfer.Report, err error) (transfer.Report, error) {
			close(over)
			return r, err
		})
	})
	if err == nil || ctx.Err() == nil {
		return report, err
	}
	wait := false
	if c.onLoop(func() { wait = begun }) == nil && wait {
		limit := time.NewTimer(settling)
		defer limit.Stop()
		select {
		case <-over:
		case <-limit.C:
		}
	}
	return report, err
}
