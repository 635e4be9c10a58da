package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// TestHostileLinksByDetours: symbolic links lead out of the tree through other
// links, or because their directory is a link. They are not made.
func TestHostileLinksByDetours(t *testing.T) {
	targets := map[string]string{
		"top/a/b/up":   "../..",                  // leads to top: allowed
		"top/detour":   "a/b/up/../../../secret", // leads out of top through up
		"top/a/b/up/k": "../../../secret",        // is written to top, because up leads there
		"top/fine":     "a/b/up/x",
	}
	p, l := newMeddler(t, func(l *liar, typ uint8, id uint32, d *wire.Decoder) bool {
		name := d.String()
		return typ == typeReadlink && l.later(104, id, func(e *wire.Encoder) {
			e.Uint32(1)
			e.String(targets[name])
			e.String("")
			e.Uint32(0)
		})
	})
	l.stat = func(string) (filetransfer.Attrs, bool) { return attrs(dirMode, 0), true }
	target := filepath.Join(p.local, "inner", "target")
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Fatal(err)
	}
	// In the second download, up is a directory at the place of the first
	// download's link.
	l.lists["top"] = list(entryOf("a", dirMode, 0), entryOf("detour", linkMode, 0), entryOf("fine", linkMode, 0))
	l.lists["top/a"] = list(entryOf("b", dirMode, 0))
	l.lists["top/a/b"] = list(entryOf("up", linkMode, 0))
	for failed := 1; failed <= 2; failed++ {
		_, err := p.get("top", target, Options{Links: CopyLinks})
		if tree, ok := errors.AsType[*TreeError](err); !ok || !errors.Is(err, ErrUnsafeLink) || tree.Failed != failed || tree.Report.Links != 3-failed {
			t.Errorf("%v", err)
		}
		l.lists["top/a/b"] = list(entryOf("up", dirMode, 0))
		l.lists["top/a/b/up"] = list(entryOf("k", linkMode, 0))
	}
	for _, name := range []string{"detour", "k"} {
		if to, err := os.Readlink(filepath.Join(target, name)); err == nil {
			t.Errorf("%s leads to %q", name, to)
		}
	}
	if to, err := os.Readlink(filepath.Join(target, "fine")); to != "a/b/up/x" {
		t.Errorf("%q, %v", to, err)
	}
}

// TestAtomicTreeWithPartialFiles: a tree contains partial files of other
// transfers. They are transferred like other files.
func TestAtomicTreeWithPartialFiles(t *testing.T) {
	p := openSSH(t)
	source := filepath.Join(p.local, "source")
	write(t, filepath.Join(source, "file"), []byte("whole"))
	write(t, filepath.Join(source, partOf("file", version{3 * chunkSize, 5}.key("x"))), someBytes(3*chunkSize, 1))
	if _, err := p.put(source, "put", Options{Atomic: true}); err != nil {
		t.Error(err)
	}
	sameTree(t, filepath.Join(p.dir, "put"), source)
	if _, err := p.get("put", filepath.Join(p.local, "got"), Options{Atomic: true}); err != nil {
		t.Error(err)
	}
	sameTree(t, filepath.Join(p.local, "got"), source)
}

// TestFollowedLinksThatLeadNowhereOrBack: with FollowLinks, a dangling link is
// reported. A link that leads back is reported too, and its target is not
// copied again and again.
func TestFollowedLinksThatLeadNowhereOrBack(t *testing.T) {
	p := openSSH(t)
	source := filepath.Join(p.dir, "source")
	write(t, filepath.Join(source, "dir", "file"), []byte("x"))
	write(t, filepath.Join(source, "other", "file"), []byte("x"))
	for name, to := range map[string]string{"nowhere": "nothing", "dir/here": ".", "dir/up": "..", "dir/across": "../other", "other/back": "../dir"} {
		if err := os.Symlink(to, filepath.Join(source, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, transfer := range map[string]func() (Report, error){
		"get": func() (Report, error) {
			return p.get("source", filepath.Join(p.local, "get"), Options{Links: FollowLinks})
		},
		"put": func() (Report, error) { return p.put(source, "put", Options{Links: FollowLinks}) },
	} {
		_, err := transfer()
		tree, ok := errors.AsType[*TreeError](err)
		// dir, dir/across, other and other/back have one file each. The links
		// that lead back are dir/here, dir/up, dir/across/back,
		// other/back/here, other/back/up and other/back/across.
		if !ok || !errors.Is(err, errLoop) || !errors.Is(err, fs.ErrNotExist) || tree.Report.Files != 4 || tree.Report.Dirs != 5 || tree.Failed != 1+3+3 {
			t.Errorf("%s: %v, %+v", name, err, tree)
		}
	}
}

// TestLanesOfSeveralTransfers: all transfers of a session together use at most
// maxChannels channels. After a refusal, later transfers use the number of
// channels that the server has granted.
func TestLanesOfSeveralTransfers(t *testing.T) {
	p := openSSH(t)
	p.pool = newPool(poolSize)
	far(p)
	content := someBytes(24<<20, 1)
	write(t, filepath.Join(p.dir, "remote"), content)
	open, opened := p.openChannel, 0
	p.openChannel = func() deferred.Deferred[*filetransfer.FileTransferClient] {
		if opened++; opened == 3 {
			return deferred.Fail[*filetransfer.FileTransferClient](errors.New("no more sessions"))
		}
		return open()
	}
	get := func(n int) []Report {
		return must(p, func() deferred.Deferred[[]Report] {
			var all []deferred.Deferred[Report]
			for i := range n {
				all = append(all, p.Get("remote", filepath.Join(p.local, fmt.Sprint("target", i)), Options{}))
			}
			return deferred.Gather(all)
		})
	}
	p.maxChannels = 4
	reports := get(1)
	if reports[0].Channels != 3 || opened != 3 {
		t.Fatalf("%+v, %d opened", reports, opened)
	}
	onLoop(p, p.closeChannels)
	reports = get(1)
	if reports[0].Channels != 3 || opened != 5 {
		t.Errorf("again: %+v, %d opened", reports, opened)
	}
	onLoop(p, func() {
		p.closeChannels()
		p.own.full, opened = false, 10
	})
	reports = get(3)
	if opened != 13 {
		t.Errorf("three at a time: %+v, %d opened", reports, opened-10)
	}
	for i := range 3 {
		if !bytes.Equal(read(t, filepath.Join(p.local, fmt.Sprint("target", i))), content) {
			t.Error("other content")
		}
	}
}

// TestNotStalled: holes, local writes and failed files are progress too. The
// transfer does not fail with ErrStalled.
func TestNotStalled(t *testing.T) {
	for _, tt := range []struct {
		name, op string
		begin    func(p *peer, o Options) (Report, error)
	}{
		{"holes", "read", func(p *peer, o Options) (Report, error) {
			o.Sparse = true
			return p.put(write(p.t, filepath.Join(p.local, "source"), make([]byte, 20*chunkSize)), "target", o)
		}},
		{"a slow disk", "write", func(p *peer, o Options) (Report, error) {
			write(p.t, filepath.Join(p.dir, "remote"), someBytes(20*chunkSize, 1))
			return p.get("remote", filepath.Join(p.local, "target"), o)
		}},
		{"failures", "open", func(p *peer, o Options) (Report, error) {
			for i := range 20 {
				write(p.t, filepath.Join(p.dir, "remote", fmt.Sprint(i)), []byte("x"))
			}
			o.Concurrency = 1
			return p.get("remote", filepath.Join(p.local, "target"), o)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := openSSH(t)
			ticks := make(chan struct{})
			p.Client.loop = &hastyLoop{loop: p.Client.loop, ticks: ticks}
			p.disk = func(d disk) disk {
				return &faultyDisk{disk: d, before: func(op, name string) error {
					if op != tt.op {
						return nil
					}
					for range 3 {
						<-ticks
					}
					if op == "open" {
						return errors.New("no")
					}
					return nil
				}}
			}
			if _, err := tt.begin(p, Options{StallTimeout: 500 * time.Millisecond}); errors.Is(err, ErrStalled) {
				t.Error(err)
			}
		})
	}
}

// hastyLoop is a loop whose timers fire within a millisecond. Each time that a
// timer fires while a goroutine waits for a tick, its clock moves by 50 ms.
type hastyLoop struct {
	loop
	ticks chan struct{}
	now   time.Time
}

func (l *hastyLoop) Now() time.Time { return l.now }

func (l *hastyLoop) AfterFunc(d time.Duration, f func()) func() bool {
	return l.loop.AfterFunc(min(d, time.Millisecond), func() {
		f()
		select {
		case l.ticks <- struct{}{}:
			l.now = l.now.Add(50 * time.Millisecond)
		default:
		}
	})
}

// TestFailedSmallUploadLeavesNothing: a failed small upload with Exclusive or
// Atomic removes the file that it created.
func TestFailedSmallUploadLeavesNothing(t *testing.T) {
	for _, o := range []Options{{Exclusive: true}, {Atomic: true}, {Exclusive: true, Preserve: true}} {
		t.Run(fmt.Sprint(o.Atomic, o.Preserve), func(t *testing.T) {
			var removed []string
			p, _ := newMeddler(t, func(l *liar, typ uint8, id uint32, d *wire.Decoder) bool {
				if typ == 13 { // remove
					removed = append(removed, d.String())
				}
				return typ == typeWrite && l.later(101, id, func(e *wire.Encoder) { e.Uint32(4) })
			})
			_, err := p.put(write(t, filepath.Join(p.local, "source"), []byte("x")), "new", o)
			status, ok := errors.AsType[*filetransfer.StatusError](err)
			onLoop(p, func() {
				if !ok || status.Code != filetransfer.FXFailure || len(removed) != 1 {
					t.Errorf("%v, removed %q", err, removed)
				}
			})
		})
	}
}

// TestCancelledGetIsOver: the Deferred of a cancelled download fires after the
// local disk operation in progress has ended.
func TestCancelledGetIsOver(t *testing.T) {
	for _, tree := range []bool{false, true} {
		t.Run(fmt.Sprintf("tree %v", tree), func(t *testing.T) {
			p := openSSH(t)
			write(t, filepath.Join(p.dir, "tree", "dir", "file"), []byte("x"))
			var d deferred.Deferred[Report]
			op, busy := "open", make(chan struct{})
			remote, local := "tree/dir/file", filepath.Join(p.local, "target")
			if tree {
				op, remote = "mkdir", "tree"
			}
			over := false // the disk operation has ended
			p.disk = func(d2 disk) disk {
				return &faultyDisk{disk: d2, before: func(is, name string) error {
					if is == op {
						onLoop(p, func() { d.Cancel() })
						onLoop(p, func() {})
						close(busy)
						over = true
					}
					return nil
				}}
			}
			_, err := await(p, func() deferred.Deferred[Report] {
				d = p.Get(remote, local, Options{})
				return d.AddBoth(func(r Report, err error) (Report, error) {
					select {
					case <-busy:
					default:
						t.Error("the disk is busy still")
					}
					return r, err
				})
			})
			<-busy
			if !errors.Is(err, deferred.ErrCancelled) || !over {
				t.Error(err)
			}
		})
	}
}

// TestConcurrencyIsForAllFiles: Concurrency limits small and large files
// together.
func TestConcurrencyIsForAllFiles(t *testing.T) {
	p := openSSH(t)
	for i := range 6 {
		write(t, filepath.Join(p.local, "source", fmt.Sprint(i)), someBytes(1+(i%2)*3*chunkSize, byte(i)))
	}
	open, most := 0, 0
	onLoop(p, func() {
		p.Transport().(*sftptest.Link).Sent = func(packet []byte) {
			switch packet[4] {
			case typeOpen:
				open++
				most = max(most, open)
			case 4: // close
				open--
			}
		}
	})
	report, err := p.put(filepath.Join(p.local, "source"), "target", Options{Concurrency: 1})
	if err != nil || report.Files != 6 || most != 1 {
		t.Errorf("%+v, %v, %d at a time", report, err, most)
	}
}

// TestFilterThatPanics: a panic in Options.Filter fails the transfer.
func TestFilterThatPanics(t *testing.T) {
	p := openSSH(t)
	write(t, filepath.Join(p.local, "source", "file"), []byte("x"))
	_, err := p.put(filepath.Join(p.local, "source"), "target", Options{Filter: func(string, fs.FileInfo) bool { panic("no") }})
	if _, ok := errors.AsType[*deferred.PanicError](err); !ok {
		t.Error(err)
	}
}

// TestPutWithoutFstat: an upload succeeds if the server refuses FSTAT.
func TestPutWithoutFstat(t *testing.T) {
	p, _ := newMeddler(t, func(l *liar, typ uint8, id uint32, _ *wire.Decoder) bool {
		switch typ {
		case typeWrite:
			return l.later(101, id, func(e *wire.Encoder) { e.Uint32(0) })
		case 8: // fstat
			return l.later(101, id, func(e *wire.Encoder) { e.Uint32(3) })
		}
		return false
	})
	if report, err := p.put(write(t, filepath.Join(p.local, "source"), someBytes(3*chunkSize, 1)), "new", Options{}); err != nil || report.Files != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// lossy is a writer that writes half of the data without an error.
type lossy struct{}

func (lossy) Write(p []byte) (int, error) { return len(p) / 2, nil }

func TestWriterThatLosesBytes(t *testing.T) {
	p := openSSH(t)
	write(t, filepath.Join(p.dir, "remote"), []byte("content"))
	if _, err := await(p, func() deferred.Deferred[Report] { return p.GetTo("remote", lossy{}, Options{}) }); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

// TestFewHandles: if the server states its limit of open handles, the client
// stays within the limit.
func TestFewHandles(t *testing.T) {
	p := newPeer(t, sftptest.Program("/bin/sh", "-c", "ulimit -n 30; exec "+conchtest.Program(t, "sftp-server")))
	for i := range 300 {
		write(t, filepath.Join(p.dir, "source", fmt.Sprint(i%20), fmt.Sprint(i)), []byte("x"))
	}
	if report, err := p.get("source", filepath.Join(p.local, "target"), Options{}); err != nil || report.Files != 300 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestGetLeavesTheTargetOfAFileThatCannotBeOpened: if the remote file cannot be
// opened, the local target is unchanged.
func TestGetLeavesTheTargetOfAFileThatCannotBeOpened(t *testing.T) {
	p, l := newMeddler(t, func(l *liar, typ uint8, id uint32, _ *wire.Decoder) bool {
		return typ == typeOpen && l.later(101, id, func(e *wire.Encoder) { e.Uint32(3) })
	})
	for _, o := range []Options{{}, {Resume: true}, {Exclusive: true}, {Atomic: true}} {
		for _, size := range []uint64{3, 0, 3 * chunkSize} {
			l.stat = func(string) (filetransfer.Attrs, bool) { return attrs(fileMode, size), true }
			target := write(t, filepath.Join(p.local, "target"), []byte("old"))
			if o.Exclusive {
				os.Remove(target)
			}
			_, err := p.get("remote", target, o)
			left, _ := filepath.Glob(filepath.Join(p.local, "*"))
			if !errors.Is(err, fs.ErrPermission) || o.Exclusive != (len(left) == 0) || !o.Exclusive && string(read(t, target)) != "old" {
				t.Errorf("%+v, %d bytes: %v, and %q is left", o, size, err, left)
			}
		}
	}
}

// TestPartOfAReadOnlyFileCanBeWritten: the partial file of a read-only source
// is writable, so that the upload can be resumed.
func TestPartOfAReadOnlyFileCanBeWritten(t *testing.T) {
	var modes []uint32
	p, _ := newMeddler(t, func(_ *liar, typ uint8, _ uint32, d *wire.Decoder) bool {
		if typ == typeOpen {
			_ = d.String()
			_, _ = d.Uint32(), d.Uint32()
			modes = append(modes, d.Uint32())
		}
		return false
	})
	source := write(t, filepath.Join(p.local, "source"), someBytes(3*chunkSize, 1))
	if err := os.Chmod(source, 0o444); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {Resume: true}, {Preserve: true}} {
		_, _ = p.put(source, "new", o) // fails: the liar refuses WRITE
	}
	onLoop(p, func() {
		if !slices.Equal(modes, []uint32{0o444, 0o644, 0o644}) {
			t.Errorf("%o", modes)
		}
	})
}

// TestProgressOfUnknownSizes: the final Progress has the true total, even if
// the size of the source was unknown.
func TestProgressOfUnknownSizes(t *testing.T) {
	p := openSSH(t)
	for name, begin := range map[string]func(o Options) deferred.Deferred[Report]{
		"PutFrom": func(o Options) deferred.Deferred[Report] {
			return p.PutFrom(bytes.NewReader(someBytes(3*chunkSize+5, 1)), "target", o)
		},
		"/proc": func(o Options) deferred.Deferred[Report] {
			return p.Get("/proc/cpuinfo", filepath.Join(p.local, "cpuinfo"), o)
		},
	} {
		var last Progress
		report := must(p, func() deferred.Deferred[Report] {
			return begin(Options{Progress: func(now Progress) { last = now }})
		})
		if !last.Final || last.Total != report.Bytes || last.Done != report.Bytes || report.Bytes == 0 || last.Rate == 0 {
			t.Errorf("%s: %+v, %+v", name, last, report)
		}
	}
}

// TestWalkWithoutAttributes: a directory that was listed without attributes is
// walked.
func TestWalkWithoutAttributes(t *testing.T) {
	p, l := newLiar(t)
	l.lists["top"] = list(filetransfer.Entry{Filename: "sub"}, filetransfer.Entry{Filename: "a.txt"})
	l.lists["top/sub"] = list(filetransfer.Entry{Filename: "b.txt"})
	dirs := 0
	seen, err := p.walk("top", func(e WalkEntry) bool {
		if e.Attrs.FileMode().IsDir() {
			dirs++
		}
		return true
	})
	if want := []string{"top", "top/a.txt", "top/sub", "top/sub/b.txt"}; err != nil || !slices.Equal(seen, want) || dirs != 2 {
		t.Errorf("%q, %d directories, %v", seen, dirs, err)
	}
}
