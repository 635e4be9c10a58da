package sftp

import (
	"context"
	"io"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// stopTimeout is how long a transfer may save its progress after its context is
// done.
const stopTimeout = 2 * time.Second

// Get downloads a file or a tree; see [Client.Get]. Progress and Filter of the
// options are called on the loop. When ctx is done, Get stops the transfer,
// waits until its progress is saved, two seconds at most, and returns the cause
// of ctx. So do the other transfers.
func (c *Files) Get(ctx context.Context, remote, local string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.Get(remote, local, o) })
}

// GetTo downloads a file to a writer; see [Client.GetTo].
func (c *Files) GetTo(ctx context.Context, remote string, w io.Writer, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.GetTo(remote, w, o) })
}

// GetGlob downloads the files and directories that match a pattern into a
// directory; see [Client.GetGlob].
func (c *Files) GetGlob(ctx context.Context, pattern, local string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.GetGlob(pattern, local, o) })
}

// Put uploads a file or a tree; see [Client.Put].
func (c *Files) Put(ctx context.Context, local, remote string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.Put(local, remote, o) })
}

// PutFrom uploads the data of a reader; see [Client.PutFrom].
func (c *Files) PutFrom(ctx context.Context, r io.Reader, remote string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.PutFrom(r, remote, o) })
}

// PutGlob uploads the local files and directories that match a pattern into a
// directory; see [Client.PutGlob].
func (c *Files) PutGlob(ctx context.Context, pattern, remote string, o Options) (Report, error) {
	return c.move(ctx, func() deferred.Deferred[Report] { return c.session.PutGlob(pattern, remote, o) })
}

// move runs a transfer. After the end of ctx it waits until the transfer has
// ended, stopTimeout at most.
func (c *Files) move(ctx context.Context, f func() deferred.Deferred[Report]) (Report, error) {
	over := make(chan struct{})
	begun := false // for the loop
	report, err := call(ctx, c, func() deferred.Deferred[Report] {
		begun = true
		return f().Finally(func() { close(over) })
	})
	if err == nil || ctx.Err() == nil || c.onLoop(func() {
		if !begun {
			close(over)
		}
	}) != nil {
		return report, err
	}
	limit := time.NewTimer(stopTimeout)
	defer limit.Stop()
	select {
	case <-over:
	case <-limit.C:
	}
	return report, err
}
