package filetransfer

import (
	"sync"

	"github.com/hawser-go/hawser/conch/internal/quota"
)

// HandleLimit bounds the open files and directories of several servers
// together. Any goroutine may use it.
type HandleLimit struct{ quota *quota.Quota }

// NewHandleLimit returns a limit of n handles.
func NewHandleLimit(n int) *HandleLimit { return &HandleLimit{quota.New(n)} }

// Max returns the limit.
func (l *HandleLimit) Max() int { return l.quota.Max() }

// Open returns the number of handles in use.
func (l *HandleLimit) Open() int { return l.quota.Used() }

// take takes a handle. The result is false if none is left.
func (l *HandleLimit) take() bool { return l.quota.Take() }

func (l *HandleLimit) give() { l.quota.Give() }

// processHandles is the limit of servers without a limit of their own: a
// quarter of the file descriptors of the process. A directory may need two, and
// connections need the rest.
var processHandles = sync.OnceValue(func() *HandleLimit { return &HandleLimit{quota.OfDescriptors()} })
