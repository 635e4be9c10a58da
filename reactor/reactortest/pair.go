package reactortest

import (
	"fmt"
	"net/netip"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// maxPumpsPerFlush is the maximum number of steps in one Flush. More are taken
// for an endless conversation.
const maxPumpsPerFlush = 1_000_000

// Pair is two protocols connected in memory. Data that one side writes waits
// until Pump delivers it to the other side. A test can look at both sides
// between any two steps.
//
// Closing, aborting, half-closing, pausing and producers behave as over TCP,
// with one difference: there are no socket buffers. A write counts as sent only
// when the other side has received it, so a paused side blocks the other.
type Pair struct {
	Client, Server *PairTransport

	// Chunk is the maximum number of bytes that one Pump delivers to each
	// side; 0 means all.
	Chunk int
}

// NewPair connects two protocols. It calls ConnectionMade of the server, then
// of the client.
func NewPair(client, server reactor.Protocol) *Pair {
	arg.NotNil("reactortest: NewPair", "client", client)
	arg.NotNil("reactortest: NewPair", "server", server)
	clientAddr, serverAddr := ipAddress("10.0.0.1:40000"), ipAddress("10.0.0.2:22")
	p := &Pair{
		Client: &PairTransport{p: client, host: clientAddr, peer: serverAddr},
		Server: &PairTransport{p: server, host: serverAddr, peer: clientAddr},
	}
	p.Client.other, p.Server.other = p.Server, p.Client
	reactor.MakeConnection(server, p.Server)
	reactor.MakeConnection(client, p.Client)
	return p
}

func ipAddress(s string) reactor.IPAddress {
	return reactor.IPAddress{AddrPort: netip.MustParseAddrPort(s)}
}

// Pump takes one step in each direction: it delivers data, or the next event if
// there is no data. The result is false if nothing has happened.
func (p *Pair) Pump() bool {
	fromClient := p.Client.pump(p.Chunk)
	fromServer := p.Server.pump(p.Chunk)
	return fromClient || fromServer
}

// Flush calls Pump until nothing happens any more. It panics after a million
// steps, because two protocols may talk for ever.
func (p *Pair) Flush() {
	for range maxPumpsPerFlush {
		if !p.Pump() {
			return
		}
	}
	panic(fmt.Errorf("reactortest: %d steps in one Flush; "+
		"look for two protocols that answer each other for ever", maxPumpsPerFlush))
}
