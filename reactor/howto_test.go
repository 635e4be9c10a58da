package reactor_test

import (
	"bufio"
	"context"
	"errors"
	"expvar"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// The examples in this file are the code of docs/howto/reactor.md, and the last
// two that of docs/from-twisted.md. Their names end in Howto, so that
// "go test -run Howto" runs them alone.

func Example_loopHowto() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() { fmt.Println("one") })
	r.CallLater(time.Millisecond, func() {
		fmt.Println("two")
		_ = r.Stop()
	})
	fmt.Println(r.Run())
	// Output:
	// one
	// two
	// <nil>
}

// slowSum stands for a function that blocks.
func slowSum() (int, error) { return 1 + 1, nil }

func Example_blockingHowto() {
	r := reactor.New(reactor.Options{Watchdog: 100 * time.Millisecond})
	r.CallWhenRunning(func() {
		sum := reactor.DeferToThread(r, slowSum)
		sum.OnResult(func(n int, err error) {
			fmt.Println(n, err) // on the loop
			_ = r.Stop()
		})
	})
	_ = r.Run()
	// Output: 2 <nil>
}

func Example_goroutineAsksHowto() {
	r := reactor.New(reactor.Options{})
	go func() { // ends with the answer
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		visits, err := reactor.Await(ctx, r, func() deferred.Deferred[int] {
			return deferred.Succeed(7) // on the loop, where the state is
		})
		fmt.Println(visits, err)
		_ = r.Stop()
	}()
	_ = r.Run()
	// Output: 7 <nil>
}

func Example_onTheLoopHowto() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		_, err := reactor.Await(r.Context(), r, func() deferred.Deferred[int] {
			return deferred.Succeed(7) // does not run
		})
		fmt.Println(errors.Is(err, reactor.ErrOnLoop))
		_ = r.Stop()
	})
	_ = r.Run()
	// Output: true
}

// greeter says hello, closes the connection and stops the reactor.
type greeter struct {
	reactor.BaseProtocol
	r *reactor.Reactor
}

func (g *greeter) ConnectionMade() {
	g.Transport().Write([]byte("hello\n"))
	g.Transport().LoseConnection()
}

func (g *greeter) ConnectionLost(reason error) {
	fmt.Println("closed cleanly:", errors.Is(reason, reactor.ErrConnectionDone))
	_ = g.r.Stop()
}

// greet reads what a greeter sends. Then it closes the connection, for which the
// greeter waits.
func greet(address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := io.ReadAll(c)
	fmt.Printf("received %q\n", text)
	_ = c.Close()
}

func Example_connectionsHowto() {
	r := reactor.New(reactor.Options{})
	f := reactor.ForProtocol(func() reactor.Protocol { return &greeter{r: r} })
	port, err := r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	address := port.GetHost().String()
	go greet(address) // ends when the server has closed the connection
	fmt.Println(r.Run())
	// Output:
	// received "hello\n"
	// closed cleanly: true
	// <nil>
}

func Example_adoptedHowto() {
	r := reactor.New(reactor.Options{})
	f := reactor.ForProtocol(func() reactor.Protocol { return &greeter{r: r} })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	port, err := r.Listen(l, f) // the reactor closes l
	if err != nil {
		fmt.Println(err)
		return
	}
	address := port.GetHost().String()
	go greet(address) // ends when the server has closed the connection
	fmt.Println(r.Run())
	// Output:
	// received "hello\n"
	// closed cleanly: true
	// <nil>
}

func Example_offTheLoopHowto() {
	r := reactor.New(reactor.Options{Debug: true})
	r.CallWhenRunning(func() {
		go func() { // ends with the panic
			defer func() {
				fmt.Println(recover())
				_ = r.Stop()
			}()
			r.CallLater(time.Second, func() {}) // belongs to the loop
		}()
	})
	_ = r.Run()
	// Output: reactor: CallLater called off the loop; post a function to the loop with CallFromThread
}

func Example_netConnHowto() {
	r := reactor.New(reactor.Options{})
	near, far := net.Pipe()
	c := reactor.NewNetConn(r)
	r.CallWhenRunning(func() { _, _ = r.Attach(near, c, reactor.AttachOptions{}) })
	go func() { fmt.Fprintln(far, "a line") }() // ends when the line is read
	go func() {                                 // ends with the line
		line, err := bufio.NewReader(c).ReadString('\n')
		fmt.Printf("%q %v\n", line, err)
		_ = r.Stop()
	}()
	_ = r.Run()
	// Output: "a line\n" <nil>
}

func Example_twoReactorsHowto() {
	front, back := reactor.New(reactor.Options{}), reactor.New(reactor.Options{NoSignals: true})
	ended := make(chan error)
	go func() { ended <- back.Run() }() // ends with back.Stop
	front.CallWhenRunning(func() {
		answer := reactor.DeferToReactor(front, back, func() deferred.Deferred[string] {
			return deferred.Succeed("made in the back") // on the loop of back
		})
		answer.OnValue(func(s string) {
			fmt.Println(s) // on the loop of front
			_ = back.Stop()
			_ = front.Stop()
		})
	})
	_ = front.Run()
	fmt.Println(<-ended)
	// Output:
	// made in the back
	// <nil>
}

func Example_statisticsHowto() {
	r := reactor.New(reactor.Options{})
	expvar.Publish("reactor", expvar.Func(func() any { return r.Stats() }))
	r.CallWhenRunning(func() {
		r.CallLater(time.Hour, func() {})
		r.CallLater(0, func() { _ = r.Stop() })
	})
	_ = r.Run()
	fmt.Println(strings.Contains(expvar.Get("reactor").String(), `"Timers":1,"Queued":0,"Delayed":1`))
	// Output: true
}

func Example_shutdownHowto() {
	r := reactor.New(reactor.Options{ShutdownTimeout: 10 * time.Second})
	r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[deferred.Void] {
		return reactor.DeferToThread(r, func() (deferred.Void, error) {
			fmt.Println("saving")
			return deferred.Void{}, nil
		})
	})
	r.CallWhenRunning(func() { _ = r.Stop() })
	fmt.Println(r.Run(), context.Cause(r.Context()))
	// Output:
	// saving
	// <nil> reactor: the loop has ended
}

// remind prints a text after an hour. It takes a Clock, not a Reactor.
func remind(clock reactor.Clock) { clock.CallLater(time.Hour, func() { fmt.Println("time") }) }

func Example_fakeTimeHowto() {
	clock := reactortest.NewClock()
	remind(clock)
	clock.Advance(time.Hour) // takes no time
	// Output: time
}

// keepConnected connects, and connects again whenever the connection is lost.
func keepConnected(r *reactor.Reactor, e endpoints.StreamClientEndpoint, f reactor.Factory) *endpoints.ClientService {
	service := endpoints.NewClientService(e, f, endpoints.ClientServiceOptions{
		Clock: r,
		RetryPolicy: endpoints.BackoffPolicy(endpoints.Backoff{
			Initial: time.Second, // initialDelay
			Max:     time.Hour,   // maxDelay
			Factor:  math.E,      // factor
		}),
	})
	service.StartService() // connector.connect; service.StopService is stopTrying
	r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, service.StopService)
	return service
}

func Example_reconnectingHowto() {
	r := reactor.New(reactor.Options{})
	server := reactor.ForProtocol(func() reactor.Protocol { return new(reactor.BaseProtocol) })
	port, err := r.ListenTCP(0, server, reactor.ListenOptions{Interface: "127.0.0.1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := endpoints.ClientFromString(r, "tcp:"+port.GetHost().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	client := reactor.ForProtocol(func() reactor.Protocol { return new(reactor.BaseProtocol) })
	r.CallWhenRunning(func() {
		keepConnected(r, e, client).WhenConnected(1).OnResult(func(p reactor.Protocol, err error) {
			fmt.Println(p.Connected(), err)
			_ = r.Stop()
		})
	})
	_ = r.Run()
	// Output: true <nil>
}

// counter is a base for protocols. It calls the hook Counted.
type counter struct {
	reactor.BaseProtocol
	bytes int
}

func (c *counter) DataReceived(data []byte) {
	c.bytes += len(data)
	c.Self().(interface{ Counted(bytes int) }).Counted(c.bytes)
}

// Counted does nothing. An embedding type may define its own.
func (c *counter) Counted(int) {}

// printer is a counter that prints.
type printer struct{ counter }

func (p *printer) DataReceived(data []byte) {
	fmt.Printf("%s, ", data)
	p.counter.DataReceived(data) // super().dataReceived(data)
}

func (p *printer) Counted(bytes int) { fmt.Println(bytes, "bytes") }

func Example_classesHowto() {
	p := new(printer)
	reactortest.Connect(p)
	p.DataReceived([]byte("one"))
	p.DataReceived([]byte("three"))
	// Output:
	// one, 3 bytes
	// three, 8 bytes
}
