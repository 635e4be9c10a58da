package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// maxForwarded is the number of connections that one Forwarder carries at the
// same time. It closes further ones at once. conch.Limits.Channels bounds those
// that the peer opens.
const maxForwarded = 1000

// Forwarder carries connections from a listener to a destination, one of the two
// at the other end of the SSH connection. It ends with Close, or with the SSH
// connection. Each direction of each connection ends on its own: an end-of-file
// is passed on, and a slow side slows the other one down. Its methods belong to
// the loop.
type Forwarder struct {
	r        *reactor.Reactor
	listener net.Listener
	serve    func(ctx context.Context, c net.Conn) // carries one connection
	ctx      context.Context                       // done when the forwarder ends
	end      context.CancelFunc
	work     work.Group // all goroutines

	mu   sync.Mutex // guards open
	open int        // connections
}

// Local listens here, on the address listen of the network "tcp" or "unix", and
// has the peer connect each connection to the address to of toNetwork: ssh -L.
// 0.0.0.0 means all IPv4 addresses, :: all IPv6 addresses, no host both. Other
// users cannot connect to a UNIX socket. The Deferred fails as net.Listen does.
// Local belongs to the loop.
func Local(conn conch.Connection, network, listen, toNetwork, to string) deferred.Deferred[*Forwarder] {
	return listenHere(conn, network, listen, func(ctx context.Context, from net.Conn) {
		relayTo(ctx, from, func() (net.Conn, error) { return DialContext(ctx, conn, toNetwork, to) })
	})
}

// Dynamic listens here as a SOCKS5 proxy (RFC 1928) without authentication, and
// has the peer connect each connection to the address that the proxy's client
// asks for: ssh -D. Listen on a loopback address unless everybody may use the
// proxy. The Deferred fails as net.Listen does. Dynamic belongs to the loop.
func Dynamic(conn conch.Connection, network, listen string) deferred.Deferred[*Forwarder] {
	return listenHere(conn, network, listen, func(ctx context.Context, from net.Conn) {
		serveSOCKS(ctx, from, func(ctx context.Context, network, address string) (net.Conn, error) {
			return DialContext(ctx, conn, network, address)
		})
	})
}

// Remote has the peer listen, as Listen does, and connects each connection to the
// address to of toNetwork from here: ssh -R. Remote belongs to the loop.
func Remote(conn conch.Connection, network, listen, toNetwork, to string) deferred.Deferred[*Forwarder] {
	return deferred.Then(Listen(conn, network, listen), func(l *Listener) (*Forwarder, error) {
		return newForwarder(conn, l, func(ctx context.Context, from net.Conn) {
			relayTo(ctx, from, func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, toNetwork, to) })
		}), nil
	})
}

// RemoteDynamic has the peer listen, as Listen does, as a SOCKS5 proxy without
// authentication, and connects each connection from here to the address that the
// proxy's client asks for: ssh -R without a destination. allow, if not nil, is
// called before that, on any goroutine; an error refuses the address.
// RemoteDynamic belongs to the loop.
func RemoteDynamic(conn conch.Connection, network, listen string, allow func(network, address string) error) deferred.Deferred[*Forwarder] {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if allow != nil {
			if err := allow(network, address); err != nil {
				return nil, err
			}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return deferred.Then(Listen(conn, network, listen), func(l *Listener) (*Forwarder, error) {
		return newForwarder(conn, l, func(ctx context.Context, from net.Conn) { serveSOCKS(ctx, from, dial) }), nil
	})
}

func listenHere(conn conch.Connection, network, listen string, serve func(context.Context, net.Conn)) deferred.Deferred[*Forwarder] {
	t := conn.Transport()
	if t == nil {
		panic("forward: forwarding before ServiceStarted")
	}
	opened := unlessCancelled(reactor.DeferToThread(t.Reactor(), func() (net.Listener, error) {
		return listenOn(t.Context(), network, listen)
	}))
	return deferred.Then(opened, func(l net.Listener) (*Forwarder, error) {
		if t.Context().Err() != nil {
			return nil, errors.Join(context.Cause(t.Context()), l.Close())
		}
		return newForwarder(conn, l, serve), nil
	})
}

func newForwarder(conn conch.Connection, l net.Listener, serve func(context.Context, net.Conn)) *Forwarder {
	t := conn.Transport()
	f := &Forwarder{r: t.Reactor(), listener: l, serve: serve}
	f.ctx, f.end = context.WithCancel(t.Context())
	release := t.Hold()
	f.work.Go(f.accept)
	f.work.WhenIdle(release)
	return f
}

// Addr returns the address of the listener.
func (f *Forwarder) Addr() net.Addr { return f.listener.Addr() }

// Close stops listening and closes the connections. The Deferred fires when all
// of them have ended.
func (f *Forwarder) Close() deferred.Deferred[struct{}] {
	f.end()
	d := deferred.New[struct{}]()
	f.work.WhenIdle(func() { f.r.CallFromThread(func() { _ = d.TryCallback(struct{}{}) }) }) // it may have been cancelled
	return d
}

// accept runs until the listener is closed, which the end of ctx does.
func (f *Forwarder) accept() {
	stop := context.AfterFunc(f.ctx, func() { f.listener.Close() })
	defer stop()
	defer f.listener.Close()
	for {
		c, err := f.listener.Accept()
		if err != nil {
			if f.retry(err) {
				continue
			}
			return
		}
		if !f.begin() {
			c.Close()
			continue
		}
		f.work.Go(func() { // ends with the connection, which ends with ctx
			defer f.done()
			stop := context.AfterFunc(f.ctx, func() { c.Close() })
			defer stop()
			f.serve(f.ctx, c)
			c.Close()
		})
	}
}

// acceptDelay is the wait after a failure to accept, for instance because the
// process has no file descriptor left.
const acceptDelay = 100 * time.Millisecond

// retry waits after a failure of Accept. It returns false if the listener or the
// forwarder has ended.
func (f *Forwarder) retry(err error) bool {
	if f.ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, conch.ErrConnectionLost) {
		return false
	}
	f.r.Logger().Error("Cannot accept a connection to forward", "at", f.Addr(), "err", err)
	select {
	case <-f.ctx.Done():
		return false
	case <-time.After(acceptDelay):
		return true
	}
}

// unlessCancelled returns a Deferred that fires as d does. A value that arrives
// after it was cancelled is closed.
func unlessCancelled[T io.Closer](d deferred.Deferred[T]) deferred.Deferred[T] {
	to := deferred.New(func(deferred.Deferred[T]) {})
	d.OnResult(func(v T, err error) {
		switch {
		case err != nil:
			_ = to.TryErrback(err)
		case to.TryCallback(v) != nil:
			_ = v.Close()
		}
	})
	return to
}

func (f *Forwarder) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == maxForwarded {
		return false
	}
	f.open++
	return true
}

func (f *Forwarder) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
}
