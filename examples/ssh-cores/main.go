// Command ssh-cores is an SSH server with several reactors behind one port, by
// default one for each processor. A client gets the next reactor in turn.
//
//	go run ./examples/ssh-cores [-reactors 4] [-port 2022]
//
// It prints how to log in. Each command prints which reactor serves it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("ssh-cores", flag.ExitOnError)
		number := flags.Int("port", 0, "the port of 127.0.0.1 to listen on; 0 is a free one")
		n := flags.Int("reactors", runtime.GOMAXPROCS(0), "the number of reactors")
		_ = flags.Parse(args) // exits on errors
		port, err := serve(r, *number, *n)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		at := port.GetHost().(reactor.IPAddress).Port()
		fmt.Fprintf(os.Stderr, "%d reactors; ssh -p %d user@127.0.0.1 which    (the password is \"password\")\n", *n, at)
		return deferred.New[struct{}]() // never fires
	})
}

// newServer returns the server of one reactor. Each reactor needs a server of
// its own, with the same host key.
func newServer(number int, hostKey gossh.Signer) *server.Server {
	s := &server.Server{
		Passwords: map[string]string{"user": "password"},
		Handle: func(_ context.Context, c *server.Command) int {
			fmt.Fprintf(c.Stdout, "served by reactor %d\n", number)
			return 0
		},
	}
	s.PrivateKeys = []gossh.Signer{hostKey}
	return s
}

// core is a reactor with its server.
type core struct {
	r     *reactor.Reactor
	s     *server.Server
	ended chan struct{} // closed when the reactor has ended
}

// startCore runs a reactor on a goroutine, which ends when the reactor stops.
func startCore(number int, hostKey gossh.Signer, log *slog.Logger) *core {
	c := &core{
		r:     reactor.New(reactor.Options{NoSignals: true, Logger: log}),
		s:     newServer(number, hostKey),
		ended: make(chan struct{}),
	}
	c.s.Reactor = c.r
	c.s.StartFactory() // Listen does this for a server that listens itself
	go func() {
		defer close(c.ended)
		if err := c.r.Run(); err != nil {
			log.Error("a reactor has failed", "reactor", number, "err", err)
		}
	}()
	return c
}

// take gives a connection to the server of the core. Any goroutine may call it.
func (c *core) take(conn net.Conn) {
	posted := c.r.CallFromThread(func() {
		p, err := c.s.BuildProtocol(conn.RemoteAddr())
		if err == nil {
			_, err = c.r.Attach(conn, p, reactor.AttachOptions{}) // owns conn
		}
		if err != nil {
			conn.Close()
		}
	})
	if !posted { // the reactor has stopped
		conn.Close()
	}
}

// stop shuts the server down, then the reactor, and fires on the loop of r.
func (c *core) stop(r *reactor.Reactor) deferred.Deferred[struct{}] {
	return reactor.DeferToThread(r, func() (struct{}, error) {
		_, err := reactor.Await(context.Background(), c.r, func() deferred.Deferred[struct{}] { return c.s.Shutdown(time.Second) })
		if stopErr := c.r.Stop(); err == nil {
			err = stopErr
		}
		<-c.ended
		return struct{}{}, err
	})
}

// dealer deals the connections of a port out to the cores, one after the other.
type dealer struct {
	reactor.BaseFactory
	cores []*core
	next  int
}

func (d *dealer) BuildProtocol(net.Addr) (reactor.Protocol, error) { return &dealt{d: d}, nil }

// dealt takes the net.Conn of a new connection, instead of a transport.
type dealt struct {
	reactor.BaseProtocol
	d *dealer
}

// TakeConn implements reactor.ConnTaker.
func (p *dealt) TakeConn(_ *reactor.Reactor, conn net.Conn) {
	d := p.d
	d.next = (d.next + 1) % len(d.cores)
	d.cores[d.next].take(conn)
}

// serve starts n reactors, and a port on r, which accepts for all of them. They
// stop with r.
func serve(r *reactor.Reactor, port, n int) (reactor.ListeningPort, error) {
	key, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		return nil, err
	}
	hostKey, err := key.Signer()
	if err != nil {
		return nil, err
	}
	d := &dealer{}
	for i := range max(n, 1) {
		c := startCore(i, hostKey, r.Logger())
		d.cores = append(d.cores, c)
		r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] { return c.stop(r) })
	}
	return r.ListenTCP(port, d, reactor.ListenOptions{Interface: "127.0.0.1"})
}
