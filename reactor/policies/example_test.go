package policies_test

import (
	"fmt"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/policies"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// echo sends back what it receives.
type echo struct{ reactor.BaseProtocol }

func (e *echo) DataReceived(data []byte) { e.Transport().Write(data) }

func newEcho() reactor.Protocol { return new(echo) }

func Example() {
	clock := reactortest.NewClock() // a program uses its reactor
	f := policies.NewTimeoutFactory(clock, reactor.ForProtocol(newEcho), time.Minute)
	f = policies.NewLimitTotalConnectionsFactory(f, 1, nil)

	first, err := reactor.BuildFrom(f, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	t := reactortest.Connect(first)
	_, err = reactor.BuildFrom(f, nil)
	fmt.Println("a second connection:", err)

	first.DataReceived([]byte("hello"))
	fmt.Println(t.TakeValue())
	clock.Advance(time.Minute)
	fmt.Println("closed:", t.Disconnecting())
	// Output:
	// a second connection: reactor: the factory returned no protocol
	// hello
	// closed: true
}

// counter counts the bytes that are received.
type counter struct {
	policies.ProtocolWrapper
	received int
}

func (c *counter) DataReceived(data []byte) {
	c.received += len(data)
	c.ProtocolWrapper.DataReceived(data)
}

func ExampleNewWrappingFactory() {
	f := policies.NewWrappingFactory(reactor.ForProtocol(newEcho), func() policies.Wrapper { return new(counter) })
	p, err := reactor.BuildFrom(f, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	reactortest.Connect(p)
	p.DataReceived([]byte("hello"))
	for _, w := range f.Wrappers() {
		fmt.Println(w.(*counter).received, "bytes")
	}
	// Output: 5 bytes
}
