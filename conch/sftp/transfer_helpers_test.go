package sftp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// patience is the time limit for events that must happen.
const patience = time.Minute

// peer is a session with a real server over pipes.
type peer struct {
	*Client
	t     testing.TB
	r     *reactor.Reactor
	dir   string // the server's working directory
	local string // an empty local directory
	start sftptest.Start
	ascii bool // the server supports only ASCII names
}

// connect starts a server and returns a client for it.
func (p *peer) connect() (*filetransfer.FileTransferClient, *sftptest.Link) {
	server, err := p.start(p.t, p.dir)
	if err != nil {
		panic(err) // runs on the loop; await reports the panic to the test
	}
	c := filetransfer.NewFileTransferClient()
	return c, sftptest.NewLink(server, c, p.r)
}

// newPeer starts a reactor and a session with a server.
func newPeer(t testing.TB, start sftptest.Start) *peer {
	p := &peer{t: t, dir: t.TempDir(), local: t.TempDir(), start: start}
	reactortest.CheckGoroutines(t)
	p.r = reactortest.Start(t, reactor.Options{})
	var links []*sftptest.Link
	add := func() *filetransfer.FileTransferClient {
		c, link := p.connect()
		links = append(links, link)
		c.MakeConnection(link)
		return c
	}
	onLoop(p, func() {
		p.Client = New(add(), p.r)
		p.pool = newPool(8 << 20)
	})
	p.openChannel = func() deferred.Deferred[*filetransfer.FileTransferClient] { return deferred.Succeed(add()) }
	t.Cleanup(func() {
		onLoop(p, func() {
			if used := p.pool.stats().Used; used != 0 {
				t.Errorf("%d bytes of buffers were not released", used)
			}
		})
		for _, l := range links {
			l.LoseConnection()
			l.Wait()
		}
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

func (p *peer) get(remote, local string, o Options) (Report, error) {
	p.t.Helper()
	return await(p, func() deferred.Deferred[Report] { return p.Get(remote, local, o) })
}

func (p *peer) put(local, remote string, o Options) (Report, error) {
	p.t.Helper()
	return await(p, func() deferred.Deferred[Report] { return p.Put(local, remote, o) })
}

func openSSH(t testing.TB) *peer {
	p := newPeer(t, sftptest.Program(conchtest.Program(t, "sftp-server")))
	onLoop(p, func() { p.SSHVersion = "SSH-2.0-OpenSSH_test" })
	return p
}

func pkgSFTP(t testing.TB) *peer { return newPeer(t, sftptest.PkgSFTP) }

func python(t testing.TB, needs string) *peer {
	start, err := sftptest.Python(filepath.Join("..", "filetransfer", "testdata", needs+"_server.py"), needs)
	if err != nil {
		conchtest.MissingPeer(t, err.Error())
	}
	p := newPeer(t, start)
	p.ascii = needs == "twisted"
	onLoop(p, func() { p.LinkOrder = filetransfer.LinkOrderDraft })
	return p
}

// odd returns name. If the server supports only ASCII, it replaces other
// characters.
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

var peers = []struct {
	name  string
	start func(testing.TB) *peer
}{
	{"openssh", openSSH},
	{"pkg-sftp", pkgSFTP},
	{"asyncssh", func(t testing.TB) *peer { return python(t, "asyncssh") }},
	{"twisted", func(t testing.TB) *peer { return python(t, "twisted") }},
}

func forEachPeer(t *testing.T, test func(t *testing.T, p *peer)) {
	for _, peer := range peers {
		t.Run(peer.name, func(t *testing.T) { test(t, peer.start(t)) })
	}
}

// someBytes returns n bytes that depend on seed.
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

// treeOf describes all entries below dir, one line each.
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
