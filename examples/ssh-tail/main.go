// Command ssh-tail shows what is added to a file on a server, until Ctrl-C: how is output taken as it comes?
//
//	go run ./examples/ssh-tail HOST FILE
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/reactor"
)

// tail is the session that runs the command.
type tail struct {
	client.ClientSession
	out io.Writer
}

func (t *tail) DataReceived(p []byte)          { t.out.Write(p) }
func (t *tail) ExtReceived(_ uint32, p []byte) { os.Stderr.Write(p) }

// connection starts the session, and ends the program with it.
type connection struct {
	conch.SSHConnection
	r    *reactor.Reactor
	tail *tail
	err  error
}

func (c *connection) ServiceStarted() {
	c.OpenChannel(c.tail)
	c.tail.Finished().OnError(c.fail).Finally(c.stop)
}

func (c *connection) fail(err error) { c.err = err }
func (c *connection) stop()          { _ = c.r.Stop() } // it may be stopping

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: ssh-tail HOST FILE")
		os.Exit(2)
	}
	config, err := sshconfig.Load()
	if err == nil {
		var target *client.Target
		if target, err = config.Target(os.Args[1]); err == nil {
			err = run(reactor.New(reactor.Options{}), target, os.Args[2], os.Stdout)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run shows the file until the reactor is stopped, as Ctrl-C does.
func run(r *reactor.Reactor, target *client.Target, file string, out io.Writer) error {
	t := &tail{out: out}
	t.Command.Line = "tail -f -- '" + strings.ReplaceAll(file, "'", `'\''`) + "'"
	conn := &connection{r: r, tail: t}
	r.CallWhenRunning(func() {
		target.Connect(r, conn).OnError(func(err error) {
			conn.fail(err)
			conn.stop()
		})
	})
	err := r.Run()
	if errors.Is(conn.err, conch.ErrClosedLocally) {
		conn.err = nil // Ctrl-C
	}
	return errors.Join(err, conn.err)
}
