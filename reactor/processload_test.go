//go:build unix

package reactor_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/hawser-go/hawser/reactor"
)

// copier sends data to a child and checks that the child sends the same data
// back.
type copier struct {
	reactor.BaseProcessProtocol
	t        *testing.T
	size     int
	sent     int
	received int
	paused   bool
	most     int // the most bytes that were in flight
	ended    chan error
}

// copierPiece is written at a time. Data is its repetition.
var copierPiece = func() []byte {
	piece := make([]byte, 32<<10)
	for i := range piece {
		piece[i] = byte(i * i >> 3)
	}
	return piece
}()

func (c *copier) ConnectionMade() {
	wantErr(c.t, c.Transport().RegisterProducer(c, true), nil)
	c.ResumeProducing()
}

func (c *copier) ResumeProducing() {
	for c.paused = false; !c.paused && c.sent < c.size; {
		c.sent += len(copierPiece)
		c.Transport().Write(copierPiece)
	}
	c.most = max(c.most, c.sent-c.received)
	if c.sent == c.size {
		c.Transport().UnregisterProducer()
		c.Transport().CloseStdin()
	}
}

func (c *copier) PauseProducing() { c.paused = true }
func (c *copier) StopProducing()  {}

func (c *copier) OutReceived(data []byte) {
	for len(data) > 0 {
		at := c.received % len(copierPiece)
		n := min(len(data), len(copierPiece)-at)
		if !bytes.Equal(data[:n], copierPiece[at:at+n]) {
			c.t.Errorf("the data after %d bytes is wrong", c.received)
			c.Transport().AbortConnection()
			return
		}
		c.received += n
		data = data[n:]
	}
}

func (c *copier) ProcessEnded(reason error) { c.ended <- reason }

// TestR494_ManyChildrenAtOnce: all data comes through many children that run at
// the same time, and the data in flight in each is bounded: by BufferLimit, the
// pipes, the child's own buffer and the reads ahead of the loop.
func TestR494_ManyChildrenAtOnce(t *testing.T) {
	children, size := 20, 1<<20
	if os.Getenv("HAWSER_LONG") != "" {
		children, size = 200, 10<<20
	}
	n := startProcesses(t)
	copiers := make([]*copier, children)
	for i := range copiers {
		copiers[i] = &copier{t: t, size: size, ended: make(chan error, 1)}
		n.start(copiers[i], "cat", nil, reactor.ProcessOptions{})
	}
	for _, c := range copiers {
		if err := <-c.ended; err != reactor.ErrProcessDone || c.received != size {
			t.Errorf("received %d of %d bytes, ended with %v", c.received, size, err)
		}
		if c.most > 1<<20 {
			t.Errorf("%d bytes were in flight", c.most)
		}
	}
}
