package client_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// The program runs one command on a server.
func ExampleTarget_Exec() {
	target, end := sshtest.ExampleTarget()
	defer end()
	r := reactor.New(reactor.Options{NoSignals: true})
	r.CallWhenRunning(func() {
		target.Exec(r, "upper", []byte("hello")).AddBoth(func(out client.Output, err error) (client.Output, error) {
			fmt.Printf("%s %v\n", out.Stdout, err)
			return out, r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output: HELLO <nil>
}

// The program runs several commands concurrently over one connection.
func ExampleExec() {
	target, end := sshtest.ExampleTarget()
	defer end()
	r := reactor.New(reactor.Options{NoSignals: true})
	conn := &struct{ conch.SSHConnection }{}
	r.CallWhenRunning(func() {
		outputs := deferred.ThenDeferred(target.Connect(r, conn), func(struct{}) deferred.Deferred[[]client.Output] {
			return deferred.Gather([]deferred.Deferred[client.Output]{
				client.Exec(conn, "upper", []byte("one")), client.Exec(conn, "upper", []byte("two")),
			})
		})
		outputs.AddBoth(func(all []client.Output, err error) ([]client.Output, error) {
			for _, out := range all {
				fmt.Printf("%s\n", out.Stdout)
			}
			fmt.Println(err)
			return nil, r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ONE
	// TWO
	// <nil>
}
