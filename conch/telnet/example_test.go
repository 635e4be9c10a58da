package telnet_test

import (
	"bytes"
	"fmt"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// shout sends everything back in capitals.
type shout struct{ telnet.TelnetProtocol }

func (s *shout) DataReceived(p []byte) { s.Transport().Write(bytes.ToUpper(p)) }

func Example() {
	factory := reactor.ForProtocol(func() reactor.Protocol {
		return &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return &shout{} }}
	})
	// A program passes the factory to r.ListenTCP(2323, factory,
	// reactor.ListenOptions{}).
	p, _ := reactor.BuildFrom(factory, nil)
	connection := reactortest.Connect(p)

	p.DataReceived([]byte("hello\r\n"))
	fmt.Printf("%q\n", connection.TakeValue())
	// Output: "HELLO\r\n"
}

// greeter asks for a name, and greets until the user says bye.
type greeter struct {
	telnet.StatefulTelnetProtocol
	user string
}

func (g *greeter) ConnectionMade() {
	g.Transport().Write([]byte("What is your name? "))
	g.SetState(g.name)
}

func (g *greeter) name(line []byte) telnet.State {
	g.user = string(line)
	g.SendLine([]byte("Hello " + g.user))
	return g.talk
}

func (g *greeter) talk(line []byte) telnet.State {
	if string(line) == "bye" {
		g.SendLine([]byte("Bye " + g.user))
		g.Transport().LoseConnection()
	}
	return nil
}

func ExampleStatefulTelnetProtocol() {
	p := &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return &greeter{} }}
	connection := reactortest.Connect(p)
	fmt.Printf("%q\n", connection.TakeValue())
	p.DataReceived([]byte("Ann\r\n"))
	fmt.Printf("%q\n", connection.TakeValue())
	p.DataReceived([]byte("bye\r\n"))
	fmt.Printf("%q\n", connection.TakeValue())
	// Output:
	// "What is your name? "
	// "Hello Ann\r\n"
	// "Bye Ann\r\n"
}

// A program may offer an option again that was refused.
func ExampleTelnet_Will() {
	p := &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return &shout{} }}
	reactortest.Connect(p)
	for _, answer := range []telnet.Command{telnet.DONT, telnet.DO} {
		p.Will(telnet.ECHO).OnResult(func(_ bool, err error) { fmt.Println("on:", p.LocalEnabled(telnet.ECHO), err) })
		p.DataReceived([]byte{byte(telnet.IAC), byte(answer), byte(telnet.ECHO)}) // from the peer
	}
	// Output:
	// on: false telnet: ECHO: the peer has refused the option
	// on: true <nil>
}

// greeters lets every user be greeted.
type greeters struct{}

func (greeters) RequestAvatar(name string, _ any) deferred.Deferred[*greeter] {
	return deferred.Succeed(&greeter{user: name})
}

func ExampleAuthenticatingTelnetProtocol() {
	portal := cred.NewPortal(greeters{}, cred.InMemory(map[string]string{"ann": "sesame"}))
	_ = reactor.ForProtocol(func() reactor.Protocol {
		return &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol {
			return &telnet.AuthenticatingTelnetProtocol[*greeter]{Portal: portal, Clock: reactor.Default()}
		}}
	})
}

// sum adds the digits that the peer types.
type sum struct {
	reactor.BaseProtocol
	total int
}

func (s *sum) DataReceived(keys []byte) {
	for _, key := range keys {
		s.total += int(key - '0')
		s.Transport().Write(fmt.Appendln(nil, s.total))
	}
}

func (s *sum) TerminalSize(width, height int) {
	fmt.Println("the terminal has", width, "columns and", height, "rows")
}

func ExampleTelnetBootstrapProtocol() {
	p := &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol {
		return &telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol { return &sum{} }}
	}}
	connection := reactortest.Connect(p)
	connection.Clear() // the requests for options

	p.DataReceived([]byte("\xff\xfa\x1f\x00\x64\x00\x20\xff\xf0")) // a window of 100 × 32
	p.DataReceived([]byte("19"))
	fmt.Printf("%q\n", connection.TakeValue())
	// Output:
	// the terminal has 100 columns and 32 rows
	// "1\r\n10\r\n"
}
