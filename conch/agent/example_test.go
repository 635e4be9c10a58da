package agent_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// A keyring is served on one end of a connection, and a client asks it at the
// other end.
func Example() {
	key, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	ring := agent.NewKeyring()
	if err := ring.AddIdentity(key, agent.AddOptions{Comment: "laptop"}); err != nil {
		fmt.Println(err)
		return
	}

	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		here, there := net.Pipe()
		agent.Serve(r, there, ring).OnValue(func(deferred.Void) { r.Stop() })

		client := agent.NewSSHAgentClient(r, here)
		client.RequestIdentities().OnValue(func(identities []agent.Identity) {
			for _, i := range identities {
				fmt.Printf("%s %q\n", i.Key.Type(), i.Comment)
			}
		})
		signed := client.SignData(key.PublicKey(), []byte("data"), "")
		signed.OnValue(func(s *gossh.Signature) {
			fmt.Println("verified:", key.PublicKey().Verify([]byte("data"), s) == nil)
		}).Finally(client.Close)
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ssh-ed25519 "laptop"
	// verified: true
}

// The error of Connect names the agent.
func ExampleConnect() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		agent.Connect(r, "/nowhere/agent").OnValue(func(c *agent.SSHAgentClient) {
			c.RequestIdentities().Finally(c.Close)
		}).OnError(func(err error) {
			op, _ := errors.AsType[*agent.OpError](err)
			fmt.Println(op.Op, op.Agent, errors.Is(err, fs.ErrNotExist))
		}).Finally(func() { r.Stop() })
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// connect /nowhere/agent true
}
