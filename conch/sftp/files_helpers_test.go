package sftp_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// peer is a session with a server that runs in dir.
type peer struct {
	*sftp.Files
	r      *reactor.Reactor
	client *filetransfer.FileTransferClient // must be used on the loop
	link   *link
	dir    string
}

// link is a transport that counts the bytes in both directions. A test can cut
// it, or hold back received data.
type link struct {
	*sftptest.Link
	r      *reactor.Reactor
	client *filetransfer.FileTransferClient
	mu     sync.Mutex    // guards hold
	hold   chan struct{} // received data waits until it is closed; may be nil
	in     trip          // counts received bytes
	out    trip          // counts sent bytes
}

func newLink(r *reactor.Reactor, server sftptest.Server) *link {
	l := &link{r: r, client: filetransfer.NewFileTransferClient()}
	server.In, server.Out = counted{server.In, l}, held{server.Out, l}
	l.Link = sftptest.NewLink(server, l.client, r)
	return l
}

// counted counts the bytes to the server's input.
type counted struct {
	io.WriteCloser
	l *link
}

func (c counted) Write(p []byte) (int, error) {
	c.l.out.add(len(p))
	return c.WriteCloser.Write(p)
}

// held counts and holds back the bytes of the server's output.
type held struct {
	io.Reader
	l *link
}

func (h held) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	h.l.in.add(n)
	h.l.mu.Lock()
	hold := h.l.hold
	h.l.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return n, err
}

// trip counts bytes. After a number of bytes it calls a function once.
type trip struct {
	mu    sync.Mutex // guards the rest
	total int64
	left  int64
	at    func()
}

// set calls f after n more bytes, on the goroutine that moves the bytes.
func (t *trip) set(n int64, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left, t.at = n, f
}

// add counts n bytes.
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

// cut ends the connection with errCut, like a broken cable.
func (l *link) cut() {
	l.r.CallFromThread(func() { l.client.ConnectionLost(errCut) })
	l.LoseConnection()
}

// hush holds back the server's output until the returned function is called.
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

func newPeer(t testing.TB, start sftptest.Start) *peer {
	reactortest.CheckGoroutines(t)
	dir := t.TempDir()
	server, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	loop := reactortest.Start(t, reactor.Options{})
	l := newLink(loop, server)
	await := func(ctx context.Context, f func() deferred.Deferred[struct{}]) error {
		_, err := reactor.Await(ctx, loop, f)
		return err
	}
	err = await(t.Context(), func() deferred.Deferred[struct{}] {
		l.client.MakeConnection(l)
		return deferred.Then(l.client.RealPath("."), func(string) (struct{}, error) { return struct{}{}, nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.LoseConnection()
		l.Wait()
	})
	return &peer{sftp.New(l.client, loop).Files(), loop, l.client, l, dir}
}

func openSSH(t testing.TB) *peer {
	return newPeer(t, sftptest.Program(conchtest.Program(t, "sftp-server")))
}

func pkgSFTP(t testing.TB) *peer { return newPeer(t, sftptest.PkgSFTP) }

func forEachPeer(t *testing.T, test func(t *testing.T, p *peer)) {
	for name, start := range map[string]func(testing.TB) *peer{"openssh": openSSH, "pkg-sftp": pkgSFTP} {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

// patience is the time limit for events that must happen.
const patience = time.Minute
