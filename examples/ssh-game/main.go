// Command ssh-game is a game for the whole screen: walk to the stars with the
// arrow keys. The picture follows the size of the window. The game is played
// over SSH and telnet, where each user who logs in has a game, or here:
//
//	go run ./examples/ssh-game
//	go run ./examples/ssh-game -telnet 2323
//	go run ./examples/ssh-game -here
//
// The first two print how to play. The password of the user "player" is "stars".
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

func main() {
	port := flag.Int("port", 0, "the port for SSH clients; 0 takes a free one")
	telnetPort := flag.Int("telnet", -1, "the port for telnet clients; 0 takes a free one, -1 takes none")
	here := flag.Bool("here", false, "play on this terminal")
	flag.Parse()
	if *here {
		if err := manhole.RunWithProtocol(reactor.New(reactor.Options{}), newGame(rand.IntN)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	task.React(func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		listening, err := serve(r, *port, newGame(rand.IntN))
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		fmt.Printf("ssh -p %d player@127.0.0.1    (the password is \"stars\")\n", portOf(listening))
		if *telnetPort < 0 {
			return deferred.New[struct{}]() // never fires
		}
		if listening, err = serveTelnet(r, *telnetPort, newGame(rand.IntN)); err != nil {
			return deferred.Fail[struct{}](err)
		}
		fmt.Printf("telnet 127.0.0.1 %d\n", portOf(listening))
		return deferred.New[struct{}]() // never fires
	})
}

// newGame returns a function that makes a game for a user. random returns a
// number below n.
func newGame(random func(n int) int) func() insults.Protocol {
	return func() insults.Protocol { return &game{random: random} }
}

var passwords = cred.InMemory(map[string]string{"player": "stars"})

func portOf(l reactor.ListeningPort) int { return l.GetHost().(reactor.IPAddress).Port() }

// serve lets a game listen for SSH clients.
func serve(r *reactor.Reactor, port int, game func() insults.Protocol) (reactor.ListeningPort, error) {
	hostKey, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		return nil, err
	}
	host, err := hostKey.Signer()
	if err != nil {
		return nil, err
	}
	realm := manhole.NewTerminalRealm(game)
	factory := manhole.NewConchFactory(cred.NewPortal(realm, passwords))
	factory.PrivateKeys = []gossh.Signer{host}
	return r.ListenTCP(port, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}

// serveTelnet lets a game listen for telnet clients.
func serveTelnet(r *reactor.Reactor, port int, game func() insults.Protocol) (reactor.ListeningPort, error) {
	return r.ListenTCP(port, manhole.NewTelnetFactory(r, game, passwords), reactor.ListenOptions{Interface: "127.0.0.1"})
}
