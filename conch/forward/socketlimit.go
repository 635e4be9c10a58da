package forward

import (
	"net"
	"sync"

	"github.com/hawser-go/hawser/conch/internal/quota"
)

// SocketLimit bounds the sockets that this side opens for peers: connections and
// listeners, of several SSH connections together. Any goroutine may use it.
type SocketLimit struct{ quota *quota.Quota }

// NewSocketLimit returns a limit of n sockets.
func NewSocketLimit(n int) *SocketLimit { return &SocketLimit{quota.New(n)} }

// Max returns the limit.
func (l *SocketLimit) Max() int { return l.quota.Max() }

// Open returns the number of sockets in use.
func (l *SocketLimit) Open() int { return l.quota.Used() }

// processSockets is the limit of Rules without a limit: a quarter of the file
// descriptors of the process. SSH connections and open files need the rest.
var processSockets = sync.OnceValue(func() *SocketLimit { return &SocketLimit{quota.OfDescriptors()} })

// take takes n sockets, and returns a function that gives them back. ok is false
// if there are not as many left.
func (l *SocketLimit) take(n int) (release func(), ok bool) {
	for taken := range n {
		if !l.quota.Take() {
			l.give(taken)
			return nil, false
		}
	}
	return sync.OnceFunc(func() { l.give(n) }), true
}

func (l *SocketLimit) give(n int) {
	for range n {
		l.quota.Give()
	}
}

// countedListener gives its socket back when it is closed.
type countedListener struct {
	net.Listener
	release func()
}

// Close implements net.Listener.
func (l *countedListener) Close() error {
	defer l.release()
	return l.Listener.Close()
}
