package conch_test

import (
	"fmt"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
)

// exitChannel is a plain channel that has the optional methods.
type exitChannel struct {
	conch.SSHChannel
	command string
	ends    []string
}

func (c *exitChannel) Name() string { return "session" }

func (c *exitChannel) ChannelOpen([]byte) {
	c.Conn().SendRequest(c, "exec", conch.NS(c.command), true).OnError(func(err error) { c.ends = append(c.ends, err.Error()) })
}

func (c *exitChannel) ExitStatusReceived(status uint32) {
	c.ends = append(c.ends, fmt.Sprint("status ", status))
}

func (c *exitChannel) ExitSignalReceived(signal conch.ExitSignal) {
	c.ends = append(c.ends, "signal "+signal.Name)
}

// TestF75_ExitStatus: how a program ended is told to every channel that has a method for it, once, before Closed.
func TestF75_ExitStatus(t *testing.T) {
	sshtest.BothServers(t, conchtest.Options{Exec: sshtest.Shell}, func(t *testing.T, to sshtest.Target) {
		r := sshtest.Start(t)
		conn := sshtest.Connect(t, r, to)
		for command, want := range map[string]string{"printf x; exit 3": "[status 3]", "kill -TERM $$": "[signal TERM]", "printf out; printf err >&2": "[status 0]"} {
			c := &exitChannel{command: command}
			if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				conn.OpenChannel(c)
				return c.WhenClosed()
			}); err != nil {
				t.Error(err)
			}
			if got := fmt.Sprint(c.ends); got != want && !(want == "[signal TERM]" && got == "[signal TERM status 0]") {
				t.Errorf("%s: %s, want %s", command, got, want)
			}
		}
	})
}
