// Package endpoints names the two ends of a connection apart from what runs over it: a client endpoint is something to connect to, a server
// endpoint something to listen on. A program that takes an endpoint, or its string form, works over TCP, TLS and UNIX sockets alike.
//
//	e, err := endpoints.ClientFromString(r, "tls:example.org:443")
//	…
//	d := endpoints.ConnectProtocol(e, newProtocol())
//
// A [HostnameEndpoint] connects to all addresses of a name, a little apart, and takes the first that answers (Happy Eyeballs, RFC 8305). Each
// client endpoint also has Dial, which answers with the bare connection, for code that wants a net.Conn.
//
// A [ClientService] keeps a connection: it connects again, at growing intervals, when that fails or is lost. A [ServerService] listens while it
// runs.
//
// Connect, Dial and Listen never panic or return errors beside the Deferred; cancelling the Deferred ends the attempt. Everything belongs to the
// loop.
package endpoints
