package forward

import (
	"bytes"
	"context"
	"io"
	"net"
	"time"

	"github.com/hawser-go/hawser/conch"
)

// saying is a net.Conn whose client has said something and then ends.
type saying struct {
	net.Conn
	io.Reader
}

func (c saying) Read(p []byte) (int, error)    { return c.Reader.Read(p) }
func (c saying) Write(p []byte) (int, error)   { return len(p), nil }
func (c saying) SetDeadline(_ time.Time) error { return nil }

// ServeSOCKS is serveSOCKS for a client that says something and then ends.
func ServeSOCKS(ctx context.Context, said []byte, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	serveSOCKS(ctx, saying{Reader: bytes.NewReader(said)}, dial)
}

// NewForwarder is newForwarder, for listeners of a test.
func NewForwarder(conn conch.Connection, l net.Listener, serve func(ctx context.Context, c net.Conn)) *Forwarder {
	return newForwarder(conn, l, serve)
}

// The bounds.
const (
	MaxForwarded     = maxForwarded
	MaxAgentChannels = maxAgentChannels
)
