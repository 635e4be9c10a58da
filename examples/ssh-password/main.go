// Command ssh-password logs in with a password that does not come from the
// terminal. It replaces a hook of the authentication.
//
//	SECRET=... go run ./examples/ssh-password USER@HOST[:PORT]
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

// passwordAuth tries one password. It gets the password after a short delay, as
// from a password server.
type passwordAuth struct {
	client.SSHUserAuthClient
	r      *reactor.Reactor
	secret string
}

func (a *passwordAuth) GetPassword(string) deferred.Deferred[string] {
	if a.secret == "" {
		return deferred.Fail[string](client.ErrUnavailable) // the password was wrong
	}
	secret := a.secret
	a.secret = ""
	d := deferred.New[string]()
	a.r.CallLater(10*time.Millisecond, func() { _ = d.TryCallback(secret) })
	return d
}

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		if len(args) != 1 {
			return deferred.Fail[struct{}](errors.New("usage: SECRET=... ssh-password USER@HOST[:PORT]"))
		}
		target, err := client.ParseTarget(args[0])
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		return run(r, target, os.Getenv("SECRET")).OnValue(func(deferred.Void) { fmt.Println("logged in") })
	})
}

// run logs in. The connection closes when the reactor stops.
func run(r *reactor.Reactor, target *client.Target, secret string) deferred.Deferred[struct{}] {
	target.Auth = func(user string, instance conch.Connection) client.UserAuthClient {
		return &passwordAuth{*client.NewSSHUserAuthClient(user, instance), r, secret}
	}
	return target.Connect(r, &struct{ conch.SSHConnection }{})
}
