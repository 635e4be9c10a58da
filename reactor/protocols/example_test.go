package protocols_test

import (
	"bytes"
	"fmt"

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
