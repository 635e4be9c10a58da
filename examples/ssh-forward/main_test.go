package main

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

// TestRun forwards a port to an echo server and sends a byte through it.
func TestRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends when the connection or the listener is closed
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
	code := task.Main(r, func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, sshdemotest.Server(t, conchtest.Options{Forwarding: true}), []string{"L:0:" + port}, func(f *forward.Forwarder) {
			go func() { // ends after one exchange
				used <- use(f.Addr().String())
				_ = r.Stop() // an error is impossible: the reactor runs
			}()
		})
	}, nil, os.Stderr)
	if code != 0 {
		t.Errorf("exit code %d", code)
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

// TestRun_Bad: an invalid rule ends the program with an error.
func TestRun_Bad(t *testing.T) {
	var says strings.Builder
	code := task.Main(reactor.New(reactor.Options{NoSignals: true}), func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, sshdemotest.Server(t, conchtest.Options{}), []string{"X:1"}, func(*forward.Forwarder) { t.Error("it forwards") })
	}, nil, &says)
	if code == 0 || !strings.Contains(says.String(), `"X:1" is not`) {
		t.Errorf("exit code %d, %q", code, says.String())
	}
}
