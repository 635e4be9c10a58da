// Command ssh-forward forwards ports, like ssh -N with -L, -R and -D: how do connections go through a server?
//
//	go run ./examples/ssh-forward HOST L:LISTEN:TO | R:LISTEN:TO | D:LISTEN ...
//
// LISTEN and TO are ports, of 127.0.0.1 on their side.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/forward"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// connection starts the forwardings, and ends the program when it is lost.
type connection struct {
	conch.SSHConnection
	r     *reactor.Reactor
	rules []string
	err   error
	ready func(*forward.Forwarder)
}

func (c *connection) ServiceStarted() {
	for _, rule := range c.rules {
		c.forward(rule).OnValue(c.ready).OnError(func(err error) { c.fail(fmt.Errorf("%s: %w", rule, err)) })
	}
}

func (c *connection) ServiceStopped() { c.fail(c.Transport().Lost()) }

func (c *connection) fail(err error) {
	if c.err == nil && !errors.Is(err, conch.ErrClosedLocally) {
		c.err = err
	}
	_ = c.r.Stop() // it may be stopping
}

func (c *connection) forward(rule string) deferred.Deferred[*forward.Forwarder] {
	part := strings.Split(rule, ":")
	local := func(i int) string { return "127.0.0.1:" + part[i] }
	switch {
	case part[0] == "L" && len(part) == 3:
		return forward.Local(c, "tcp", local(1), "tcp", local(2))
	case part[0] == "R" && len(part) == 3:
		return forward.Remote(c, "tcp", local(1), "tcp", local(2))
	case part[0] == "D" && len(part) == 2:
		return forward.Dynamic(c, "tcp", local(1))
	}
	return deferred.Fail[*forward.Forwarder](errors.New("want L:LISTEN:TO, R:LISTEN:TO or D:LISTEN"))
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: ssh-forward HOST L:LISTEN:TO | R:LISTEN:TO | D:LISTEN ...")
		os.Exit(2)
	}
	config, err := sshconfig.Load()
	if err == nil {
		var target *client.Target
		if target, err = config.Target(os.Args[1]); err == nil {
			err = run(reactor.New(reactor.Options{}), target, os.Args[2:], func(f *forward.Forwarder) { fmt.Println("listening on", f.Addr()) })
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run forwards until the reactor is stopped, or the connection is lost.
func run(r *reactor.Reactor, target *client.Target, rules []string, ready func(*forward.Forwarder)) error {
	conn := &connection{r: r, rules: rules, ready: ready}
	r.CallWhenRunning(func() {
		target.Connect(r, conn).OnError(conn.fail)
	})
	return errors.Join(r.Run(), conn.err)
}
