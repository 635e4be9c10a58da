package agent_test

import (
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/keys"
)

// end is one end of a connection in memory. The transport of a reactor, or an SSH channel, takes its place in a program.
type end struct{ deliver func(p []byte) }

func (e *end) Write(p []byte)  { e.deliver(p) }
func (e *end) LoseConnection() {}

// connect joins a client to a new server of the store.
func connect(client *agent.SSHAgentClient, store agent.KeyStore) {
	server := agent.NewSSHAgentServer(store)
	server.MakeConnection(&end{client.DataReceived})
	client.MakeConnection(&end{server.DataReceived})
}

// A key is given to an agent, which then signs with it. The requests go out without waiting for each other.
func Example() {
	client := agent.NewSSHAgentClient()
	connect(client, agent.NewKeyring(nil))

	key, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	blob, err := key.PrivateBlob()
	if err != nil {
		fmt.Println(err)
		return
	}
	client.AddIdentity(blob, "laptop", agent.Constraints{}).AddErrback(func(err error) (none struct{}, _ error) {
		fmt.Println(err)
		return
	})
	client.RequestIdentities().AddCallback(func(identities []agent.Identity) ([]agent.Identity, error) {
		for _, identity := range identities {
			fmt.Println("holds", identity.Comment)
		}
		return identities, nil
	})
	client.SignData(key.Blob(), []byte("data"), 0).AddCallback(func(signature []byte) ([]byte, error) {
		fmt.Println("signed:", key.Verify(signature, []byte("data")))
		return signature, nil
	})
	client.RemoveIdentity([]byte("another key")).AddErrback(func(err error) (none struct{}, _ error) {
		fmt.Println(err, errors.Is(err, agent.ErrRefused))
		return
	})
	// Output:
	// holds laptop
	// signed: true
	// agent: remove identity: refused by the agent true
}

// A relay: what the client asks of the server in the middle is asked of the agent behind it.
func ExampleSSHAgentServer() {
	local := agent.NewSSHAgentClient() // to the agent that has the keys
	connect(local, agent.NewKeyring(nil))
	remote := agent.NewSSHAgentClient() // at the far end of a connection
	connect(remote, local)

	key, err := keys.Generate(keys.EC, 256)
	if err != nil {
		fmt.Println(err)
		return
	}
	blob, err := key.PrivateBlob()
	if err != nil {
		fmt.Println(err)
		return
	}
	local.AddIdentity(blob, "", agent.Constraints{})
	remote.GetPublicKeys()
	fmt.Println(remote.GetPublicKey().Type(), remote.GetPublicKey())
	// Output:
	// ecdsa-sha2-nistp256 <nil>
}
