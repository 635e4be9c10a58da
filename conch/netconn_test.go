package conch_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// openStream starts command, or the sftp subsystem, and returns its channel as
// a net.Conn.
func openStream(t *testing.T, r *reactor.Reactor, conn *sshtest.PlainConnection, command client.Command) *reactor.NetConn {
	t.Helper()
	s := &netSession{ClientSession: client.ClientSession{Command: command}}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(s)
		return s.Started()
	}); err != nil {
		t.Fatal(err)
	}
	return s.conn
}

type netSession struct {
	client.ClientSession
	conn *reactor.NetConn
}

func (s *netSession) SessionStarted() { s.conn = s.NetConn() }

// TestNetConn_SFTP runs the client of pkg/sftp over a channel.
func TestNetConn_SFTP(t *testing.T) {
	sshtest.BothServers(t, conchtest.Options{}, func(t *testing.T, to sshtest.Target) {
		r := sshtest.Start(t)
		c := openStream(t, r, sshtest.Connect(t, r, to), client.Command{Line: "sftp", Subsystem: true})
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

// TestNetConn_EOF: each direction ends separately, after all of its data.
func TestNetConn_EOF(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	c := openStream(t, r, sshtest.Connect(t, r, to), client.Command{Line: "cat"})
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
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after CloseWrite: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// TestNetConn_Deadlines: a blocked Read or Write fails at its deadline. It
// continues if the deadline is moved.
func TestNetConn_Deadlines(t *testing.T) {
	r := sshtest.Start(t)
	release := make(chan struct{})
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		<-release
		_, _ = io.Copy(ch, ch) // the end of the channel
		return 0
	}})
	c := openStream(t, r, sshtest.Connect(t, r, to), client.Command{Line: "stuck"})
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

// TestNetConn_OnLoop: a call that would block the loop fails.
func TestNetConn_OnLoop(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	c := openStream(t, r, sshtest.Connect(t, r, to), client.Command{Line: "cat"})
	sshtest.OnLoop(t, r, func() {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, reactor.ErrOnLoop) {
			t.Errorf("got %v", err)
		}
	})
}

// TestNetConn_Lost: a blocked Read or Write fails when the connection is lost.
func TestNetConn_Lost(t *testing.T) {
	r := sshtest.Start(t)
	s, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		for { // until the connection is cut
			if _, err := ch.SendRequest("wait", true, nil); err != nil {
				return 0
			}
		}
	}})
	c := openStream(t, r, sshtest.Connect(t, r, to), client.Command{Line: "stuck"})
	read := make(chan error, 1)
	go func() { // ends with the connection
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	go func() { // ends when the connection is lost
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
