// Command ssh-tail shows the lines that are added to a file on a server, until
// Ctrl-C. It prints output as it arrives.
//
//	go run ./examples/ssh-tail HOST FILE
package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

// tail is the session that runs the command.
type tail struct {
	client.ClientSession
	out io.Writer
}

func (t *tail) DataReceived(p []byte)          { t.out.Write(p) }
func (t *tail) ExtReceived(_ uint32, p []byte) { os.Stderr.Write(p) }

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		if len(args) != 2 {
			return deferred.Fail[struct{}](errors.New("usage: ssh-tail HOST FILE"))
		}
		config, err := sshconfig.Load()
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		target, err := config.Target(args[0])
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		return run(r, target, args[1], os.Stdout)
	})
}

// run shows the file until the reactor stops. Ctrl-C stops the reactor.
func run(r *reactor.Reactor, target *client.Target, file string, out io.Writer) deferred.Deferred[struct{}] {
	conn := &struct{ conch.SSHConnection }{}
	ended := deferred.ThenDeferred(target.Connect(r, conn), func(struct{}) deferred.Deferred[struct{}] {
		t := &tail{out: out}
		t.Command.Line = "tail -f -- '" + strings.ReplaceAll(file, "'", `'\''`) + "'"
		conn.OpenChannel(t)
		return t.Finished()
	})
	return ended.AddErrback(func(err error) (struct{}, error) {
		_, unhandled := deferred.Trap(err, conch.ErrClosedLocally) // after Ctrl-C
		return struct{}{}, unhandled
	})
}
