package recvline_test

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// greeter greets whoever enters a name.
type greeter struct{ recvline.HistoricRecvLine }

func (g *greeter) ConnectionMade() {
	g.PS[0] = "name: "
	g.BindReadlineKeys()
	g.HistoricRecvLine.ConnectionMade()
}

func (g *greeter) LineReceived(line string) {
	fmt.Fprintf(g.Terminal(), "Hello, %s!\n", line)
	g.WritePrompt()
}

func Example() {
	terminal := insults.NewServerProtocol(func() insults.Protocol { return &greeter{} })
	wire := reactortest.Connect(terminal)
	terminal.DataReceived([]byte("Bb\x1b[Do\r")) // the arrow is in the middle

	// What the user sees.
	screen := insults.NewTerminalBuffer(40, 3)
	client := insults.NewClientProtocol(screen)
	reactortest.Connect(client)
	client.DataReceived([]byte(wire.Value()))
	fmt.Println(screen)
	// Output:
	// name: Bob
	// Hello, Bob!
	// name:
}

func ExampleRecvLine_complete() {
	commands := []string{"status", "start", "stop"}
	program := new(greeter)
	program.Complete = func(before, after string) (word string, candidates []string) {
		word = before[strings.LastIndexByte(before, ' ')+1:]
		for _, c := range commands {
			if strings.HasPrefix(c, word) {
				candidates = append(candidates, c)
			}
		}
		return word, candidates
	}
	terminal := insults.NewServerProtocol(func() insults.Protocol { return program })
	reactortest.Connect(terminal)
	terminal.DataReceived([]byte("s\t"))
	fmt.Println(program.LineBuffer())
	terminal.DataReceived([]byte("o\t"))
	fmt.Println(program.LineBuffer())
	// Output:
	// st
	// stop
}
