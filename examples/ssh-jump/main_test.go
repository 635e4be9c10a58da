package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	gossh "golang.org/x/crypto/ssh"
)

// TestThrough runs a command behind a jump host.
func TestThrough(t *testing.T) {
	last := sshdemotest.Server(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		_, _ = ch.Write([]byte(command + "!"))
		return 3
	}})
	var out strings.Builder
	err := through(sshdemotest.Server(t, conchtest.Options{Forwarding: true}), last, "command", &out)
	if exit, ok := errors.AsType[*client.ExitError](err); !ok || exit.Status != 3 || out.String() != "command!" {
		t.Errorf("got %q, %v", out.String(), err)
	}
	if err := through(sshdemotest.Server(t, conchtest.Options{}), last, "command", &out); err == nil {
		t.Error("got through a host that forwards nothing")
	}
}
