// Command daemon runs three services until SIGINT or SIGTERM: a server that
// answers lines, a client that keeps a connection to it, and a timer that asks
// the server through the client.
//
//	daemon -listen tcp:7007:interface=127.0.0.1 -connect tcp:127.0.0.1:7007
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/service"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	service.Run(func(r *reactor.Reactor, args []string) (service.Service, error) {
		flags := flag.NewFlagSet("daemon", flag.ExitOnError)
		listen := flags.String("listen", "tcp:7007:interface=127.0.0.1", "the endpoint of the server")
		connect := flags.String("connect", "tcp:127.0.0.1:7007", "the endpoint that the client connects to")
		every := flags.Duration("every", time.Second, "the time between two questions")
		_ = flags.Parse(args) // exits on errors
		return build(r, *listen, *connect, *every, os.Stdout)
	})
}

// build returns the services. They are started in this order, and stopped in
// the reverse order.
func build(
	r *reactor.Reactor, listen, connect string, every time.Duration, out io.Writer,
) (*service.MultiService, error) {
	server, err := endpoints.ServerFromString(r, listen)
	if err != nil {
		return nil, err
	}
	client, err := endpoints.ClientFromString(r, connect)
	if err != nil {
		return nil, err
	}
	answering := reactor.ForProtocol(func() reactor.Protocol { return new(answerer) })
	asking := reactor.ForProtocol(func() reactor.Protocol { return &asker{out: out} })
	connection := endpoints.NewClientService(client, asking, endpoints.ClientServiceOptions{Clock: r})
	ask := task.NewLoopingCallDeferred(r, func() deferred.Deferred[struct{}] {
		return deferred.ThenDeferred(connection.WhenConnected(0), func(p reactor.Protocol) deferred.Deferred[struct{}] {
			return p.(*asker).ask()
		})
	})

	app := new(service.MultiService)
	for _, part := range []service.Service{
		&notice{out: out, last: "everything is stopped"},
		endpoints.NewServerService(server, answering),
		connection,
		service.NewTimerService(every, ask),
		&notice{out: out, first: "serving; press Ctrl-C to stop", last: "stopping"},
	} {
		if err := app.AddService(part); err != nil {
			return nil, err
		}
	}
	return app, nil
}

// notice is a service that prints when it starts and stops. It shows the order.
type notice struct {
	service.BaseService
	out         io.Writer
	first, last string
}

func (n *notice) StartService() error {
	if n.first != "" {
		fmt.Fprintln(n.out, n.first)
	}
	return nil
}

func (n *notice) StopService() (ended deferred.Deferred[struct{}]) {
	fmt.Fprintln(n.out, n.last)
	return ended // the zero Deferred: it has ended
}

// answerer is the protocol of the server. It answers each line with its number.
type answerer struct {
	protocols.LineReceiver
	lines int
}

func (a *answerer) LineReceived(line []byte) {
	a.lines++
	a.SendLine(fmt.Appendf(nil, "answer %d to %s", a.lines, line))
}

// asker is the protocol of the client.
type asker struct {
	protocols.LineReceiver
	out      io.Writer
	answered deferred.Deferred[struct{}] // zero unless an answer is expected
}

// ask sends a question. The Deferred fires when the answer is printed, or the
// connection is lost.
func (a *asker) ask() deferred.Deferred[struct{}] {
	a.answered = deferred.New[struct{}]()
	a.SendLine([]byte("a question"))
	return a.answered
}

func (a *asker) LineReceived(line []byte) {
	fmt.Fprintf(a.out, "%s\n", line)
	a.finish()
}

func (a *asker) ConnectionLost(error) { a.finish() }

func (a *asker) finish() {
	if d := a.answered; d != (deferred.Deferred[struct{}]{}) {
		a.answered = deferred.Deferred[struct{}]{}
		_ = d.TryCallback(struct{}{}) // fails if the Deferred was cancelled
	}
}
