// Command ssh-exec runs a command on a server and ends as the command does: what is the shortest complete program?
//
//	go run ./examples/ssh-exec HOST COMMAND...
//
// HOST is looked up in ~/.ssh/config, as ssh does.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/reactor"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: ssh-exec HOST COMMAND...")
		os.Exit(2)
	}
	target, err := destination(os.Args[1])
	if err == nil {
		err = run(target, strings.Join(os.Args[2:], " "))
	}
	if exit, ok := errors.AsType[*client.ExitError](err); ok && exit.Status != 0 {
		os.Exit(int(exit.Status))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(255)
	}
}

func destination(name string) (*client.Target, error) {
	config, err := sshconfig.Load()
	if err != nil {
		return nil, err
	}
	return config.Target(name)
}

// run runs the command and shows its output.
func run(target *client.Target, command string) error {
	r := reactor.New(reactor.Options{})
	problem := errors.New("interrupted")
	r.CallWhenRunning(func() {
		target.Exec(r, command, nil).OnResult(func(out client.Output, err error) {
			if exit, ok := errors.AsType[*client.ExitError](err); ok {
				out = exit.Output
			}
			os.Stdout.Write(out.Stdout)
			os.Stderr.Write(out.Stderr)
			if err == nil || r.StopSignal() == nil { // else Ctrl-C has closed the connection
				problem = err
			}
			_ = r.Stop()
		})
	})
	return errors.Join(r.Run(), problem)
}
