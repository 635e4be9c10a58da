package client_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/reactor"
)

// greeting is a channel that runs a command, sends it "hello", and prints its
// output.
type greeting struct {
	conch.SSHChannel // the default hooks
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

// greeter is the connection. It opens the channel when the service has started.
type greeter struct {
	conch.SSHConnection
}

func (c *greeter) ServiceStarted() { c.OpenChannel(&greeting{}) }

func (c *greeter) ServiceStopped() {
	_ = c.Transport().Reactor().Stop() // an error is impossible: the reactor runs
}

// A program in Twisted's style has two types, a channel and a connection. The
// function starts them.
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
