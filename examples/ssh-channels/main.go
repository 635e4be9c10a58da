// Command ssh-channels runs many commands at the same time over one connection: how are channels opened, and results gathered?
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

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: ssh-channels HOST COMMAND...")
		os.Exit(2)
	}
	config, err := sshconfig.Load()
	if err == nil {
		var target *client.Target
		if target, err = config.Target(os.Args[1]); err == nil {
			err = run(target, os.Args[2:], os.Stdout)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run runs the commands and shows their results in the order of the commands.
func run(target *client.Target, commands []string, out io.Writer) error {
	r := reactor.New(reactor.Options{})
	conn := &struct{ conch.SSHConnection }{}
	problem := errors.New("interrupted")
	r.CallWhenRunning(func() {
		all := deferred.ThenDeferred(target.Connect(r, conn), func(struct{}) deferred.Deferred[[]deferred.Outcome[client.Output]] {
			var running []deferred.Deferred[client.Output]
			for _, command := range commands {
				running = append(running, client.Exec(conn, command, nil))
			}
			return deferred.List(running, deferred.ConsumeErrors)
		})
		all.OnResult(func(results []deferred.Outcome[client.Output], err error) {
			for i, result := range results {
				output := result.Value
				if exit, ok := errors.AsType[*client.ExitError](result.Err); ok {
					output = exit.Output
				}
				fmt.Fprintf(out, "%s: %q %v\n", commands[i], output.Stdout, result.Err)
				if result.Err != nil && err == nil {
					err = errors.New("not all commands have succeeded")
				}
			}
			if err == nil || r.StopSignal() == nil { // else Ctrl-C has closed the connection
				problem = err
			}
			_ = r.Stop()
		})
	})
	return errors.Join(r.Run(), problem)
}
