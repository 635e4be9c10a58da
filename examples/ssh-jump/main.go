// Command ssh-jump runs a command on a host that can only be reached from another one: how is a jump host used?
//
//	go run ./examples/ssh-jump USER@JUMP[:PORT] USER@HOST[:PORT] COMMAND
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/reactor"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: ssh-jump USER@JUMP[:PORT] USER@HOST[:PORT] COMMAND")
		os.Exit(2)
	}
	err := run(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(jump, host, command string) error {
	none := &sshconfig.Config{} // no files: what the names say
	first, err := none.Target(jump)
	if err != nil {
		return err
	}
	last, err := none.Target(host)
	if err != nil {
		return err
	}
	return through(first, last, command, os.Stdout)
}

// through runs the command on last, by way of first, and shows its output, be it that of a command that fails.
func through(first, last *client.Target, command string, stdout io.Writer) error {
	last.Options.Jump = first
	r := reactor.New(reactor.Options{})
	problem := errors.New("interrupted")
	r.CallWhenRunning(func() {
		last.Exec(r, command, nil).OnResult(func(out client.Output, err error) {
			if exit, ok := errors.AsType[*client.ExitError](err); ok {
				out = exit.Output
			}
			stdout.Write(out.Stdout)
			os.Stderr.Write(out.Stderr)
			if err == nil || r.StopSignal() == nil { // else Ctrl-C has closed the connection
				problem = err
			}
			_ = r.Stop()
		})
	})
	return errors.Join(r.Run(), problem)
}
