package reactortest_test

import (
	"fmt"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func ExampleClock() {
	clock := reactortest.NewClock()
	clock.CallLater(time.Hour, func() { fmt.Println("an hour has passed") })
	clock.Advance(59 * time.Minute)
	fmt.Println("not yet")
	clock.Advance(time.Minute)
	// Output:
	// not yet
	// an hour has passed
}

// echo sends back what it receives.
type echo struct{ reactor.BaseProtocol }

func (e *echo) DataReceived(data []byte) { e.Transport().Write(data) }

func ExampleStringTransport() {
	p := new(echo)
	transport := reactortest.Connect(p)
	p.DataReceived([]byte("hello"))
	fmt.Println(transport.Value())
	// Output: hello
}

func ExamplePair() {
	client := new(reactortest.AccumulatingProtocol)
	pair := reactortest.NewPair(client, new(echo))
	pair.Chunk = 2 // bytes at a time
	pair.Client.Write([]byte("hello"))
	for pair.Pump() {
		fmt.Printf("%q\n", client.Data.String())
	}
	// Output:
	// "he"
	// "hell"
	// "hello"
}

func ExampleMemoryReactor() {
	m := reactortest.NewMemoryReactor()
	endpoints.NewHostnameEndpoint(m, "192.0.2.1", 7, endpoints.HostnameOptions{}).Dial()
	fmt.Println(m.Dials[0].Network, m.Dials[0].Address)
	// Output: tcp 192.0.2.1:7
}
