//go:build unix

package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// OpenSSH's sftp works with the test binary as its server: V-CLIENTS-2,
// V-SFTP-2, V-SESSION-24.
func TestOpenSSHClient(t *testing.T) {
	sftp := conchtest.Program(t, "sftp")
	here, there := t.TempDir(), t.TempDir()
	big := bytes.Repeat([]byte("0123456789abcdef"), 300000)
	for name, content := range map[string][]byte{"big": big, "small": []byte("x"), "empty": nil} {
		if err := os.MkdirAll(filepath.Join(here, "tree", "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"tree", "tree/sub"} {
			if err := os.WriteFile(filepath.Join(here, dir, name), content, 0o640); err != nil {
				t.Fatal(err)
			}
		}
	}
	batch := `pwd
put -rp tree
ls -la tree
ls -l tree/sub
df .
rename tree/small tree/renamed
rename tree/renamed tree/empty
ln -s tree/big link
ln tree/big hard
ls -n
chmod 600 tree/big
mkdir made
rmdir made
rm tree/sub/empty
get -rp tree back
get link
put -f small-local tree/forced
reput big-local tree/sub/small
`
	if err := errors.Join(os.WriteFile(filepath.Join(here, "small-local"), []byte("forced"), 0o644), os.WriteFile(filepath.Join(here, "big-local"), []byte("xyz"), 0o644)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sftp, "-b", "-", "-D", self(t))
	cmd.Dir, cmd.Stdin = here, strings.NewReader(batch)
	cmd.Env = append(os.Environ(), serveVariable+"="+there)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "Remote working directory: /\n") || !strings.Contains(string(out), "-rw-r-----") {
		t.Errorf("%s", out)
	}
	for name, want := range map[string]string{"tree/big": string(big), "tree/empty": "x", "tree/forced": "forced", "tree/sub/small": "xyz", "hard": string(big)} {
		if got, err := os.ReadFile(filepath.Join(there, name)); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(want), err)
		}
	}
	for name, want := range map[string]string{"back/big": string(big), "back/empty": "x", "back/sub/big": string(big), "link": string(big)} {
		if got, err := os.ReadFile(filepath.Join(here, name)); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(want), err)
		}
	}
	if target, err := os.Readlink(filepath.Join(there, "link")); err != nil || target != "tree/big" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if _, err := os.Stat(filepath.Join(there, "made")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// V-SESSION-24, V-SFTP-4: the process of a session ends with 0 after the end of
// its input, also in the middle of a packet, and with 255 after an error.
func TestExitStatusOfProgram(t *testing.T) {
	binary, dir := self(t), plant(t)
	for frame, want := range map[string]int{"": 0, "\x00\x00\x00\x05\x11": 0, "\x00\x00\x00\x05\x11\x00\x00\x00\x01": 0, "\x7f\x00\x00\x00": 255, "\x00\x00\x00\x01\x11": 255} {
		cmd := run(binary)
		cmd.Env = append(os.Environ(), serveVariable+"="+dir)
		cmd.Stdin = strings.NewReader("\x00\x00\x00\x05\x01\x00\x00\x00\x03" + frame)
		err := cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%q: exit status %d, want %d; %v", frame, got, want, err)
		}
	}
}

// descriptorsInUse returns the number of open descriptors.
func descriptorsInUse(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// V-LIMITS-29, V-SFTP-30, V-SFTP-31: one session opens as many files as it may,
// and cuts the connection. The other goes on meanwhile, and no descriptor is
// left.
func TestV_LIMITS_29_ManyHandles(t *testing.T) {
	const most = 300
	dir := plant(t)
	before := descriptorsInUse(t)
	t.Run("session", func(t *testing.T) {
		greedy := talk(t, openRoot(t, dir), func(s *filetransfer.FileTransferServer) { s.MaxHandles = most })
		other := talk(t, openRoot(t, dir), nil)
		for i := range most + 10 {
			want := "HANDLE"
			if i >= most {
				want = "4 Failure"
			}
			r := req(fxpOpen, "f", r, none)
			if i%2 == 1 {
				r = req(fxpOpendir, "d")
			}
			if got := greedy.ask(r); got != want {
				t.Fatalf("file %d: %s", i, got)
			}
		}
		if got := other.ask(req(fxpOpen, "f", r, none)); got != "HANDLE" {
			t.Error(got)
		}
		if got := greedy.ask(req(fxpClose, handle(0))); got != "0 Success" {
			t.Error(got)
		}
		if got := greedy.ask(req(fxpOpen, "f", r, none)); got != "HANDLE" {
			t.Error(got)
		}
	}) // the reactors have ended, and with them the sessions
	if after := descriptorsInUse(t); after != before {
		t.Errorf("%d descriptors in use, %d before", after, before)
	}
}

// openRoot is OpenDir for a Dir that the session closes.
func openRoot(t testing.TB, name string) *store.Dir {
	t.Helper()
	d, err := store.OpenDir(name, store.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// V-LIMITS-24, V-LIMITS-25: a client floods the server with requests to read,
// and reads nothing. The memory of the server stays below its bound; when the
// client reads, every request is answered.
func TestV_LIMITS_25_Flood(t *testing.T) {
	const requests = 3000
	dir := plant(t)
	if err := os.WriteFile(filepath.Join(dir, "big"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(filepath.Join(dir, "big"), 0o644)
	var served *filetransfer.FileTransferServer
	c := talk(t, openRoot(t, dir), func(s *filetransfer.FileTransferServer) { served = s })
	if got := c.ask(req(fxpOpen, "big", r, none)); got != "HANDLE" {
		t.Fatal(got)
	}
	frame := req(fxpRead, handle(0), uint64(0), 261120).encode(5, c.handles)
	var writing sync.WaitGroup
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	writing.Go(func() {
		for range requests {
			if _, err := c.w.Write(frame); err != nil {
				t.Error(err)
				return
			}
		}
	})
	answered := 0
	for answered < requests {
		if got := c.answer(5); got != "DATA 261120" {
			t.Fatalf("answer %d: %s", answered, got)
		}
		if answered++; answered%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4*int64(served.MaxMemory) {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
		}
	}
	writing.Wait()
}

// The connection is cut after each byte of a conversation: all files are
// closed, and the session ends. V-SFTP-30.
func TestCutAtEveryByte(t *testing.T) {
	dir := plant(t)
	init := []byte("\x00\x00\x00\x05\x01\x00\x00\x00\x03")
	frames := append(init, req(fxpOpen, "new", r|w|creat|trunc, none).encode(1, nil)...)
	frames = append(frames, req(fxpWrite, "\x00\x00\x00\x00", uint64(0), "data").encode(2, nil)...)
	frames = append(frames, req(fxpOpendir, "d").encode(3, nil)...)
	frames = append(frames, req(fxpReaddir, "\x00\x00\x00\x01").encode(4, nil)...)
	before := descriptorsInUse(t)
	t.Run("cut", func(t *testing.T) {
		r := reactortest.Start(t, reactor.Options{})
		for cut := range len(frames) {
			d := &counted{Dir: openRoot(t, dir), closed: make(chan struct{})}
			ours, theirs := socketPair(t)
			attach(t, r, theirs, filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, d)))
			if _, err := ours.Write(frames[:cut]); err != nil {
				t.Fatal(err)
			}
			if cut%2 == 0 { // the other half is a reset, if data is unread
				if err := ours.(*net.UnixConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, ours)
			}
			ours.Close()
			<-d.closed
		}
	})
	if after := descriptorsInUse(t); after != before {
		t.Errorf("%d descriptors in use, %d before", after, before)
	}
}

// counted is a Dir that tells when it is closed.
type counted struct {
	*store.Dir
	closed chan struct{}
}

func (c *counted) Close() error {
	defer close(c.closed)
	return c.Dir.Close()
}

func attach(t testing.TB, r *reactor.Reactor, conn net.Conn, p reactor.Protocol) {
	t.Helper()
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[deferred.Void] {
		if _, err := r.Attach(conn, p, reactor.AttachOptions{}); err != nil {
			return deferred.Fail[deferred.Void](err)
		}
		return deferred.Succeed(deferred.Void{})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// blocking is a BlockingServer whose methods block until the test lets them go
// on.
type blocking struct {
	filetransfer.BaseBlockingServer
	t       testing.TB
	entered chan string
	release chan struct{}
	mu      sync.Mutex
	calls   []string
	closes  int
}

func (b *blocking) note(call string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, call)
}

func (b *blocking) list() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(b.calls)
}

func (b *blocking) RealPath(p string) (string, error) {
	switch p {
	case "slow":
		b.entered <- p
		<-b.release
	case "panic":
		panic("oops")
	case "exit":
		runtime.Goexit()
	}
	return "/" + p, nil
}

func (b *blocking) OpenFile(string, filetransfer.OpenFlags, filetransfer.Attrs) (filetransfer.BlockingFile, error) {
	b.entered <- "open"
	<-b.release
	return &blockingFile{b: b}, nil
}

func (b *blocking) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closes++
	return nil
}

type blockingFile struct {
	filetransfer.BaseBlockingFile
	b *blocking
}

func (f *blockingFile) WriteChunk(offset uint64, data []byte) error {
	if offset == 0 {
		f.b.entered <- "write"
		<-f.b.release
	}
	f.b.note(fmt.Sprint("write ", offset))
	return nil
}

func (f *blockingFile) GetAttrs() (filetransfer.Attrs, error) {
	f.b.note("fstat")
	return filetransfer.Attrs{}, nil
}

func (f *blockingFile) Close() error {
	f.b.note("close")
	return nil
}

func newBlocking(t testing.TB) *blocking {
	return &blocking{t: t, entered: make(chan string, 10), release: make(chan struct{})}
}

// V-SFTP-3, C-SFTPSRV-3: a blocked operation delays neither others nor another
// file; the operations of one file keep their order.
func TestInThreads(t *testing.T) {
	b := newBlocking(t)
	log := reactortest.NewLog(t)
	c := talk(t, b, func(s *filetransfer.FileTransferServer) { s.Logger = log.Logger() })
	c.send(req(fxpRealpath, "slow").encode(100, nil))
	<-b.entered
	if got := c.ask(req(fxpRealpath, "quick")); got != `NAME "/quick" "/quick" 0x0` {
		t.Error(got)
	}
	b.release <- struct{}{}
	if got := c.answer(100); got != `NAME "/slow" "/slow" 0x0` {
		t.Error(got)
	}
	c.send(req(fxpOpen, "f", r|w, none).encode(101, nil))
	b.release <- struct{}{}
	if got := c.answer(101); got != "HANDLE" {
		t.Fatal(got)
	}
	<-b.entered
	for i := range 5 {
		c.send(req(fxpWrite, handle(0), uint64(i), "x").encode(uint32(102+i), c.handles))
	}
	c.send(req(fxpFstat, handle(0)).encode(107, c.handles))
	c.send(req(fxpClose, handle(0)).encode(108, c.handles))
	<-b.entered
	if got := c.ask(req(fxpRealpath, "other")); !strings.HasPrefix(got, "NAME") {
		t.Error(got)
	}
	b.release <- struct{}{}
	for i := range 5 {
		if got := c.answer(uint32(102 + i)); got != "0 Success" {
			t.Error(got)
		}
	}
	if a, b := c.answer(107), c.answer(108); a != "ATTRS 0x0" || b != "0 Success" {
		t.Error(a, b)
	}
	if want := "[write 0 write 1 write 2 write 3 write 4 fstat close]"; b.list() != want {
		t.Errorf("%s, want %s", b.list(), want)
	}
	for p, want := range map[string]string{"panic": "4 Failure", "exit": "4 Failure"} {
		if got := c.ask(req(fxpRealpath, p)); got != want {
			t.Errorf("%s: %s", p, got)
		}
	}
	if n := len(log.Take("panic in the server of SSH_FXP_REALPATH")); n != 1 {
		t.Errorf("%d panics are logged", n)
	}
}

// V-SFTP-30: the connection is lost while a file is being opened, and while one
// is written: both are closed, once, and then the server.
func TestInThreadsConnectionLost(t *testing.T) {
	b := newBlocking(t)
	t.Run("session", func(t *testing.T) {
		c := talk(t, b, nil)
		c.send(req(fxpOpen, "f", r|w, none).encode(1, nil))
		b.release <- struct{}{}
		c.answer(1)
		<-b.entered
		c.send(req(fxpWrite, handle(0), uint64(0), "x").encode(2, c.handles))
		c.send(req(fxpWrite, handle(0), uint64(1), "x").encode(2, c.handles))
		c.send(req(fxpOpen, "g", r|w, none).encode(3, nil))
		<-b.entered
		<-b.entered
		c.w.Close()
		close(b.release)
	}) // the reactor waits for its threads
	closes := strings.Count(b.list(), "close")
	if closes != 2 || b.closes != 1 {
		t.Errorf("called %s; the server was closed %d times", b.list(), b.closes)
	}
}
