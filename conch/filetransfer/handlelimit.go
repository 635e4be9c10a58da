package filetransfer

import (
	"sync"
	"sync/atomic"
)

// HandleLimit bounds the open files and directories of several servers
// together. Any goroutine may use it.
type HandleLimit struct {
	max  int64
	open atomic.Int64
}

// NewHandleLimit returns a limit of n handles.
func NewHandleLimit(n int) *HandleLimit { return &HandleLimit{max: int64(n)} }

// Max returns the limit.
func (l *HandleLimit) Max() int { return int(l.max) }

// Open returns the number of handles in use.
func (l *HandleLimit) Open() int { return int(l.open.Load()) }

// take takes a handle. The result is false if none is left.
func (l *HandleLimit) take() bool {
	if l.open.Add(1) > l.max {
		l.open.Add(-1)
		return false
	}
	return true
}

func (l *HandleLimit) give() { l.open.Add(-1) }

// processHandles is the limit of servers without a limit of their own: a
// quarter of the file descriptors of the process. A directory may need two, and
// connections need the rest.
var processHandles = sync.OnceValue(func() *HandleLimit { return NewHandleLimit(max(16, min(descriptors()/4, 1<<20))) })
