package forward

import (
	"bytes"
	"context"
	"io"
	"net"
	"time"

	"github.com/hawser-go/hawser/conch"
)

// saying is a net.Conn that reads from the embedded Reader and discards writes.
type saying struct {
	net.Conn
	io.Reader
}

func (c saying) Read(p []byte) (int, error)    { return c.Reader.Read(p) }
func (c saying) Write(p []byte) (int, error)   { return len(p), nil }
func (c saying) SetDeadline(_ time.Time) error { return nil }

// ServeSOCKS calls serveSOCKS for a client that sends said and then EOF.
func ServeSOCKS(ctx context.Context, said []byte, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	serveSOCKS(ctx, saying{Reader: bytes.NewReader(said)}, dial)
}

// NewForwarder exports newForwarder.
func NewForwarder(conn conch.Connection, l net.Listener, serve func(ctx context.Context, c net.Conn)) *Forwarder {
	return newForwarder(conn, l, serve)
}

// The limits.
const (
	MaxForwarded     = maxForwarded
	MaxAgentChannels = maxAgentChannels
)
