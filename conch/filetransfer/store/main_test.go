package store_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/reactor"
)

// serveVariable makes the test binary an SFTP server on standard input and
// output, as "sftp -D" starts one. Its value is the directory. serveOptions are
// other settings: "readonly", "special", or a umask.
const (
	serveVariable = "HAWSER_TEST_SFTP_SERVER"
	serveOptions  = "HAWSER_TEST_SFTP_OPTIONS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveVariable); dir != "" {
		os.Exit(serveStandard(dir, os.Getenv(serveOptions)))
	}
	os.Exit(m.Run())
}

// serveStandard serves a directory until the client has ended, and returns the
// exit status.
func serveStandard(name, options string) int {
	r := reactor.New(reactor.Options{NoSignals: true})
	o := store.DirOptions{SpecialBits: options == "special", Names: store.SystemNames}
	if umask, err := strconv.ParseUint(options, 8, 32); err == nil {
		o.Umask = new(fs.FileMode(umask))
	}
	dir, err := store.OpenDir(name, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	server := filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, dir))
	server.ReadOnly = options == "readonly"
	r.CallWhenRunning(func() {
		reactor.OnConnectionLost(server, func(error) { _ = r.Stop() })
		if _, err := r.Attach(standard{}, server, reactor.AttachOptions{}); err != nil {
			panic(err)
		}
	})
	if err := r.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return int(server.ExitStatus())
}

// standard is a net.Conn of standard input and output.
type standard struct{}

func (standard) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (standard) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (standard) CloseWrite() error           { return os.Stdout.Close() }

func (standard) Close() error {
	_ = os.Stdout.Close()
	return os.Stdin.Close()
}

func (standard) LocalAddr() net.Addr                { return &net.UnixAddr{} }
func (standard) RemoteAddr() net.Addr               { return &net.UnixAddr{} }
func (standard) SetDeadline(time.Time) error        { return nil }
func (standard) SetReadDeadline(t time.Time) error  { return os.Stdin.SetReadDeadline(t) }
func (standard) SetWriteDeadline(t time.Time) error { return os.Stdout.SetWriteDeadline(t) }
