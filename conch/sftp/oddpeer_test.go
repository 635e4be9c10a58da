package sftp_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// oddPeer is a session with an oddserver over SSH, on an in-memory connection.
type oddPeer struct {
	*sftp.Files
	client *sftp.Client
	s      *oddserver.Server
	r      *reactor.Reactor
	served sync.WaitGroup
	conns  []net.Conn // the server's ends of the connections
}

// connectOdd opens a session with a server that sends the given version line.
func connectOdd(t testing.TB, r *reactor.Reactor, s *oddserver.Server, version string) *oddPeer {
	t.Helper()
	p := &oddPeer{s: s, r: r}
	dial := func(context.Context, string, string) (net.Conn, error) {
		here, there := sshtest.MemPipe()
		p.conns = append(p.conns, there)
		p.served.Go(func() { _ = s.ServeSSH(there, version) }) // errors show at the client
		return here, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	p.client, err = reactor.Await(ctx, r, func() deferred.Deferred[*sftp.Client] {
		return sftp.Open(r, "odd@server", sftp.OpenOptions{
			Options: client.Options{Dial: dial, NoAgent: true, BatchMode: true}, Verify: client.AcceptAnyHostKey,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Files = p.client.Files()
	p.onLoop(func() { p.client.StripeFrom(1) }) // for any round trip
	return p
}

// onLoop calls f on the loop.
func (p *oddPeer) onLoop(f func()) {
	_, _ = reactor.Await(context.Background(), p.r, func() deferred.Deferred[struct{}] { // f cannot fail
		f()
		return deferred.Succeed(struct{}{})
	})
}

// lost reports whether the session has ended.
func (p *oddPeer) lost() (lost bool) {
	p.onLoop(func() { lost = p.client.Lost() != nil })
	return lost
}

// close ends the connection and waits until the server has closed too.
func (p *oddPeer) close() {
	p.onLoop(p.client.LoseConnection)
	for _, c := range p.conns {
		c.Close() // an error means that it was closed before
	}
	p.served.Wait()
	p.s.Wait()
}

// settled waits until the server has no open handle. It returns an error if
// handles are left after a time limit.
func (p *oddPeer) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cellPatience/4)
	defer cancel()
	for p.s.Handles() != 0 && !p.lost() {
		if _, err := p.RealPath(ctx, "."); ctx.Err() != nil || err != nil && ctx.Err() != nil {
			return fmt.Errorf("%d handles are left open", p.s.Handles())
		}
	}
	return nil
}

// random is the data that content returns slices of.
var random = someBytes(24 << 20)

// content returns n bytes that depend on seed.
func content(n, seed int) []byte {
	at := seed * 4099 % (len(random) - n)
	return random[at : at+n]
}

// localNames returns the sorted names of the entries of a directory.
func localNames(dir string) (names []string) {
	entries, _ := os.ReadDir(dir) // a missing directory has no entries
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// writeAged writes a local file with a modification time.
func writeAged(name string, data []byte, mtime time.Time) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return err
	}
	return os.Chtimes(name, mtime, mtime)
}
