package sftptest

import (
	"io"
	"sync"

	"github.com/hawser-go/hawser/deferred"
)

// Client is the client of a Link.
type Client interface {
	DataReceived(p []byte)
	ConnectionLost(reason error)
}

// Link is a client's transport over the pipes of a server.
type Link struct {
	Sent func(packet []byte) // called with each packet before it is queued; may be nil

	client Client
	loop   deferred.Loop
	mu     sync.Mutex // guards queue and closed
	queue  []func(w io.Writer)
	closed bool
	more   chan struct{}
	pumps  sync.WaitGroup
}

// NewLink connects a client to a server. It calls the client's methods on the
// loop.
func NewLink(server Server, client Client, loop deferred.Loop) *Link {
	l := &Link{client: client, loop: loop, more: make(chan struct{}, 1)}
	l.pumps.Go(func() { l.pumpOut(server.In) })
	l.pumps.Go(func() {
		l.pumpIn(server.Out)
		l.LoseConnection()
		server.Wait()
	})
	return l
}

// Wait returns when the server has ended.
func (l *Link) Wait() { l.pumps.Wait() }

// Write queues p. The caller must not change p afterwards. It never blocks.
func (l *Link) Write(p []byte) { l.WriteOwned(p, nil) }

// WriteOwned is Write with a function that is called when p has been written.
func (l *Link) WriteOwned(p []byte, sent func()) {
	if sent == nil {
		sent = func() {}
	}
	if l.Sent != nil {
		l.Sent(p)
	}
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.queue = append(l.queue, func(w io.Writer) {
			_, _ = w.Write(p) // an error shows on the other side
			sent()
		})
	}
	l.mu.Unlock()
	if closed {
		sent()
	}
	l.wake()
}

// LoseConnection closes the server's input when the queue has been written.
func (l *Link) LoseConnection() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake()
}

func (l *Link) wake() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// pumpOut runs until LoseConnection.
func (l *Link) pumpOut(w io.WriteCloser) {
	defer w.Close()
	for range l.more {
		l.mu.Lock()
		queue, closed := l.queue, l.closed
		l.queue = nil
		l.mu.Unlock()
		for _, write := range queue {
			write(w)
		}
		if closed {
			return
		}
	}
}

// pumpIn runs until the server closes its output.
func (l *Link) pumpIn(r io.Reader) {
	for {
		p := make([]byte, 64<<10)
		n, err := r.Read(p)
		if n > 0 {
			l.loop.CallFromThread(func() { l.client.DataReceived(p[:n]) })
		}
		if err != nil {
			l.loop.CallFromThread(func() { l.client.ConnectionLost(err) })
			return
		}
	}
}
