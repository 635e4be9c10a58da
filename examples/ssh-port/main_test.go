package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// echo implements cat for the test server.
func echo(_ string, ch gossh.Channel) uint32 {
	_, _ = io.Copy(ch, ch)
	return 0
}

// run runs a reactor until the job is done.
func run(target *client.Target, out io.Writer) (failure error) {
	r := reactor.New(reactor.Options{NoSignals: true})
	r.CallWhenRunning(func() {
		job(r, target, out).OnResult(func(_ deferred.Void, err error) {
			failure = err
			_ = r.Stop() // an error is impossible: the reactor runs
		})
	})
	err := r.Run()
	return errors.Join(err, failure)
}

func TestJob(t *testing.T) {
	dir := t.TempDir()
	target := sshdemotest.Server(t, conchtest.Options{Dir: dir, Exec: echo})
	var out strings.Builder
	if err := run(target, &out); err != nil {
		t.Fatal(err)
	}
	if want := "exit status: 0\ngot from cat: \"hello conch\\n\"\nmade directory\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if _, err := os.Stat(filepath.Join(dir, "foobarbaz")); err != nil {
		t.Error(err)
	}
	if err := run(target, io.Discard); err == nil {
		t.Error("the second directory of that name was made")
	}
}

// TestJob_Failures: if a request is refused or the connection is lost, the
// program ends with the reason.
func TestJob_Failures(t *testing.T) {
	if err := run(sshdemotest.Server(t, conchtest.Options{}), io.Discard); !errors.Is(err, conch.ErrRequestRefused) {
		t.Errorf("a server without commands: %v", err)
	}
	connected := make(chan gossh.Conn, 1)
	target := sshdemotest.Server(t, conchtest.Options{
		Connected: func(conn gossh.Conn) { connected <- conn },
		Exec: func(string, gossh.Channel) uint32 {
			(<-connected).Close()
			return 0
		},
	})
	if err := run(target, io.Discard); !errors.Is(err, conch.ErrConnectionLost) {
		t.Errorf("a server that dies: %v", err)
	}
	target.Port = 1
	if err := run(target, io.Discard); err == nil {
		t.Error("connected to a closed port")
	}
}
