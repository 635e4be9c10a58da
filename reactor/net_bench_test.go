package reactor_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/reactor"
)

// benchEcho is the server of the benchmarks on the reactor.
type benchEcho struct{ reactor.BaseProtocol }

func (e *benchEcho) DataReceived(data []byte) { e.Transport().Write(data) }

// reactorServer starts an echo server on a reactor and returns its address.
func reactorServer(b *testing.B) string {
	r := startBench(b)
	address := make(chan string)
	r.CallFromThread(func() {
		f := reactor.ForProtocol(func() reactor.Protocol { return new(benchEcho) })
		port, err := r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
		if err != nil {
			panic(err)
		}
		address <- port.GetHost().String()
	})
	return <-address
}

// plainServer starts an echo server with a goroutine for each connection.
func plainServer(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { // ends with the connection
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	b.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

var echoServers = []struct {
	name  string
	start func(b *testing.B) string
}{{"reactor", reactorServer}, {"goroutines", plainServer}}

// dialMany opens connections; they are closed before the server is stopped.
func dialMany(b *testing.B, address string, n int) []net.Conn {
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		conns[i] = c
	}
	b.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
	})
	return conns
}

// roundTrip sends a message of 64 bytes and waits for the answer.
func roundTrip(b *testing.B, c net.Conn, buf *[64]byte) bool {
	if _, err := c.Write(buf[:]); err != nil {
		b.Error(err)
		return false
	}
	if _, err := io.ReadFull(c, buf[:]); err != nil {
		b.Error(err)
		return false
	}
	return true
}

func BenchmarkTCPEcho(b *testing.B) {
	for _, n := range []int{50, 1000} {
		for _, server := range echoServers {
			b.Run(fmt.Sprintf("conns=%d/%s", n, server.name), func(b *testing.B) {
				conns := dialMany(b, server.start(b), n)
				var first [64]byte
				for _, c := range conns { // all are accepted
					roundTrip(b, c, &first)
				}
				b.SetBytes(64)
				b.ResetTimer()
				var wg sync.WaitGroup
				for i, c := range conns {
					share := b.N / n
					if i < b.N%n {
						share++
					}
					wg.Go(func() { // ends with its share
						var buf [64]byte
						for range share {
							if !roundTrip(b, c, &buf) {
								return
							}
						}
					})
				}
				wg.Wait()
				b.StopTimer()
			})
		}
	}
}

func BenchmarkIdleConnectionMemory(b *testing.B) {
	const n = 1000
	for _, server := range echoServers {
		b.Run(server.name, func(b *testing.B) {
			address := server.start(b)
			warm := dialMany(b, address, 1)
			var buf [64]byte
			roundTrip(b, warm[0], &buf)
			before := memoryInUse()
			conns := dialMany(b, address, n)
			for _, c := range conns {
				roundTrip(b, c, &buf)
			}
			both := memoryInUse() - before
			b.ReportMetric(float64(both)/n, "B/conn-with-client")
		})
	}
}

// memoryInUse returns the bytes of live objects and of stacks.
func memoryInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
