// Package handshake is the seam between an SSH transport, which both sides of a
// connection share, and the side that sets the connection up: a client dials,
// checks the host key and authenticates; a server does the opposite.
package handshake

import (
	"context"
	"net"

	gossh "golang.org/x/crypto/ssh"
)

// Result is a connection whose authentication is over.
type Result struct {
	Conn     gossh.Conn
	Channels <-chan gossh.NewChannel
	Requests <-chan *gossh.Request
}

// Side is one side of a connection while it is set up.
type Side interface {
	// Dial returns the connection below SSH. Dial may block. It must return
	// when ctx is done. It runs on a goroutine of the transport.
	Dial(ctx context.Context) (net.Conn, error)

	// VersionReceived is called with the version line of the peer, on the
	// goroutine that reads.
	VersionReceived(line string)

	// TextReceived is called with each line that precedes the version line, on
	// the goroutine that reads. An error ends the connection.
	TextReceived(line string) error

	// VersionRefused is called with a version line that is too long, or of
	// another protocol version. The connection then ends. It is called on the
	// goroutine that reads.
	VersionRefused(tooLong bool)

	// Handshake exchanges keys and authenticates over conn. life ends when conn
	// fails or is closed, with the reason as its cause. Handshake may block,
	// and runs on the goroutine of Dial.
	Handshake(life context.Context, conn net.Conn) (Result, error)

	// Authenticated is called on the loop after a successful Handshake.
	Authenticated()

	// Failed is called on the loop if Dial or Handshake failed. err is in terms
	// of the protocol.
	Failed(err error)
}
