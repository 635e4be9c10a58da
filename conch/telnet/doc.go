// Package telnet implements telnet (RFC 854, RFC 855) on the reactor, for
// servers and clients. It is Twisted's twisted.conch.telnet.
//
// # The model
//
//	reactor.Transport ◀─▶ TelnetTransport ◀─▶ Protocol
//	   the connection       telnet             the program
//
// A [TelnetTransport] stands between a connection and a [Protocol]. To the
// connection it is the protocol, and to the Protocol it is the transport. It
// takes commands and negotiations out of the received bytes, and gives the rest
// to the Protocol. To write a Protocol, embed [TelnetProtocol] by value:
//
//	type shout struct{ telnet.TelnetProtocol }
//
//	func (s *shout) DataReceived(p []byte) {
//		s.Transport().Write(bytes.ToUpper(p))
//	}
//
//	newProtocol := func() telnet.Protocol { return &shout{} }
//	factory := reactor.ForProtocol(func() reactor.Protocol {
//		return &telnet.TelnetTransport{ProtocolFactory: newProtocol}
//	})
//	port, err := r.ListenTCP(2323, factory, reactor.ListenOptions{})
//
// A client uses the same types with a client endpoint.
//
// The package has three protocols:
//
//   - [StatefulTelnetProtocol] receives lines.
//   - [AuthenticatingTelnetProtocol] asks for a name and a password. After the
//     login, the protocol of that user replaces it.
//   - [TelnetBootstrapProtocol] switches the peer to single keys, and connects a
//     terminal protocol.
//
// # Lines
//
// On the wire CR LF ends a line, and CR NUL is a carriage return. A Protocol
// reads and writes LF and CR instead. A written CR LF stays CR LF. To exchange
// bytes that are not text, turn on the option [BINARY] for both sides.
//
// # Options
//
// An option, such as [ECHO], is on or off for each of the two sides. Will and
// Wont of a TelnetTransport turn an option of this side on or off. Do and Dont
// ask the peer to turn on or off an option of its own. Each returns a Deferred,
// which fires when the peer has answered. A peer may refuse every option, so
// handle the failure:
//
//	s.Telnet().Will(telnet.ECHO).OnError(func(err error) { … })
//
// The peer asks too. EnableLocal and EnableRemote of the Protocol accept or
// refuse, and refuse by default.
//
// A subnegotiation carries data of an option, such as the size of a window.
// RequestNegotiation sends a subnegotiation. HandleSubnegotiation registers a
// function for received ones.
//
// # Goroutines
//
// All methods belong to the loop, the goroutine of the reactor.
//
// # Bounds
//
// A subnegotiation has at most 64 KiB, and a line at most 16 KiB. At most 100
// requests of the peer are answered for each option and side. Other input is
// delivered at once and never kept. A login has a time limit and a limit of
// attempts.
//
// # Security
//
// Telnet encrypts nothing. Passwords that cross a network can be read there.
package telnet
