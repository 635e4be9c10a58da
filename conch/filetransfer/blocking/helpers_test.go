package blocking_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/blocking"
	"github.com/hawser-go/hawser/conch/filetransfer/transfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// peer is a client of a server that runs in dir.
type peer struct {
	*blocking.Client
	r      *reactor.Reactor
	client *filetransfer.FileTransferClient // the loop's
	link   *link
	dir    string
}

// link carries a session over two pipes.
type link struct {
	r      *reactor.Reactor
	client *filetransfer.FileTransferClient
	mu     sync.Mutex // guards queue and closed
	queue  [][]byte
	closed bool
	more   chan struct{}
	hold   chan struct{} // while it is open nothing that comes in is delivered; nil for never
	in     trip          // counts what comes in
	out    trip          // and what goes out
}

// trip counts bytes, and calls at once when there have been so many.
type trip struct {
	mu    sync.Mutex // guards the rest
	total int64
	left  int64
	at    func()
}

// set makes f be called, on the goroutine of the pump, after n more bytes.
func (t *trip) set(n int64, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left, t.at = n, f
}

// add notes n bytes.
func (t *trip) add(n int) {
	t.mu.Lock()
	f := t.at
	t.total += int64(n)
	if t.left -= int64(n); t.left > 0 {
		f = nil
	}
	if f != nil {
		t.at = nil
	}
	t.mu.Unlock()
	if f != nil {
		f()
	}
}

func (t *trip) bytes() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// cut ends the connection as a broken cable does.
func (l *link) cut() {
	l.r.CallFromThread(func() { l.client.ConnectionLost(errCut) })
	l.LoseConnection()
}

// hush makes the server be silent from now on, until the function that it returns is called.
func (l *link) hush() (speak func()) {
	hold := make(chan struct{})
	l.mu.Lock()
	l.hold = hold
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		l.hold = nil
		l.mu.Unlock()
		close(hold)
	}
}

func (l *link) Write(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, p)
	l.wake()
}

func (l *link) LoseConnection() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

func (l *link) wake() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// pumpOut runs until LoseConnection.
func (l *link) pumpOut(w io.WriteCloser) {
	defer w.Close()
	for range l.more {
		l.mu.Lock()
		queue, closed := l.queue, l.closed
		l.queue = nil
		l.mu.Unlock()
		for _, p := range queue {
			l.out.add(len(p))
			_, _ = w.Write(p) // an error shows on the other side
		}
		if closed {
			return
		}
	}
}

// pumpIn runs until the server closes its output.
func (l *link) pumpIn(r io.Reader) {
	for {
		p := make([]byte, 64<<10)
		n, err := r.Read(p)
		l.in.add(n)
		l.mu.Lock()
		hold := l.hold
		l.mu.Unlock()
		if hold != nil {
			<-hold
		}
		if n > 0 {
			l.r.CallFromThread(func() { l.client.DataReceived(p[:n]) })
		}
		if err != nil {
			l.r.CallFromThread(func() { l.client.ConnectionLost(err) })
			return
		}
	}
}

func newPeer(t testing.TB, dir string, w io.WriteCloser, r io.Reader, stopped func()) *peer {
	reactortest.CheckGoroutines(t)
	loop := reactortest.Start(t, reactor.Options{})
	l := &link{r: loop, client: filetransfer.NewFileTransferClient(), more: make(chan struct{}, 1)}
	var pumps sync.WaitGroup
	pumps.Go(func() { l.pumpOut(w) })
	pumps.Go(func() { l.pumpIn(r) })
	await := func(ctx context.Context, f func() deferred.Deferred[struct{}]) error {
		_, err := reactor.Await(ctx, loop, f)
		return err
	}
	err := await(t.Context(), func() deferred.Deferred[struct{}] {
		l.client.MakeConnection(l)
		return deferred.Then(l.client.RealPath("."), func(string) (struct{}, error) { return struct{}{}, nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.LoseConnection()
		pumps.Wait()
		stopped()
	})
	return &peer{blocking.New(transfer.NewSession(l.client, loop), await), loop, l.client, l, dir}
}

func openSSH(t testing.TB) *peer {
	for _, place := range []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/lib/ssh/sftp-server"} {
		if _, err := os.Stat(place); err != nil {
			continue
		}
		server := exec.Command(place)
		server.Dir = t.TempDir()
		var log bytes.Buffer
		server.Stderr = &log
		w, err := server.StdinPipe()
		r, err2 := server.StdoutPipe()
		if err := errors.Join(err, err2, server.Start()); err != nil {
			t.Fatal(err)
		}
		return newPeer(t, server.Dir, w, r, func() { _ = server.Wait() })
	}
	conchtest.MissingPeer(t, "OpenSSH's sftp-server")
	return nil
}

// pkgSFTP runs pkg/sftp's server inside the process.
func pkgSFTP(t testing.TB) *peer {
	dir := t.TempDir()
	serverIn, w := io.Pipe()
	r, serverOut := io.Pipe()
	served := make(chan struct{})
	go func() { // until its input ends
		defer close(served)
		server, err := sftp.NewServer(struct {
			io.Reader
			io.WriteCloser
		}{serverIn, serverOut}, sftp.WithServerWorkingDirectory(dir))
		if err == nil {
			_ = server.Serve()
		}
		serverIn.Close()
		serverOut.Close()
	}()
	return newPeer(t, dir, w, r, func() { <-served })
}

func forEachPeer(t *testing.T, test func(t *testing.T, p *peer)) {
	for name, start := range map[string]func(testing.TB) *peer{"openssh": openSSH, "pkg-sftp": pkgSFTP} {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

// patience bounds how long a test waits for something that must come.
const patience = time.Minute
