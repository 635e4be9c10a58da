//go:build unix

package store_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/pkg/sftp"
)

// socketPair returns two connected sockets.
func socketPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn := func(fd int) net.Conn {
		f := os.NewFile(uintptr(fd), "socket")
		defer f.Close()
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return conn(fds[0]), conn(fds[1])
}

// newUnixSocket makes a socket in the file system.
func newUnixSocket(path string) (net.Listener, error) { return net.Listen("unix", path) }

// osHandlers are handlers of pkg/sftp for a directory of the host.
type osHandlers string

func (h osHandlers) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	info, err := os.Stat(filepath.Join(string(h), r.Filepath))
	return infoList{info}, err
}

type infoList []fs.FileInfo

func (l infoList) ListAt(to []fs.FileInfo, at int64) (int, error) {
	if at >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(to, l[at:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

// servePkg serves one end of a socket pair with pkg/sftp and returns the other.
func servePkg(t testing.TB, h sftp.Handlers, options ...sftp.RequestServerOption) net.Conn {
	ours, theirs := socketPair(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = sftp.NewRequestServer(theirs, h, options...).Serve() // ends with the connection
	}()
	t.Cleanup(func() {
		ours.Close()
		<-done
	})
	return ours
}

// serve serves one end of a socket pair and returns the other.
func serve(t testing.TB, b filetransfer.BlockingServer, set func(*filetransfer.FileTransferServer)) net.Conn {
	t.Helper()
	r := reactortest.Start(t, reactor.Options{})
	ours, theirs := socketPair(t)
	t.Cleanup(func() { ours.Close() })
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[deferred.Void] {
		s := filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, b))
		if set != nil {
			set(s)
		}
		_, err := r.Attach(theirs, s, reactor.AttachOptions{})
		if err != nil {
			return deferred.Fail[deferred.Void](err)
		}
		return deferred.Succeed(deferred.Void{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return ours
}

// askStats sends n STAT requests for a path with so many outstanding, and reads
// the answers.
func askStats(t testing.TB, conn net.Conn, n, outstanding int) {
	in, out := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriterSize(conn, 64<<10)
	frame := req(fxpStat, "/f").encode(0, nil)
	sent := 0
	send := func() {
		binary.BigEndian.PutUint32(frame[5:], uint32(sent))
		_, _ = out.Write(frame)
		sent++
	}
	answer := make([]byte, 4<<10)
	for got := 0; got < n; got++ {
		for sent < n && sent < got+outstanding {
			send()
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			t.Fatal(err)
		}
		p := answer[:binary.BigEndian.Uint32(size[:])]
		if _, err := io.ReadFull(in, p); err != nil {
			t.Fatal(err)
		}
		if p[0] != 105 {
			t.Fatalf("answer of type %d", p[0])
		}
	}
}

// start sends SSH_FXP_INIT and reads the answer.
func start(t testing.TB, conn net.Conn) {
	t.Helper()
	c := &conversation{t: t, w: conn, r: conn}
	if c.greet() == "" {
		t.Fatal("no answer to SSH_FXP_INIT")
	}
}

func statDir(t testing.TB) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// memoryHandlers returns handlers of pkg/sftp with a file f.
func memoryHandlers(t testing.TB) sftp.Handlers {
	h := sftp.InMemHandler()
	put := sftp.NewRequest("Put", "/f")
	put.Flags = w | creat | trunc
	f, err := h.FilePut.Filewrite(put)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	return h
}

// BenchmarkStat is the rate of STAT with 64 outstanding, for the same handlers
// in pkg/sftp's RequestServer and here, and for a directory of the host:
// os.Stat there, os.Root here.
func BenchmarkStat(b *testing.B) {
	for _, bb := range []struct {
		name string
		conn func(b *testing.B) net.Conn
	}{
		{"handlers/pkgsftp", func(b *testing.B) net.Conn { return servePkg(b, memoryHandlers(b)) }},
		{"handlers/pkgsftp-allocator", func(b *testing.B) net.Conn { return servePkg(b, memoryHandlers(b), sftp.WithRSAllocator()) }},
		{"handlers/hawser", func(b *testing.B) net.Conn { return serve(b, store.NewHandlers(memoryHandlers(b), "/"), nil) }},
		{"dir/pkgsftp", func(b *testing.B) net.Conn {
			return servePkg(b, sftp.Handlers{FileList: osHandlers(statDir(b))})
		}},
		{"dir/hawser", func(b *testing.B) net.Conn {
			dir, err := store.OpenDir(statDir(b), store.DirOptions{})
			if err != nil {
				b.Fatal(err)
			}
			return serve(b, dir, nil)
		}},
	} {
		for _, outstanding := range []int{1, 64} {
			b.Run(bb.name+map[int]string{1: "/outstanding=1", 64: "/outstanding=64"}[outstanding], func(b *testing.B) {
				conn := bb.conn(b)
				start(b, conn)
				b.ReportAllocs()
				b.ResetTimer()
				askStats(b, conn, b.N, outstanding)
			})
		}
	}
}
