package conchtest

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

func TestServer_Close(t *testing.T) {
	s := NewServer(t, Options{})
	c, err := net.Dial("tcp", s.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err != nil { // the server has accepted
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is there: %v", err)
	}
}

// forwardedChannel is a channel that has ended.
type forwardedChannel struct{ gossh.Channel }

func (forwardedChannel) Read([]byte) (int, error)  { return 0, io.EOF }
func (forwardedChannel) Write([]byte) (int, error) { return 0, io.EOF }
func (forwardedChannel) CloseWrite() error         { return nil }
func (forwardedChannel) Close() error              { return nil }

// directChannel is a request to connect to an address.
type directChannel struct {
	gossh.NewChannel
	to       endpoints
	rejected *string
}

func (c directChannel) ExtraData() []byte { return gossh.Marshal(c.to) }

func (c directChannel) Reject(_ gossh.RejectionReason, message string) error {
	*c.rejected = message
	return nil
}

// A connection that is forwarded while the server closes must not keep Close
// waiting: its target may neither accept nor send anything.
func TestServer_CloseWhileForwarding(t *testing.T) {
	s := NewServer(t, Options{Forwarding: true})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target := l.Addr().(*net.TCPAddr)
	c, err := net.DialTCP("tcp", nil, target)
	if err != nil {
		t.Fatal(err)
	}
	s.end()
	s.join(forwardedChannel{}, c) // would wait for data from the target
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection is open: %v", err)
	}
	rejected := ""
	s.direct(directChannel{to: endpoints{Host: "127.0.0.1", Port: uint32(target.Port)}, rejected: &rejected})
	if rejected != "connect failed" {
		t.Errorf("rejected with %q", rejected)
	}
}
