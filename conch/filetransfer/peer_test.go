package filetransfer_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// session is a client connected to a real server through pipes. The test's goroutine owns the client; await hands it what has come in.
type session struct {
	*filetransfer.FileTransferClient
	t     testing.TB
	dir   string // where the server starts; empty if its files are in memory
	in    chan []byte
	toPut chan []byte
}

// Write queues p; it would block only with more requests under way than any test has.
func (s *session) Write(p []byte) { s.toPut <- p }

// LoseConnection lets the server see the end of its input.
func (s *session) LoseConnection() { close(s.toPut) }

// start connects a client to a server that reads from w's other end and writes to r's. When the test ends it closes the server's input, waits until
// the server has closed its output, and calls stopped.
func start(t testing.TB, dir string, w io.WriteCloser, r io.Reader, stopped func()) *session {
	s := &session{filetransfer.NewFileTransferClient(), t, dir, make(chan []byte, 64), make(chan []byte, 4096)}
	var pumps sync.WaitGroup
	pumps.Go(func() { s.pumpOut(w) }) // until the client closes, or the server's end is gone
	pumps.Go(func() { s.pumpIn(r) })  // until the server closes its output
	s.MakeConnection(s)
	t.Cleanup(func() {
		s.LoseConnection()
		for range s.in {
		}
		pumps.Wait()
		stopped()
	})
	return s
}

func (s *session) pumpOut(w io.WriteCloser) {
	defer w.Close()
	buffered := bufio.NewWriterSize(w, 64<<10)
	for p := range s.toPut {
		_, _ = buffered.Write(p) // an error stays, and the server's end shows on the other side
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

// await runs the client until d has fired.
func await[T any](s *session, d deferred.Deferred[T]) (T, error) {
	s.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	var v T
	var err error
	done := false
	d.AddBoth(func(got T, failure error) (T, error) {
		v, err, done = got, failure, true
		return got, nil
	})
	for !done {
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
	return v, err
}

// must is await for what has to succeed.
func must[T any](s *session, d deferred.Deferred[T]) T {
	s.t.Helper()
	v, err := await(s, d)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// opensshServer finds OpenSSH's sftp-server, or skips the test; HAWSER_REQUIRE_PEERS makes that a failure.
func opensshServer(t testing.TB) string {
	t.Helper()
	places := []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/lib/ssh/sftp-server"}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return place
		}
	}
	missingPeer(t, "OpenSSH's sftp-server is none of %v; it is in the package openssh-sftp-server, or openssh-server", places)
	return ""
}

// missingPeer skips the test, or fails it if HAWSER_REQUIRE_PEERS is set.
func missingPeer(t testing.TB, format string, what ...any) {
	t.Helper()
	if os.Getenv("HAWSER_REQUIRE_PEERS") != "" {
		t.Fatalf(format, what...)
	}
	t.Skipf(format, what...)
}

func startOpenSSH(t testing.TB) *session { return startProgram(t, opensshServer(t)) }

// startPython runs a server out of testdata that needs a Python package, or skips the test.
func startPython(t testing.TB, script, needs string) *session {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-W", "ignore", "-c", "import "+needs).Run(); err != nil {
		missingPeer(t, "%s with the package %s (%v); it is in the package python3-%[2]s", python, needs, err)
	}
	script, err := filepath.Abs(filepath.Join("testdata", script))
	if err != nil {
		t.Fatal(err)
	}
	return startProgram(t, python, "-W", "ignore", script)
}

func startTwisted(t testing.TB) *session {
	s := startPython(t, "twisted_server.py", "twisted")
	s.DraftLinkOrder = true
	return s
}

func startAsyncSSH(t testing.TB) *session {
	s := startPython(t, "asyncssh_server.py", "asyncssh")
	s.DraftLinkOrder = true
	return s
}

// startProgram runs a server that speaks SFTP on standard input and output.
func startProgram(t testing.TB, name string, arguments ...string) *session {
	server := exec.Command(name, arguments...)
	server.Dir = t.TempDir()
	var log bytes.Buffer
	server.Stderr = &log
	w, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	return start(t, server.Dir, w, r, func() {
		_ = server.Wait() // it may have ended in anger on purpose of the test
		if t.Failed() {
			t.Logf("the server's log:\n%s", &log)
		}
	})
}

// pipe is the server's end of two pipes.
type pipe struct {
	io.Reader
	io.WriteCloser
}

// startGo runs a server of pkg/sftp, which is given its end of the connection.
func startGo(t testing.TB, dir string, serve func(io.ReadWriteCloser) error) *session {
	serverIn, w := io.Pipe()
	r, serverOut := io.Pipe()
	served := make(chan struct{})
	go func() { // until its input ends
		defer close(served)
		_ = serve(pipe{serverIn, serverOut})
		serverIn.Close()
		serverOut.Close()
	}()
	return start(t, dir, w, r, func() { <-served })
}

func startPkgServer(t testing.TB) *session {
	dir := t.TempDir()
	return startGo(t, dir, func(rwc io.ReadWriteCloser) error {
		server, err := sftp.NewServer(rwc, sftp.WithServerWorkingDirectory(dir))
		if err != nil {
			return err
		}
		return server.Serve()
	})
}

func startPkgRequestServer(t testing.TB) *session {
	return startGo(t, "", func(rwc io.ReadWriteCloser) error {
		return sftp.NewRequestServer(rwc, sftp.InMemHandler()).Serve()
	})
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

// forEachPeer runs a test against each server.
func forEachPeer(t *testing.T, test func(t *testing.T, s *session)) {
	for _, peer := range peers {
		t.Run(peer.name, func(t *testing.T) { test(t, peer.start(t)) })
	}
}
