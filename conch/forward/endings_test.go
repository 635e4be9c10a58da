package forward_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// TestForwarder_CloseTwice: every Deferred of Close fires.
func TestForwarder_CloseTwice(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Forwarding: true})
	conn := sshtest.Connect(t, r, to)
	f := forwardWith(t, r, func() deferred.Deferred[*forward.Forwarder] {
		return forward.Local(conn, "tcp", "127.0.0.1:0", "tcp", "127.0.0.1:1")
	})
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[[]struct{}] {
		return deferred.Gather([]deferred.Deferred[struct{}]{f.Close(), f.Close()})
	}); err != nil {
		t.Error(err)
	}
}

// faultyListener is a net.Listener whose first calls of Accept fail.
type faultyListener struct {
	net.Listener
	faults int // used in Accept only
}

func (l *faultyListener) Accept() (net.Conn, error) {
	if l.faults > 0 {
		l.faults--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// TestForwarder_AcceptFails: a forwarder continues after Accept has failed for
// lack of a file descriptor.
func TestForwarder_AcceptFails(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	conn := sshtest.Connect(t, r, to)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var f *forward.Forwarder
	sshtest.OnLoop(t, r, func() {
		f = forward.NewForwarder(conn, &faultyListener{l, 1}, func(_ context.Context, c net.Conn) {
			_, _ = io.WriteString(c, "served") // a lost connection shows in the check below
		})
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(sshtest.Patience)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(c); string(text) != "served" {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := sshtest.Await(t, r, f.Close); err != nil {
		t.Error(err)
	}
}

// TestListen_Cancel: if the server grants a cancelled request to listen, the
// client cancels the listening at the server.
func TestListen_Cancel(t *testing.T) {
	r := sshtest.Start(t)
	asked := make(chan *gossh.Request, 2)
	_, to := sshtest.Embedded(t, conchtest.Options{Global: func(_ gossh.Conn, req *gossh.Request) bool {
		asked <- req
		return true
	}})
	conn := sshtest.Connect(t, r, to)
	var d deferred.Deferred[*forward.Listener]
	sshtest.OnLoop(t, r, func() { d = forward.Listen(conn, "tcp", "127.0.0.1:4000") })
	for _, want := range []string{"tcpip-forward", "cancel-tcpip-forward"} {
		select {
		case req := <-asked:
			sshtest.OnLoop(t, r, func() { d.Cancel() })
			if req.Type != want {
				t.Errorf("asked for %s, want %s", req.Type, want)
			}
			_ = req.Reply(true, nil) // if the connection is lost, another check fails
		case <-time.After(sshtest.Patience):
			t.Fatalf("never asked for %s", want)
		}
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[*forward.Listener] { return d }); !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

// TestListen_Early: a forwarded connection that arrives before the reply to the
// listen request is kept.
func TestListen_Early(t *testing.T) {
	r := sshtest.Start(t)
	opened := make(chan error, 1)
	_, to := sshtest.Embedded(t, conchtest.Options{Global: func(server gossh.Conn, req *gossh.Request) bool {
		if req.Type != "tcpip-forward" {
			return false
		}
		go func() { // ends after the client's reply
			at := forward.HostPort{Host: "127.0.0.1", Port: 4000}
			ch, requests, err := server.OpenChannel("forwarded-tcpip", forward.PackOpenDirectTCPIP(at, at))
			if err == nil {
				go gossh.DiscardRequests(requests) // ends when the channel is closed
				err = ch.Close()
			}
			opened <- err
		}()
		go func() { // ends after the client's reply
			_, _, _ = server.SendRequest("seen?", true, nil) // usually the channel has arrived by then
			_ = req.Reply(true, nil)                         // if the connection is lost, another check fails
		}()
		return true
	}})
	conn := sshtest.Connect(t, r, to)
	l, err := sshtest.Await(t, r, func() deferred.Deferred[*forward.Listener] { return forward.Listen(conn, "tcp", "127.0.0.1:4000") })
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	select {
	case err := <-opened: // Accept confirms the channel
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(sshtest.Patience):
		t.Fatal("the channel was never answered")
	}
}

// TestF12_Unaccepted: a forwarded connection is not confirmed before Accept, so
// the peer cannot send data on it. A full backlog uses little memory. Further
// connections, and connections with a very long address, are refused. Close
// refuses the connections in the backlog.
func TestF12_Unaccepted(t *testing.T) {
	const extra = 12
	r := sshtest.Start(t)
	servers := make(chan gossh.Conn, 1)
	_, to := sshtest.Embedded(t, conchtest.Options{
		Connected: func(c gossh.Conn) { servers <- c },
		Global: func(_ gossh.Conn, req *gossh.Request) bool {
			_ = req.Reply(true, nil) // if the connection is lost, another check fails
			return true
		},
	})
	conn := sshtest.Connect(t, r, to)
	server := <-servers
	l, err := sshtest.Await(t, r, func() deferred.Deferred[*forward.Listener] { return forward.Listen(conn, "tcp", "127.0.0.1:4000") })
	if err != nil {
		t.Fatal(err)
	}
	at := forward.HostPort{Host: "127.0.0.1", Port: 4000}
	long := forward.HostPort{Host: strings.Repeat("x", 8<<10), Port: 4000}
	if _, _, err := server.OpenChannel("forwarded-tcpip", forward.PackOpenDirectTCPIP(at, long)); err == nil {
		t.Error("an address of 8 KiB was taken")
	}
	before := heap()
	results := make(chan error, forward.Backlog+extra)
	for range forward.Backlog + extra {
		go func() { // ends after the client's reply
			ch, requests, err := server.OpenChannel("forwarded-tcpip", forward.PackOpenDirectTCPIP(at, at))
			if err == nil {
				go gossh.DiscardRequests(requests) // ends when the channel is closed
				_, err = ch.Write(make([]byte, 1<<20))
			}
			results <- err
		}()
	}
	want := func(n int, reason gossh.RejectionReason) {
		for range n {
			select {
			case err := <-results:
				if e, ok := errors.AsType[*gossh.OpenChannelError](err); !ok || e.Reason != reason {
					t.Errorf("got %v, want %v", err, reason)
				}
			case <-time.After(sshtest.Patience):
				t.Fatal("a connection was never answered")
			}
		}
	}
	want(extra, gossh.ResourceShortage) // the others are in the backlog now
	if taken := heap() - before; taken > 8<<20 {
		t.Errorf("%d connections take %d KiB", forward.Backlog, taken>>10)
	}
	if len(results) != 0 {
		t.Errorf("a connection that nobody accepts was answered with %v", <-results)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	want(forward.Backlog, gossh.ConnectionFailed)
}

// heap returns the bytes of the heap in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // empties the pools
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
