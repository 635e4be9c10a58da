// Command ssh-forward forwards ports, as ssh -N does with -L, -R and -D.
//
//	go run ./examples/ssh-forward HOST L:LISTEN:TO | R:LISTEN:TO | D:LISTEN ...
//
// LISTEN and TO are port numbers on 127.0.0.1. For L and D, LISTEN is on this
// machine. For R, LISTEN is on the server.
package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		if len(args) < 2 {
			return deferred.Fail[struct{}](errors.New("usage: ssh-forward HOST L:LISTEN:TO | R:LISTEN:TO | D:LISTEN [...]"))
		}
		config, err := sshconfig.Load()
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		target, err := config.Target(args[0])
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		return run(r, target, args[1:], func(f *forward.Forwarder) { fmt.Println("listening on", f.Addr()) })
	})
}

// run forwards until the connection ends. It calls ready for each forwarder
// that has started.
func run(r *reactor.Reactor, target *client.Target, rules []string, ready func(*forward.Forwarder)) deferred.Deferred[struct{}] {
	conn := &struct{ conch.SSHConnection }{}
	all := deferred.ThenDeferred(target.Connect(r, conn), func(struct{}) deferred.Deferred[[]*forward.Forwarder] {
		var starting []deferred.Deferred[*forward.Forwarder]
		for _, rule := range rules {
			starting = append(starting, start(conn, rule).OnValue(ready))
		}
		return deferred.Gather(starting, deferred.ConsumeErrors)
	})
	return deferred.ThenDeferred(all, func([]*forward.Forwarder) deferred.Deferred[struct{}] { return conn.Transport().WhenClosed() })
}

// start starts the forwarder of one rule.
func start(conn conch.Connection, rule string) deferred.Deferred[*forward.Forwarder] {
	part := strings.Split(rule, ":")
	local := func(i int) string { return "127.0.0.1:" + part[i] }
	switch {
	case part[0] == "L" && len(part) == 3:
		return forward.Local(conn, "tcp", local(1), "tcp", local(2))
	case part[0] == "R" && len(part) == 3:
		return forward.Remote(conn, "tcp", local(1), "tcp", local(2))
	case part[0] == "D" && len(part) == 2:
		return forward.Dynamic(conn, "tcp", local(1))
	}
	return deferred.Fail[*forward.Forwarder](fmt.Errorf("%q is not L:LISTEN:TO, R:LISTEN:TO or D:LISTEN", rule))
}
