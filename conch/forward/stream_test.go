package forward_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
)

// TestDial_HTTP uses an HTTP client that connects through the server.
func TestDial_HTTP(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	t.Cleanup(web.Close)
	sshtest.BothServers(t, conchtest.Options{Forwarding: true}, func(t *testing.T, to sshtest.Target) {
		r := sshtest.Start(t)
		conn := sshtest.Connect(t, r, to)
		client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return forward.DialContext(ctx, conn, network, address)
		}}}
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

// TestDial_Failures: the destination is refused, malformed or unknown, or the
// dial is cancelled.
func TestDial_Failures(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Forwarding: true})
	conn := sshtest.Connect(t, r, to)
	_, err := forward.DialContext(t.Context(), conn, "tcp", "127.0.0.1:1")
	if refused, ok := errors.AsType[*conch.ConchError](err); !ok || refused.Data != conch.OpenConnectFailed {
		t.Errorf("got %v", err)
	}
	if _, err := forward.DialContext(t.Context(), conn, "udp", "127.0.0.1:1"); err == nil {
		t.Error("udp was dialled")
	}
	if _, err := forward.DialContext(t.Context(), conn, "tcp", "no port"); err == nil {
		t.Error("an address without port was dialled")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := forward.DialContext(ctx, conn, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestListen_Accept listens on a UNIX socket and on a port of a real server,
// and serves connections from there.
func TestListen_Accept(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.OpenSSH(t)
	conn := sshtest.Connect(t, r, to)
	for _, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"tcp", "localhost:0"}, {"unix", filepath.Join(sshtest.ShortDir(t), "s")}} {
		l, err := sshtest.Await(t, r, func() deferred.Deferred[*forward.Listener] { return forward.Listen(conn, at[0], at[1]) })
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
		sshtest.Echoes(t, at[0], sshtest.DialAddress(l.Addr()))
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
