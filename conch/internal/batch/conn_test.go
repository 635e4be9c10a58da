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
)

func someBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p) // never fails
	return p
}

// sizes of writes and reads around those that matter.
var sizes = []int{1, 5, 100, full - 1, full, full, full, full + 1, 9000, 32 << 10, 100_000}

// exchange writes content from one end in pieces of random sizes, with pauses or without, and reads it at the other, likewise.
func exchange(t *testing.T, from io.Writer, to io.Reader, content []byte, pause func(r *rand.Rand)) {
	t.Helper()
	var work sync.WaitGroup
	work.Go(func() { // until everything is written, or the other end is closed
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
		exchange(t, from, to, someBytes(20<<20), func(r *rand.Rand) { time.Sleep(time.Duration(r.IntN(3)) * nearly) }) // the bubble's clock
		if err := errors.Join(from.Close(), to.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestBytesStayInOrderOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
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

// arrivals reads from c and notes when what came, and how much at a time, until c is closed.
type arrivals struct {
	mu     sync.Mutex // guards all below
	pieces []int
	at     []time.Duration
}

func watch(c net.Conn, work *sync.WaitGroup) *arrivals {
	a, began := new(arrivals), time.Now()
	work.Go(func() { // until c is closed
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

func TestWhatIsHeldGoesOut(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(c *Conn)
		want string
	}{
		{"little, at once", func(c *Conn) { write(t, c, 100) }, "[100] [0s]"},
		{"a full buffer, after a moment", func(c *Conn) { write(t, c, full) }, "[4096] [1ms]"},
		{"with what follows, at once", func(c *Conn) { write(t, c, full); write(t, c, 10) }, "[4096 10] [0s 0s]"},
		{"with what follows soon", func(c *Conn) { write(t, c, full); time.Sleep(nearly / 2); write(t, c, 10) }, "[4096 10] [500µs 500µs]"},
		{"two full buffers, and a third", func(c *Conn) { write(t, c, full); write(t, c, full); write(t, c, full) }, "[4096 4096 4096] [0s 0s 1ms]"},
		{"again", func(c *Conn) { write(t, c, full); time.Sleep(5 * nearly); write(t, c, full) }, "[4096 4096] [1ms 6ms]"},
		{"the timer of one is not that of the next", func(c *Conn) {
			write(t, c, full)
			time.Sleep(nearly / 2)
			write(t, c, 1) // takes the first along
			write(t, c, full)
		}, "[4096 1 4096] [500µs 500µs 1.5ms]"},
		{"before the connection is closed", func(c *Conn) { write(t, c, full); c.Close() }, "[4096] [0s]"},
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

// What was given to Write may be used again as soon as it has returned.
func TestWhatIsHeldIsACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := New(a)
		p := bytes.Repeat([]byte("a"), full)
		if _, err := c.Write(p); err != nil {
			t.Error(err)
		}
		copy(p, "bbbb")
		got := make([]byte, full)
		if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, bytes.Repeat([]byte("a"), full)) {
			t.Errorf("%q…, %v", got[:5], err)
		}
		c.Close()
	})
}

// scripted is a connection whose reads give what the test wants and whose writes may fail.
type scripted struct {
	net.Conn        // nil: what is not below is not used
	reads    []int  // how much each Read gives, at most
	rooms    []int  // how much each had room for
	fail     error  // of writes
	taken    []byte // what was written
}

func (s *scripted) Read(p []byte) (int, error) {
	s.rooms = append(s.rooms, len(p))
	if len(s.reads) == 0 {
		return 0, io.EOF
	}
	n := min(s.reads[0], len(p))
	s.reads = s.reads[1:]
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	s.taken = append(s.taken, p...)
	return len(p), nil
}

// An error of a late write shows at the next one, and stays.
func TestLateErrorShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{fail: errors.New("broken")}
		c := New(s)
		write(t, c, full)
		time.Sleep(2 * nearly)
		for _, n := range []int{full, 10} {
			if m, err := c.Write(make([]byte, n)); m != 0 || err != s.fail {
				t.Errorf("%d, %v", m, err)
			}
		}
	})
}

// An error of a joined write is that of the call, and the bytes of the beginning are not counted among the call's.
func TestErrorOfAJoinedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(scripted)
		c := New(s)
		write(t, c, full)
		s.fail = errors.New("broken")
		if n, err := c.Write(make([]byte, 10)); n != 0 || err != s.fail {
			t.Errorf("%d, %v", n, err)
		}
		time.Sleep(2 * nearly)
		if len(s.taken) != 0 {
			t.Errorf("%d bytes were written after the error", len(s.taken))
		}
	})
}

// Reads go to the caller's memory while little comes, to a large buffer while there is much, and an idle connection keeps none.
func TestReadAhead(t *testing.T) {
	s := &scripted{reads: []int{100, full, readAhead, readAhead - 5, 10, 7, full}}
	c := New(s)
	total := 0
	p := make([]byte, full)
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
	want := []int{full, full, readAhead, readAhead, readAhead, full, full, readAhead} // then the end, into a buffer again
	if !slices.Equal(s.rooms, want) {
		t.Errorf("reads had room for %v, want %v", s.rooms, want)
	}
	if total != 100+full+readAhead+readAhead-5+10+7+full {
		t.Errorf("%d bytes came", total)
	}
}

func TestIdleConnectionKeepsNoBuffer(t *testing.T) {
	c := New(&scripted{reads: []int{full, readAhead/16 - 1}})
	p := make([]byte, full)
	for range 1 + (readAhead/16-1+full-1)/full {
		if _, err := c.Read(p); err != nil {
			t.Fatal(err)
		}
	}
	if c.buf != nil || c.in != nil {
		t.Errorf("kept: %v, %d bytes to be read", c.buf != nil, len(c.in))
	}
}

// Nobody reads at the other end: Close ends the Write that waits for it, at once.
func TestCloseWhileAWriteBlocks(t *testing.T) {
	for _, held := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := net.Pipe()
			c := New(a)
			if held {
				write(t, c, full)
			}
			failed := make(chan error, 1)
			go func() { // until Close
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

// Nobody reads, and something is held: Close does not wait for long.
func TestCloseWithSomethingHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := New(a)
		write(t, c, full)
		began := time.Now()
		if err := c.Close(); err != nil || time.Since(began) > farewell {
			t.Errorf("closed after %v, %v", time.Since(began), err)
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the other end reads %v", err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write after that: %v", err)
		}
		time.Sleep(time.Second) // the timer finds nothing
	})
}

// A connection that ends with something held while the other end is gone.
func TestCloseAfterTheOtherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := New(a)
		write(t, c, full)
		b.Close()
		if _, err := c.Read(make([]byte, 10)); err != io.EOF {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Everything at the same time, closed at any moment: what was read is a beginning of what was written, and nobody hangs.
func TestClosedAtAnyTime(t *testing.T) {
	content := someBytes(1 << 20)
	for after := range 60 {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			from, to := New(a), New(b)
			var work sync.WaitGroup
			work.Go(func() { // until the connection is closed
				for i := 0; ; i += full {
					part := content[i%len(content):]
					if _, err := from.Write(part[:min(len(part), full)]); err != nil {
						return
					}
				}
			})
			work.Go(func() { // likewise
				if n, err := from.Read(make([]byte, 1)); err == nil {
					t.Errorf("%d bytes from nobody", n)
				}
			})
			var got []byte
			work.Go(func() { // likewise
				p := make([]byte, 5000)
				for {
					n, err := to.Read(p)
					got = append(got, p[:n]...)
					if err != nil {
						return
					}
					time.Sleep(nearly / 7)
				}
			})
			time.Sleep(time.Duration(after) * nearly / 5)
			for range 3 {
				work.Go(func() { _ = from.Close() }) // the pipe does not mind
			}
			work.Wait()
			_ = to.Close()
			for len(got) > len(content) && bytes.Equal(got[:len(content)], content) {
				got = got[len(content):]
			}
			if !bytes.HasPrefix(content, got) {
				t.Errorf("closed after %d: %d bytes arrived that are no beginning", after, len(got))
			}
		})
	}
}
