// Command ssh-exec runs a command on a server, and exits with the exit status
// of the command.
//
//	go run ./examples/ssh-exec HOST COMMAND...
//
// HOST is looked up in ~/.ssh/config, as ssh does.
package main

import (
	"errors"
	"os"
	"strings"

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
			return deferred.Fail[struct{}](errors.New("usage: ssh-exec HOST COMMAND [ARGUMENT ...]"))
		}
		config, err := sshconfig.Load()
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		target, err := config.Target(args[0])
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		return run(r, target, strings.Join(args[1:], " "))
	})
}

// run runs the command and prints its output. If the command fails, run fails
// with the exit status of the command.
func run(r *reactor.Reactor, target *client.Target, command string) deferred.Deferred[struct{}] {
	return deferred.ThenBoth(target.Exec(r, command, nil), func(out client.Output, err error) (struct{}, error) {
		exit, exited := errors.AsType[*client.ExitError](err)
		if exited {
			out = exit.Output
		}
		os.Stdout.Write(out.Stdout)
		os.Stderr.Write(out.Stderr)
		switch {
		case exited && exit.Status != 0:
			err = &task.ExitError{Code: int(exit.Status)}
		case errors.Is(err, conch.ErrClosedLocally): // Ctrl-C stops the reactor
			err = errors.New("interrupted")
		}
		return struct{}{}, err
	})
}
