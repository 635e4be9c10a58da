package reactor_test

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// An idle TLS connection holds little more memory than one of crypto/tls, also
// after it was busy.
func TestF49_IdleTLSConnectionsHoldNoBuffers(t *testing.T) {
	n := startNet(t)
	serverConfig, clientConfig := reactortest.TLSConfigs(t)
	port := n.listenTLS(reactor.ForProtocol(func() reactor.Protocol { return new(benchEcho) }), serverConfig)
	l, err := tls.Listen("tcp", "127.0.0.1:0", serverConfig)
	if err != nil {
		t.Fatal(err)
	}
	var echoes sync.WaitGroup
	defer echoes.Wait()
	defer l.Close()
	echoes.Go(func() { echoAll(l, &echoes) })

	const most = 4 << 10 // bytes more for each connection
	plain := idleMemory(t, l.Addr().String(), clientConfig)
	ours := idleMemory(t, port.GetHost().String(), clientConfig)
	t.Logf("a pair with a server of crypto/tls holds %d bytes, with one of the reactor %d", plain, ours)
	if ours > plain+most {
		t.Errorf("a pair with a server of crypto/tls holds %d bytes, with one of the reactor %d", plain, ours)
	}
}

func (t *netTest) listenTLS(f reactor.Factory, config *tls.Config) (port reactor.ListeningPort) {
	t.Helper()
	t.do(func() {
		var err error
		if port, err = t.r.ListenTLS(0, f, config, reactor.ListenOptions{Interface: "127.0.0.1"}); err != nil {
			t.Error(err)
		}
	})
	return port
}

// echoAll serves each connection of l on a goroutine of its own, until l is
// closed.
func echoAll(l net.Listener, wg *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		wg.Go(func() { // ends with the connection
			defer c.Close()
			_, _ = io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, make([]byte, 4<<10))
		})
	}
}

// idleMemory returns the bytes of heap that a connection with its client holds,
// after it has echoed something.
func idleMemory(t *testing.T, address string, config *tls.Config) int {
	const n = 100
	conns := make([]net.Conn, 0, n+1)
	add := func() {
		c, err := tls.Dial("tcp", address, config)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		for _, size := range []int{1, 16 << 10, 1} {
			buf := make([]byte, size)
			if _, err := c.Write(buf); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, buf); err != nil {
				t.Fatal(err)
			}
		}
	}
	add() // what all share
	before := heap()
	for range n {
		add()
	}
	used := heap() - before
	for _, c := range conns {
		c.Close()
	}
	return used / n
}

func heap() int {
	runtime.GC()
	runtime.GC() // empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
