//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

// TestInterrupt: Ctrl-C stops the program while a command runs, and the program
// prints "interrupted".
func TestInterrupt(t *testing.T) {
	interrupted := make(chan struct{})
	target := sshdemotest.Server(t, conchtest.Options{Exec: func(string, gossh.Channel) uint32 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Error(err)
		}
		<-interrupted
		return 0
	}})
	var says strings.Builder
	code := task.Main(reactor.New(reactor.Options{}), func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, target, "anything")
	}, nil, &says)
	close(interrupted)
	if code == 0 || !strings.HasSuffix(says.String(), ": interrupted\n") {
		t.Errorf("exit code %d, %q", code, says.String())
	}
}
