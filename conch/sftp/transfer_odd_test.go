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
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/deferred"
)

// odd returns a session with a server of package oddserver.
func odd(t *testing.T, o oddserver.Oddities) (*peer, *oddserver.Server) {
	s := oddserver.New(o)
	p := newPeer(t, func(testing.TB, string) (sftptest.Server, error) { return sftptest.Serve(s.Serve), nil })
	t.Cleanup(s.Wait)
	return p, s
}

func content(s *oddserver.Server, name string) []byte {
	is, ok := s.Lstat(name)
	if !ok {
		return nil
	}
	return append([]byte{}, is.Data...)
}

// count returns the number of requests of the given type in the server's log.
func count(s *oddserver.Server, typ byte) (n int) {
	for _, r := range s.Log() {
		if r.Type == typ {
			n++
		}
	}
	return n
}

// TestTransfersAtOddServers: a transfer that succeeds has the right content,
// with every odd server.
func TestTransfersAtOddServers(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    oddserver.Oddities
		up   []Options
		down []Options
	}{
		{name: "F1 slow writes, handles given away", o: oddserver.Oddities{WriteDelay: time.Millisecond, LostHandleOK: true}},
		{name: "F1 side by side", o: oddserver.Oddities{Workers: 8, Seed: 1, LostHandleOK: true}},
		{name: "F2 writes in order only", o: oddserver.Oddities{SequentialWrites: true}},
		{name: "F2 one writer", o: oddserver.Oddities{OneWriter: true}},
		{name: "F2 a buffer for each handle", o: oddserver.Oddities{BufferedHandles: true}},
		{name: "F4 stale size", o: oddserver.Oddities{StaleSize: true}},
		{name: "F4 announced too large", o: oddserver.Oddities{SizeOff: 1000}},
		{name: "F4 announced too small", o: oddserver.Oddities{SizeOff: -1000}},
		{name: "F4 announced as empty", o: oddserver.Oddities{ZeroSize: true}},
		{name: "F4 not announced", o: oddserver.Oddities{NoSize: true}},
		{name: "F4 short reads", o: oddserver.Oddities{MaxRead: 10_000}},
		{name: "F8 no empty write", o: oddserver.Oddities{NoEmptyWrite: true}},
		{name: "F9 long reads refused", o: oddserver.Oddities{NoExtensions: true, MaxRead: 32 << 10, LongRead: oddserver.Refuse}},
		{name: "F9 long writes refused", o: oddserver.Oddities{NoExtensions: true, MaxWrite: 32 << 10, LongWrite: oddserver.Refuse}},
		{name: "F9 small limits", o: oddserver.Oddities{MaxWrite: 5000, LongWrite: oddserver.Refuse}},
		{name: "F9 permissions refused", o: oddserver.Oddities{PermsCode: oddserver.Failure}},
		{name: "F9 no attributes", o: oddserver.Oddities{NoPermissions: true, NoTimes: true}},
		{name: "F9 no permissions can be set", o: oddserver.Oddities{Codes: map[byte]uint32{oddserver.SETSTAT: oddserver.Denied, oddserver.FSETSTAT: oddserver.Failure}}},
		{name: "F9 few handles", o: oddserver.Oddities{Handles: 3, Without: []string{oddserver.Limits}}},
		{name: "F9 missing is a failure", o: oddserver.Oddities{MissingCode: oddserver.Failure}},
		{name: "F5 no extensions", o: oddserver.Oddities{NoExtensions: true}},
		{name: "F5 no extensions, rename replaces", o: oddserver.Oddities{NoExtensions: true, RenameReplaces: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, s := odd(t, tt.o)
			for i, o := range []Options{{}, {Atomic: true, Preserve: true}, {Resume: true}, {Exclusive: true}, {Exclusive: true, Atomic: true}, {Verify: true}} {
				for _, size := range []int{0, 1, 33_000, 600_000} {
					name := fmt.Sprintf("%d %d", i, size)
					want := someBytes(size, byte(i))
					source, target := write(t, filepath.Join(p.local, name), want), filepath.Join(p.local, name+" back")
					age(t, source, 1_000_000_000)
					if !o.Resume && !o.Exclusive {
						s.WriteFile(name, []byte("old"), time.Now())
					}
					if report, err := p.put(source, name, o); err != nil || report.Files != 1 {
						t.Errorf("put %s: %+v, %v", name, report, err)
					}
					if got := content(s, name); !bytes.Equal(got, want) {
						t.Errorf("put %s: %d bytes, or others", name, len(got))
					}
					if report, err := p.get(name, target, o); err != nil || report.Files != 1 {
						t.Errorf("get %s: %+v, %v", name, report, err)
					}
					if got := read(t, target); !bytes.Equal(got, want) {
						t.Errorf("get %s: %d bytes, or others", name, len(got))
					}
				}
			}
			up, err := p.put(filepath.Join(p.local), "tree", Options{})
			if err != nil || up.Files != 48 {
				t.Errorf("tree: %+v, %v", up, err)
			}
			for _, name := range s.Paths("tree") {
				if !bytes.Equal(content(s, "tree/"+name), read(t, filepath.Join(p.local, name))) {
					t.Errorf("tree: %s has other content", name)
				}
			}
			for _, name := range s.Paths("/") {
				if strings.HasSuffix(name, partSuffix) || strings.HasSuffix(name, ".old") {
					t.Error("left over:", name)
				}
			}
			if n := s.Handles(); n != 0 {
				t.Errorf("%d handles are open", n)
			}
		})
	}
}

// TestF8_EmptyFile: an upload of an empty file sends neither WRITE nor
// FSETSTAT.
func TestF8_EmptyFile(t *testing.T) {
	p, s := odd(t, oddserver.Oddities{})
	source := write(t, filepath.Join(p.local, "empty"), nil)
	if _, err := p.put(source, "empty", Options{}); err != nil || content(s, "empty") == nil {
		t.Error(err)
	}
	if n := count(s, oddserver.WRITE) + count(s, oddserver.FSETSTAT); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestF1_DependentRequests: a request is sent after the replies to the requests
// that it depends on.
func TestF1_DependentRequests(t *testing.T) {
	for _, size := range []int{100, 600_000} {
		for _, o := range []Options{{}, {Atomic: true, Preserve: true, Sync: true}} {
			t.Run("", func(t *testing.T) {
				p, s := odd(t, oddserver.Oddities{WriteDelay: time.Millisecond})
				source := write(t, filepath.Join(p.local, "source"), someBytes(size, 1))
				var early []string
				writes := 0
				onSent(p, func(packet []byte) {
					switch packet[4] {
					case oddserver.WRITE:
						writes++
					case oddserver.CLOSE, oddserver.FSETSTAT, oddserver.RENAME, oddserver.EXTENDED:
						answered := 0
						for _, r := range s.Log() {
							switch {
							case r.Type == oddserver.WRITE && r.Answered > 0:
								answered++
							case r.Type >= oddserver.FSETSTAT && r.Extension != oddserver.Limits && r.Type != oddserver.STAT && r.Answered == 0:
								early = append(early, fmt.Sprintf("%d before the answer to %v", packet[4], r))
							}
						}
						if answered < writes {
							early = append(early, fmt.Sprintf("%d after %d answers to %d writes", packet[4], answered, writes))
						}
					}
				})
				if _, err := p.put(source, "target", o); err != nil || len(early) > 0 || writes == 0 {
					t.Errorf("%d bytes: %v, %q", size, err, early)
				}
			})
		}
	}
}

// TestF7_Sync: without fsync@openssh.com, an upload with Sync fails before a
// file is opened.
func TestF7_Sync(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run("", func(t *testing.T) {
			o := oddserver.Oddities{}
			if without {
				o.Without = []string{oddserver.Fsync}
			}
			p, s := odd(t, o)
			source := write(t, filepath.Join(p.local, "source"), []byte("x"))
			_, err := p.put(source, "target", Options{Sync: true})
			if errors.Is(err, errors.ErrUnsupported) != without || without && (count(s, oddserver.OPEN) > 0 || content(s, "target") != nil) || !without && err != nil {
				t.Error(without, err)
			}
		})
	}
}

// TestF7_CloseFails: an upload fails if CLOSE fails. Its partial file is not
// renamed to the target.
func TestF7_CloseFails(t *testing.T) {
	for _, size := range []int{100, 600_000} {
		for _, o := range []Options{{}, {Atomic: true}, {Exclusive: true}} {
			t.Run("", func(t *testing.T) {
				p, s := odd(t, oddserver.Oddities{FailClose: 1})
				source := write(t, filepath.Join(p.local, "source"), someBytes(size, 1))
				if _, err := p.put(source, "target", o); err == nil {
					t.Errorf("%+v, %d bytes: no error", o, size)
				}
				if names := s.Paths("/"); (o.Atomic || o.Exclusive) && len(names) > 0 {
					t.Errorf("%+v, %d bytes: %q", o, size, names)
				}
			})
		}
	}
}

// TestF5_RenameFails: if the rename fails, the old target is kept and the
// partial file is removed.
func TestF5_RenameFails(t *testing.T) {
	for _, code := range []uint32{oddserver.Denied, oddserver.Failure, oddserver.AlreadyExists, oddserver.Unsupported} {
		for _, extensions := range []bool{false, true} {
			t.Run("", func(t *testing.T) {
				p, s := odd(t, oddserver.Oddities{NoExtensions: !extensions, Codes: map[byte]uint32{oddserver.RENAME: code, oddserver.EXTENDED: code}})
				s.WriteFile("target", []byte("old"), time.Now())
				source := write(t, filepath.Join(p.local, "source"), []byte("new"))
				if _, err := p.put(source, "target", Options{Atomic: true}); err == nil || string(content(s, "target")) != "old" {
					t.Errorf("%d, %v: %v, %q", code, extensions, err, content(s, "target"))
				}
				if names := s.Paths("/"); !slices.Equal(names, []string{"target"}) {
					t.Errorf("%d, %v: %q", code, extensions, names)
				}
			})
		}
	}
}

// onSent sets the function that is called on the loop with each sent packet.
func onSent(p *peer, f func(packet []byte)) {
	onLoop(p, func() { p.Transport().(*sftptest.Link).Sent = f })
}

// TestF5_SecondRenameFails: at a server whose rename does not replace, the old
// target is restored if the second rename fails.
func TestF5_SecondRenameFails(t *testing.T) {
	p, s := odd(t, oddserver.Oddities{NoExtensions: true})
	s.WriteFile("target", []byte("old"), time.Now())
	source := write(t, filepath.Join(p.local, "source"), []byte("new"))
	renames := 0
	onSent(p, func(packet []byte) {
		if packet[4] == oddserver.RENAME {
			if renames++; renames == 3 { // the old target has been renamed before
				packet[13] ^= 0x40 // changes the name, so that the rename fails
			}
		}
	})
	if _, err := p.put(source, "target", Options{Atomic: true}); err == nil || string(content(s, "target")) != "old" {
		t.Errorf("%v, %q", err, content(s, "target"))
	}
	if names := s.Paths("/"); renames != 4 || !slices.Equal(names, []string{"target"}) {
		t.Errorf("%q, %d renames", names, renames)
	}
}

// TestF5_ExclusiveAtomic: a target that appears during the transfer is kept.
func TestF5_ExclusiveAtomic(t *testing.T) {
	o := Options{Exclusive: true, Atomic: true}
	for _, without := range [][]string{nil, {oddserver.Hardlink}, {oddserver.Hardlink, oddserver.PosixRename}} {
		t.Run("", func(t *testing.T) {
			p, s := odd(t, oddserver.Oddities{Without: without})
			source := write(t, filepath.Join(p.local, "source"), someBytes(600_000, 1))
			onSent(p, func(packet []byte) {
				if packet[4] == oddserver.WRITE {
					s.WriteFile("target", []byte("another's"), time.Now())
				}
			})
			if _, err := p.put(source, "target", o); !errors.Is(err, fs.ErrExist) || string(content(s, "target")) != "another's" {
				t.Errorf("put without %q: %v, %q", without, err, content(s, "target"))
			}
			if names := s.Paths("/"); !slices.Equal(names, []string{"target"}) {
				t.Errorf("put without %q: %q", without, names)
			}
		})
	}
	for _, links := range []bool{true, false} {
		t.Run("", func(t *testing.T) {
			p, s := odd(t, oddserver.Oddities{})
			s.WriteFile("remote", someBytes(600_000, 1), time.Now())
			target := filepath.Join(p.local, "target")
			p.disk = func(d disk) disk {
				return &faultyDisk{disk: d, before: func(op, _ string) error {
					switch {
					case op == "close":
						return os.WriteFile(target, []byte("another's"), 0o644)
					case op == "link" && !links:
						return errors.ErrUnsupported
					}
					return nil
				}}
			}
			if _, err := p.get("remote", target, o); !errors.Is(err, fs.ErrExist) || string(read(t, target)) != "another's" {
				t.Errorf("get: %v", err)
			}
			if partIn(t, p.local, "target") != "" {
				t.Error("get: a partial file is left")
			}
			os.Remove(target)
			p.disk = func(d disk) disk {
				return &faultyDisk{disk: d, before: func(op, _ string) error {
					if op == "link" && !links {
						return errors.ErrUnsupported
					}
					return nil
				}}
			}
			if _, err := p.get("remote", target, o); err != nil || len(read(t, target)) != 600_000 || partIn(t, p.local, "target") != "" {
				t.Errorf("get: %v", err)
			}
		})
	}
}

// slowReads returns a disk that calls f at each read of a local file.
func slowReads(p *peer, f func()) func(disk) disk {
	return func(d disk) disk {
		return &faultyDisk{disk: d, before: func(op, _ string) error {
			if op == "read" {
				f()
			}
			return nil
		}}
	}
}

// TestF9_PreserveRefused: if the server refuses attributes, the upload
// succeeds, and the Report contains a warning.
func TestF9_PreserveRefused(t *testing.T) {
	for _, size := range []int{100, 600_000} {
		t.Run("", func(t *testing.T) {
			p, s := odd(t, oddserver.Oddities{Codes: map[byte]uint32{oddserver.SETSTAT: oddserver.Denied, oddserver.FSETSTAT: oddserver.Unsupported}})
			source := write(t, filepath.Join(p.local, "source"), someBytes(size, 1))
			report, err := p.put(source, "target", Options{Preserve: true, Atomic: true})
			if err != nil || len(report.Warnings) != 1 || !errors.Is(report.Warnings[0], fs.ErrPermission) {
				t.Errorf("%+v, %v", report, err)
			}
			if names := s.Paths("/"); !slices.Equal(names, []string{"target"}) {
				t.Errorf("%q", names)
			}
		})
	}
}

// TestF9_AccessTime: Preserve keeps both times, in both directions.
func TestF9_AccessTime(t *testing.T) {
	p, s := odd(t, oddserver.Oddities{})
	source := write(t, filepath.Join(p.local, "source"), []byte("x"))
	if err := os.Chtimes(source, time.Unix(1_100_000_000, 0), time.Unix(1_000_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.put(source, "target", Options{Preserve: true}); err != nil {
		t.Fatal(err)
	}
	is, _ := s.Lstat("target")
	if info, err := os.Stat(source); err != nil || is.Mtime != 1_000_000_000 || accessTime(info) != info.ModTime() && is.Atime < 1_100_000_000 {
		t.Errorf("put: %+v, %v", is, err)
	}
	if _, err := p.get("target", filepath.Join(p.local, "back"), Options{Preserve: true}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(p.local, "back")); err != nil || info.ModTime().Unix() != 1_000_000_000 || accessTime(info).Unix() != is.Atime && accessTime(info) != info.ModTime() {
		t.Errorf("get: %v, %v", info, err)
	}
}

// TestF3_SourceChanges: a transfer with Resume fails if the source changes
// during the transfer. No partial file is left.
func TestF3_SourceChanges(t *testing.T) {
	p, s := odd(t, oddserver.Oddities{})
	source := write(t, filepath.Join(p.local, "source"), someBytes(600_000, 1))
	age(t, source, 1_000_000_000)
	p.disk = slowReads(p, func() { age(t, source, 1_000_000_001) })
	if _, err := p.put(source, "target", Options{Resume: true}); !errors.Is(err, ErrSourceChanged) || len(s.Paths("/")) > 0 {
		t.Errorf("put: %v, %q", err, s.Paths("/"))
	}
	s.WriteFile("remote", someBytes(600_000, 1), time.Unix(1_000_000_000, 0))
	onSent(p, func(packet []byte) {
		if packet[4] == oddserver.READ {
			s.WriteFile("remote", someBytes(600_000, 2), time.Unix(1_000_000_001, 0))
		}
	})
	_, err := p.get("remote", filepath.Join(p.local, "target"), Options{Resume: true})
	if left, _ := filepath.Glob(filepath.Join(p.local, "*target*")); !errors.Is(err, ErrSourceChanged) || len(left) > 0 {
		t.Errorf("get: %v, %q", err, left)
	}
}

// TestF3_StaleParts: partial files of other versions are reported, and removed
// only with RemoveStale. Partial files of other targets are ignored.
func TestF3_StaleParts(t *testing.T) {
	p, s := odd(t, oddserver.Oddities{})
	stale, other := partOf("file", version{1, 2}.key("x")), partOf("file2", version{1, 2}.key("x"))
	source := write(t, filepath.Join(p.local, "file"), []byte("x"))
	target := filepath.Join(p.dir, "file")
	for _, remove := range []bool{false, true, true} {
		if !remove {
			for _, name := range []string{stale, other} {
				s.WriteFile("dir/"+name, nil, time.Now())
				write(t, filepath.Join(p.dir, name), nil)
			}
		}
		up, upErr := p.put(source, "dir/file", Options{Resume: true, RemoveStale: remove})
		down, downErr := p.get("dir/file", target, Options{Resume: true, RemoveStale: remove})
		gone := len(up.StaleParts) == 0 // at the third transfer
		if upErr != nil || downErr != nil || !gone && (!slices.Equal(up.StaleParts, []string{"dir/" + stale}) || !slices.Equal(down.StaleParts, []string{filepath.Join(p.dir, stale)})) {
			t.Errorf("remove %v: %+v, %v, %+v, %v", remove, up, upErr, down, downErr)
		}
		want := []string{other, "file"}
		if !remove {
			want = []string{stale, other, "file"}
		}
		slices.Sort(want)
		if got := s.Paths("dir"); !slices.Equal(got, want) {
			t.Errorf("remove %v: %q", remove, got)
		}
		if _, err := os.Stat(filepath.Join(p.dir, stale)); (err == nil) == remove {
			t.Errorf("remove %v: %v", remove, err)
		}
	}
}

// TestF3_ResumeInOrderOnly: if the server cannot continue a file, the upload
// starts over.
func TestF3_ResumeInOrderOnly(t *testing.T) {
	p, s := odd(t, oddserver.Oddities{SequentialWrites: true})
	want := someBytes(4<<20, 1)
	source := write(t, filepath.Join(p.local, "source"), want)
	info, err := os.Stat(source)
	if err != nil {
		t.Fatal(err)
	}
	key := versionOf(info.Size(), info.ModTime()).key(source, info.ModTime().Nanosecond())
	s.WriteFile(partOf("target", key), want[:3<<20], time.Now())
	report, err := p.put(source, "target", Options{Resume: true})
	if err != nil || report.Bytes != 4<<20 || !bytes.Equal(content(s, "target"), want) {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestF3_LateWrites: the connection of an upload is lost. Writes of that
// session that are executed during the next upload do no harm.
func TestF3_LateWrites(t *testing.T) {
	want := someBytes(6<<20, 1)
	for _, at := range []int{5, 12, 20} {
		t.Run("", func(t *testing.T) {
			p, s := odd(t, oddserver.Oddities{DieAt: at, LateWrites: 8})
			source := write(t, filepath.Join(p.local, "source"), want)
			if _, err := p.put(source, "target", Options{Resume: true}); err == nil {
				t.Fatal("the connection was not cut")
			}
			if _, there := s.Lstat("target"); there {
				t.Error("the target is there")
			}
			s.Wait() // the server ends the sessions a little later
			s.Set(oddserver.Oddities{})
			p.again()
			released := false
			p.disk = slowReads(p, func() {
				if !released {
					released = true
					s.Release()
				}
			})
			report, err := p.put(source, "target", Options{Resume: true})
			if err != nil || !bytes.Equal(content(s, "target"), want) {
				t.Errorf("cut at request %d: %+v, %v", at, report, err)
			}
		})
	}
}

// TestVerify: each method of verification finds a difference.
func TestVerify(t *testing.T) {
	good, bad := someBytes(600_000, 1), someBytes(600_000, 2)
	for _, how := range []string{"reading back", "check-file", "command", "lying command"} {
		t.Run(how, func(t *testing.T) {
			p, s := odd(t, oddserver.Oddities{CheckFile: how == "check-file"})
			switch how {
			case "command":
				p.run = func(command string) deferred.Deferred[[]byte] {
					name := strings.TrimSuffix(strings.TrimPrefix(command, "sha256sum -b './"), "'")
					h := newSum(whole)
					_, _ = h.Write(content(s, name))
					return deferred.Succeed(fmt.Appendf(nil, "%x *%s\n", h.Sum(nil), name))
				}
			case "lying command":
				p.run = func(command string) deferred.Deferred[[]byte] { return deferred.Succeed([]byte("no such command\n")) }
			}
			source := write(t, filepath.Join(p.local, "source"), good)
			age(t, source, 1_000_000_000)
			o := Options{Verify: true, Atomic: true, Channels: 2}
			s.ClearLog()
			if _, err := p.put(source, "target", o); err != nil || !bytes.Equal(content(s, "target"), good) {
				t.Errorf("put: %v", err)
			}
			if n := count(s, oddserver.READ); (n > 0) != (how == "reading back" || how == "lying command") {
				t.Errorf("%d reads", n)
			}
			if _, err := p.get("target", filepath.Join(p.local, "back"), o); err != nil {
				t.Errorf("get: %v", err)
			}
			// The target has the right size and time, but other content.
			s.WriteFile("target", bad, time.Unix(1_000_000_000, 0))
			o = Options{Verify: true, Resume: true, Channels: 2}
			if report, err := p.put(source, "target", o); err != nil || report.Skipped != 0 || !bytes.Equal(content(s, "target"), good) {
				t.Errorf("resumed put: %+v, %v", report, err)
			}
			if report, err := p.put(source, "target", o); err != nil || report.Skipped != 1 {
				t.Errorf("second resumed put: %+v, %v", report, err)
			}
			// The partial file has other content than the beginning of the
			// source.
			os.Remove(filepath.Join(p.local, "back"))
			key := version{600_000, 1_000_000_000}.key("target")
			write(t, localPartOf(filepath.Join(p.local, "back"), key), bad[:300_000])
			if report, err := p.get("target", filepath.Join(p.local, "back"), o); err != nil || report.Bytes != 600_000 || !bytes.Equal(read(t, filepath.Join(p.local, "back")), good) {
				t.Errorf("resumed get: %+v, %v", report, err)
			}
		})
	}
}

// TestVerify_Differs: the upload fails if the server changes the content.
func TestVerify_Differs(t *testing.T) {
	for _, o := range []Options{{Verify: true, Channels: 2}, {Verify: true, Atomic: true, Channels: 2}, {Verify: true, Resume: true, Channels: 2}} {
		t.Run("", func(t *testing.T) {
			p, s := odd(t, oddserver.Oddities{})
			source := write(t, filepath.Join(p.local, "source"), []byte("good"))
			p.run = func(string) deferred.Deferred[[]byte] {
				for _, name := range s.Paths("/") {
					s.WriteFile(name, []byte("evil"), time.Now())
				}
				return deferred.Fail[[]byte](io.EOF)
			}
			if _, err := p.put(source, "target", o); !errors.Is(err, ErrVerify) || (o.Atomic || o.Resume) && len(s.Paths("/")) > 0 {
				t.Errorf("%+v: %v, %q", o, err, s.Paths("/"))
			}
		})
	}
}

// TestF7_Options: options that cannot be honoured are errors before a request
// is sent.
func TestF7_Options(t *testing.T) {
	all := map[string]Options{
		"Resume": {Resume: true}, "Atomic": {Atomic: true}, "Exclusive": {Exclusive: true}, "Preserve": {Preserve: true},
		"Sync": {Sync: true}, "Sparse": {Sparse: true}, "Verify": {Verify: true}, "RemoveStale": {Atomic: true, RemoveStale: true},
		"Resume, Exclusive": {Resume: true, Exclusive: true}, "RemoveStale alone": {RemoveStale: true}, "Concurrency": {Concurrency: -1},
		"Channels": {Channels: -1}, "StallTimeout": {StallTimeout: -1}, "Links": {Links: 3}, "none": {},
	}
	bad := map[kind]string{
		wholeFiles: "Resume, Exclusive; RemoveStale alone; Concurrency; Channels; StallTimeout; Links",
		fromReader: "Resume; Preserve; Sparse; Verify; RemoveStale; Resume, Exclusive; RemoveStale alone; Concurrency; Channels; StallTimeout; Links",
		toWriter: "Resume; Atomic; Exclusive; Preserve; Sync; Sparse; Verify; RemoveStale; Resume, Exclusive; RemoveStale alone; Concurrency; " +
			"Channels; StallTimeout; Links",
	}
	p, s := odd(t, oddserver.Oddities{})
	must(p, func() deferred.Deferred[string] { return p.RealPath(".") })
	s.ClearLog()
	for k, names := range bad {
		for name, o := range all {
			_, err := await(p, func() deferred.Deferred[Report] {
				switch k {
				case fromReader:
					return p.PutFrom(strings.NewReader("x"), "missing/target", o)
				case toWriter:
					return p.GetTo("missing", io.Discard, o)
				}
				return p.Get("missing", p.local, o)
			})
			if want := slices.Contains(strings.Split(names, "; "), name); errors.Is(err, ErrOptions) != want {
				t.Errorf("%d, %s: %v", k, name, err)
			} else if want && count(s, oddserver.STAT)+count(s, oddserver.OPEN) > 0 {
				t.Errorf("%d, %s: sent %v", k, name, s.Log())
			}
			s.ClearLog()
		}
	}
}
