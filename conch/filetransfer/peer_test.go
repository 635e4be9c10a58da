package filetransfer_test

import (
	"bufio"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// session is a client that is connected to a real server through pipes. The
// client runs on the goroutine of the test. await passes received data to it.
type session struct {
	*filetransfer.FileTransferClient
	t     testing.TB
	dir   string // the server's first directory; "" if its files are in memory
	in    chan []byte
	toPut chan []byte
}

// Write queues p. The queue holds more requests than any test has in flight, so
// Write does not block.
func (s *session) Write(p []byte) { s.toPut <- p }

// LoseConnection closes the input of the server.
func (s *session) LoseConnection() { close(s.toPut) }

// start connects a client to a server. When the test ends, it closes the
// server's input, then waits until the server has closed its output and has
// exited.
func start(t testing.TB, begin sftptest.Start) *session {
	dir := t.TempDir()
	server, err := begin(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{filetransfer.NewFileTransferClient(), t, dir, make(chan []byte, 64), make(chan []byte, 4096)}
	var pumps sync.WaitGroup
	pumps.Go(func() { s.pumpOut(server.In) }) // ends after LoseConnection
	pumps.Go(func() { s.pumpIn(server.Out) }) // ends when the server closes its output
	s.MakeConnection(s)
	t.Cleanup(func() {
		s.LoseConnection()
		for range s.in {
		}
		pumps.Wait()
		server.Wait()
	})
	return s
}

func (s *session) pumpOut(w io.WriteCloser) {
	defer w.Close()
	buffered := bufio.NewWriterSize(w, 64<<10)
	for p := range s.toPut {
		_, _ = buffered.Write(p) // a write error shows as the end of the server's output
		if len(s.toPut) == 0 {
			_ = buffered.Flush()
		}
	}
}

func (s *session) pumpIn(r io.Reader) {
	defer close(s.in)
	var room []byte
	for {
		if len(room) < 4<<10 {
			room = make([]byte, 64<<10)
		}
		n, err := r.Read(room)
		if n > 0 {
			s.in <- room[:n:n]
			room = room[n:]
		}
		if err != nil {
			return
		}
	}
}

// await runs the client until d has fired, and returns the result of d.
func await[T any](s *session, d deferred.Deferred[T]) (T, error) {
	s.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	o := deferredtest.Observe(d)
	for !o.Fired {
		select {
		case p, ok := <-s.in:
			if ok {
				s.DataReceived(p)
			} else {
				s.ConnectionLost(io.EOF)
			}
		case <-deadline.C:
			s.t.Fatal("no answer from the server")
		}
	}
	return o.Value, o.Err
}

// must is await for a Deferred that must succeed.
func must[T any](s *session, d deferred.Deferred[T]) T {
	s.t.Helper()
	v, err := await(s, d)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func startOpenSSH(t testing.TB) *session {
	return start(t, sftptest.Program(conchtest.Program(t, "sftp-server")))
}

// startPython starts the server in testdata that uses the Python package needs.
// If the package is missing, the test is skipped. version is the version line
// that the server would send over SSH.
func startPython(t testing.TB, needs, version string) *session {
	begin, err := sftptest.Python(filepath.Join("testdata", needs+"_server.py"), needs)
	if err != nil {
		conchtest.MissingPeer(t, err.Error())
	}
	s := start(t, begin)
	s.SSHVersion = version
	return s
}

func startTwisted(t testing.TB) *session { return startPython(t, "twisted", "SSH-2.0-Twisted_24.3.0") }

func startAsyncSSH(t testing.TB) *session {
	return startPython(t, "asyncssh", "SSH-2.0-AsyncSSH_2.10.1")
}

func startPkgServer(t testing.TB) *session { return start(t, sftptest.PkgSFTP) }

func startPkgRequestServer(t testing.TB) *session {
	s := start(t, func(testing.TB, string) (sftptest.Server, error) {
		return sftptest.Serve(func(rwc io.ReadWriteCloser) error { return sftp.NewRequestServer(rwc, sftp.InMemHandler()).Serve() }), nil
	})
	s.dir = ""
	return s
}

var peers = []struct {
	name  string
	start func(testing.TB) *session
}{
	{"openssh", startOpenSSH},
	{"pkg-sftp server", startPkgServer},
	{"pkg-sftp request server", startPkgRequestServer},
	{"asyncssh", startAsyncSSH},
	{"twisted", startTwisted},
}

// forEachPeer runs a test with each server.
func forEachPeer(t *testing.T, test func(t *testing.T, s *session)) {
	for _, peer := range peers {
		t.Run(peer.name, func(t *testing.T) { test(t, peer.start(t)) })
	}
}
