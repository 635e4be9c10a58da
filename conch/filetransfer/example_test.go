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

// pipeTransport carries a session over one end of an in-memory connection. A reactor's transport or an SSH channel takes its place in a program.
type pipeTransport struct {
	conn    net.Conn
	out     chan []byte
	helpers sync.WaitGroup
}

func (p *pipeTransport) Write(data []byte) { p.out <- data }
func (p *pipeTransport) LoseConnection()   { close(p.out) }

// send runs until LoseConnection.
func (p *pipeTransport) send() {
	defer p.conn.Close()
	for data := range p.out {
		if _, err := p.conn.Write(data); err != nil {
			break
		}
	}
}

// run stands in for the reactor: it gives the client what arrives, and tells it when nothing more will.
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

// serve starts a server that keeps its files in memory and returns a transport to it.
func serve() *pipeTransport {
	here, there := net.Pipe()
	transport := &pipeTransport{conn: here, out: make(chan []byte, 16)}
	transport.helpers.Go(func() { sftp.NewRequestServer(there, sftp.InMemHandler()).Serve() }) // until send closes the connection
	transport.helpers.Go(transport.send)
	return transport
}

// A directory is made; the request goes out before the server has said hello, and the callbacks run when its answers come.
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

// Errors name the operation and the path, and answer to the standard library's names.
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

// Attributes are present or not; the With methods add them one by one.
func ExampleAttrs() {
	attrs := filetransfer.Attrs{}.WithMode(fs.ModeSetgid|0o750).WithOwner(1000, 100)
	fmt.Println(attrs.FileMode(), attrs.Has(filetransfer.AttrUIDGID), attrs.Has(filetransfer.AttrSize))
	// Output:
	// grwxr-x--- true false
}
