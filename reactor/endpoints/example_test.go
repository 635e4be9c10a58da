package endpoints_test

import (
	"fmt"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
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
