package sftp

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const chunkSize = filetransfer.MaxChunk

var sizes = []int{0, 1, 1000, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 5*chunkSize + 12345}

// TestPutAtomic_Directory: an atomic upload onto a directory fails before data
// is sent. No partial file is left.
func TestPutAtomic_Directory(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		source := write(t, filepath.Join(p.local, "source"), someBytes(2*chunkSize, 1))
		if err := os.Mkdir(filepath.Join(p.dir, "target"), 0o755); err != nil {
			t.Fatal(err)
		}
		if report, err := p.put(source, "target", Options{Atomic: true}); !errors.Is(err, ErrIsDirectory) || report.Bytes > 0 {
			t.Errorf("%+v, %v", report, err)
		}
		if left, _ := filepath.Glob(filepath.Join(p.dir, ".*.part")); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	})
}

func TestGetAndPut(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		sync := false
		must(p, func() deferred.Deferred[string] { return p.RealPath(".") })
		onLoop(p, func() { sync = p.HasExtension("fsync@openssh.com") })
		for _, o := range []Options{{}, {Atomic: true, Preserve: true, Sync: sync}, {Exclusive: true}, {Exclusive: true, Atomic: true}, {Sparse: true}, {Resume: true}} {
			for _, size := range sizes {
				name := fmt.Sprintf("%d-%v-%v-%v-%v", size, o.Atomic, o.Exclusive, o.Sparse, o.Resume)
				content := someBytes(size, byte(size))
				source := write(t, filepath.Join(p.local, "up "+name), content)
				age(t, source, 1_000_000_000)
				up, err := p.put(source, "file "+name, o)
				if err != nil || up.Bytes != int64(size) || up.Files != 1 {
					t.Fatalf("put %s: %+v, %v", name, up, err)
				}
				if got := read(t, filepath.Join(p.dir, "file "+name)); !bytes.Equal(got, content) {
					t.Fatalf("put %s: %d bytes arrived, or others", name, len(got))
				}
				target := filepath.Join(p.local, "down "+name)
				down, err := p.get("file "+name, target, o)
				if err != nil || down.Bytes != int64(size) || down.Files != 1 {
					t.Fatalf("get %s: %+v, %v", name, down, err)
				}
				if got := read(t, target); !bytes.Equal(got, content) {
					t.Fatalf("get %s: %d bytes arrived, or others", name, len(got))
				}
				if o.Preserve {
					for _, name := range []string{target, filepath.Join(p.dir, "file "+name)} {
						if info, err := os.Stat(name); err != nil || info.ModTime().Unix() != 1_000_000_000 {
							t.Errorf("%s: %v, %v", name, info.ModTime(), err)
						}
					}
				}
			}
		}
		if left, _ := filepath.Glob(filepath.Join(p.dir, ".*.part")); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	})
}

func TestOverwriting(t *testing.T) {
	p := openSSH(t)
	for _, o := range []Options{{}, {Atomic: true}} {
		long, short := someBytes(3*chunkSize, 1), []byte("short")
		target := write(t, filepath.Join(p.local, "target"), long)
		write(t, filepath.Join(p.dir, "remote"), short)
		if _, err := p.get("remote", target, o); err != nil || !bytes.Equal(read(t, target), short) {
			t.Errorf("get: %v", err)
		}
		write(t, filepath.Join(p.dir, "remote"), long)
		if _, err := p.put(target, "remote", o); err != nil || !bytes.Equal(read(t, filepath.Join(p.dir, "remote")), short) {
			t.Errorf("put: %v", err)
		}
		o.Exclusive = true
		if _, err := p.get("remote", target, o); !errors.Is(err, fs.ErrExist) {
			t.Errorf("exclusive get: %v", err)
		}
		if _, err := p.put(target, "remote", o); !errors.Is(err, fs.ErrExist) {
			t.Errorf("exclusive put: %v", err)
		}
	}
}

// TestAtomicPutWithoutPosixRename: an atomic upload replaces the target even if
// the server lacks posix-rename.
func TestAtomicPutWithoutPosixRename(t *testing.T) {
	p := python(t, "twisted")
	source := write(t, filepath.Join(p.local, "source"), []byte("new"))
	write(t, filepath.Join(p.dir, "remote"), []byte("old"))
	if _, err := p.put(source, "remote", Options{Atomic: true}); err != nil || string(read(t, filepath.Join(p.dir, "remote"))) != "new" {
		t.Error(err)
	}
}

func TestModes(t *testing.T) {
	p := openSSH(t)
	remote, local := filepath.Join(p.dir, "remote"), filepath.Join(p.local, "local")
	write(t, remote, []byte("x"))
	if err := os.Chmod(remote, 0o4751); err != nil {
		t.Fatal(err)
	}
	if _, err := p.get("remote", local, Options{Preserve: true}); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(local); info.Mode() != 0o751 {
		t.Errorf("got %v", info.Mode())
	}
	if err := os.Chmod(local, 0o640|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	if _, err := p.put(local, "back", Options{Preserve: true}); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(filepath.Join(p.dir, "back")); info.Mode() != 0o640 {
		t.Errorf("put %v", info.Mode())
	}
}

func TestReadersAndWriters(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		for _, size := range sizes {
			content := someBytes(size, 3)
			up, err := await(p, func() deferred.Deferred[Report] {
				return p.PutFrom(iotest.HalfReader(bytes.NewReader(content)), "remote", Options{Atomic: size%2 == 0})
			})
			if err != nil || up.Bytes != int64(size) || !bytes.Equal(read(t, filepath.Join(p.dir, "remote")), content) {
				t.Fatalf("%d bytes from a reader: %+v, %v", size, up, err)
			}
			var got bytes.Buffer
			down, err := await(p, func() deferred.Deferred[Report] { return p.GetTo("remote", &got, Options{}) })
			if err != nil || down.Bytes != int64(size) || !bytes.Equal(got.Bytes(), content) {
				t.Fatalf("%d bytes to a writer: %+v, %v", size, down, err)
			}
		}
	})
}

type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("no more")
	}
	return len(p), nil
}

func TestReadersAndWritersThatFail(t *testing.T) {
	p := openSSH(t)
	write(t, filepath.Join(p.dir, "remote"), someBytes(9*chunkSize, 1))
	for _, w := range []io.Writer{&failingWriter{0}, &failingWriter{4 * chunkSize}, &failingWriter{9*chunkSize - 1}, panicking{}} {
		_, err := await(p, func() deferred.Deferred[Report] { return p.GetTo("remote", w, Options{}) })
		if _, isFile := errors.AsType[*FileError](err); !isFile {
			t.Errorf("%T: %v", w, err)
		}
	}
	for _, r := range []io.Reader{iotest.ErrReader(errors.New("no more")), panicking{}, io.MultiReader(bytes.NewReader(someBytes(4*chunkSize, 1)), iotest.ErrReader(errors.New("no more")))} {
		_, err := await(p, func() deferred.Deferred[Report] { return p.PutFrom(r, "target", Options{}) })
		if _, isFile := errors.AsType[*FileError](err); !isFile {
			t.Errorf("%T: %v", r, err)
		}
	}
	noHandles(p, "remote", "target")
}

type panicking struct{}

func (panicking) Read([]byte) (int, error)  { panic("in Read") }
func (panicking) Write([]byte) (int, error) { panic("in Write") }

// noHandles checks that OpenSSH's server has none of the named files open.
func noHandles(p *peer, names ...string) {
	p.t.Helper()
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return
	}
	found, err := await(p, func() deferred.Deferred[[]string] { return p.Client.Glob("/proc/self/fd/*") })
	if err != nil {
		p.t.Fatal(err)
	}
	for _, name := range found {
		target, _ := await(p, func() deferred.Deferred[string] { return p.ReadLink(name) })
		for _, name := range names {
			if strings.HasSuffix(target, "/"+name) {
				p.t.Errorf("the server has %s open", name)
			}
		}
	}
}

// TestFilesOfUnknownSize: a file in /proc has content although its size is 0.
func TestFilesOfUnknownSize(t *testing.T) {
	p := openSSH(t)
	want, err := os.ReadFile("/proc/version")
	if err != nil {
		t.Skip("no /proc on this system: ", err)
	}
	target := filepath.Join(p.local, "version")
	if _, err := p.get("/proc/version", target, Options{}); err != nil || !bytes.Equal(read(t, target), want) {
		t.Errorf("%v", err)
	}
}

func TestSparse(t *testing.T) {
	p := openSSH(t)
	content := make([]byte, 40<<20)
	copy(content[3<<20+5:], "something")
	copy(content[20<<20-3:], "across a border")
	source := write(t, filepath.Join(p.local, "source"), content)
	up, err := p.put(source, "remote", Options{Sparse: true})
	if err != nil || up.Bytes > 5*chunkSize {
		t.Errorf("%+v, %v", up, err)
	}
	target := filepath.Join(p.local, "target")
	if _, err := p.get("remote", target, Options{Sparse: true}); err != nil {
		t.Error(err)
	}
	for _, name := range []string{filepath.Join(p.dir, "remote"), target} {
		if !bytes.Equal(read(t, name), content) {
			t.Errorf("%s has other content", name)
		}
		if n := blocks(t, name); n >= 0 && n > 4<<20 {
			t.Errorf("%s takes %d bytes on the disk", name, n)
		}
	}
}

// TestLargeFile transfers 100 MiB in both directions with each server.
func TestLargeFile(t *testing.T) {
	const size = 100 << 20
	content := someBytes(size, 9)
	sum := sha256.Sum256(content)
	forEachPeer(t, func(t *testing.T, p *peer) {
		p.pool = newPool(poolSize)
		source, target := write(t, filepath.Join(p.local, "source"), content), filepath.Join(p.local, "target")
		if report, err := p.put(source, "remote", Options{}); err != nil || report.Bytes != size {
			t.Fatalf("%+v, %v", report, err)
		}
		if sha256.Sum256(read(t, filepath.Join(p.dir, "remote"))) != sum {
			t.Error("other content arrived")
		}
		if report, err := p.get("remote", target, Options{}); err != nil || report.Bytes != size {
			t.Fatalf("%+v, %v", report, err)
		}
		if sha256.Sum256(read(t, target)) != sum {
			t.Error("other content came back")
		}
	})
}

// TestTinyArena: transfers succeed with an empty buffer pool, and so do two at
// the same time.
func TestTinyArena(t *testing.T) {
	p := openSSH(t)
	p.pool = newPool(0)
	content := someBytes(20*chunkSize, 9)
	source := write(t, filepath.Join(p.local, "source"), content)
	_, err := await(p, func() deferred.Deferred[[]Report] {
		return deferred.Gather([]deferred.Deferred[Report]{p.Put(source, "a", Options{}), p.Put(source, "b", Options{})})
	})
	if err != nil || !bytes.Equal(read(t, filepath.Join(p.dir, "a")), content) || !bytes.Equal(read(t, filepath.Join(p.dir, "b")), content) {
		t.Error(err)
	}
	if _, err := p.get("a", filepath.Join(p.local, "target"), Options{}); err != nil || !bytes.Equal(read(t, filepath.Join(p.local, "target")), content) {
		t.Error(err)
	}
}

func TestFailures(t *testing.T) {
	p := openSSH(t)
	write(t, filepath.Join(p.dir, "remote"), []byte("x"))
	source := write(t, filepath.Join(p.local, "source"), []byte("x"))
	if err := os.Mkdir(filepath.Join(p.dir, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		call func() (Report, error)
		is   error
		path string
	}{
		{"get missing", func() (Report, error) { return p.get("missing", filepath.Join(p.local, "x"), Options{}) }, fs.ErrNotExist, "missing"},
		{"get to missing", func() (Report, error) { return p.get("remote", filepath.Join(p.local, "no", "x"), Options{}) }, fs.ErrNotExist, "remote"},
		{"get a device", func() (Report, error) { return p.get("/dev/null", filepath.Join(p.local, "x"), Options{}) }, ErrNotRegular, "/dev/null"},
		{"put missing", func() (Report, error) { return p.put(filepath.Join(p.local, "no"), "x", Options{}) }, fs.ErrNotExist, filepath.Join(p.local, "no")},
		{"put to missing", func() (Report, error) { return p.put(source, "no/x", Options{}) }, fs.ErrNotExist, source},
		{"put a device", func() (Report, error) { return p.put(os.DevNull, "x", Options{}) }, ErrNotRegular, os.DevNull},
		{"put onto a directory", func() (Report, error) { return p.put(source, "dir", Options{}) }, nil, source},
	} {
		_, err := tt.call()
		failed, ok := errors.AsType[*FileError](err)
		if !ok || failed.Path != tt.path || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestProgress(t *testing.T) {
	p := openSSH(t)
	content := someBytes(40*chunkSize, 1)
	source := write(t, filepath.Join(p.local, "source"), content)
	var seen []Progress
	report, err := p.put(source, "remote", Options{Progress: func(now Progress) { seen = append(seen, now) }})
	if err != nil || len(seen) == 0 {
		t.Fatalf("%v, %d calls", err, len(seen))
	}
	for i, now := range seen {
		if i > 0 && (now.Bytes < seen[i-1].Bytes || now.Elapsed < seen[i-1].Elapsed) || now.Final != (i == len(seen)-1) || now.Bytes > now.Total {
			t.Errorf("call %d of %d: %+v", i, len(seen), now)
		}
	}
	if last := seen[len(seen)-1]; !reflect.DeepEqual(last.Report, report) || last.Done != int64(len(content)) || last.Total != last.Done || last.TotalFiles != 1 || last.Name != source {
		t.Errorf("last call: %+v, report %+v", last, report)
	}
	if most := int(report.Elapsed/time.Millisecond) + 2; len(seen) > most {
		t.Errorf("%d calls in %v", len(seen), report.Elapsed)
	}
}
