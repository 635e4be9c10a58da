package conch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// openStream starts command, or the subsystem sftp, and returns its channel as a net.Conn.
func openStream(t *testing.T, r *reactor.Reactor, conn *plainConnection, command conch.Command) *conch.ChannelConn {
	t.Helper()
	s := &netSession{ClientSession: conch.ClientSession{Command: command}}
	if _, err := await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(s)
		return s.Started()
	}); err != nil {
		t.Fatal(err)
	}
	return s.conn
}

type netSession struct {
	conch.ClientSession
	conn *conch.ChannelConn
}

func (s *netSession) SessionStarted() { s.conn = s.NetConn() }

// TestNetConn_SFTP runs the blocking client of pkg/sftp over a channel.
func TestNetConn_SFTP(t *testing.T) {
	bothServers(t, conchtest.Options{}, func(t *testing.T, to target) {
		r := start(t)
		c := openStream(t, r, connect(t, r, to), conch.Command{Line: "sftp", Subsystem: true})
		client, err := sftp.NewClientPipe(c, c)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		want := bytes.Repeat([]byte("data"), 1<<20)
		f, err := client.Create("file")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadFrom(bytes.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back, %v", len(got), err)
		}
		f.Close()
	})
}

// TestNetConn_EOF: both directions end on their own, and everything sent before comes.
func TestNetConn_EOF(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Exec: shell})
	c := openStream(t, r, connect(t, r, to), conch.Command{Line: "cat"})
	want := bytes.Repeat([]byte{7}, 5<<20)
	sent := make(chan error, 1)
	go func() { // ends with the write
		_, err := c.Write(want)
		sent <- errors.Join(err, c.CloseWrite())
	}()
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write after CloseWrite: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
}

// TestNetConn_Deadlines: a Read and a Write that wait end at their deadline, and go on when it is moved.
func TestNetConn_Deadlines(t *testing.T) {
	r := start(t)
	release := make(chan struct{})
	_, to := embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		<-release
		_, _ = io.Copy(ch, ch) // the end of the channel
		return 0
	}})
	c := openStream(t, r, connect(t, r, to), conch.Command{Line: "stuck"})
	for _, past := range []time.Time{time.Now().Add(20 * time.Millisecond), time.Now().Add(-time.Second)} {
		if err := c.SetReadDeadline(past); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
	}
	if err := c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Write(make([]byte, 16<<20)) // more than any window
	if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == 16<<20 {
		t.Errorf("Write: %d, %v", n, err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	close(release)
	if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
		t.Error(err)
	}
	if _, err := c.Write([]byte("on")); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
		t.Error(err)
	}
}

// TestNetConn_OnLoop: a call that would block the reactor fails.
func TestNetConn_OnLoop(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Exec: shell})
	c := openStream(t, r, connect(t, r, to), conch.Command{Line: "cat"})
	onLoop(t, r, func() {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, conch.ErrOnLoop) {
			t.Errorf("got %v", err)
		}
	})
}

// TestNetConn_Lost: a Read and a Write that wait fail when the connection is lost.
func TestNetConn_Lost(t *testing.T) {
	r := start(t)
	s, to := embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		for { // until the connection is cut
			if _, err := ch.SendRequest("wait", true, nil); err != nil {
				return 0
			}
		}
	}})
	c := openStream(t, r, connect(t, r, to), conch.Command{Line: "stuck"})
	read := make(chan error, 1)
	go func() { // ends with the connection
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	go func() { // likewise
		_, err := c.Write(make([]byte, 16<<20))
		read <- err
	}()
	s.CloseConnections()
	for range 2 {
		if err := <-read; !errors.Is(err, conch.ErrConnectionLost) {
			t.Errorf("got %v", err)
		}
	}
}

// TestDial_HTTP makes an HTTP client go through the server.
func TestDial_HTTP(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	t.Cleanup(web.Close)
	bothServers(t, conchtest.Options{Forwarding: true}, func(t *testing.T, to target) {
		r := start(t)
		conn := connect(t, r, to)
		client := &http.Client{Transport: &http.Transport{DialContext: conn.DialContext}}
		defer client.CloseIdleConnections()
		for range 3 {
			reply, err := client.Get(web.URL)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(reply.Body)
			reply.Body.Close()
			if string(text) != "hello" || err != nil {
				t.Errorf("got %q, %v", text, err)
			}
		}
	})
}

// TestDial_Failures: what is refused, malformed, unknown, and cancelled.
func TestDial_Failures(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Forwarding: true})
	conn := connect(t, r, to)
	_, err := conn.DialContext(t.Context(), "tcp", "127.0.0.1:1")
	if refused, ok := errors.AsType[*conch.ConchError](err); !ok || refused.Data != conch.OpenConnectFailed {
		t.Errorf("got %v", err)
	}
	if _, err := conn.DialContext(t.Context(), "udp", "127.0.0.1:1"); err == nil {
		t.Error("udp was dialled")
	}
	if _, err := conn.DialContext(t.Context(), "tcp", "no port"); err == nil {
		t.Error("an address without port was dialled")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := conn.DialContext(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestListen_Accept has a real server listen on a UNIX socket and on a port, and serves connections from there.
func TestListen_Accept(t *testing.T) {
	r := start(t)
	_, to := openssh(t)
	conn := connect(t, r, to)
	for _, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"tcp", "localhost:0"}, {"unix", filepath.Join(shortDir(t), "s")}} {
		l, err := await(t, r, func() deferred.Deferred[*conch.RemoteListener] { return conn.Listen(at[0], at[1]) })
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { // ends with the connection that it accepts
			c, err := l.Accept()
			if err == nil {
				_, err = io.Copy(c, c)
				c.Close()
			}
			done <- err
		}()
		echoes(t, at[0], dialAddress(l.Addr()))
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	}
}

func dialAddress(a net.Addr) string {
	if tcp, ok := a.(conch.HostPort); ok {
		tcp.Host = "127.0.0.1"
		return tcp.String()
	}
	return a.String()
}

// shortDir is a directory whose name fits into the address of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// echoes sends more than a window to an echo server, then ends its direction, and compares what comes back until the end.
func echoes(t *testing.T, network, address string) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	echoesOn(t, c)
}

func echoesOn(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 5<<16)
	sent := make(chan error, 1)
	go func() { // ends with the write
		_, err := c.Write(want)
		sent <- errors.Join(err, c.(interface{ CloseWrite() error }).CloseWrite())
	}()
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}
