//go:build unix

package reactor_test

import (
	"io"
	"os"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// relay writes what it receives, and is paused while nobody reads that.
type relay struct {
	reactor.BaseProtocol
	lost chan struct{}
}

func (p *relay) ConnectionMade() { _ = p.Transport().RegisterProducer(p.Transport(), true) }

func (p *relay) DataReceived(data []byte) { p.Transport().Write(data) }

func (p *relay) ConnectionLost(error) { close(p.lost) }

// BenchmarkStandardIO copies one pipe to another.
func BenchmarkStandardIO(b *testing.B) {
	b.Run("reactor", func(b *testing.B) {
		r := reactortest.Start(b, reactor.Options{})
		copyPipe(b, func(stdin, stdout *os.File) {
			p := &relay{lost: make(chan struct{})}
			r.CallFromThread(func() {
				if _, err := r.StandardIO(p, reactor.StandardIOOptions{Stdin: stdin, Stdout: stdout}); err != nil {
					b.Error(err)
				}
			})
			<-p.lost
		})
	})
	b.Run("goroutine", func(b *testing.B) {
		copyPipe(b, func(stdin, stdout *os.File) {
			if _, err := io.CopyBuffer(onlyWriter{stdout}, onlyReader{stdin}, make([]byte, 64<<10)); err != nil {
				b.Error(err)
			}
		})
	})
}

type onlyWriter struct{ io.Writer }
type onlyReader struct{ io.Reader }

// copyPipe sends b.N blocks of 64 KiB through relay.
func copyPipe(b *testing.B, relay func(stdin, stdout *os.File)) {
	block := make([]byte, 64<<10)
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	stdin, in, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range []*os.File{stdin, in, out, stdout} {
		defer f.Close()
	}
	done := make(chan int64)
	go func() { // ends with the output
		n, _ := io.CopyBuffer(io.Discard, onlyReader{out}, make([]byte, 64<<10))
		done <- n
	}()
	go func() { // ends when all is written
		defer in.Close()
		for range b.N {
			if _, err := in.Write(block); err != nil {
				return
			}
		}
	}()
	b.ResetTimer()
	relay(stdin, stdout)
	stdout.Close()
	if n := <-done; n != int64(b.N*len(block)) {
		b.Errorf("%d bytes of %d", n, b.N*len(block))
	}
}
