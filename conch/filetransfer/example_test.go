package filetransfer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"sync"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// pipeTransport is a transport over one end of an in-memory connection. A
// program uses a transport of the reactor or an SSH channel instead.
type pipeTransport struct {
	conn    net.Conn
	out     chan []byte
	helpers sync.WaitGroup
}

func (p *pipeTransport) Write(data []byte) { p.out <- data }
func (p *pipeTransport) LoseConnection()   { close(p.out) }

// send writes the queued data until LoseConnection is called or a write fails.
func (p *pipeTransport) send() {
	defer p.conn.Close()
	for data := range p.out {
		if _, err := p.conn.Write(data); err != nil {
			break
		}
	}
}

// run replaces the reactor. It passes received data to the client until the
// connection ends, then calls ConnectionLost.
func (p *pipeTransport) run(client *filetransfer.FileTransferClient) {
	defer p.helpers.Wait()
	for {
		data := make([]byte, 4096)
		n, err := p.conn.Read(data)
		if err != nil {
			client.ConnectionLost(err)
			return
		}
		client.DataReceived(data[:n])
	}
}

// serve starts a server with files in memory and returns a transport to it.
func serve() *pipeTransport {
	here, there := net.Pipe()
	transport := &pipeTransport{conn: here, out: make(chan []byte, 16)}
	transport.helpers.Go(func() { sftp.NewRequestServer(there, sftp.InMemHandler()).Serve() }) // ends when send closes the connection
	transport.helpers.Go(transport.send)
	return transport
}

// The client makes a directory. It sends the request before the version of the
// server has arrived. The callbacks run when the reply arrives.
func Example() {
	transport := serve()
	client := filetransfer.NewFileTransferClient()
	client.MakeConnection(transport)

	d := client.MakeDirectory("foobarbaz", filetransfer.Attrs{})
	d.AddCallback(func(status filetransfer.Status) (filetransfer.Status, error) {
		fmt.Println("made a directory; the server speaks version", client.Version())
		return status, nil
	})
	d.AddErrback(func(err error) (filetransfer.Status, error) {
		fmt.Println(err)
		return filetransfer.Status{}, nil
	})
	d.AddBoth(func(status filetransfer.Status, _ error) (filetransfer.Status, error) {
		transport.LoseConnection()
		return status, nil
	})
	transport.run(client)
	// Output: made a directory; the server speaks version 3
}

// An error contains the operation and the path. errors.Is finds the errors of
// package fs.
func ExampleOpError() {
	transport := serve()
	client := filetransfer.NewFileTransferClient()
	client.MakeConnection(transport)

	d := client.OpenFile("/no/such/file", filetransfer.FXFRead, filetransfer.Attrs{})
	d.AddErrback(func(err error) (*filetransfer.ClientFile, error) {
		fmt.Println(err)
		fmt.Println("is it missing?", errors.Is(err, fs.ErrNotExist))
		if refused, ok := errors.AsType[*filetransfer.StatusError](err); ok {
			fmt.Println("what the server said:", refused.Message)
		}
		transport.LoseConnection()
		return nil, nil
	})
	transport.run(client)
	// Output:
	// filetransfer: open /no/such/file: file does not exist (SSH_FX_NO_SUCH_FILE 2)
	// is it missing? true
	// what the server said: file does not exist
}

// Each attribute is present or absent. The With methods add attributes.
func ExampleAttrs() {
	attrs := filetransfer.Attrs{}.WithMode(fs.ModeSetgid|0o750).WithOwner(1000, 100)
	fmt.Println(attrs.FileMode(), attrs.Has(filetransfer.AttrUIDGID), attrs.Has(filetransfer.AttrSize))
	// Output:
	// grwxr-x--- true false
}
