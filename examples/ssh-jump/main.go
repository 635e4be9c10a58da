// Command ssh-jump runs a command on a host that is reachable only through a
// jump host.
//
//	go run ./examples/ssh-jump USER@JUMP[:PORT] USER@HOST[:PORT] COMMAND
package main

import (
	"errors"
	"io"
	"os"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		if len(args) != 3 {
			return deferred.Fail[struct{}](errors.New("usage: ssh-jump USER@JUMP[:PORT] USER@HOST[:PORT] COMMAND"))
		}
		jump, err := client.ParseTarget(args[0])
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		host, err := client.ParseTarget(args[1])
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		return run(r, jump, host, args[2], os.Stdout)
	})
}

// run runs the command on host, through jump. It prints the output even if the
// command fails.
func run(r *reactor.Reactor, jump, host *client.Target, command string, stdout io.Writer) deferred.Deferred[struct{}] {
	host.Options.Jump = jump
	return deferred.ThenBoth(host.Exec(r, command, nil), func(out client.Output, err error) (struct{}, error) {
		if exit, ok := errors.AsType[*client.ExitError](err); ok {
			out = exit.Output
		}
		stdout.Write(out.Stdout)
		os.Stderr.Write(out.Stderr)
		return struct{}{}, err
	})
}
