// Command ssh-password logs in with a password from somewhere else than the terminal: how is authentication replaced?
//
//	SECRET=... go run ./examples/ssh-password USER HOST PORT
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// passwordAuth has no keys, and one password, which comes a moment later: as if it had been fetched.
type passwordAuth struct {
	client.SSHUserAuthClient
	r      *reactor.Reactor
	secret string
}

func (a *passwordAuth) GetPassword(string) deferred.Deferred[string] {
	if a.secret == "" {
		return deferred.Fail[string](client.ErrUnavailable) // it was wrong
	}
	secret := a.secret
	a.secret = ""
	d := deferred.New[string]()
	a.r.CallLater(10*time.Millisecond, func() { _ = d.TryCallback(secret) })
	return d
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: SECRET=... ssh-password USER HOST PORT")
		os.Exit(2)
	}
	port, err := strconv.Atoi(os.Args[3])
	if err != nil {
		err = fmt.Errorf("%q is not the number of a port", os.Args[3])
	} else {
		err = run(&client.Target{User: os.Args[1], Host: os.Args[2], Port: port}, os.Getenv("SECRET"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("logged in")
}

// run logs in and out.
func run(target *client.Target, secret string) error {
	r := reactor.New(reactor.Options{})
	target.Auth = func(user string, instance conch.Connection) client.UserAuthClient {
		return &passwordAuth{*client.NewSSHUserAuthClient(user, instance), r, secret}
	}
	problem := errors.New("interrupted")
	r.CallWhenRunning(func() {
		target.Connect(r, &struct{ conch.SSHConnection }{}).OnResult(func(_ deferred.Void, err error) {
			if err == nil || r.StopSignal() == nil { // else Ctrl-C has closed the connection
				problem = err
			}
			_ = r.Stop()
		})
	})
	return errors.Join(r.Run(), problem)
}
