package starlarkrepl_test

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// queue is a part of a program.
type queue struct {
	Limit int
	jobs  []string
}

func (q *queue) Jobs() []string { return q.jobs }

func Example() {
	q := &queue{Limit: 10, jobs: []string{"mail", "backup"}}
	terminal := insults.NewServerProtocol(func() insults.Protocol {
		m := manhole.New(starlarkrepl.New, map[string]any{"q": q})
		m.Logger = slog.New(slog.DiscardHandler) // the session is logged otherwise
		return m
	})
	wire := reactortest.Connect(terminal)
	terminal.DataReceived([]byte("[j.upper() for j in q.Jobs()]\rq.Limit += 5\r"))

	// What the user sees.
	screen := insults.NewTerminalBuffer(60, 5)
	client := insults.NewClientProtocol(screen)
	reactortest.Connect(client)
	client.DataReceived([]byte(wire.Value()))
	fmt.Println(strings.TrimRight(screen.String(), " \n"))
	fmt.Println("limit:", q.Limit)
	// Output:
	// >>> [j.upper() for j in q.Jobs()]
	// ["MAIL", "BACKUP"]
	// >>> q.Limit += 5
	// >>>
	// limit: 15
}

func ExampleOptions() {
	short := starlarkrepl.Options{MaxSteps: 1_000_000}
	newManhole := func() insults.Protocol { return manhole.NewColored(short.New, nil) }
	fmt.Printf("%T\n", newManhole())
	// Output: *manhole.ColoredManhole
}
