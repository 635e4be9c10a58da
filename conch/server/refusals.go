package server

import (
	"io"
	"net"
	"time"

	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

const (
	// maxRefusals is the number of refused connections that are told so at the
	// same time. Others are closed without a word.
	maxRefusals = 64

	// refusalTime is how long the line may take.
	refusalTime = time.Second
)

// refusals sends a line of text to connections that are not served, off the
// loop.
type refusals struct {
	work work.Group // goroutines; each ends after refusalTime
	n    int
	idle work.Completion // n is 0; replaced when it has fired
}

// whenIdle fires when no connection is being refused.
func (f *refusals) whenIdle() deferred.Deferred[struct{}] {
	d := f.idle.Wait()
	f.check()
	return d
}

func (f *refusals) check() {
	if f.n == 0 {
		f.idle.Fire(nil)
		f.idle = work.Completion{}
	}
}

// refuse closes a connection after a line of text.
func (f *refusals) refuse(r *reactor.Reactor, c net.Conn, why string) {
	if f.n >= maxRefusals {
		_ = c.Close()
		return
	}
	f.n++
	release := r.Hold()
	f.work.Go(func() {
		defer release()
		_ = c.SetDeadline(time.Now().Add(refusalTime))
		_, _ = io.WriteString(c, why+"\r\n") // the client may have gone
		_ = c.Close()
		r.CallFromThread(func() {
			f.n--
			f.check()
		})
	})
}
