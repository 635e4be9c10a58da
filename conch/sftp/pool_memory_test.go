package sftp

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	pkgsftp "github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
)

// peak returns the peak of additional memory while f runs. It counts reachable
// memory only.
func peak(f func()) (most int64) {
	before := inUseBefore()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for {
		select {
		case <-done:
			return most
		case <-time.After(20 * time.Millisecond):
			if now := inUse(); now > before {
				most = max(most, now-before)
			}
		}
	}
}

// TestF12_ManyTransfersAtOnce: the memory of 64 concurrent transfers is bounded
// by the pool, one slot for each, and the queues of the transports.
func TestF12_ManyTransfersAtOnce(t *testing.T) {
	const n, size = 64, 2 << 20
	p := openSSH(t) // the server is another process
	p.pool = newPool(poolSize)
	source := write(t, filepath.Join(p.local, "source"), someBytes(size, 1))
	all := func(begin func(i int) deferred.Deferred[Report]) int64 {
		return peak(func() {
			must(p, func() deferred.Deferred[[]Report] {
				var ds []deferred.Deferred[Report]
				for i := range n {
					ds = append(ds, begin(i))
				}
				return deferred.Gather(ds)
			})
		})
	}
	up := all(func(i int) deferred.Deferred[Report] { return p.Put(source, fmt.Sprint("up", i), Options{}) })
	down := all(func(i int) deferred.Deferred[Report] {
		return p.Get(fmt.Sprint("up", i), filepath.Join(p.local, fmt.Sprint("down", i)), Options{})
	})
	theirs := peak(func() { pkgUploads(t, p, source, n) })
	limit := int64(poolSize + n*slotSize + 8<<20)
	t.Logf("%d uploads: %d MiB, downloads: %d MiB, uploads of pkg/sftp: %d MiB, limit %d MiB", n, up>>20, down>>20, theirs>>20, limit>>20)
	// With the race detector the loop is slow, and more data waits in the
	// test's pipes.
	if (up > limit || down > limit) && !sshtest.RaceDetector {
		t.Errorf("uploads %d bytes, downloads %d bytes, limit %d", up, down, limit)
	}
	if !bytes.Equal(read(t, filepath.Join(p.local, "down5")), read(t, source)) {
		t.Error("other content")
	}
	runtime.KeepAlive(p)
}

func pkgUploads(t *testing.T, p *peer, source string, n int) {
	server, err := p.start(t, p.dir)
	if err != nil {
		t.Error(err)
		return
	}
	c, err := pkgsftp.NewClientPipe(server.Out, server.In, pkgsftp.UseConcurrentWrites(true), pkgsftp.MaxPacketUnchecked(255<<10))
	if err != nil {
		t.Error(err)
		return
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			in, err := os.Open(source)
			if err != nil {
				t.Error(err)
				return
			}
			defer in.Close()
			out, err := c.Create(fmt.Sprint("theirs", i))
			if err == nil {
				_, err = out.ReadFrom(in)
				out.Close()
			}
			if err != nil && err != io.EOF {
				t.Error(err)
			}
		})
	}
	all.Wait()
	c.Close()
	server.Wait()
}
