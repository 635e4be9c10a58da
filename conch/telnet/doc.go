// Package telnet implements telnet (RFC 854, RFC 855) on the reactor, for
// servers and clients. It is Twisted's twisted.conch.telnet.
//
// # The model
//
//	reactor.Transport ◀─▶ TelnetTransport ◀─▶ Protocol
//	   the connection       telnet             the program
//
// A [TelnetTransport] stands between a connection and a [Protocol]. To the
// connection it is the protocol; to the Protocol it is the transport. It splits
// received bytes into data, commands and answers about options, and hides all of
// telnet from the data in both directions. To write a Protocol, embed
// [TelnetProtocol] by value:
//
//	type shout struct{ telnet.TelnetProtocol }
//
//	func (s *shout) DataReceived(p []byte) { s.Transport().Write(bytes.ToUpper(p)) }
//
//	newTransport := func() reactor.Protocol {
//		return &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return &shout{} }}
//	}
//	port, err := r.ListenTCP(2323, reactor.ForProtocol(newTransport), reactor.ListenOptions{})
//
// A client is the same, with a client endpoint.
//
// The package has three protocols:
//
//   - [StatefulTelnetProtocol] receives lines;
//   - [AuthenticatingTelnetProtocol] asks for a name and a password, and then
//     lets the protocol of that user take its place;
//   - [TelnetBootstrapProtocol] sets the peer's terminal up for single keys, and
//     connects a terminal protocol.
//
// # Lines
//
// On the wire a line ends with CR LF, and a single CR is CR NUL. A Protocol reads
// and writes LF and CR instead. A written CR LF is left as it is. For bytes that
// are no text, both sides must turn on the option [BINARY].
//
// # Options
//
// An option, such as [ECHO], can be on or off for each of the two sides. Will and
// Wont of a TelnetTransport ask to turn on or off an option of this side, Do and
// Dont an option of the peer. They return a Deferred, which fires when the peer
// has answered. Handle its failure: a peer may refuse anything.
//
//	t.Telnet().Will(telnet.ECHO).OnError(func(err error) { … })
//
// The peer asks too. EnableLocal and EnableRemote of the Protocol decide, and
// refuse everything by default. A subnegotiation carries data about an option,
// such as the size of a window: RequestNegotiation sends one, and
// HandleSubnegotiation registers a function for those of the peer.
//
// # Goroutines
//
// All methods belong to the loop, the goroutine of the reactor.
//
// # Bounds
//
// A subnegotiation may have 64 KiB, and a line 16 KiB. A peer that asks for one
// option again and again gets 100 answers. All other input is passed on at once.
// A login has a time limit and a number of attempts. Telnet encrypts nothing: do
// not let it carry passwords over a network that others can read.
package telnet
