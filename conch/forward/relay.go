package forward

import (
	"context"
	"io"
	"net"
	"sync"
)

// relayTo dials, and relays until both directions have ended, or ctx is done.
func relayTo(ctx context.Context, from net.Conn, dial func() (net.Conn, error)) {
	to, err := dial()
	if err != nil {
		return // the other end sees the close
	}
	relay(ctx, from, to)
}

// relay copies data in both directions until both have ended, or ctx is done. It
// closes both connections.
func relay(ctx context.Context, a, b net.Conn) {
	stop := context.AfterFunc(ctx, func() { a.Close(); b.Close() })
	defer stop()
	var back sync.WaitGroup
	back.Go(func() { carry(a, b) }) // ends with the connections
	carry(b, a)
	back.Wait()
	a.Close()
	b.Close()
}

// carry copies until the end-of-file of from, which it passes on. Any other end
// closes both connections.
func carry(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err == nil && ok && half.CloseWrite() == nil {
		return
	}
	to.Close()
	from.Close()
}
