// Command ssh-game is a game for the whole screen, over SSH: walk to the stars
// with the arrow keys. Each user who logs in has a game. The picture follows the
// size of the window.
//
//	go run ./examples/ssh-game
//
// It prints how to play. The password of the user "player" is "stars".
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"

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
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("ssh-game", flag.ExitOnError)
		port := flags.Int("port", 0, "the port to listen on; 0 takes a free one")
		_ = flags.Parse(args) // exits on errors
		listening, err := serve(r, *port, rand.IntN)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		at := listening.GetHost().(reactor.IPAddress).Port()
		fmt.Printf("ssh -p %d player@127.0.0.1    (the password is \"stars\")\n", at)
		return deferred.New[struct{}]() // never fires
	})
}

// serve lets the game listen. random returns a number below n.
func serve(r *reactor.Reactor, port int, random func(n int) int) (reactor.ListeningPort, error) {
	hostKey, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		return nil, err
	}
	host, err := hostKey.Signer()
	if err != nil {
		return nil, err
	}
	realm := manhole.NewTerminalRealm(func() insults.Protocol { return &game{random: random} })
	passwords := cred.InMemory(map[string]string{"player": "stars"})
	factory := manhole.NewConchFactory(cred.NewPortal(realm, passwords))
	factory.PrivateKeys = []gossh.Signer{host}
	return r.ListenTCP(port, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}
