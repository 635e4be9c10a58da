package sftp

import (
	"context"
	"io"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// stopTimeout is how long a transfer whose context is done may take to leave what has come in order, so that a later one can go on with it.
const stopTimeout = 2 * time.Second

// Get downloads a file or a tree, see [Client.Get]. Progress and Filter of the options are called on the loop. When ctx is done the
// transfer is stopped, and Get returns as soon as what has come is in order, after two seconds at most; so do the other transfers.
func (c *Files) Get(ctx context.Context, remote, local string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.Get(remote, local, o) })
}

// GetTo downloads a file to a writer, see [Client.GetTo].
func (c *Files) GetTo(ctx context.Context, remote string, w io.Writer, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.GetTo(remote, w, o) })
}

// GetGlob downloads what matches a pattern into a directory, see [Client.GetGlob].
func (c *Files) GetGlob(ctx context.Context, pattern, local string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.GetGlob(pattern, local, o) })
}

// Put uploads a file or a tree, see [Client.Put].
func (c *Files) Put(ctx context.Context, local, remote string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.Put(local, remote, o) })
}

// PutFrom uploads what a reader gives, see [Client.PutFrom].
func (c *Files) PutFrom(ctx context.Context, r io.Reader, remote string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.PutFrom(r, remote, o) })
}

// PutGlob uploads what matches a local pattern into a directory, see [Client.PutGlob].
func (c *Files) PutGlob(ctx context.Context, pattern, remote string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.PutGlob(pattern, remote, o) })
}

// move runs a transfer, and waits for it for a while after the end of ctx.
func (c *Files) move(ctx context.Context, f func() deferred.Deferred[Report]) (Report, error) {
	over := make(chan struct{})
	begun := false // the loop's
	report, err := call(ctx, c, func() deferred.Deferred[Report] {
		begun = true
		return f().AddBoth(func(r Report, err error) (Report, error) {
			close(over)
			return r, err
		})
	})
	if err == nil || ctx.Err() == nil {
		return report, err
	}
	wait := false
	if c.onLoop(func() { wait = begun }) == nil && wait {
		limit := time.NewTimer(stopTimeout)
		defer limit.Stop()
		select {
		case <-over:
		case <-limit.C:
		}
	}
	return report, err
}
