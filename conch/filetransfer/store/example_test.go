package store_test

import (
	"fmt"
	"log"
	"net"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/reactor"
)

// sftpClient is the protocol of a client.
type sftpClient struct {
	reactor.BaseProtocol
	*filetransfer.FileTransferClient
}

func (c *sftpClient) ConnectionMade()              { c.MakeConnection(c.BaseProtocol.Transport()) }
func (c *sftpClient) DataReceived(p []byte)        { c.FileTransferClient.DataReceived(p) }
func (c *sftpClient) ConnectionLost(reason error)  { c.FileTransferClient.ConnectionLost(reason) }
func (c *sftpClient) Transport() reactor.Transport { return c.BaseProtocol.Transport() }

// A session over a pipe, with files in memory. In an SSH server, the protocol
// is the subsystem "sftp" of a user.
func Example() {
	r := reactor.New(reactor.Options{NoSignals: true})
	files := store.NewMemory(1 << 20) // bytes
	client := &sftpClient{FileTransferClient: filetransfer.NewFileTransferClient()}
	here, there := net.Pipe()
	r.CallWhenRunning(func() {
		server := filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, files))
		if _, err := r.Attach(there, server, reactor.AttachOptions{}); err != nil {
			log.Fatal(err)
		}
		if _, err := r.Attach(here, client, reactor.AttachOptions{}); err != nil {
			log.Fatal(err)
		}
		client.MakeDirectory("docs", filetransfer.Attrs{}).OnResult(func(s filetransfer.Status, err error) {
			fmt.Println(s.Message, err)
		})
		client.RealPath("docs").OnResult(func(path string, err error) {
			fmt.Println(path, err)
			_ = r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Success <nil>
	// /docs <nil>
}
