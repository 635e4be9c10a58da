package protocols_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// shout answers each line in capitals.
type shout struct{ protocols.LineReceiver }

func (s *shout) LineReceived(line []byte) { s.SendLine(bytes.ToUpper(line)) }

func ExampleLineReceiver() {
	p := new(shout)
	transport := reactortest.Connect(p)
	p.DataReceived([]byte("hello\r\nwor"))
	p.DataReceived([]byte("ld\r\n"))
	fmt.Printf("%q\n", transport.Value())
	// Output: "HELLO\r\nWORLD\r\n"
}

// joiner answers each string with itself twice.
type joiner struct{ protocols.Int16StringReceiver }

func (j *joiner) StringReceived(s []byte) { _ = j.SendString(append(s, s...)) } // short enough

func ExampleInt16StringReceiver() {
	p := new(joiner)
	transport := reactortest.Connect(p)
	p.DataReceived([]byte("\x00\x02ab\x00"))
	p.DataReceived([]byte("\x01c"))
	fmt.Printf("%q\n", transport.Value())
	// Output: "\x00\x04abab\x00\x02cc"
}

// greeter closes the connection of a peer that says nothing for a minute.
type greeter struct {
	protocols.LineReceiver
	timeout protocols.TimeoutMixin
	clock   reactor.Clock
}

func (g *greeter) ConnectionMade() {
	g.timeout.Clock, g.timeout.Protocol = g.clock, g
	g.timeout.SetTimeout(time.Minute)
}

func (g *greeter) LineReceived(line []byte) {
	g.timeout.ResetTimeout()
	g.SendLine([]byte("hello, " + string(line)))
}

func (g *greeter) ConnectionLost(error) { g.timeout.SetTimeout(0) }

func ExampleTimeoutMixin() {
	clock := reactortest.NewClock()
	g := &greeter{clock: clock}
	transport := reactortest.Connect(g)
	clock.Advance(59 * time.Second)
	g.DataReceived([]byte("you\r\n"))
	clock.Advance(59 * time.Second)
	fmt.Println(g.Connected(), strings.TrimSpace(transport.Value()))
	clock.Advance(time.Second)
	fmt.Println(g.Connected())
	// Output:
	// true hello, you
	// false
}

func ExampleFileSender() {
	transport := reactortest.NewStringTransport()
	var sender protocols.FileSender
	sent := sender.BeginFileTransfer(strings.NewReader("a file"), transport)
	for !sent.Called() { // the transport asks for a piece whenever it has sent one
		transport.Producer.ResumeProducing()
	}
	fmt.Println(transport.Value())
	// Output: a file
}
