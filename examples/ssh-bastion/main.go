// Command ssh-bastion is an SSH server that forwards connections to the addresses
// of a list, and does nothing else.
//
//	go run ./examples/ssh-bastion -keys KEYS -users FILE 10.0.0.5:22 10.0.0.6:22
//
// The options of a key, such as permitopen, restrict its user further. Users go
// through with ssh's option -J:
//
//	ssh -J user@bastion:2022 me@10.0.0.5
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("ssh-bastion", flag.ExitOnError)
		listen := flags.String("listen", "127.0.0.1:0", "the address to listen on; port 0 is a free one")
		keys := flags.String("keys", "", "the directory with the host key, which is made there at the first start")
		users := flags.String("users", "", "the file with the keys of the user \"user\", as authorized_keys has them")
		_ = flags.Parse(args) // exits on errors
		if *users == "" || flags.NArg() == 0 {
			return deferred.Fail[struct{}](errors.New("usage: ssh-bastion -users FILE [-listen ADDRESS] [-keys DIRECTORY] HOST:PORT [HOST:PORT]"))
		}
		authorized, err := os.ReadFile(*users)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		for _, address := range flags.Args() {
			if _, _, err := net.SplitHostPort(address); err != nil {
				return deferred.Fail[struct{}](err)
			}
		}
		s := newServer(string(authorized), flags.Args())
		s.HostKeyDir = *keys
		port, err := s.Listen(r, *listen)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		host, at, _ := net.SplitHostPort(flags.Arg(0)) // has succeeded above
		fmt.Fprintf(os.Stderr, "ssh -J user@%s -p %s %s\n", port.GetHost(), at, host)
		r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] { return s.Shutdown(time.Second) })
		return deferred.New[struct{}]() // never fires
	})
}

// newServer returns a bastion to the addresses.
func newServer(authorizedKeys string, addresses []string) *server.Server {
	return &server.Server{
		AuthorizedKeys: map[string]string{"user": authorizedKeys},
		Forwarding:     forward.Rules{Open: forward.Allow(addresses...)},
	}
}
