// Package endpoints separates where a program connects or listens from the
// protocol that it speaks there. A client endpoint is an address to connect
// to, a server endpoint an address to listen on. A program that accepts an
// endpoint, or the string form of one, works over TCP, TLS and UNIX sockets.
//
//	e, err := endpoints.ClientFromString(r, "tls:example.org:443")
//	…
//	d := endpoints.ConnectProtocol(e, newProtocol())
//
// A [HostnameEndpoint] tries the addresses of a host name, each a little later
// than the previous one, and uses the first connection (Happy Eyeballs, RFC
// 8305). Each client endpoint also has Dial, which returns the connection
// itself, for code that needs a net.Conn.
//
// A [ClientService] keeps a connection open: after a failed attempt or a lost
// connection, it waits and connects again. A [ServerService] listens until it
// is stopped. Both are services of package service, which starts and stops the
// parts of a program.
//
// Connect, Dial and Listen report every error, also a panic of the factory,
// through their Deferred. Cancelling the Deferred ends the attempt. All
// functions and methods must be called on the loop, except those that parse or
// make endpoints, which any goroutine may call.
package endpoints
