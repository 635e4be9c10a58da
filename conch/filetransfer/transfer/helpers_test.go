package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// patience bounds how long a test waits for something that must come.
const patience = time.Minute

// peer is a session with a real server, over pipes, and the directory that the server starts in.
type peer struct {
	*Session
	t      testing.TB
	r      *reactor.Reactor
	dir    string // of the server
	local  string // an empty directory
	start  func() (io.WriteCloser, io.Reader, func())
	arena  *filetransfer.Arena
	ascii  bool           // the server stumbles over other names
	closed sync.WaitGroup // everything of the transports
}

// transport carries a session over two pipes.
type transport struct {
	r      *reactor.Reactor
	client *filetransfer.FileTransferClient
	mu     sync.Mutex // guards queue and closed
	queue  []func(w io.Writer) error
	closed bool
	more   chan struct{}
	sent   func(packet []byte) // called on the loop, before a request is queued
}

func (c *transport) Write(p []byte) { c.WriteOwned(p, nil) }

func (c *transport) WriteOwned(p []byte, sent func()) {
	if c.sent != nil {
		c.sent(p)
	}
	c.add(func(w io.Writer) error {
		_, err := w.Write(p)
		if sent != nil {
			sent()
		}
		return err
	})
}

func (c *transport) add(f func(w io.Writer) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.queue = append(c.queue, f)
	}
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *transport) LoseConnection() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.add(nil)
}

// pumpOut runs until LoseConnection.
func (c *transport) pumpOut(w io.WriteCloser) {
	defer w.Close()
	for range c.more {
		c.mu.Lock()
		queue, closed := c.queue, c.closed
		c.queue = nil
		c.mu.Unlock()
		for _, f := range queue {
			_ = f(w) // an error shows on the other side
		}
		if closed {
			return
		}
	}
}

// pumpIn runs until the server closes its output. The chunks that it reads are used again, as a channel's are.
func (c *transport) pumpIn(r io.Reader) {
	for {
		p := make([]byte, 64<<10)
		n, err := r.Read(p)
		if n > 0 {
			c.r.CallFromThread(func() { c.client.DataReceived(p[:n]) })
		}
		if err != nil {
			c.r.CallFromThread(func() { c.client.ConnectionLost(err) })
			return
		}
	}
}

// connect opens a session with a server of its own.
func (p *peer) connect() (*filetransfer.FileTransferClient, *transport) {
	w, r, stopped := p.start()
	c := &transport{r: p.r, client: filetransfer.NewFileTransferClient(), more: make(chan struct{}, 1)}
	p.closed.Go(func() { c.pumpOut(w) })
	p.closed.Go(func() {
		c.pumpIn(r)
		c.LoseConnection()
		stopped()
	})
	return c.client, c
}

// newPeer starts a reactor, and a server as a session.
func newPeer(t testing.TB, dir string, start func() (io.WriteCloser, io.Reader, func())) *peer {
	p := &peer{t: t, dir: dir, local: t.TempDir(), start: start, arena: filetransfer.NewArena(8 << 20)}
	reactortest.CheckGoroutines(t)
	p.r = reactortest.Start(t, reactor.Options{})
	var clients []*filetransfer.FileTransferClient
	add := func() *filetransfer.FileTransferClient {
		c, transport := p.connect()
		clients = append(clients, c)
		c.MakeConnection(transport)
		return c
	}
	onLoop(p, func() { p.Session = NewSession(add(), p.r) })
	p.OpenLane = func() deferred.Deferred[*filetransfer.FileTransferClient] { return deferred.Succeed(add()) }
	t.Cleanup(func() {
		onLoop(p, func() {
			if used := p.arena.Stats().Used; used != 0 {
				t.Errorf("%d bytes of buffers were not released", used)
			}
			for _, c := range clients {
				c.Transport().LoseConnection()
			}
		})
		p.closed.Wait()
	})
	return p
}

// await runs f on the loop and waits for its Deferred.
func await[T any](p *peer, f func() deferred.Deferred[T]) (T, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, fmt.Errorf("nothing came for %v", patience))
	defer cancel()
	return reactor.Await(ctx, p.r, f)
}

func must[T any](p *peer, f func() deferred.Deferred[T]) T {
	p.t.Helper()
	v, err := await(p, f)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

func onLoop(p *peer, f func()) {
	p.t.Helper()
	must(p, func() deferred.Deferred[struct{}] {
		f()
		return deferred.Succeed(struct{}{})
	})
}

func (p *peer) options(o Options) Options {
	o.Arena = p.arena
	return o
}

func (p *peer) get(remote, local string, o Options) (Report, error) {
	p.t.Helper()
	return await(p, func() deferred.Deferred[Report] { return p.Get(remote, local, p.options(o)) })
}

func (p *peer) put(local, remote string, o Options) (Report, error) {
	p.t.Helper()
	return await(p, func() deferred.Deferred[Report] { return p.Put(local, remote, p.options(o)) })
}

// program returns how to start a server that speaks SFTP on standard input and output.
func program(t testing.TB, dir, name string, arguments ...string) func() (io.WriteCloser, io.Reader, func()) {
	return func() (io.WriteCloser, io.Reader, func()) {
		server := exec.Command(name, arguments...)
		server.Dir = dir
		var log bytes.Buffer
		server.Stderr = &log
		w, err := server.StdinPipe()
		r, err2 := server.StdoutPipe()
		if err := errors.Join(err, err2, server.Start()); err != nil {
			panic(err) // this is the loop's goroutine; the test's is told by await
		}
		return w, r, func() {
			_ = server.Wait() // it may have ended in anger on purpose of the test
			if t.Failed() && log.Len() > 0 {
				t.Logf("the server's log:\n%s", &log)
			}
		}
	}
}

func openSSH(t testing.TB) *peer {
	for _, place := range []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/lib/ssh/sftp-server"} {
		if _, err := os.Stat(place); err == nil {
			dir := t.TempDir()
			return newPeer(t, dir, program(t, dir, place))
		}
	}
	conchtest.MissingPeer(t, "OpenSSH's sftp-server")
	return nil
}

func python(t testing.TB, script, needs string) *peer {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-W", "ignore", "-c", "import "+needs).Run(); err != nil {
		conchtest.MissingPeer(t, "python3 with the package "+needs)
	}
	script, err := filepath.Abs(filepath.Join("..", "testdata", script))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := newPeer(t, dir, program(t, dir, python, "-W", "ignore", script))
	p.ascii = needs == "twisted"
	onLoop(p, func() { p.client.DraftLinkOrder = true })
	return p
}

// odd returns a name that is not ASCII, or something like it if the server knows no other.
func (p *peer) odd(name string) string {
	if !p.ascii {
		return name
	}
	return strings.Map(func(r rune) rune {
		if r < 128 {
			return r
		}
		return '_'
	}, name)
}

// pkgSFTP runs pkg/sftp's server inside the process.
func pkgSFTP(t testing.TB) *peer {
	dir := t.TempDir()
	return newPeer(t, dir, func() (io.WriteCloser, io.Reader, func()) {
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
		return w, r, func() { <-served }
	})
}

var peers = []struct {
	name  string
	start func(testing.TB) *peer
}{
	{"openssh", openSSH},
	{"pkg-sftp", pkgSFTP},
	{"asyncssh", func(t testing.TB) *peer { return python(t, "asyncssh_server.py", "asyncssh") }},
	{"twisted", func(t testing.TB) *peer { return python(t, "twisted_server.py", "twisted") }},
}

func forEachPeer(t *testing.T, test func(t *testing.T, p *peer)) {
	for _, peer := range peers {
		t.Run(peer.name, func(t *testing.T) { test(t, peer.start(t)) })
	}
}

// someBytes returns bytes that differ from seed to seed.
func someBytes(n int, seed byte) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(p) // never fails
	return p
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, content, 0o644)); err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func age(t testing.TB, name string, seconds int64) {
	t.Helper()
	if err := os.Chtimes(name, time.Unix(seconds, 0), time.Unix(seconds, 0)); err != nil {
		t.Fatal(err)
	}
}

// treeOf describes everything below dir, one line each.
func treeOf(t testing.TB, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		switch e.Type() {
		case fs.ModeDir:
			lines = append(lines, rel+"/")
		case fs.ModeSymlink:
			target, _ := os.Readlink(name)
			lines = append(lines, rel+" -> "+target)
		default:
			lines = append(lines, fmt.Sprintf("%s %x", rel, sha256.Sum256(read(t, name))))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

func sameTree(t testing.TB, got, want string) {
	t.Helper()
	g, w := treeOf(t, got), treeOf(t, want)
	if !slices.Equal(g, w) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(g, "\n\t"), strings.Join(w, "\n\t"))
	}
}
