package sftp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	pkgsftp "github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// The benchmarks use OpenSSH's server over loopback. Each runs once with each
// client:
//
//	go test -run '^$' -bench Files -benchtime 1x -count 5 ./conch/sftp

// benchSession returns a hawser session.
func benchSession(b *testing.B, server *conchtest.OpenSSH) *sftp.Files {
	b.Helper()
	r := reactortest.Start(b, reactor.Options{})
	session, err := reactor.Await(b.Context(), r, func() deferred.Deferred[*sftp.Client] {
		return sftp.Open(r, server.User+"@"+server.Addr.String(), sftp.OpenOptions{Options: client.Options{
			Identities: []string{server.ClientKey}, KnownHosts: []string{server.KnownHosts}, NoAgent: true, BatchMode: true,
		}})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.CallFromThread(session.LoseConnection) })
	return session.Files()
}

// benchPkgSFTP returns a pkg/sftp session.
func benchPkgSFTP(b *testing.B, server *conchtest.OpenSSH) *pkgsftp.Client {
	b.Helper()
	key, err := os.ReadFile(server.ClientKey)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := gossh.ParsePrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := gossh.Dial("tcp", server.Addr.String(), &gossh.ClientConfig{
		User: server.User, Auth: []gossh.AuthMethod{gossh.PublicKeys(signer)}, HostKeyCallback: gossh.FixedHostKey(server.HostKey.PublicKey()),
		Config: gossh.Config{Ciphers: []string{"aes128-gcm@openssh.com"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	c, err := pkgsftp.NewClient(conn, pkgsftp.UseConcurrentWrites(true), pkgsftp.MaxPacketUnchecked(255<<10))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { errors.Join(c.Close(), conn.Close()) })
	return c
}

// benchedFile is an open file of either client.
type benchedFile interface {
	io.ReadWriteCloser
	Stat() (os.FileInfo, error)
}

// opener opens a file of either client.
type opener func(name string, flag int) (benchedFile, error)

func ourOpener(c *sftp.Files) opener {
	return func(name string, flag int) (benchedFile, error) {
		return c.OpenFile(context.Background(), name, flag, 0o644)
	}
}

func theirOpener(c *pkgsftp.Client) opener {
	return func(name string, flag int) (benchedFile, error) { return c.OpenFile(name, flag) }
}

// eachClient runs a benchmark with both clients.
func eachClient(b *testing.B, name string, run func(b *testing.B, dir string, open opener, stat func(string) error)) {
	server := conchtest.NewOpenSSH(b)
	ours, theirs := benchSession(b, server), benchPkgSFTP(b, server)
	for _, c := range []struct {
		name string
		open opener
		stat func(string) error
	}{
		{"hawser", ourOpener(ours), func(name string) error { return second(ours.Stat(context.Background(), name)) }},
		{"pkg-sftp", theirOpener(theirs), func(name string) error { return second(theirs.Stat(name)) }},
	} {
		b.Run(name+"/client="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			run(b, server.Home, c.open, c.stat)
		})
	}
}

// forEach calls do for 0 to n-1 on the given number of goroutines.
func forEach(b *testing.B, n, goroutines int, do func(i int) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkFilesStat(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		eachClient(b, fmt.Sprintf("calls=20000/goroutines=%d", goroutines), func(b *testing.B, dir string, _ opener, stat func(string) error) {
			for b.Loop() {
				forEach(b, 20_000, goroutines, func(int) error { return stat(dir) })
			}
		})
	}
}

const smallFiles, smallFileSize = 2000, 4 << 10

func BenchmarkFilesSmall(b *testing.B) {
	name := fmt.Sprintf("files=%d/size=%d/goroutines=16", smallFiles, smallFileSize)
	content := someBytes(smallFileSize)
	eachClient(b, name+"/to", func(b *testing.B, dir string, open opener, _ func(string) error) {
		for i := range smallFiles { // otherwise only the first client would create them
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("up", i)), content, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			forEach(b, smallFiles, 16, func(i int) error {
				f, err := open(filepath.Join(dir, fmt.Sprint("up", i)), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
				if err != nil {
					return err
				}
				_, err = io.Copy(f, io.LimitReader(&endless{content}, smallFileSize))
				return errors.Join(err, f.Close())
			})
		}
	})
	eachClient(b, name+"/from", func(b *testing.B, dir string, open opener, _ func(string) error) {
		for i := range smallFiles {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("down", i)), content, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			forEach(b, smallFiles, 16, func(i int) error {
				f, err := open(filepath.Join(dir, fmt.Sprint("down", i)), os.O_RDONLY)
				if err != nil {
					return err
				}
				n, err := io.Copy(io.Discard, f)
				if err == nil && n != smallFileSize {
					err = io.ErrUnexpectedEOF
				}
				return errors.Join(err, f.Close())
			})
		}
	})
}

// endless is a reader that repeats p.
type endless struct{ p []byte }

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], e.p)
	}
	return n, nil
}

// largeFileSize returns the size of a large file: 1 GiB, or 64 MiB with -short.
func largeFileSize() int64 {
	if testing.Short() {
		return 64 << 20
	}
	return 1 << 30
}

func BenchmarkFilesLarge(b *testing.B) {
	size := largeFileSize()
	name := fmt.Sprintf("size=%d", size)
	content := someBytes(1 << 20)
	eachClient(b, name+"/to", func(b *testing.B, dir string, open opener, _ func(string) error) {
		b.SetBytes(size)
		for b.Loop() {
			f, err := open(filepath.Join(dir, "up"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.Copy(f, io.LimitReader(&endless{content}, size))
			if err := errors.Join(err, f.Close()); err != nil || n != size {
				b.Fatal(n, err)
			}
		}
	})
	eachClient(b, name+"/from", func(b *testing.B, dir string, open opener, _ func(string) error) {
		sparseFile(b, filepath.Join(dir, "down"), size)
		b.SetBytes(size)
		for b.Loop() {
			f, err := open(filepath.Join(dir, "down"), os.O_RDONLY)
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.Copy(io.Discard, f)
			if err := errors.Join(err, f.Close()); err != nil || n != size {
				b.Fatal(n, err)
			}
		}
	})
	server := conchtest.NewOpenSSH(b)
	files := benchSession(b, server)
	b.Run(name+"/to/client=hawser-PutFrom", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, err := files.PutFrom(b.Context(), io.LimitReader(&endless{content}, size), server.Home+"/up", sftp.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	sparseFile(b, server.Home+"/down", size)
	b.Run(name+"/from/client=hawser-GetTo", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, err := files.GetTo(b.Context(), server.Home+"/down", io.Discard, sftp.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// sparseFile creates a large file without disk blocks.
func sparseFile(b *testing.B, name string, size int64) {
	b.Helper()
	if err := errors.Join(os.WriteFile(name, nil, 0o644), os.Truncate(name, size)); err != nil {
		b.Fatal(err)
	}
}
