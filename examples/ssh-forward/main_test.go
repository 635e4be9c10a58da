package main

import (
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// TestRun forwards a port to an echo server and uses it.
func TestRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends with the connection, or the listener
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r := reactor.New(reactor.Options{NoSignals: true})
	used := make(chan error, 1)
	err = run(r, server(t, conchtest.Options{Forwarding: true}), []string{"L:0:" + port}, func(f *conch.Forwarder) {
		go func() { // ends with the exchange
			used <- use(f.Addr().String())
			_ = r.Stop() // it runs
		}()
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-used; err != nil {
		t.Error(err)
	}
}

func use(address string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err
}

// TestRun_Bad: a rule that makes no sense ends the program.
func TestRun_Bad(t *testing.T) {
	if err := run(reactor.New(reactor.Options{NoSignals: true}), server(t, conchtest.Options{}), []string{"X:1"}, nil); err == nil {
		t.Error("no error")
	}
}

// server starts a server and returns how to log in to it.
func server(t *testing.T, opts conchtest.Options) *conch.Target {
	t.Helper()
	dir := t.TempDir()
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	opts.AuthorizedKeys = []gossh.PublicKey{key.PublicKey()}
	s := conchtest.NewServer(t, opts)
	host, port := s.HostPort()
	return &conch.Target{User: s.User, Host: host, Port: port, Options: conch.ClientOptions{
		NoAgent: true, Identities: []string{filepath.Join(dir, "id")}, KnownHosts: []string{filepath.Join(dir, "known")}, HostKeys: conch.AcceptNewHosts,
	}}
}
