package filetransfer_test

import (
	"fmt"
	"path"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// greetings is a server with a file for each name, which greets.
type greetings struct{ filetransfer.BaseSFTPServer }

func (*greetings) RealPath(p string) deferred.Deferred[string] {
	return deferred.Succeed(path.Clean("/" + p))
}

func (*greetings) OpenFile(p string, flags filetransfer.OpenFlags, _ filetransfer.Attrs) deferred.Deferred[filetransfer.SFTPFile] {
	if flags&filetransfer.FXFWrite != 0 {
		return deferred.Fail[filetransfer.SFTPFile](&filetransfer.StatusError{Code: filetransfer.FXPermissionDenied})
	}
	return deferred.Succeed[filetransfer.SFTPFile](&greeting{text: strings.NewReader("hello, " + path.Base(p))})
}

type greeting struct {
	filetransfer.BaseSFTPFile
	text *strings.Reader
}

func (g *greeting) ReadChunk(offset uint64, p []byte) deferred.Deferred[int] {
	n, err := g.text.ReadAt(p, int64(offset))
	if n > 0 {
		return deferred.Succeed(n)
	}
	return deferred.Fail[int](err)
}

// connectedClient is the protocol of a client.
type connectedClient struct {
	reactor.BaseProtocol
	*filetransfer.FileTransferClient
}

func (c *connectedClient) ConnectionMade()              { c.MakeConnection(c.BaseProtocol.Transport()) }
func (c *connectedClient) DataReceived(p []byte)        { c.FileTransferClient.DataReceived(p) }
func (c *connectedClient) ConnectionLost(reason error)  { c.FileTransferClient.ConnectionLost(reason) }
func (c *connectedClient) Transport() reactor.Transport { return c.BaseProtocol.Transport() }

// runNow is a Loop for a test, in which everything happens on one goroutine.
type runNow struct{}

func (runNow) CallFromThread(f func()) bool {
	f()
	return true
}

// A server of your own embeds BaseSFTPServer, and answers with Deferreds.
func ExampleNewFileTransferServer() {
	client := &connectedClient{FileTransferClient: filetransfer.NewFileTransferClient()}
	server := filetransfer.NewFileTransferServer(runNow{}, &greetings{})
	pair := reactortest.NewPair(client, server)

	client.RealPath("a/../world").OnValue(func(p string) { fmt.Println(p) })
	client.OpenFile("world", filetransfer.FXFRead, filetransfer.Attrs{}).OnValue(func(f *filetransfer.ClientFile) {
		f.ReadChunk(0, 100).OnValue(func(data []byte) { fmt.Printf("%s\n", data) })
	})
	client.RemoveFile("world").OnError(func(err error) { fmt.Println(err) })
	pair.Flush()
	// Output:
	// /world
	// filetransfer: remove world: Operation unsupported (SSH_FX_OP_UNSUPPORTED 8)
	// hello, world
}
