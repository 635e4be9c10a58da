package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/deferred"
)

// TestF3_Versions: a version is a size and a time. The name of a partial file
// belongs to one version.
func TestF3_Versions(t *testing.T) {
	v := version{100, 1000}
	names := make(map[string]bool)
	for _, name := range []string{
		partOf("dir/file", v.key("source")),
		partOf("dir/file", v.key("other source")),
		partOf("dir/file", v.key("source", 5)),
		partOf("dir/file", version{101, 1000}.key("source")),
		partOf("dir/file", version{100, 1001}.key("source")),
		partOf("dir/file", version{10, 01000}.key("0 source")),
	} {
		base, ok := strings.CutPrefix(name, "dir/")
		if names[name] || !ok || !isPartOf(base, "file") || isPartOf(base, "fil") || isPartOf(base, "file.x") {
			t.Error(name)
		}
		names[name] = true
	}
	for _, name := range []string{"file", ".file.part", ".file.0123456789abcdeg.part", ".file.0123456789abcdef", ".file.0123456789abcdef0.part"} {
		if isPartOf(name, "file") {
			t.Error(name, "is a partial file")
		}
	}
	if long := partOf(strings.Repeat("x", 255), v.key("source")); len(long) != 255 {
		t.Errorf("%d bytes: %q", len(long), long)
	}
	for _, v := range []version{{0, 5}, {-1, 5}, versionOf(5, time.Time{})} {
		if v.known() {
			t.Error(v, "is known")
		}
	}
}

func TestF3_Spread(t *testing.T) {
	for size, want := range map[int64]int64{0: 1 << 20, 1 << 20: 1 << 20, 40 << 20: 10 << 20, 1 << 30: 32 << 20} {
		if got := spreadOf(size); got != want {
			t.Errorf("%d: %d, want %d", size, got, want)
		}
	}
}

// interruption is a way to end a transfer early.
type interruption struct {
	name  string
	apply func(p *peer, d deferred.Deferred[Report])
	want  error
}

var interruptions = []interruption{
	{"cancelled", func(_ *peer, d deferred.Deferred[Report]) { d.Cancel() }, deferred.ErrCancelled},
	{"connection lost", func(p *peer, _ deferred.Deferred[Report]) { p.ConnectionLost(io.ErrClosedPipe) }, io.ErrClosedPipe},
}

// interrupt starts a transfer and interrupts it after at least n bytes.
func interrupt(p *peer, how interruption, n int64, begin func(o Options) deferred.Deferred[Report], o Options) error {
	p.t.Helper()
	_, err := await(p, func() deferred.Deferred[Report] {
		var d deferred.Deferred[Report]
		done := false
		p.progressEvery = time.Millisecond / 2
		o.Progress = func(now Progress) {
			if now.Bytes >= n && !now.Final && !done {
				done = true
				how.apply(p, d)
			}
		}
		d = begin(o)
		return d
	})
	return err
}

// quit closes the connection and waits until the server has exited.
func (p *peer) quit() {
	l := p.Transport().(*sftptest.Link)
	l.LoseConnection()
	l.Wait()
}

// again opens a new session with a new server process.
func (p *peer) again() {
	onLoop(p, func() {
		c := must2(p.openChannel())
		p.Client.FileTransferClient = c
	})
}

func must2[T any](d deferred.Deferred[T]) T {
	v, err, ok := d.Result()
	if !ok || err != nil {
		panic(fmt.Sprint(ok, err))
	}
	return v
}

// partIn returns the path of the only partial file for base in dir, or "".
func partIn(t *testing.T, dir, base string) string {
	t.Helper()
	var found []string
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if isPartOf(e.Name(), base) {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	switch len(found) {
	case 0:
		return ""
	case 1:
		return found[0]
	}
	t.Fatalf("%q", found)
	return ""
}

// TestF3_ResumeGet: an interrupted download keeps its data in a partial file.
// The next download resumes at the end of that file.
func TestF3_ResumeGet(t *testing.T) {
	const size = 60*chunkSize + 17
	for _, how := range interruptions {
		t.Run(how.name, func(t *testing.T) {
			p := openSSH(t)
			slow(p)
			content := someBytes(size, 1)
			age(t, write(t, filepath.Join(p.dir, "remote"), content), 1_000_000_000)
			target := filepath.Join(p.local, "target")
			o := Options{Resume: true}
			err := interrupt(p, how, 10*chunkSize, func(o Options) deferred.Deferred[Report] { return p.Get("remote", target, o) }, o)
			if !errors.Is(err, how.want) {
				t.Fatalf("%v", err)
			}
			if _, err := os.Stat(target); err == nil {
				t.Error("the target is there")
			}
			have := read(t, partIn(t, p.local, "target"))
			if len(have) == 0 || len(have) == size || !bytes.Equal(have, content[:len(have)]) {
				t.Fatalf("%d bytes of %d, or others", len(have), size)
			}
			if how.want != deferred.ErrCancelled {
				p.again()
			} else {
				noHandles(p, "remote")
			}
			report, err := p.get("remote", target, o)
			if err != nil || report.Bytes != int64(size-len(have)) || report.Files != 1 {
				t.Errorf("%d bytes were there: %+v, %v", len(have), report, err)
			}
			if !bytes.Equal(read(t, target), content) || partIn(t, p.local, "target") != "" {
				t.Error("other content, or a partial file")
			}
			if report, err := p.get("remote", target, o); err != nil || report.Skipped != 1 || report.Bytes != 0 {
				t.Errorf("again: %+v, %v", report, err)
			}
		})
	}
}

// slow makes the local disk slow, so that a transfer can be interrupted. Each
// operation waits for an iteration of the loop.
func slow(p *peer) {
	p.disk = func(d disk) disk {
		return &faultyDisk{disk: d, before: func(op, name string) error { onLoop(p, func() {}); return nil }}
	}
}

// TestF3_ResumePut: a resumed upload first goes back by its spread.
func TestF3_ResumePut(t *testing.T) {
	const size = 60*chunkSize + 17
	for _, how := range interruptions {
		t.Run(how.name, func(t *testing.T) {
			p := openSSH(t)
			slow(p)
			content := someBytes(size, 1)
			source := write(t, filepath.Join(p.local, "source"), content)
			age(t, source, 1_000_000_000)
			o := Options{Resume: true}
			err := interrupt(p, how, 30*chunkSize, func(o Options) deferred.Deferred[Report] { return p.Put(source, "remote", o) }, o)
			if !errors.Is(err, how.want) {
				t.Fatalf("%v", err)
			}
			if _, err := os.Stat(filepath.Join(p.dir, "remote")); err == nil {
				t.Error("the target is there")
			}
			if how.want == deferred.ErrCancelled {
				noHandles(p, filepath.Base(partIn(t, p.dir, "remote")))
			} else {
				p.quit()
				p.again()
			}
			have := read(t, partIn(t, p.dir, "remote"))
			sure := len(have) - int(spreadOf(size))
			if sure <= 0 || len(have) == size || !bytes.Equal(have[:sure], content[:sure]) {
				t.Fatalf("%d bytes of %d, or others", len(have), size)
			}
			report, err := p.put(source, "remote", o)
			if err != nil || report.Bytes != int64(size-sure) || report.Files != 1 {
				t.Errorf("%+v, %v; want %d bytes", report, err, size-sure)
			}
			if !bytes.Equal(read(t, filepath.Join(p.dir, "remote")), content) || partIn(t, p.dir, "remote") != "" {
				t.Error("other content, or a partial file")
			}
			if report, err := p.put(source, "remote", o); err != nil || report.Skipped != 1 || report.Bytes != 0 {
				t.Errorf("again: %+v, %v", report, err)
			}
		})
	}
}

// TestF3_ResumeOfSomethingElse: an existing target is never resumed. A target
// of the same version is skipped.
func TestF3_ResumeOfSomethingElse(t *testing.T) {
	p := openSSH(t)
	content := someBytes(3*chunkSize, 1)
	local, remote := filepath.Join(p.local, "file"), filepath.Join(p.dir, "file")
	for _, tt := range []struct {
		name  string
		there []byte
		time  int64
		whole bool // the target counts as complete
	}{
		{"older", someBytes(chunkSize, 2), 999_999_999, false},
		{"longer", someBytes(4*chunkSize, 2), 1_000_000_000, false},
		{"same version", someBytes(3*chunkSize, 2), 1_000_000_000, true},
		{"as long, newer", someBytes(3*chunkSize, 2), 2_000_000_000, false},
		{"as long, older", someBytes(3*chunkSize, 2), 999_999_999, false},
		{"a beginning", content[:chunkSize+5], 1_000_000_000, false},
	} {
		for _, dir := range []string{"get", "put"} {
			source, target := remote, local
			transfer := func() (Report, error) { return p.get("file", local, Options{Resume: true}) }
			if dir == "put" {
				source, target = local, remote
				transfer = func() (Report, error) { return p.put(local, "file", Options{Resume: true}) }
			}
			age(t, write(t, source, content), 1_000_000_000)
			age(t, write(t, target, tt.there), tt.time)
			report, err := transfer()
			want, bytesWanted := content, int64(len(content))
			if tt.whole {
				want, bytesWanted = tt.there, 0
			}
			if err != nil || report.Bytes != bytesWanted || (report.Skipped == 1) != tt.whole {
				t.Errorf("%s, %s: %+v, %v", dir, tt.name, report, err)
			}
			if !bytes.Equal(read(t, target), want) {
				t.Errorf("%s, %s: other content", dir, tt.name)
			}
		}
	}
}

// TestCancelAtEveryStep cancels a transfer after each of its requests. The
// transfer must end and release its handles and buffers.
func TestCancelAtEveryStep(t *testing.T) {
	p := openSSH(t)
	content := someBytes(4*chunkSize, 1)
	source := write(t, filepath.Join(p.local, "source"), content)
	write(t, filepath.Join(p.dir, "remote"), content)
	p.makeTree(filepath.Join(p.dir, "tree"))
	for name, begin := range map[string]func(o Options) deferred.Deferred[Report]{
		"get":      func(o Options) deferred.Deferred[Report] { return p.Get("remote", filepath.Join(p.local, "target"), o) },
		"put":      func(o Options) deferred.Deferred[Report] { return p.Put(source, "target", o) },
		"get tree": func(o Options) deferred.Deferred[Report] { return p.Get("tree", filepath.Join(p.local, "tree"), o) },
		"put tree": func(o Options) deferred.Deferred[Report] { return p.Put(filepath.Join(p.dir, "tree"), "tree2", o) },
	} {
		for step := 0; ; step++ {
			n, finished := 0, false
			var d deferred.Deferred[Report]
			onLoop(p, func() {
				p.Transport().(*sftptest.Link).Sent = func([]byte) {
					if n++; n == step+1 {
						p.r.CallLater(0, func() { d.Cancel() })
					}
				}
			})
			_, err := await(p, func() deferred.Deferred[Report] {
				d = begin(Options{Atomic: step%2 == 1})
				return d
			})
			if finished = err == nil; !finished && !errors.Is(err, deferred.ErrCancelled) {
				t.Fatalf("%s, cancelled at request %d: %v", name, step, err)
			}
			onLoop(p, func() { p.Transport().(*sftptest.Link).Sent = nil })
			must(p, func() deferred.Deferred[string] { return p.RealPath(".") }) // late replies arrive before this reply
			if finished || step > 40 {
				break
			}
		}
		noHandles(p, "remote", "target", ".target.part", "one", "two")
	}
}

// faultyDisk is a disk whose operations can fail. before is called first, and
// its error is returned.
type faultyDisk struct {
	disk
	before func(op, name string) error
}

type faultyFile struct {
	file
	disk *faultyDisk
	name string
}

func (d *faultyDisk) OpenFile(name string, flag int, perm os.FileMode) (file, error) {
	if err := d.before("open", name); err != nil {
		return nil, err
	}
	f, err := d.disk.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, d, name}, nil
}

func (d *faultyDisk) Link(old, name string) error {
	if err := d.before("link", name); err != nil {
		return err
	}
	return d.disk.Link(old, name)
}

func (d *faultyDisk) Rename(from, to string) error {
	if err := d.before("rename", from); err != nil {
		return err
	}
	return d.disk.Rename(from, to)
}

func (d *faultyDisk) Mkdir(name string, perm os.FileMode) error {
	if err := d.before("mkdir", name); err != nil {
		return err
	}
	return d.disk.Mkdir(name, perm)
}

func (d *faultyDisk) Stat(name string) (os.FileInfo, error) {
	if err := d.before("stat", name); err != nil {
		return nil, err
	}
	return d.disk.Stat(name)
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.disk.before("write", f.name); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

func (f *faultyFile) Read(p []byte) (int, error) {
	if err := f.disk.before("read", f.name); err != nil {
		return 0, err
	}
	return f.file.Read(p)
}

func (f *faultyFile) ReadDir(n int) ([]os.DirEntry, error) {
	if err := f.disk.before("readdir", f.name); err != nil {
		return nil, err
	}
	return f.file.ReadDir(n)
}

func (f *faultyFile) Sync() error {
	if err := f.disk.before("sync", f.name); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *faultyFile) Close() error {
	err := f.disk.before("close", f.name)
	return errors.Join(err, f.file.Close())
}

// TestDiskFailures: an operation of the local disk fails. The transfer returns
// the error and closes the server's handles. A target of an atomic transfer is
// unchanged. The second attempt succeeds.
func TestDiskFailures(t *testing.T) {
	p := openSSH(t)
	content := someBytes(5*chunkSize, 1)
	write(t, filepath.Join(p.dir, "remote"), content)
	write(t, filepath.Join(p.dir, "tree", "dir", "file"), []byte("x"))
	source, target := write(t, filepath.Join(p.local, "source"), content), filepath.Join(p.local, "target")
	full := errors.New("disk full")
	for _, tt := range []struct {
		op    string
		nth   int
		begin func() (Report, error)
	}{
		{"open", 1, func() (Report, error) { return p.get("remote", target, Options{Atomic: true}) }},
		{"write", 1, func() (Report, error) { return p.get("remote", target, Options{Atomic: true}) }},
		{"write", 4, func() (Report, error) { return p.get("remote", target, Options{Atomic: true}) }},
		{"sync", 1, func() (Report, error) { return p.get("remote", target, Options{Atomic: true, Sync: true}) }},
		{"close", 1, func() (Report, error) { return p.get("remote", target, Options{Atomic: true}) }},
		{"rename", 1, func() (Report, error) { return p.get("remote", target, Options{Atomic: true}) }},
		{"mkdir", 1, func() (Report, error) { return p.get("tree", filepath.Join(p.local, "tree"), Options{}) }},
		{"open", 1, func() (Report, error) { return p.get("tree", filepath.Join(p.local, "tree"), Options{}) }},
		{"stat", 1, func() (Report, error) { return p.put(source, "target", Options{Atomic: true}) }},
		{"open", 1, func() (Report, error) { return p.put(source, "target", Options{Atomic: true}) }},
		{"read", 3, func() (Report, error) { return p.put(source, "target", Options{Atomic: true}) }},
		{"readdir", 1, func() (Report, error) { return p.put(filepath.Join(p.dir, "tree"), "tree2", Options{}) }},
		{"read", 1, func() (Report, error) { return p.put(filepath.Join(p.dir, "tree"), "tree2", Options{}) }},
	} {
		write(t, target, []byte("old"))
		write(t, filepath.Join(p.dir, "target"), []byte("old"))
		seen := 0
		p.disk = func(d disk) disk {
			return &faultyDisk{disk: d, before: func(op, name string) error {
				if op != tt.op {
					return nil
				}
				if seen++; seen == tt.nth {
					return full
				}
				return nil
			}}
		}
		_, err := tt.begin()
		if _, isFile := errors.AsType[*FileError](err); !errors.Is(err, full) || !isFile {
			t.Errorf("%s %d: %v", tt.op, tt.nth, err)
		}
		if string(read(t, target)) != "old" || string(read(t, filepath.Join(p.dir, "target"))) != "old" {
			t.Errorf("%s %d: the target was touched", tt.op, tt.nth)
		}
		noHandles(p, "remote", "target", ".target.part", "file")
		p.disk = nil
		if _, err := tt.begin(); err != nil {
			t.Errorf("%s %d, the second time: %v", tt.op, tt.nth, err)
		}
	}
}

// TestConnectionLostAtEveryStep: the connection is lost after each request.
// Every transfer ends with the reason of the loss.
func TestConnectionLostAtEveryStep(t *testing.T) {
	p := openSSH(t)
	content := someBytes(3*chunkSize, 1)
	source := write(t, filepath.Join(p.local, "source"), content)
	write(t, filepath.Join(p.dir, "remote"), content)
	p.makeTree(filepath.Join(p.dir, "tree"))
	for name, begin := range map[string]func() (Report, error){
		"get":      func() (Report, error) { return p.get("remote", filepath.Join(p.local, "target"), Options{}) },
		"put":      func() (Report, error) { return p.put(source, "target", Options{Preserve: true}) },
		"get tree": func() (Report, error) { return p.get("tree", filepath.Join(p.local, "tree"), Options{}) },
		"put tree": func() (Report, error) { return p.put(filepath.Join(p.dir, "tree"), "tree2", Options{}) },
	} {
		for step := range 12 {
			n := 0
			onLoop(p, func() {
				c := p.FileTransferClient
				c.Transport().(*sftptest.Link).Sent = func([]byte) {
					if n++; n == step+1 {
						p.r.CallLater(0, func() { c.ConnectionLost(io.ErrClosedPipe); c.Transport().LoseConnection() })
					}
				}
			})
			_, err := begin()
			if err != nil && !errors.Is(err, io.ErrClosedPipe) || err == nil && step < 3 {
				t.Errorf("%s, request %d: %v", name, step, err)
			}
			p.again()
		}
	}
}
