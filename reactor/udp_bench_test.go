package reactor_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// udpBenchEcho sends back each datagram.
type udpBenchEcho struct{ reactor.BaseDatagramProtocol }

func (e *udpBenchEcho) DatagramReceived(data []byte, from netip.AddrPort) {
	_ = e.Transport().Write(data, from)
}

// reactorUDPServer starts an echo server on a reactor and returns its address.
func reactorUDPServer(b *testing.B) string {
	r := startBench(b)
	address := make(chan string)
	r.CallFromThread(func() {
		port, err := r.ListenUDP(0, new(udpBenchEcho), reactor.UDPOptions{Interface: "127.0.0.1"})
		if err != nil {
			panic(err)
		}
		address <- port.GetHost().String()
	})
	return <-address
}

// plainUDPServer starts an echo server with one goroutine.
func plainUDPServer(b *testing.B) string {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan none)
	go func() { // ends with the socket
		defer close(done)
		buf := make([]byte, reactor.DefaultMaxPacketSize)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if _, err := c.WriteToUDPAddrPort(buf[:n], from); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	b.Cleanup(func() {
		c.Close()
		<-done
	})
	return c.LocalAddr().String()
}

var udpEchoServers = []struct {
	name  string
	start func(b *testing.B) string
}{{"reactor", reactorUDPServer}, {"goroutine", plainUDPServer}}

// BenchmarkUDPEcho keeps a number of datagrams in flight between a client and
// an echo server. The socket buffers have room for all of them.
func BenchmarkUDPEcho(b *testing.B) {
	for _, size := range []int{64, 1400} {
		for _, inFlight := range []int{8, 32} {
			for _, server := range udpEchoServers {
				b.Run(fmt.Sprintf("size=%d/inflight=%d/%s", size, inFlight, server.name), func(b *testing.B) {
					c, err := net.Dial("udp4", server.start(b))
					if err != nil {
						b.Fatal(err)
					}
					defer c.Close()
					echoDatagrams(b, c, size, inFlight)
				})
			}
		}
	}
}

func echoDatagrams(b *testing.B, c net.Conn, size, inFlight int) {
	buf := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Minute)) // only a lost datagram takes that long
	b.ResetTimer()
	sent := 0
	for ; sent < min(inFlight, b.N); sent++ {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	for range b.N {
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
		if sent++; sent <= b.N {
			if _, err := c.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
}
