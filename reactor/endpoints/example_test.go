package endpoints_test

import (
	"fmt"
	"io"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// echo sends back what it receives.
type echo struct{ reactor.BaseProtocol }

func (e *echo) DataReceived(data []byte) { e.Transport().Write(data) }

// talker says something and ends the program when it is answered.
type talker struct {
	reactor.BaseProtocol
	done deferred.Deferred[struct{}]
}

func (t *talker) ConnectionMade() { t.Transport().Write([]byte("hello")) }

func (t *talker) DataReceived(data []byte) {
	fmt.Printf("the server said %s\n", data)
	t.Transport().LoseConnection()
}

func (t *talker) ConnectionLost(error) { t.done.Callback(struct{}{}) }

func Example() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		server, _ := endpoints.ServerFromString(r, "tcp:0:interface=127.0.0.1")
		listening := server.Listen(reactor.ForProtocol(func() reactor.Protocol { return new(echo) }))
		t := &talker{done: deferred.New[struct{}]()}
		done := t.done
		connected := deferred.ThenDeferred(listening, func(port reactor.ListeningPort) deferred.Deferred[*talker] {
			client := endpoints.NewHostnameEndpoint(r, "localhost", port.GetHost().(reactor.IPAddress).Port(), endpoints.HostnameOptions{})
			return endpoints.ConnectProtocol(client, t)
		})
		finished := deferred.ThenDeferred(connected, func(*talker) deferred.Deferred[struct{}] { return done })
		finished.AddBoth(func(v struct{}, err error) (struct{}, error) {
			fmt.Println("the end:", err)
			return v, r.Stop()
		})
	})
	_ = r.Run()
	// Output:
	// the server said hello
	// the end: <nil>
}

func ExampleClientService() {
	m := reactortest.NewMemoryReactor() // in a program a *reactor.Reactor
	s := endpoints.NewClientService(endpoints.TCP4ClientEndpoint(m, "192.0.2.1", 7, reactor.DialOptions{}),
		reactor.ForProtocol(func() reactor.Protocol { return new(echo) }),
		endpoints.ClientServiceOptions{Clock: m, RetryPolicy: func(failures int) time.Duration { return time.Duration(failures) * time.Second }})
	s.StartService()
	for range 3 {
		m.Dials[len(m.Dials)-1].Result.Errback(io.ErrUnexpectedEOF) // the network is down
		fmt.Println(m.Elapsed(), "next attempt:", m.GetDelayedCalls()[0].Time().Sub(m.Now()))
		m.Advance(m.GetDelayedCalls()[0].Time().Sub(m.Now()))
	}
	s.StopService().AddCallback(func(v struct{}) (struct{}, error) {
		fmt.Println("stopped")
		return v, nil
	})
	// Output:
	// 0s next attempt: 1s
	// 1s next attempt: 2s
	// 3s next attempt: 3s
	// stopped
}

func ExampleClientFromString() {
	m := reactortest.NewMemoryReactor()
	for _, description := range []string{"tcp:host=192.0.2.1:port=22:timeout=5", `unix:/run/my\:socket`, "tcp:nowhere"} {
		e, err := endpoints.ClientFromString(m, description)
		if err != nil {
			fmt.Println(err)
			continue
		}
		e.Dial()
		dialled := m.Dials[len(m.Dials)-1]
		fmt.Println(dialled.Network, dialled.Address)
	}
	// Output:
	// tcp 192.0.2.1:22
	// unix /run/my:socket
	// endpoints: "tcp:nowhere": the argument port is missing
}
