package reactor_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
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
