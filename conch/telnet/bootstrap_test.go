package telnet_test

import (
	"fmt"
	"testing"

	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// opening is what a TelnetBootstrapProtocol sends first.
const opening = "\xff\xfd\x22\xff\xfd\x1f\xff\xfd\x03\xff\xfb\x01"

// shell connects a recording terminal protocol.
func shell(t *testing.T) *connection {
	t.Helper()
	j := &journal{}
	c := connect(j, bootstrap(j))
	c.expect(t, "opening", event("out", opening))
	return c
}

// made is a terminal protocol that records its connection.
type made struct{ terminal }

func (m *made) ConnectionMade() {
	m.add("made")
	m.Transport().Write([]byte("$ "))
}

// TestT_TELNET_50_Opening: the options first, then the terminal protocol, whose
// transport is the TelnetTransport.
func TestT_TELNET_50_Opening(t *testing.T) {
	j := &journal{}
	m := &made{terminal{journal: j}}
	c := connect(j, &telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol { return m }})
	c.expect(t, "opening", event("out", opening), "made", `out "$ "`)
	if m.Transport() != reactor.Transport(c.TelnetTransport) {
		t.Errorf("the transport is a %T", m.Transport())
	}
	c.in("a")
	c.lose()
	c.in("b")
	c.expect(t, "then", `key "a" <nil>`, "lost")
	c = connect(j, &telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol { return nil }})
	c.in("x" + sub(31, "abcd") + iac(244))
	c.lose()
	c.expect(t, "no terminal protocol", event("out", opening), "close")
}

// TestT_TELNET_51_Options: the options that are accepted.
func TestT_TELNET_51_Options(t *testing.T) {
	for b := range 256 {
		o := telnet.Option(b)
		b := &telnet.TelnetBootstrapProtocol{}
		if remote := o == telnet.NAWS || o == telnet.SGA; o != telnet.LINEMODE && b.EnableRemote(o) != remote {
			t.Errorf("%v of the peer: %v", o, !remote)
		}
		if local := o == telnet.ECHO || o == telnet.SGA; b.EnableLocal(o) != local {
			t.Errorf("%v of this side: %v", o, !local)
		}
	}
	c := shell(t)
	c.in(verb(telnet.WILL, telnet.LINEMODE) + verb(telnet.WILL, telnet.NAWS) + verb(telnet.WILL,
		telnet.SGA) + verb(telnet.DO, telnet.ECHO))
	c.expect(t, "all accepted", event("out", "\xff\xfa\x22\x01\x02\xff\xf0"))
	if !c.RemoteEnabled(telnet.LINEMODE) || !c.RemoteEnabled(telnet.NAWS) || !c.RemoteEnabled(telnet.SGA) ||
		!c.LocalEnabled(telnet.ECHO) {
		t.Error("an option is off")
	}
}

// TestT_TELNET_52_Keys: commands of clients with TRAPSIG are keys, in their
// place.
func TestT_TELNET_52_Keys(t *testing.T) {
	c := shell(t)
	for command, key := range map[telnet.Command]string{
		telnet.IP: "\x03", telnet.EOF: "\x04", telnet.SUSP: "\x1a", telnet.ABORT: "\x1c",
		telnet.EC: "\x7f", telnet.EL: "\x15",
	} {
		c.in("a" + iac(byte(command)) + "b")
		c.expect(t, command.String(), `key "a" <nil>`, event("key", key, nil), `key "b" <nil>`)
	}
	for _, command := range []telnet.Command{telnet.EOR, telnet.NOP, telnet.DM, telnet.BRK, telnet.AO, telnet.AYT,
		telnet.GA} {
		c.in("a" + iac(byte(command)) + "b")
		c.expect(t, command.String(), `key "a" <nil>`, `key "b" <nil>`)
	}
	c.in(sub(telnet.LINEMODE, "\x03\x01\x02\x03") + sub(telnet.LINEMODE, "\x01\x06") + sub(telnet.LINEMODE, ""))
	c.expect(t, "SLC and MODE of the client")
}

// TestT_TELNET_53_Size: the size of the window.
func TestT_TELNET_53_Size(t *testing.T) {
	for wire, want := range map[string]string{
		"\x00\x64\x00\x20":         "size 100 32",
		"\x00\xff\xff\x00\x20":     "size 255 32", // IAC is doubled
		"\xff\xff\xff\xff\x00\x01": "size 65535 1",
		"\x00\x00\x00\x20":         "size 80 32", // T-TELNET-53: 0 keeps the old value
		"\x00\x64\x00\x00":         "size 100 24",
		"\x00\x00\x00\x00":         "",
		"\x00\x64\x00":             "",
		"\x00\x64\x00\x20\x00":     "",
		"":                         "",
	} {
		c := shell(t)
		c.in(sub(telnet.NAWS, wire))
		c.expect(t, fmt.Sprintf("%q", wire), when(want != "", want)...)
	}
	c := shell(t)
	c.in(sub(telnet.NAWS, "\x00\x64\x00\x20") + sub(telnet.NAWS, "\x00\x00\x00\x18") + sub(telnet.NAWS,
		"\x00\x00\x00\x00") + "a")
	c.expect(t, "sizes and keys", "size 100 32", "size 100 24", `key "a" <nil>`)
}

// plain is a terminal protocol without a size.
type plain struct {
	reactor.BaseProtocol
	*journal
}

func (p *plain) DataReceived(data []byte) { p.add("data", string(data)) }

// TestT_TELNET_53_NoSizer: a protocol need not want the size.
func TestT_TELNET_53_NoSizer(t *testing.T) {
	j := &journal{}
	c := connect(j,
		&telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol { return &plain{journal: j} }})
	c.in("a" + sub(telnet.NAWS, "\x00\x64\x00\x20") + "b")
	c.expect(t, "all", event("out", opening), `data "a"`, `data "b"`)
}

// TestT_TELNET_54_Newlines: LF becomes CR LF once, and 255 is doubled once.
func TestT_TELNET_54_Newlines(t *testing.T) {
	j := &journal{}
	p := &plain{journal: j}
	c := connect(j, &telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol { return p }})
	c.take()
	p.Transport().Write([]byte("a\nb\r\nc\xff"))
	c.expect(t, "written", event("out", "a\r\nb\r\nc\xff\xff"))
}

// TestT_TELNET_55_Return: CR NUL is the key CR, and CR LF the key LF.
func TestT_TELNET_55_Return(t *testing.T) {
	c := shell(t)
	c.in("\r\x00a\r\nb\rc")
	c.expect(t, "keys", `key "\r" <nil>`, `key "a" <nil>`, `key "\n" <nil>`, `key "b" <nil>`, `key "\r" <nil>`,
		`key "c" <nil>`)
}

// TestT_TELNET_50_Refused: refusals are no errors, and the keys arrive all the
// same.
func TestT_TELNET_50_Refused(t *testing.T) {
	c := shell(t)
	c.in(verb(telnet.WONT, telnet.LINEMODE) + verb(telnet.WONT, telnet.NAWS) + verb(telnet.WONT,
		telnet.SGA) + verb(telnet.DONT, telnet.ECHO) + "a")
	c.expect(t, "refused", `key "a" <nil>`)
}

// TestT_TELNET_50_51_OfferedDuringTheLogin: a client that was refused SGA
// during the login gets it for the terminal.
func TestT_TELNET_50_51_OfferedDuringTheLogin(t *testing.T) {
	j, clock := &journal{}, reactortest.NewClock()
	c := connect(j, authenticating(clock, map[string]string{"u": "p"},
		func(string) telnet.Protocol { return bootstrap(j) }))
	c.in(verb(telnet.DO, telnet.SGA) + "u\r\n" + doEcho + "p\r\n" + dontEcho)
	c.expect(t, "login", `out "Username: "`, event("out", verb(telnet.WONT, telnet.SGA)), willEchoPassword,
		wontEcho, event("out", opening))
	c.in(verb(telnet.WILL, telnet.SGA))
	c.expect(t, "the client's SGA", event("out", verb(telnet.WILL, telnet.SGA)))
	c.in(verb(telnet.DO, telnet.SGA))
	if !c.LocalEnabled(telnet.SGA) || !c.RemoteEnabled(telnet.SGA) {
		t.Error("SGA is off")
	}
}
