package conch_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// faultyConn is a net.Conn that stops working after a number of bytes in one direction: it is cut, or nothing moves any more until it is closed.
type faultyConn struct {
	net.Conn
	stall   bool
	in, out atomic.Int64 // bytes that may still pass
	total   [2]*atomic.Int64
	once    sync.Once
	closed  chan struct{}
}

func (c *faultyConn) fail() error {
	if c.stall {
		<-c.closed
	}
	c.Close()
	return io.EOF
}

func (c *faultyConn) Read(p []byte) (int, error) {
	left := c.in.Load()
	if left <= 0 {
		return 0, c.fail()
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.in.Add(-int64(n))
	c.total[0].Add(int64(n))
	return n, err
}

func (c *faultyConn) Write(p []byte) (int, error) {
	left := c.out.Load()
	n, err := c.Conn.Write(p[:min(int64(len(p)), left)])
	c.out.Add(-int64(n))
	c.total[1].Add(int64(n))
	if err == nil && n < len(p) {
		err = c.fail()
	}
	return n, err
}

func (c *faultyConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// faulty returns the target with its connection failing after in bytes from the server, or out bytes to it.
func (to target) faulty(in, out int64, stall bool, total [2]*atomic.Int64) target {
	return to.through(func(c net.Conn) net.Conn {
		f := &faultyConn{Conn: c, stall: stall, total: total, closed: make(chan struct{})}
		f.in.Store(in)
		f.out.Store(out)
		return f
	})
}

// everything does one of each thing that can wait, and fires when all of them are over, with how many have failed.
func everything(r *reactor.Reactor, to target, bad func(string, error)) deferred.Deferred[int] {
	conn := &plainConnection{}
	failures, waiting := 0, 0
	done := deferred.New[int]()
	over := func(what string, err error) {
		if _, setUp := errors.AsType[*conch.ConnectError](err); err != nil && !setUp && !errors.Is(err, conch.ErrConnectionLost) {
			bad(what, err)
		}
		if err != nil {
			failures++
		}
		if waiting--; waiting == 0 {
			conn.LoseConnection()
			done.Callback(failures)
		}
	}
	waiting = 1
	to.connect(r, conn).AddBoth(func(_ struct{}, err error) (struct{}, error) {
		if err == nil {
			waiting += 3
			wait(conch.Exec(conn, "cat", []byte("hello")), "exec", over)
			wait(conn.SendGlobalRequest("g", []byte("x"), true).AddErrback(refusedIsFine), "global request", over)
			wait(conn.Dial("tcp", "127.0.0.1:1").AddErrback(refusedDial), "dial", over)
		}
		over("connect", err)
		return struct{}{}, nil
	})
	return done
}

func wait[T any](d deferred.Deferred[T], what string, over func(string, error)) {
	d.AddBoth(func(v T, err error) (T, error) {
		over(what, err)
		return v, nil
	})
}

func refusedIsFine(err error) ([]byte, error) {
	if errors.Is(err, conch.ErrRequestRefused) {
		return nil, nil
	}
	return nil, err
}

func refusedDial(err error) (*conch.ChannelConn, error) {
	if refused, ok := errors.AsType[*conch.ConchError](err); ok && refused.Data == conch.OpenConnectFailed {
		return nil, nil
	}
	return nil, err
}

// TestEveryByte cuts and stalls a session after each of its first 300 bytes, and then at regular distances, in each direction: everything that
// waits fails, once, in time and with a named error, and no goroutine is left.
func TestEveryByte(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Exec: shell, Forwarding: true})
	const all = 1 << 40
	total := [2]*atomic.Int64{{}, {}}
	if n, err := await(t, r, func() deferred.Deferred[int] {
		return everything(r, to.faulty(all, all, false, total), func(what string, err error) { t.Errorf("%s: %v", what, err) })
	}); n != 0 || err != nil {
		t.Fatalf("%d failures in an undisturbed session, %v", n, err)
	}
	for name, row := range map[string]struct {
		stall  bool
		stride int64
	}{"cut": {false, 16}, "stalled": {true, 64}} {
		t.Run(name, func(t *testing.T) {
			stride := row.stride
			if testing.Short() {
				stride *= 8
			}
			to := to
			if row.stall {
				to.options.Timeout = 300 * time.Millisecond
				to.options.ServerAliveInterval, to.options.ServerAliveCountMax = 50*time.Millisecond, 1
			}
			faults(t, r, to, row.stall, stride, total)
		})
	}
}

// faults runs a session for each fault, many at the same time.
func faults(t *testing.T, r *reactor.Reactor, to target, stall bool, stride int64, total [2]*atomic.Int64) {
	points := make(chan [2]int64)
	var work sync.WaitGroup
	for range 32 {
		work.Go(func() { // ends when points is closed
			for p := range points {
				_, err := await(t, r, func() deferred.Deferred[int] {
					return everything(r, to.faulty(p[0], p[1], stall, [2]*atomic.Int64{{}, {}}), func(what string, err error) {
						t.Errorf("%v: %s: %v", p, what, err)
					})
				})
				if err != nil {
					t.Errorf("%v: %v", p, err)
				}
			}
		})
	}
	const all = 1 << 40
	runs := 0
	for side := range total {
		for n := int64(0); n < total[side].Load(); n++ {
			if n > 300 && n%stride != 0 {
				continue
			}
			p := [2]int64{all, all}
			p[side] = n
			points <- p
			runs++
		}
	}
	close(points)
	work.Wait()
	t.Logf("%d runs over %d and %d bytes", runs, total[0].Load(), total[1].Load())
}
