package main

import (
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	gossh "golang.org/x/crypto/ssh"
)

// TestThrough runs a command behind a jump host.
func TestThrough(t *testing.T) {
	ran := ""
	last := sshdemotest.Server(t, conchtest.Options{Exec: func(command string, _ gossh.Channel) uint32 {
		ran = command
		return 0
	}})
	if err := through(sshdemotest.Server(t, conchtest.Options{Forwarding: true}), last, "command"); err != nil || ran != "command" {
		t.Errorf("ran %q, %v", ran, err)
	}
	if err := through(sshdemotest.Server(t, conchtest.Options{}), last, "command"); err == nil {
		t.Error("got through a host that forwards nothing")
	}
}
