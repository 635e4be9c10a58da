package conch

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// MaxForwarded is the number of connections that one Forwarder carries at the same time; it closes more at once.
const MaxForwarded = 1000

// Forwarder carries connections from a listener to a destination, one of the two at the other end of the SSH connection. It ends with Close, or
// with the SSH connection. Each direction of each connection ends on its own: an end-of-file is passed on, and a slow side
// slows the other one down.
type Forwarder struct {
	conn     *SSHConnection
	listener net.Listener
	serve    func(ctx context.Context, c net.Conn) // carries one connection
	ctx      context.Context                       // ends with the forwarder
	end      context.CancelFunc
	work     crew // every goroutine

	mu   sync.Mutex // guards open
	open int        // connections
}

// ForwardLocal listens here, on listen of the network "tcp" or "unix", and has each connection go to the address to of the network toNetwork
// as the server sees it: ssh's -L. It fails as net.Listen does.
func ForwardLocal(conn Connection, network, listen, toNetwork, to string) deferred.Deferred[*Forwarder] {
	c := conn.base()
	return listenHere(c, network, listen, func(ctx context.Context, from net.Conn) {
		relayTo(ctx, from, func() (net.Conn, error) { return c.DialContext(ctx, toNetwork, to) })
	})
}

// ForwardDynamic listens here as a SOCKS5 proxy (RFC 1928) without authentication, and has each connection go from the server to where the client of the
// proxy wants: ssh's -D. Listen on a loopback address unless everybody may use it.
func ForwardDynamic(conn Connection, network, listen string) deferred.Deferred[*Forwarder] {
	c := conn.base()
	return listenHere(c, network, listen, func(ctx context.Context, from net.Conn) { serveSOCKS(ctx, from, c.DialContext) })
}

// ForwardRemote has the server listen, as SSHConnection.Listen does, and each connection go to the address to as this side sees it: ssh's -R.
func ForwardRemote(conn Connection, network, listen, toNetwork, to string) deferred.Deferred[*Forwarder] {
	c := conn.base()
	return deferred.Then(c.Listen(network, listen), func(l *RemoteListener) (*Forwarder, error) {
		return newForwarder(c, l, func(ctx context.Context, from net.Conn) {
			relayTo(ctx, from, func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, toNetwork, to) })
		}), nil
	})
}

func listenHere(c *SSHConnection, network, listen string, serve func(context.Context, net.Conn)) deferred.Deferred[*Forwarder] {
	if c.transport == nil {
		panic("conch: forwarding before ServiceStarted")
	}
	opened := unlessCancelled(reactor.DeferToThread(c.transport.r, func() (net.Listener, error) { return net.Listen(network, listen) }))
	return deferred.Then(opened, func(l net.Listener) (*Forwarder, error) {
		if c.transport.ended() {
			return nil, errors.Join(lostBecause(ErrClosedLocally), l.Close())
		}
		return newForwarder(c, l, serve), nil
	})
}

func newForwarder(c *SSHConnection, l net.Listener, serve func(context.Context, net.Conn)) *Forwarder {
	f := &Forwarder{conn: c, listener: l, serve: serve}
	f.ctx, f.end = context.WithCancel(c.transport.ctx)
	f.work.of = &c.transport.work
	f.work.Go(f.accept)
	return f
}

// Addr returns where it listens.
func (f *Forwarder) Addr() net.Addr { return f.listener.Addr() }

// Close stops listening and cuts the connections that it carries. The Deferred fires when all is over. It must be called on the loop.
func (f *Forwarder) Close() deferred.Deferred[struct{}] {
	f.end()
	d := deferred.New[struct{}]()
	f.work.whenIdle(func() { f.conn.transport.r.CallFromThread(func() { d.Callback(struct{}{}) }) })
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
			if f.rest(err) {
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

// acceptRest is how long accepting rests after a failure, for instance because the process has no file descriptor left.
const acceptRest = 100 * time.Millisecond

// rest waits after a failure of Accept, and reports whether accepting is to go on: unless the listener or the forwarder has ended.
func (f *Forwarder) rest(err error) bool {
	if f.ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, ErrConnectionLost) {
		return false
	}
	f.conn.transport.r.Logger().Error("Cannot accept a connection to forward", "at", f.Addr(), "err", err)
	select {
	case <-f.ctx.Done():
		return false
	case <-time.After(acceptRest):
		return true
	}
}

// unlessCancelled returns a Deferred that fires as d does. What comes after it was cancelled is closed.
func unlessCancelled[T io.Closer](d deferred.Deferred[T]) deferred.Deferred[T] {
	to := deferred.New(func(deferred.Deferred[T]) {})
	d.AddCallbacks(func(v T) (none T, _ error) {
		if to.TryCallback(v) != nil {
			_ = v.Close() // nobody wants it
		}
		return none, nil
	}, func(err error) (none T, _ error) {
		_ = to.TryErrback(err) // it may have been cancelled
		return none, nil
	})
	return to
}

func (f *Forwarder) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == MaxForwarded {
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

// relayTo dials and carries bytes both ways until both directions have ended, or ctx.
func relayTo(ctx context.Context, from net.Conn, dial func() (net.Conn, error)) {
	to, err := dial()
	if err != nil {
		return // the client sees the end
	}
	relay(ctx, from, to)
}

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

// carry copies until the end-of-file of from, which it passes on. Any other end ends both connections.
func carry(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err == nil && ok && half.CloseWrite() == nil {
		return
	}
	to.Close()
	from.Close()
}
