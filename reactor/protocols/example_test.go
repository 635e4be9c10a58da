package protocols_test

import (
	"bytes"
	"fmt"
	"strings"

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
