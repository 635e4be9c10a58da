package client_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/reactor"
)

// greeting is a channel that runs a command, greets it, and prints its answer.
type greeting struct {
	conch.SSHChannel // what it does not say itself
}

func (c *greeting) Name() string { return "session" }

func (c *greeting) ChannelOpen([]byte) {
	c.Conn().SendRequest(c, "exec", conch.NS("upper"), true).AddCallbacks(func(reply []byte) ([]byte, error) {
		c.Write([]byte("hello"))
		c.Conn().SendEOF(c)
		return reply, nil
	}, func(err error) ([]byte, error) {
		fmt.Println("refused:", err)
		c.LoseConnection()
		return nil, nil
	})
}

func (c *greeting) DataReceived(p []byte) { fmt.Printf("%s\n", p) }

func (c *greeting) Closed() { c.Conn().LoseConnection() }

// greeter is the connection, which opens the channel when it is there.
type greeter struct {
	conch.SSHConnection
}

func (c *greeter) ServiceStarted() { c.OpenChannel(&greeting{}) }

func (c *greeter) ServiceStopped() {
	_ = c.Transport().Reactor().Stop() // it runs
}

// The two classes that a program in Twisted's style consists of, and what
// starts them.
func ExampleConnect() {
	to, end := sshtest.ExampleTarget()
	defer end()
	r := reactor.New(reactor.Options{NoSignals: true})
	r.CallWhenRunning(func() {
		auth := client.NewDefaultAuthClient(to.User, &greeter{})
		client.Connect(r, to.Host, to.Port, to.Options, client.VerifyHostKey, auth).AddErrback(func(err error) (struct{}, error) {
			fmt.Println(err)
			return struct{}{}, r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output: HELLO
}
