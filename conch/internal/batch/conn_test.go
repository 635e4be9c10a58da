package batch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

func someBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p) // never fails
	return p
}

// sizes are sizes of writes and reads, mostly close to bufferSize.
var sizes = []int{1, 5, 100, bufferSize - 1, bufferSize, bufferSize, bufferSize, bufferSize + 1, 9000, 32 << 10, 100_000}

// exchange writes content to one end in pieces of random sizes and calls pause
// after each. It reads at the other end with random sizes, and compares.
func exchange(t *testing.T, from io.Writer, to io.Reader, content []byte, pause func(r *rand.Rand)) {
	t.Helper()
	var work sync.WaitGroup
	work.Go(func() { // ends when all is written, or the other end is closed
		r := rand.New(rand.NewPCG(1, 2))
		for rest := content; len(rest) > 0; {
			n := min(len(rest), sizes[r.IntN(len(sizes))])
			if m, err := from.Write(rest[:n]); m != n || err != nil {
				t.Errorf("wrote %d of %d bytes, %v", m, n, err)
				return
			}
			rest = rest[n:]
			pause(r)
		}
	})
	r := rand.New(rand.NewPCG(3, 4))
	sum, got := sha256.New(), 0
	for got < len(content) {
		p := make([]byte, sizes[r.IntN(len(sizes))])
		n, err := to.Read(p)
		sum.Write(p[:n])
		if got += n; err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
	}
	if [32]byte(sum.Sum(nil)) != sha256.Sum256(content) || got != len(content) {
		t.Errorf("%d bytes of %d arrived, or others", got, len(content))
	}
	work.Wait()
}

func TestBytesStayInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		from, to := New(a), New(b)
		exchange(t, from, to, someBytes(20<<20), func(r *rand.Rand) { time.Sleep(time.Duration(r.IntN(3)) * flushDelay) }) // the bubble's clock
		if err := errors.Join(from.Close(), to.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestBytesStayInOrderOverTCP(t *testing.T) {
	a, b, err := tcp()
	if err != nil {
		t.Fatal(err)
	}
	from, to := New(a), New(b)
	exchange(t, from, to, someBytes(20<<20), func(*rand.Rand) {})
	exchange(t, to, from, someBytes(1<<20), func(*rand.Rand) {})
	if err := errors.Join(from.Close(), to.Close()); err != nil {
		t.Error(err)
	}
}

// arrivals records the size and the time of each read.
type arrivals struct {
	mu     sync.Mutex // guards all below
	pieces []int
	at     []time.Duration
}

// watch reads from c until c is closed.
func watch(c net.Conn, work *sync.WaitGroup) *arrivals {
	a, began := new(arrivals), time.Now()
	work.Go(func() { // ends when c is closed
		p := make([]byte, 1<<20)
		for {
			n, err := c.Read(p)
			if err != nil {
				return
			}
			a.mu.Lock()
			a.pieces, a.at = append(a.pieces, n), append(a.at, time.Since(began))
			a.mu.Unlock()
		}
	})
	return a
}

func (a *arrivals) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprint(a.pieces, a.at)
}

func TestBufferedDataIsFlushed(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(c *Conn)
		want string
	}{
		{"little, at once", func(c *Conn) { write(t, c, 100) }, "[100] [0s]"},
		{"a full buffer, after a moment", func(c *Conn) { write(t, c, bufferSize) }, "[4096] [1ms]"},
		{"with what follows, at once", func(c *Conn) { write(t, c, bufferSize); write(t, c, 10) }, "[4096 10] [0s 0s]"},
		{"with what follows soon", func(c *Conn) {
			write(t, c, bufferSize)
			time.Sleep(flushDelay / 2)
			write(t, c, 10)
		}, "[4096 10] [500µs 500µs]"},
		{"two full buffers, and a third", func(c *Conn) {
			write(t, c, bufferSize)
			write(t, c, bufferSize)
			write(t, c, bufferSize)
		}, "[4096 4096 4096] [0s 0s 1ms]"},
		{"again", func(c *Conn) { write(t, c, bufferSize); time.Sleep(5 * flushDelay); write(t, c, bufferSize) }, "[4096 4096] [1ms 6ms]"},
		{"each has its own timer", func(c *Conn) {
			write(t, c, bufferSize)
			time.Sleep(flushDelay / 2)
			write(t, c, 1) // with it the first is written
			write(t, c, bufferSize)
		}, "[4096 1 4096] [500µs 500µs 1.5ms]"},
		{"before the connection is closed", func(c *Conn) { write(t, c, bufferSize); c.Close() }, "[4096] [0s]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				var work sync.WaitGroup
				c, got := New(a), watch(b, &work)
				tt.do(c)
				time.Sleep(time.Second)
				if got.String() != tt.want {
					t.Errorf("got %v, want %s", got, tt.want)
				}
				_ = c.Close() // it may be closed already
				work.Wait()
			})
		})
	}
}

func write(t *testing.T, c *Conn, n int) {
	t.Helper()
	if m, err := c.Write(make([]byte, n)); m != n || err != nil {
		t.Errorf("wrote %d of %d bytes, %v", m, n, err)
	}
}

// The caller may reuse its buffer after Write has returned.
func TestWriteCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := New(a)
		p := bytes.Repeat([]byte("a"), bufferSize)
		if _, err := c.Write(p); err != nil {
			t.Error(err)
		}
		copy(p, "bbbb")
		got := make([]byte, bufferSize)
		if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, bytes.Repeat([]byte("a"), bufferSize)) {
			t.Errorf("%q…, %v", got[:5], err)
		}
		c.Close()
	})
}

// scripted is a connection with reads of given sizes, whose writes can fail.
type scripted struct {
	net.Conn        // nil; the other methods are not called
	reads    []int  // the greatest size of each Read
	last     error  // what the last Read returns with its data
	rooms    []int  // the length of the buffer of each Read
	fail     error  // what Write returns
	room     int    // the number of bytes that Write accepts before it fails
	taken    []byte // all written data
}

func (s *scripted) Read(p []byte) (int, error) {
	s.rooms = append(s.rooms, len(p))
	if len(s.reads) == 0 {
		return 0, io.EOF
	}
	n := min(s.reads[0], len(p))
	if s.reads = s.reads[1:]; len(s.reads) == 0 {
		return n, s.last
	}
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	if s.fail != nil && len(p) > s.room {
		s.taken = append(s.taken, p[:s.room]...)
		return s.room, s.fail
	}
	s.room -= len(p)
	s.taken = append(s.taken, p...)
	return len(p), nil
}

// The next Write returns the error of a delayed write.
func TestErrorOfADelayedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{fail: errors.New("broken")}
		c := New(s)
		write(t, c, bufferSize)
		time.Sleep(2 * flushDelay)
		for _, n := range []int{bufferSize, 10} {
			if m, err := c.Write(make([]byte, n)); m != 0 || err != s.fail {
				t.Errorf("%d, %v", m, err)
			}
		}
	})
}

// After an error Write counts only its own bytes, and later writes continue at
// the first byte that is missing.
func TestErrorOfAJoinedWrite(t *testing.T) {
	for _, row := range []struct{ room, want int }{{0, 0}, {1000, 0}, {bufferSize, 0}, {bufferSize + 3, 3}} {
		synctest.Test(t, func(t *testing.T) {
			s := new(scripted)
			c := New(s)
			content := someBytes(bufferSize + 10)
			if _, err := c.Write(content[:bufferSize]); err != nil {
				t.Error(err)
			}
			s.fail, s.room = errors.New("broken"), row.room
			if n, err := c.Write(content[bufferSize:]); n != row.want || err != s.fail {
				t.Errorf("room for %d: %d, %v", row.room, n, err)
			}
			time.Sleep(2 * flushDelay)
			if len(s.taken) != row.room {
				t.Errorf("room for %d: %d bytes were written", row.room, len(s.taken))
			}
			s.fail = nil
			if _, err := c.Write(content[bufferSize+row.want:]); err != nil || !bytes.Equal(s.taken, content) {
				t.Errorf("room for %d: then %v, %d bytes", row.room, err, len(s.taken))
			}
		})
	}
}

// Little data is read into the caller's memory. Much data is read into a large
// buffer. Only reads that fill their buffer show that there is more.
func TestReadAhead(t *testing.T) {
	s := &scripted{reads: []int{100, bufferSize, readAhead, readAhead - 5, 10, bufferSize, 7, bufferSize}}
	c := New(s)
	total := 0
	p := make([]byte, bufferSize)
	for {
		n, err := c.Read(p)
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			break
		}
		total += n
	}
	want := []int{bufferSize, bufferSize, readAhead, readAhead, bufferSize, bufferSize, readAhead, bufferSize, readAhead}
	if !slices.Equal(s.rooms, want) {
		t.Errorf("reads had room for %v, want %v", s.rooms, want)
	}
	if total != 100+bufferSize+readAhead+readAhead-5+10+bufferSize+7+bufferSize {
		t.Errorf("%d bytes came", total)
	}
}

// After any amount of data but a multiple of bufferSize, the connection waits
// without a large buffer. So it does if the read fills the memory for the rest
// of a packet, after which there may be nothing.
func TestIdleConnectionKeepsNoBuffer(t *testing.T) {
	const packet = 32 << 10
	for _, row := range []struct {
		name        string
		reads, size []int // what there is to read; what the caller reads
	}{
		{"a little", []int{bufferSize, 100}, []int{bufferSize, 100}},
		{"a burst", []int{bufferSize, readAhead - 1}, []int{bufferSize, 100_000, readAhead}},
		{"two bursts", []int{bufferSize, readAhead, 100}, []int{bufferSize, readAhead, 100}},
		{"the rest of a packet", []int{packet}, []int{packet}},
		{"the end", []int{bufferSize}, []int{bufferSize, 1}},
	} {
		c := New(&scripted{reads: row.reads})
		for _, n := range row.size {
			if _, err := c.Read(make([]byte, n)); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		if c.buf != nil || c.in != nil {
			t.Errorf("%s: kept a buffer: %v, and %d bytes to be read", row.name, c.buf != nil, len(c.in))
		}
	}
}

// Close interrupts a Write at once if the other end does not read.
func TestCloseWhileAWriteBlocks(t *testing.T) {
	for _, buffered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := net.Pipe()
			c := New(a)
			if buffered {
				write(t, c, bufferSize)
			}
			failed := make(chan error, 1)
			go func() { // ends with Close
				_, err := c.Write(make([]byte, 10))
				failed <- err
			}()
			synctest.Wait() // it blocks
			began := time.Now()
			if err := c.Close(); err != nil || time.Since(began) != 0 {
				t.Errorf("closed after %v, %v", time.Since(began), err)
			}
			if err := <-failed; !errors.Is(err, io.ErrClosedPipe) || time.Since(began) != 0 {
				t.Errorf("the write ended after %v with %v", time.Since(began), err)
			}
		})
	}
}

// Close takes at most closeTimeout if data is buffered and the other end does
// not read.
func TestCloseWithBufferedData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := New(a)
		write(t, c, bufferSize)
		began := time.Now()
		if err := c.Close(); err != nil || time.Since(began) > closeTimeout {
			t.Errorf("closed after %v, %v", time.Since(began), err)
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the other end reads %v", err)
		}
		for _, n := range []int{1, bufferSize} {
			if _, err := c.Write(make([]byte, n)); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("a write of %d after that: %v", n, err)
			}
		}
		time.Sleep(time.Second) // the timer has nothing to write
	})
}

// Close does not fail if data is buffered and the other end is closed.
func TestCloseAfterTheOtherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := New(a)
		write(t, c, bufferSize)
		b.Close()
		if _, err := c.Read(make([]byte, 10)); err != io.EOF {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A connection is closed at any time during reads and writes. The data that was
// read is a prefix of the written data, and every call returns.
func TestClosedAtAnyTime(t *testing.T) {
	content := someBytes(1 << 20)
	for after := range 60 {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			from, to := New(a), New(b)
			var work sync.WaitGroup
			work.Go(func() { // ends when the connection is closed
				for i := 0; ; i += bufferSize {
					part := content[i%len(content):]
					if _, err := from.Write(part[:min(len(part), bufferSize)]); err != nil {
						return
					}
				}
			})
			work.Go(func() { // ends when the connection is closed
				if n, err := from.Read(make([]byte, 1)); err == nil {
					t.Errorf("%d bytes from nobody", n)
				}
			})
			var got []byte
			work.Go(func() { // ends when the connection is closed
				p := make([]byte, 5000)
				for {
					n, err := to.Read(p)
					got = append(got, p[:n]...)
					if err != nil {
						return
					}
					time.Sleep(flushDelay / 7)
				}
			})
			time.Sleep(time.Duration(after) * flushDelay / 5)
			for range 3 {
				work.Go(func() { _ = from.Close() }) // a pipe may be closed twice
			}
			work.Wait()
			_ = to.Close()
			for len(got) > len(content) && bytes.Equal(got[:len(content)], content) {
				got = got[len(content):]
			}
			if !bytes.HasPrefix(content, got) {
				t.Errorf("closed after %d: %d bytes arrived that are not a prefix", after, len(got))
			}
		})
	}
}

// A write deadline holds for every Write after it, and for data that was
// buffered before it. The data is not lost.
func TestWriteDeadline(t *testing.T) {
	for name, set := range map[string]func(*Conn, time.Time) error{"both": (*Conn).SetDeadline, "write": (*Conn).SetWriteDeadline} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			c := New(a)
			write(t, c, bufferSize)
			began := time.Now()
			if err := set(c, began.Add(time.Minute)); err != nil {
				t.Error(err)
			}
			for _, p := range [][]byte{[]byte("a"), make([]byte, bufferSize)} { // joined, and not buffered
				if n, err := c.Write(p); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Minute {
					t.Errorf("%s: after %v: %d, %v", name, time.Since(began), n, err)
				}
			}
			if err := set(c, time.Time{}); err != nil {
				t.Error(err)
			}
			got := make(chan []byte, 1)
			go func() { // ends with c
				p, _ := io.ReadAll(b) // net.Pipe has no other error
				got <- p
			}()
			write(t, c, 7)
			write(t, c, bufferSize)
			c.Close()
			if n := len(<-got); n != bufferSize+7+bufferSize {
				t.Errorf("%s: %d bytes arrived", name, n)
			}
		})
	}
}

// An error that a read returns with data is returned after the data.
func TestReadErrorAfterData(t *testing.T) {
	broken := errors.New("broken")
	s := &scripted{reads: []int{bufferSize, 100}, last: broken}
	c := New(s)
	for _, want := range []struct {
		n   int
		err error
	}{{bufferSize, nil}, {60, nil}, {40, broken}, {0, io.EOF}} {
		if n, err := c.Read(make([]byte, max(want.n, 1))); n != want.n || err != want.err {
			t.Errorf("%d, %v, want %v", n, err, want)
		}
	}
}

// TestNettest runs the conformance tests of x/net. With the sizes 8 and 1024,
// which are the sizes of their reads and writes, much of their data is
// buffered.
func TestNettest(t *testing.T) {
	for _, size := range []int{8, 1024, bufferSize} {
		for name, pair := range map[string]func() (net.Conn, net.Conn, error){"pipe": pipe, "TCP": tcp} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
					a, b, err := pair()
					if err != nil {
						return nil, nil, nil, err
					}
					c1, c2 = &Conn{Conn: a, size: size}, &Conn{Conn: b, size: size}
					return c1, c2, func() {
						c1.Close()
						c2.Close()
					}, nil
				})
			})
		}
	}
}

func pipe() (a, b net.Conn, err error) {
	a, b = net.Pipe()
	return a, b, nil
}

func tcp() (a, b net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if b, err = l.Accept(); err != nil {
		a.Close()
	}
	return a, b, err
}
