package manhole_test

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// shouter is an interpreter of a language of its own: it shows each line in
// capitals.
type shouter struct{ s manhole.Session }

func (i shouter) Push(line string) (more bool) {
	if line == "bye" {
		i.s.LoseConnection()
		return false
	}
	i.s.AddOutput(strings.ToUpper(line)+"\n", false)
	return false
}

func (i shouter) Reset() {}

func ExampleNew() {
	newShouter := func(s manhole.Session, _ map[string]any) manhole.Interpreter { return shouter{s} }
	terminal := insults.NewServerProtocol(func() insults.Protocol {
		m := manhole.New(newShouter, nil)
		m.Logger = slog.New(slog.DiscardHandler) // the session is logged otherwise
		return m
	})
	wire := reactortest.Connect(terminal)
	wire.Clear()
	terminal.DataReceived([]byte("hello\r"))
	fmt.Printf("%q\n", wire.Value())
	// Output: "hello\r\nHELLO\r\n>>> "
}

func ExampleNewTerminalRealm() {
	namespace := map[string]any{"answer": 42}
	realm := manhole.NewTerminalRealm(func() insults.Protocol { return manhole.New(starlarkrepl.New, namespace) })
	passwords := cred.InMemory(map[string]string{"ana": "secret"})
	factory := manhole.NewConchFactory(cred.NewPortal[server.Avatar](realm, passwords))
	fmt.Println(len(factory.PrivateKeys), "host keys, so it cannot listen yet")
	// Output: 0 host keys, so it cannot listen yet
}
