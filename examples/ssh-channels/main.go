// Command ssh-channels runs many commands at the same time over one connection,
// and prints their results.
//
//	go run ./examples/ssh-channels HOST COMMAND...
//
// Each COMMAND is one argument.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		if len(args) < 2 {
			return deferred.Fail[struct{}](errors.New("usage: ssh-channels HOST COMMAND [COMMAND ...]"))
		}
		config, err := sshconfig.Load()
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		target, err := config.Target(args[0])
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		return run(r, target, args[1:], os.Stdout)
	})
}

// run runs the commands and prints their results in the order of the commands.
func run(r *reactor.Reactor, target *client.Target, commands []string, out io.Writer) deferred.Deferred[struct{}] {
	conn := &struct{ conch.SSHConnection }{}
	all := deferred.ThenDeferred(target.Connect(r, conn), func(struct{}) deferred.Deferred[[]deferred.Outcome[client.Output]] {
		var running []deferred.Deferred[client.Output]
		for _, command := range commands {
			running = append(running, client.Exec(conn, command, nil))
		}
		return deferred.List(running, deferred.ConsumeErrors)
	})
	return deferred.Then(all, func(results []deferred.Outcome[client.Output]) (_ struct{}, failed error) {
		for i, result := range results {
			output := result.Value
			if exit, ok := errors.AsType[*client.ExitError](result.Err); ok {
				output = exit.Output
			}
			fmt.Fprintf(out, "%s: %q %v\n", commands[i], output.Stdout, result.Err)
			if result.Err != nil {
				failed = errors.New("not all commands have succeeded")
			}
		}
		return struct{}{}, failed
	})
}
