package telnet_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// TestT_TELNET_30_Wiring: a factory builds transports, which make and connect
// their protocols.
func TestT_TELNET_30_Wiring(t *testing.T) {
	p := &recorder{journal: &journal{}}
	factory := reactor.ForProtocol(func() reactor.Protocol {
		return &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return p }}
	})
	built, err := reactor.BuildFrom(factory, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Telnet() != nil || p.Transport() != nil {
		t.Error("there is a transport before the connection")
	}
	tr := reactortest.Connect(built)
	switch transport := built.(*telnet.TelnetTransport); {
	case p.Telnet() != transport || p.Transport() != reactor.Transport(transport) || transport.Protocol() != telnet.Protocol(p):
		t.Error("the protocol is not connected to the transport")
	case p.Telnet().Factory() != factory:
		t.Error("the factory is unknown")
	case p.Transport().GetHost() != tr.Host || p.Transport().GetPeer() != tr.Peer:
		t.Error("wrong addresses")
	}
	built.DataReceived([]byte("a\r\n" + iac(246) + sub(1, "x") + verb(telnet.WILL, 1)))
	p.Transport().LoseConnection()
	p.expect(t, "everything goes to the protocol", `data "a\n"`, `command "\xf6" <nil>`,
		`subnegotiation "\x01" "x"`, `enableRemote "\x01" false`, "lost")
	if p.Telnet().Protocol() != nil || p.Connected() {
		t.Error("the protocol is still there")
	}
}

// TestT_TELNET_30_SetProtocol: another protocol gets everything from then on.
func TestT_TELNET_30_SetProtocol(t *testing.T) {
	c := record("", "")
	next := &recorder{journal: &journal{}, remote: "\x01"}
	c.HandleCommand(telnet.AYT, func(telnet.Option) { c.SetProtocol(next) })
	c.in("one" + iac(246) + "two" + verb(telnet.WILL, 1))
	c.expect(t, "replaced", `data "one"`, event("out", iac(253, 1)))
	next.expect(t, "replacing", `data "two"`, `enableRemote "\x01" true`)
	c.lose()
	c.expect(t, "replaced")
	next.expect(t, "replacing", "lost")
	late := &recorder{journal: &journal{}}
	c.SetProtocol(late)
	if late.Connected() || c.Protocol() != nil {
		t.Error("connected after the loss")
	}
}

// TestT_TELNET_30_NoProtocol: without a protocol the connection is closed.
func TestT_TELNET_30_NoProtocol(t *testing.T) {
	c := connect(&journal{}, nil)
	c.expect(t, "opening", "close")
	c.in("x" + verb(telnet.WILL, 1) + iac(246) + sub(1, ""))
	c.lose()
	c.expect(t, "then")
}

// loud is a transport that writes in capitals.
type loud struct{ telnet.TelnetTransport }

func (l *loud) Write(data []byte) { l.TelnetTransport.Write(bytes.ToUpper(data)) }

// TestT_TELNET_30_EmbeddedTransport: a protocol writes through the embedding
// type.
func TestT_TELNET_30_EmbeddedTransport(t *testing.T) {
	p := &recorder{journal: &journal{}}
	l := &loud{telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return p }}}
	tr := reactortest.Connect(l)
	p.Transport().Write([]byte("a\n"))
	p.Telnet().Write([]byte("b\n"))
	if tr.Value() != "A\r\nb\r\n" {
		t.Errorf("wrote %q", tr.Value())
	}
}

// TestT_TELNET_31_Write: LF, CR and IAC, also across writes.
func TestT_TELNET_31_Write(t *testing.T) {
	for _, tt := range []struct {
		writes []string
		want   string
	}{
		{[]string{"a\nb"}, "a\r\nb"},
		{[]string{"a\r\nb"}, "a\r\nb"},
		{[]string{"a\r", "\nb"}, "a\r\nb"},
		{[]string{"a\r", "", "\nb"}, "a\r\nb"},
		{[]string{"a\r", "b"}, "a\r\x00b"},
		{[]string{"a\rb\r\r\n\r\x00"}, "a\r\x00b\r\x00\r\n\r\x00\x00"},
		{[]string{"\n\n", "\n"}, "\r\n\r\n\r\n"},
		{[]string{"\xff", "a\xff\xffb"}, "\xff\xffa\xff\xff\xff\xffb"},
		{[]string{"\r", "\xff"}, "\r\x00\xff\xff"},
		{[]string{"ü"}, "ü"},
		{[]string{""}, ""},
	} {
		c, sequence := record("", ""), record("", "")
		var pieces [][]byte
		for _, w := range tt.writes {
			c.TelnetTransport.Write([]byte(w))
			pieces = append(pieces, []byte(w))
		}
		sequence.TelnetTransport.WriteSequence(pieces) // T-TELNET-32
		want := when(tt.want != "", event("out", tt.want))
		c.expect(t, fmt.Sprintf("%q", tt.writes), want...)
		if got := slices.DeleteFunc(sequence.take(),
			func(e string) bool { return e == `out ""` }); !slices.Equal(got, want) {
			t.Errorf("sequence %q: %q, want %q", tt.writes, got, want)
		}
	}
}

// TestT_TELNET_31_CommandAfterCR: a command ends the wait for the LF.
func TestT_TELNET_31_CommandAfterCR(t *testing.T) {
	c := record("", "")
	c.TelnetTransport.Write([]byte("a\r"))
	c.SendCommand(telnet.NOP)
	c.TelnetTransport.Write([]byte("\nb"))
	c.expect(t, "out", event("out", "a\r"+iac(241)+"\r\nb"))
}

// TestT_TELNET_31_WriteKeepsItsArgument: Write does not change data.
func TestT_TELNET_31_WriteKeepsItsArgument(t *testing.T) {
	c := record("", "")
	data := []byte("a\n\xff\r")
	c.TelnetTransport.Write(data)
	c.TelnetTransport.WriteSequence([][]byte{data, data})
	if string(data) != "a\n\xff\r" {
		t.Errorf("%q", data)
	}
}

// TestT_TELNET_31_RoundTrip: the bytes that one side writes arrive at the other
// side, CR LF as LF. With BINARY every byte arrives.
func TestT_TELNET_31_RoundTrip(t *testing.T) {
	rounds := map[bool]int{true: 20_000, false: 1_000}[long]
	for seed := range uint64(rounds) {
		random := rand.New(rand.NewPCG(seed, 31))
		receiver := &owner{}
		client := &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol {
			return &recorder{journal: &journal{}, local: "\x00"}
		}}
		server := &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return receiver }}
		pair := reactortest.NewPair(client, server)
		binary := seed%2 == 1
		if binary {
			server.Do(telnet.BINARY).OnError(func(err error) { t.Error(err) })
			pair.Flush()
		}
		pair.Chunk = 1 + random.IntN(9)
		var sent strings.Builder
		for range random.IntN(8) {
			piece := make([]byte, random.IntN(12))
			for i := range piece {
				piece[i] = "\r\n\x00\xff\xf0a"[random.IntN(6)]
			}
			sent.Write(piece)
			client.Write(piece)
			if random.IntN(3) == 0 {
				pair.Pump()
			}
		}
		client.Write([]byte("end")) // a CR waits for its successor
		pair.Flush()
		want := sent.String() + "end"
		if !binary {
			want = strings.ReplaceAll(want, "\r\n", "\n")
		}
		if got := strings.ReplaceAll(string(bytes.Join(receiver.kept, nil)), "OVERWRITTEN", ""); got != want {
			t.Fatalf("seed %d: wrote %q: arrived %q, want %q", seed, sent.String(), got, want)
		}
	}
}

// TestTransportMethods: what is not about telnet is the connection's.
func TestTransportMethods(t *testing.T) {
	c := record("", "")
	c.TelnetTransport.PauseProducing()
	if c.State != reactortest.Paused {
		t.Error(c.State)
	}
	c.TelnetTransport.ResumeProducing()
	if c.State != reactortest.Producing {
		t.Error(c.State)
	}
	producer := &idle{}
	if err := c.TelnetTransport.RegisterProducer(producer, true); err != nil || c.Producer != reactor.Producer(producer) {
		t.Error(err)
	}
	if err := c.TelnetTransport.RegisterProducer(producer, true); !errors.Is(err, reactor.ErrProducerRegistered) {
		t.Error(err)
	}
	c.TelnetTransport.UnregisterProducer()
	if c.Producer != nil || c.TelnetTransport.Disconnecting() {
		t.Error("still there")
	}
	c.TelnetTransport.StopProducing()
	if c.State != reactortest.Stopped || !c.TelnetTransport.Disconnecting() {
		t.Error(c.State)
	}
	addr := c.TelnetTransport.GetPeer()
	if addr != c.Peer {
		t.Error(addr)
	}
	c.TelnetTransport.AbortConnection()
	if !c.Disconnected() {
		t.Error("not aborted")
	}
}

// idle is a producer that does nothing.
type idle struct{}

func (*idle) ResumeProducing() {}
func (*idle) PauseProducing()  {}
func (*idle) StopProducing()   {}
