//go:build unix

package reactor_test

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-go/hawser/reactor"
)

// The test runs itself in a process with few descriptors.
func TestF47_R310_NoDescriptorsInEarnest(t *testing.T) {
	if os.Getenv("HAWSER_TEST_DESCRIPTORS") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestF47_R310_NoDescriptorsInEarnest$")
		cmd.Env = append(os.Environ(), "HAWSER_TEST_DESCRIPTORS=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 40, Max: 40}); err != nil {
		t.Fatal(err)
	}
	t.Run("no spare", func(t *testing.T) { withoutDescriptors(t, false) })
	t.Run("a spare", func(t *testing.T) { withoutDescriptors(t, true) })
}

// withoutDescriptors lets clients connect to a port that has no descriptors for
// them, nor, without spare, one in reserve.
func withoutDescriptors(t *testing.T, spare bool) {
	n := startNet(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	f := newFactory()
	f.build = func(net.Addr) (reactor.Protocol, error) { accepted++; return newRecorder(), nil }
	if spare {
		n.do(func() { n.adopt(l, f) })
		dialPlain(t, listeningAt{l.Addr()}) // after it the port has its spare
		n.waitFor("connection", func() bool { return accepted == 1 })
	}
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(client)
	var taken []*os.File
	for {
		file, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, file)
	}
	if !spare {
		n.do(func() { n.adopt(l, f) })
	}
	addr := l.Addr().(*net.TCPAddr)
	if err := unix.Connect(client, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}); err != nil {
		t.Fatal(err)
	}
	if spare { // R310: the client is accepted and closed
		_ = unix.SetsockoptTimeval(client, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 30})
		if got, err := unix.Read(client, make([]byte, 1)); got != 0 || err != nil {
			t.Errorf("read %d bytes, %v", got, err)
		}
	}
	refused := 0
	count := func() bool { refused += len(n.log.Take("connections are refused")); return refused > 0 }
	n.waitFor("record", count)
	began := time.Now()
	n.waitFor("time", func() bool { return time.Since(began) > 200*time.Millisecond })
	if count(); refused != 1 {
		t.Errorf("%d records", refused)
	}
	for _, file := range taken {
		file.Close()
	}
	before := 0
	n.do(func() { before = accepted })
	dialPlain(t, listeningAt{l.Addr()})
	n.waitFor("connection", func() bool { return accepted > before })
}

// listeningAt is a port at an address.
type listeningAt struct{ addr net.Addr }

func (p listeningAt) GetHost() net.Addr { return p.addr }
