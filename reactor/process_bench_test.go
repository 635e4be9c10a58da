//go:build unix

package reactor_test

import (
	"io"
	"os/exec"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// children is a protocol that starts the next child when one has ended.
type children struct {
	reactor.BaseProcessProtocol
	r    *reactor.Reactor
	b    *testing.B
	left int
	size int // bytes to write to each; 0: none
	got  int
}

func (c *children) next() {
	if c.left--; c.left < 0 {
		_ = c.r.Stop()
		return
	}
	program := "true"
	if c.size > 0 {
		program = "cat"
	}
	if _, err := c.r.SpawnProcess(c, program, nil, reactor.ProcessOptions{}); err != nil {
		c.b.Error(err)
		_ = c.r.Stop()
	}
}

func (c *children) ConnectionMade() {
	if c.size > 0 {
		z := &zeros{t: c.Transport(), left: c.size}
		_ = c.Transport().RegisterProducer(z, true) // it is the first
		z.ResumeProducing()
	}
}

func (c *children) OutReceived(data []byte) { c.got += len(data) }
func (c *children) ProcessEnded(error)      { c.next() }

// zeros is a push producer of so many bytes.
type zeros struct {
	t      reactor.ProcessTransport
	left   int
	paused bool
}

var zeroPiece = make([]byte, 64<<10)

func (z *zeros) ResumeProducing() {
	for z.paused = false; !z.paused && z.left > 0; z.left -= len(zeroPiece) {
		z.t.Write(zeroPiece)
	}
	if z.left == 0 {
		z.t.UnregisterProducer()
		z.t.CloseStdin()
	}
}

func (z *zeros) PauseProducing() { z.paused = true }
func (z *zeros) StopProducing()  {}

// BenchmarkSpawn starts 1,000 programs one after another, each with three
// pipes, and waits for the end of each.
//
//	go test -run '^$' -bench Spawn -benchtime 1x -count 5 ./reactor
func BenchmarkSpawn(b *testing.B) {
	const programs = 1000
	b.Run("SpawnProcess", func(b *testing.B) {
		for b.Loop() {
			reactortest.Run(b, func(r *reactor.Reactor) { (&children{r: r, b: b, left: programs}).next() })
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*programs), "ns/program")
	})
	b.Run("os-exec", func(b *testing.B) {
		for b.Loop() {
			for range programs {
				runWithPipes(b, "true", 0)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*programs), "ns/program")
	})
}

// BenchmarkThroughCat sends 256 MiB through a child.
//
//	go test -run '^$' -bench ThroughCat -benchtime 1x -count 5 ./reactor
func BenchmarkThroughCat(b *testing.B) {
	const size = 256 << 20
	b.Run("SpawnProcess", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			reactortest.Run(b, func(r *reactor.Reactor) {
				c := &children{r: r, b: b, left: 1, size: size}
				c.next()
				r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() {
					if c.got != size {
						b.Errorf("received %d bytes", c.got)
					}
				})
			})
		}
	})
	b.Run("os-exec", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			runWithPipes(b, "cat", size)
		}
	})
}

// runWithPipes runs a program with package os/exec and three pipes, and copies
// so many bytes through it.
func runWithPipes(b *testing.B, program string, size int) {
	cmd := exec.Command(program)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	done := make(chan int64, 2)
	for _, r := range []io.Reader{out, errs} {
		go func() { // ends with the program
			n, _ := io.Copy(io.Discard, r)
			done <- n
		}()
	}
	for range size / len(zeroPiece) {
		_, _ = in.Write(zeroPiece)
	}
	_ = in.Close() // the copy is checked
	if n := <-done + <-done; n != int64(size) {
		b.Errorf("received %d bytes", n)
	}
	if err := cmd.Wait(); err != nil {
		b.Error(err)
	}
}
