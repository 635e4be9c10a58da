//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	gossh "golang.org/x/crypto/ssh"
)

// TestInterrupt: Ctrl-C ends a command that does not end by itself, and the program says that this is why.
func TestInterrupt(t *testing.T) {
	interrupted := make(chan struct{})
	target := sshdemotest.Server(t, conchtest.Options{Exec: func(string, gossh.Channel) uint32 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Error(err)
		}
		<-interrupted
		return 0
	}})
	err := run(target, "anything")
	close(interrupted)
	if err == nil || err.Error() != "interrupted" {
		t.Errorf("got %v", err)
	}
}
