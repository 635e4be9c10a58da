package reactor_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// netConnPair returns a NetConn and the plain socket at its other end.
func netConnPair(t *testing.T) (*netTest, *reactor.NetConn, *net.TCPConn) {
	n := startNet(t)
	c := reactor.NewNetConn(n.r)
	return n, c, n.serve(c)
}

func TestR537_NetConnReadsAndWrites(t *testing.T) {
	_, c, far := netConnPair(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB, more than is buffered
	go func() {                                             // ends when all is sent
		_, _ = far.Write(sent)
		_ = far.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if !bytes.Equal(got, sent) || err != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	echoed := make(chan []byte, 1)
	go func() { // ends with the connection
		data, _ := io.ReadAll(far)
		echoed <- data
	}()
	if n, err := c.Write(got); n != len(got) || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
	if data := within(t, echoed); !bytes.Equal(data, sent) {
		t.Errorf("the peer got %d bytes", len(data))
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing after CloseWrite: %v", err)
	}
	if c.LocalAddr().String() != far.RemoteAddr().String() || c.RemoteAddr().String() != far.LocalAddr().String() {
		t.Errorf("%v, %v", c.LocalAddr(), c.RemoteAddr())
	}
	_ = c.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("read from a closed connection")
	}
}

func TestR537_NetConnDeadlines(t *testing.T) {
	_, c, far := netConnPair(t)
	_ = c.SetDeadline(time.Now().Add(-time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_ = c.SetWriteDeadline(time.Time{})
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	send(t, far, "x")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

func TestR537_NetConnHoldsItsWriterUp(t *testing.T) {
	n, c, far := netConnPair(t)
	const size = 64 << 20 // more than the sockets and the buffers take
	wrote := make(chan result[int], 1)
	go func() { // ends when all is taken
		n, err := c.Write(make([]byte, size))
		wrote <- result[int]{n, err}
	}()
	n.turns(100)
	select {
	case got := <-wrote:
		t.Errorf("nobody has read, and the write is over: %+v", got)
	default:
	}
	if _, err := io.CopyN(io.Discard, far, size); err != nil {
		t.Error(err)
	}
	if got := within(t, wrote); got.v != size || got.err != nil {
		t.Errorf("%+v", got)
	}
}

func TestR537_NetConnOnTheLoop(t *testing.T) {
	n, c, far := netConnPair(t)
	never := reactor.NewNetConn(n.r)
	got := onLoop(t, n.r, func() deferred.Deferred[none] {
		_, err := c.Read(make([]byte, 1))
		wantErr(t, err, reactor.ErrOnLoop)
		_, err = c.Write(make([]byte, 4*reactor.BufferLimit)) // the first part need not wait
		wantErr(t, err, reactor.ErrOnLoop)
		_, err = never.Read(make([]byte, 1))
		wantErr(t, err, reactor.ErrOnLoop)
		return deferred.Inline(func(*deferred.Coro) (v none, _ error) {
			_, err := c.Read(make([]byte, 1))
			wantErr(t, err, reactor.ErrOnLoop)
			return v, nil
		})
	})
	wantErr(t, got.err, nil)
	if _, err := io.CopyN(io.Discard, far, reactor.BufferLimit); err != nil {
		t.Error(err)
	}
}

func TestR537_NetConnClosedBeforeItsConnection(t *testing.T) {
	r, _ := newReactor(t)
	c := reactor.NewNetConn(r)
	_ = c.Close()
	_, err := c.Read(make([]byte, 1))
	wantErr(t, err, net.ErrClosed)
	_, err = c.Write([]byte("x"))
	wantErr(t, err, net.ErrClosed)
}

func TestR537_NetConnOfALostConnection(t *testing.T) {
	n, c, far := netConnPair(t)
	_ = far.SetLinger(0)
	far.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, reactor.ErrConnectionLost) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, reactor.ErrConnectionLost) {
		t.Errorf("got %v", err)
	}
	never := reactor.NewNetConn(n.r)
	got := make(chan error, 1)
	go func() { // ends with the reactor
		_, err := never.Read(make([]byte, 1))
		got <- err
	}()
	_ = n.r.Stop()
	wantErr(t, within(t, got), reactor.ErrReactorEnded)
}

// A write that fails at its deadline counts for nothing afterwards.
func TestF41_NetConnWritesAfterDeadlines(t *testing.T) {
	_, c, far := netConnPair(t)
	_ = c.SetWriteDeadline(time.Unix(1, 0))
	for range 4 {
		if n, err := c.Write(make([]byte, reactor.BufferLimit)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%d, %v", n, err)
		}
	}
	_ = c.SetWriteDeadline(time.Time{})
	wrote := make(chan result[int], 1)
	go func() { // ends when the peer has everything
		n, err := c.Write([]byte("hello"))
		wrote <- result[int]{n, err}
	}()
	if got := within(t, wrote); got.v != 5 || got.err != nil {
		t.Errorf("%+v", got)
	}
	_ = c.Close()
	if got, err := io.ReadAll(far); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A read that fails at its deadline takes nothing.
func TestF41_NetConnReadsAfterDeadlines(t *testing.T) {
	n, c, far := netConnPair(t)
	send(t, far, "hello")
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil { // the rest has come, or comes
		t.Fatal(err)
	}
	n.turns(3)
	_ = c.SetReadDeadline(time.Unix(1, 0))
	buf := []byte("untouched")
	if k, err := c.Read(buf); k != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || string(buf) != "untouched" {
		t.Errorf("%d, %v, %q", k, err, buf)
	}
	_ = c.SetReadDeadline(time.Time{})
	if _, err := io.ReadFull(c, buf[:4]); string(buf[:4]) != "ello" || err != nil {
		t.Errorf("got %q, %v", buf, err)
	}
}

// A NetConn that is ended before it is connected ends its connection in the
// same way.
func TestF41_NetConnEndedBeforeItsConnection(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(c *reactor.NetConn)
		want error // of a read by the peer
	}{
		{"Close", func(c *reactor.NetConn) { _ = c.Close() }, io.EOF},
		{"CloseWrite", func(c *reactor.NetConn) { _ = c.CloseWrite() }, io.EOF},
		{"Abort", func(c *reactor.NetConn) { c.Abort() }, syscall.ECONNRESET},
		{"CloseWrite and Close", func(c *reactor.NetConn) { _ = c.CloseWrite(); _ = c.Close() }, io.EOF},
	} {
		t.Run(row.name, func(t *testing.T) {
			n := startNet(t)
			near, far := socketPair(t, "tcp")
			c := reactor.NewNetConn(n.r)
			row.end(c)
			lost := make(chan error, 1)
			reactor.OnConnectionLost(c, func(reason error) { lost <- reason })
			n.do(func() { _, _ = n.r.Attach(near, c, reactor.AttachOptions{}) })
			_ = far.SetReadDeadline(time.Now().Add(30 * time.Second))
			if _, err := far.Read(make([]byte, 1)); !errors.Is(err, row.want) {
				t.Errorf("got %v", err)
			}
			if row.name == "CloseWrite" {
				send(t, far, "x")
				if _, err := c.Read(make([]byte, 1)); err != nil {
					t.Error(err)
				}
				_ = c.Close()
			}
			_ = far.Close()
			within(t, lost)
		})
	}
}

// What goroutines write at the same time is not mixed up.
func TestF41_NetConnConcurrentWrites(t *testing.T) {
	_, c, far := netConnPair(t)
	const writers, size = 8, 5 * reactor.BufferLimit / 2
	for i := range writers {
		go func() { _, _ = c.Write(bytes.Repeat([]byte{byte(i)}, size)) }() // ends when the peer has everything
	}
	got := make([]byte, writers*size)
	if _, err := io.ReadFull(far, got); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(got); at += size {
		if bytes.Count(got[at:at+size], got[at:at+1]) != size {
			t.Fatalf("the write that begins at %d is mixed with another", at)
		}
	}
}

// A write that waits for another one, or for room, ends at its deadline and
// with the connection.
func TestF41_NetConnWritersThatWait(t *testing.T) {
	_, c, far := netConnPair(t)
	wrote := make(chan error, 2)
	for range 2 {
		go func() { // ends with the deadline or the connection
			_, err := c.Write(make([]byte, 64<<20)) // more than the sockets and the buffers take
			wrote <- err
		}()
	}
	if _, err := far.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = c.SetWriteDeadline(time.Unix(1, 0))
	for range 2 {
		wantErr(t, within(t, wrote), os.ErrDeadlineExceeded)
	}
	_ = c.SetWriteDeadline(time.Time{})
	go func() { // ends with the connection
		_, err := c.Write(make([]byte, 64<<20))
		wrote <- err
	}()
	_ = c.Close()
	wantErr(t, within(t, wrote), net.ErrClosed)
	c.Abort() // nobody reads the rest
	if err := c.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := c.CloseWrite(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
