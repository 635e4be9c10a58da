package main

import (
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	gossh "golang.org/x/crypto/ssh"
)

// TestRun runs two commands, one of which fails.
func TestRun(t *testing.T) {
	target := sshdemotest.Server(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		_, _ = ch.Write([]byte(command + "!"))
		return uint32(len(command) - 1)
	}})
	var out strings.Builder
	want := "a: \"a!\" <nil>\nbb: \"bb!\" conch: remote command exited with status 1\n"
	if err := run(target, []string{"a", "bb"}, &out); err == nil || out.String() != want {
		t.Errorf("got %q, %v", out.String(), err)
	}
}
