package agent_test

import (
	"fmt"
	"testing"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// BenchmarkList measures the way of a request and its answer through client and server, over a transport in memory.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{1, 5} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			keyring := agent.NewKeyring(nil)
			for _, k := range testKeys()[:n] {
				add(b, keyring, privateBlob(b, k), "comment", agent.Constraints{})
			}
			c := agent.NewSSHAgentClient()
			connect(c, keyring)
			b.ReportAllocs()
			for b.Loop() {
				if o := deferredtest.Observe(c.RequestIdentities()); len(o.Value) != n {
					b.Fatal(o.Err)
				}
			}
		})
	}
}
