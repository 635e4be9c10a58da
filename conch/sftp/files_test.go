package sftp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

func someBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p) // never fails
	return p
}

func TestReadAndWriteFile(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		for _, size := range []int{0, 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 255 << 10, 3<<20 + 1} {
			content := someBytes(size)
			if err := p.WriteFile(t.Context(), "file", content, 0o640); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(p.dir, "file")); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%d bytes: %d arrived, %v", size, len(got), err)
			}
			if got, err := p.ReadFile(t.Context(), "file"); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%d bytes: %d came back, %v", size, len(got), err)
			}
		}
	})
}

// TestReader: a File is a correct io.Reader for all sizes of reads.
func TestReader(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		content := someBytes(5<<20 + 3)
		if err := p.WriteFile(t.Context(), "file", content, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{7919, 100_000, 1 << 20} {
			f, err := p.Open(t.Context(), "file")
			if err != nil {
				t.Fatal(err)
			}
			hash, buf := sha256.New(), make([]byte, size)
			if _, err := io.CopyBuffer(hash, struct{ io.Reader }{f}, buf); err != nil || !bytes.Equal(hash.Sum(nil), sum(content)) {
				t.Errorf("reads of %d bytes: other content, %v", size, err)
			}
			if _, err := f.Read(buf); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := p.WriteFile(t.Context(), "small", content[:5000], 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := p.Open(t.Context(), "small")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := iotest.TestReader(f, content[:5000]); err != nil {
			t.Error(err)
		}
	})
}

func sum(p []byte) []byte {
	s := sha256.Sum256(p)
	return s[:]
}

func TestCopy(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		content := someBytes(9<<20 + 3)
		f, err := p.Create(t.Context(), "file")
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(f, iotest.HalfReader(bytes.NewReader(content))); err != nil || n != int64(len(content)) {
			t.Errorf("%d bytes to the file, %v", n, err)
		}
		if at, err := f.Seek(0, io.SeekCurrent); at != int64(len(content)) || err != nil {
			t.Errorf("at %d, %v", at, err)
		}
		if _, err := f.Seek(1, io.SeekStart); err != nil {
			t.Error(err)
		}
		var got bytes.Buffer
		if n, err := io.Copy(&got, f); err != nil || n != int64(len(content)-1) || !bytes.Equal(got.Bytes(), content[1:]) {
			t.Errorf("%d bytes from the file, %v", n, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
	})
}

func TestCopyThatFails(t *testing.T) {
	p := openSSH(t)
	f, err := p.Create(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	broken := errors.New("broken")
	n, err := f.ReadFrom(io.MultiReader(bytes.NewReader(someBytes(1<<20)), iotest.ErrReader(broken)))
	if err != broken || n < 255<<10 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteTo(shortWriter{}); err != io.ErrShortWrite {
		t.Errorf("%v", err)
	}
	readOnly, err := p.Open(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	if _, err := readOnly.ReadFrom(bytes.NewReader(someBytes(1 << 20))); err == nil {
		t.Error("written to a file that is open for reading")
	}
	if s := sftp.PoolStats(); s.Used != 0 {
		t.Errorf("%+v", s)
	}
}

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) / 2, nil }

func TestOffsets(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		f, err := p.Create(t.Context(), "file")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, step := range []struct {
			do   func() (int, error)
			n    int
			fail bool
		}{
			{func() (int, error) { return f.WriteString("0123456789") }, 10, false},
			{func() (int, error) { return f.WriteAt([]byte("ab"), 4) }, 2, false},
			{func() (int, error) { return seek(f, -4, io.SeekEnd) }, 6, false},
			{func() (int, error) { return f.Read(make([]byte, 2)) }, 2, false},
			{func() (int, error) { return f.Write([]byte("XY")) }, 2, false},
			{func() (int, error) { return seek(f, -100, io.SeekCurrent) }, 0, true},
			{func() (int, error) { return seek(f, 0, 9) }, 0, true},
			{func() (int, error) { return f.ReadAt(make([]byte, 5), 8) }, 2, true},
			{func() (int, error) { return f.ReadAt(make([]byte, 5), -1) }, 0, true},
			{func() (int, error) { return f.WriteAt([]byte("x"), -1) }, 0, true},
			{func() (int, error) { return f.Read(make([]byte, 5)) }, 0, true},
		} {
			if n, err := step.do(); n != step.n || (err != nil) != step.fail {
				t.Errorf("%d, %v; want %d", n, err, step.n)
			}
		}
		if got, err := os.ReadFile(filepath.Join(p.dir, "file")); string(got) != "0123ab67XY" {
			t.Errorf("%q, %v", got, err)
		}
		if err := errors.Join(f.Truncate(3), f.Chmod(0o600)); err != nil {
			t.Error(err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != 3 || info.Mode() != 0o600 || info.Name() != "file" || f.Name() != "file" {
			t.Errorf("%v, %v", info, err)
		}
	})
}

func seek(f *sftp.File, offset int64, whence int) (int, error) {
	n, err := f.Seek(offset, whence)
	return int(n), err
}

// TestReadAheadIsNotStale: data that was read ahead does not hide a later
// write. A read after io.EOF returns data that was added to the file.
func TestReadAheadIsNotStale(t *testing.T) {
	p := openSSH(t)
	f, err := p.Create(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 3)
	f.WriteString("abcdef")
	f.Seek(0, io.SeekStart)
	f.Read(buf)
	f.WriteAt([]byte("XYZ"), 3)
	if _, err := f.Write([]byte("1")); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Read(buf); string(buf[:n]) != "YZ" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if _, err := f.Read(buf); err != io.EOF {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "file"), []byte("abcdefgh"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Read(buf); string(buf[:n]) != "gh" || err != nil {
		t.Errorf("after the file has grown: %q, %v", buf[:n], err)
	}
}

func TestOpenFlags(t *testing.T) {
	p := openSSH(t)
	ctx := t.Context()
	if _, err := p.OpenFile(ctx, "file", os.O_WRONLY, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	for range 2 {
		f, err := p.OpenFile(ctx, "file", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("line\n"); err != nil {
			t.Error(err)
		}
		if _, err := f.WriteAt([]byte("x"), 0); err == nil {
			t.Error("WriteAt in a file that is open for appending")
		}
		if n, err := f.ReadFrom(strings.NewReader(strings.Repeat("x", 600_000))); n != 600_000 || err != nil {
			t.Error(n, err)
		}
		f.Close()
	}
	if info, err := p.Stat(ctx, "file"); err != nil || info.Size() != 2*600_005 || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := p.OpenFile(ctx, "file", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		t.Error("an exclusive open of a file that exists")
	}
	f, err := p.OpenFile(ctx, "file", os.O_RDWR|os.O_TRUNC|os.O_CREATE, 0)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%v, %v", info, err)
	}
	f.Close()
}

func TestOperations(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		ctx := t.Context()
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		stamp := time.Unix(1_000_000_000, 0)
		ok(p.MkdirAll(ctx, "a/b/c", 0o755))
		ok(p.MkdirAll(ctx, "a/b/c", 0o755))
		ok(p.WriteFile(ctx, "a/b/file", []byte("content"), 0o644))
		ok(p.Chmod(ctx, "a/b/file", 0o600))
		ok(p.Truncate(ctx, "a/b/file", 4))
		ok(p.Chtimes(ctx, "a/b/file", stamp, stamp))
		info, err := p.Stat(ctx, "a/b/file")
		if err != nil || info.Size() != 4 || info.Mode() != 0o600 || !info.ModTime().Equal(stamp) {
			t.Errorf("%v, %v", fs.FormatFileInfo(info), err)
		}
		if sys, isAttrs := info.Sys().(filetransfer.Attrs); isAttrs {
			ok(p.Chown(ctx, "a/b/file", int(sys.UID), int(sys.GID)))
		}
		ok(p.Symlink(ctx, "file", "a/b/link"))
		if target, err := p.ReadLink(ctx, "a/b/link"); !strings.HasSuffix(target, "file") || err != nil {
			t.Errorf("%q, %v", target, err)
		}
		if info, err := p.Lstat(ctx, "a/b/link"); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("%v, %v", info, err)
		}
		ok(p.Link(ctx, "a/b/file", "a/b/second"))
		ok(p.WriteFile(ctx, "a/b/third", nil, 0o644))
		ok(p.Rename(ctx, "a/b/second", "a/b/third"))
		if real, err := p.RealPath(ctx, "a/../a/b"); !strings.HasSuffix(real, "/a/b") || err != nil {
			t.Errorf("%q, %v", real, err)
		}
		entries, err := p.ReadDir(ctx, "a/b")
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if want := []string{"c", "file", "link", "third"}; err != nil || !slices.Equal(names, want) {
			t.Errorf("%q, %v", names, err)
		}
		if found, err := p.Glob(ctx, "a/b/[ft]*"); err != nil || !slices.Equal(found, []string{"a/b/file", "a/b/third"}) {
			t.Errorf("%q, %v", found, err)
		}
		var walked []string
		for e, err := range p.Walk(ctx, "a") {
			ok(err)
			walked = append(walked, e.Path)
		}
		slices.Sort(walked)
		if want := []string{"a", "a/b", "a/b/c", "a/b/file", "a/b/link", "a/b/third"}; !slices.Equal(walked, want) {
			t.Errorf("%q", walked)
		}
		report, err := p.Get(ctx, "a", filepath.Join(t.TempDir(), "a"), sftp.Options{})
		if err != nil || report.Files != 2 {
			t.Errorf("%+v, %v", report, err)
		}
		report, err = p.Put(ctx, p.dir+"/a/b/file", "put", sftp.Options{})
		if err != nil || report.Files != 1 {
			t.Errorf("%+v, %v", report, err)
		}
		ok(p.Remove(ctx, "a/b/c"))
		ok(p.Remove(ctx, "a/b/third"))
		if err := p.Remove(ctx, "a/b"); err == nil {
			t.Error("removed a directory that is not empty")
		}
		ok(p.RemoveAll(ctx, "a"))
		ok(p.RemoveAll(ctx, "a"))
		if _, err := os.Lstat(filepath.Join(p.dir, "a")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v", err)
		}
	})
}

// TestErrors: errors have the types of package os, with operation, path and
// cause.
func TestErrors(t *testing.T) {
	p := openSSH(t)
	ctx := t.Context()
	if err := p.WriteFile(ctx, "file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for op, err := range map[string]error{
		"open":     second(p.Open(ctx, "no")),
		"stat":     second(p.Stat(ctx, "no")),
		"lstat":    second(p.Lstat(ctx, "no")),
		"readdir":  second(p.ReadDir(ctx, "no")),
		"mkdir":    p.Mkdir(ctx, "no/no", 0o755),
		"remove":   p.Remove(ctx, "no"),
		"readlink": second(p.ReadLink(ctx, "no")),
		"chmod":    p.Chmod(ctx, "no", 0),
		"chown":    p.Chown(ctx, "no", 0, 0),
		"chtimes":  p.Chtimes(ctx, "no", time.Time{}, time.Time{}),
		"truncate": p.Truncate(ctx, "no", 0),
	} {
		failed, ok := err.(*fs.PathError)
		if !ok || failed.Op != op || !strings.HasPrefix(failed.Path, "no") || !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "filetransfer") {
			t.Errorf("%s: %v", op, err)
		}
	}
	for op, err := range map[string]error{"rename": p.Rename(ctx, "no", "x"), "link": p.Link(ctx, "no", "x"), "symlink": p.Symlink(ctx, "x", "no/no")} {
		if failed, ok := errors.AsType[*os.LinkError](err); !ok || failed.Op != op || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", op, err)
		}
	}
	if err := p.MkdirAll(ctx, "file/x", 0o755); err == nil {
		t.Error("a directory below a file")
	}
	if _, err := p.ReadFile(ctx, "."); err == nil {
		t.Error("read a directory")
	}
	f, _ := p.Open(ctx, "file")
	f.Close()
	for op, err := range map[string]error{
		"read": second(f.Read(make([]byte, 1))), "write": second(f.Write([]byte("x"))), "readat": second(f.ReadAt(make([]byte, 1), 0)), "stat": second(f.Stat()),
		"seek": second(f.Seek(0, 0)), "sync": f.Sync(), "readdir": second(f.ReadDir(1)), "writeto": second(f.WriteTo(io.Discard)), "readfrom": second(f.ReadFrom(f)),
	} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s of a closed file: %v", op, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestFS: the file system passes fstest.TestFS.
func TestFS(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		for _, name := range []string{"top/a/one", "top/a/two words", "top/b/c/three", "top/empty", "outside"} {
			full := filepath.Join(p.dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(name), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		tree := p.FS(t.Context(), "top")
		if err := fstest.TestFS(tree, "a/one", "a/two words", "b/c/three", "empty"); err != nil {
			t.Error(err)
		}
		sub, err := fs.Sub(tree, "b")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(sub, "c/three"); string(got) != "top/b/c/three" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		for _, name := range []string{"../outside", "/outside", "a/", "", "a/../a"} {
			if _, err := tree.Open(name); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if err := os.Symlink("a/one", filepath.Join(p.dir, "top", "link")); err != nil {
			t.Fatal(err)
		}
		if target, err := fs.ReadLink(tree, "link"); target != "a/one" || err != nil {
			t.Errorf("%q, %v", target, err)
		}
	})
}

func TestManyGoroutines(t *testing.T) {
	p := openSSH(t)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			name := "file" + string(rune('A'+i))
			content := someBytes(100_000 + i)
			if err := p.WriteFile(t.Context(), name, content, 0o644); err != nil {
				t.Error(err)
				return
			}
			if got, err := p.ReadFile(t.Context(), name); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	all.Wait()
}

// TestContext: when its context ends, a call returns at once, although the
// server is silent. Late replies do no harm.
func TestContext(t *testing.T) {
	p := openSSH(t)
	if err := p.WriteFile(t.Context(), "file", someBytes(1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	late := errors.New("too late")
	f, err := p.OpenFile(t.Context(), "file", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 300_000)
	for name, do := range map[string]func(ctx context.Context) error{
		"stat":     func(ctx context.Context) error { return second(p.Stat(ctx, "file")) },
		"open":     func(ctx context.Context) error { return second(p.OpenFile(ctx, "file", os.O_RDWR, 0)) },
		"read":     func(ctx context.Context) error { return second(f.WithContext(ctx).Read(buf)) },
		"readat":   func(ctx context.Context) error { return second(f.WithContext(ctx).ReadAt(buf, 0)) },
		"write":    func(ctx context.Context) error { return second(f.WithContext(ctx).Write(buf)) },
		"readfrom": func(ctx context.Context) error { return second(f.WithContext(ctx).ReadFrom(bytes.NewReader(buf))) },
		"writeto":  func(ctx context.Context) error { return second(f.WithContext(ctx).WriteTo(io.Discard)) },
		"get": func(ctx context.Context) error {
			return second(p.Get(ctx, "file", filepath.Join(t.TempDir(), "x"), sftp.Options{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			speak := p.link.hush()
			ctx, cancel := context.WithCancelCause(context.Background())
			sent := make(chan struct{})
			go func() { // ends when the request was sent
				defer close(sent)
				onLoop(t, p, func() {})
				cancel(late)
			}()
			err := do(ctx)
			if !errors.Is(err, late) {
				t.Errorf("%v", err)
			}
			<-sent
			clear(buf) // the race detector reports a late write to buf
			speak()
			if _, err := p.Stat(context.Background(), "file"); err != nil {
				t.Error(err)
			}
		})
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if n := openAtServer(t, p); n != 0 {
		t.Errorf("the server has the file open %d times", n)
	}
}

func onLoop(t *testing.T, p *peer, f func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := reactor.Await(ctx, p.r, func() deferred.Deferred[struct{}] {
		f()
		return deferred.Succeed(struct{}{})
	})
	if err != nil {
		t.Error(err)
	}
}

func TestConnectionLost(t *testing.T) {
	p := openSSH(t)
	f, err := p.Create(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	onLoop(t, p, func() { p.client.ConnectionLost(io.ErrClosedPipe) })
	for op, err := range map[string]error{
		"stat": second(p.Stat(t.Context(), "x")), "read": second(f.Read(make([]byte, 1))), "write": second(f.Write([]byte("x"))),
		"readfrom": second(f.ReadFrom(strings.NewReader("x"))), "close": f.Close(),
	} {
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
