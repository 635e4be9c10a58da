package filetransfer_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const create = filetransfer.FXFRead | filetransfer.FXFWrite | filetransfer.FXFCreat

// makeFile creates a file with the given content over SFTP.
func makeFile(s *session, name string, content []byte) *filetransfer.ClientFile {
	s.t.Helper()
	f := must(s, s.OpenFile(name, create, filetransfer.Attrs{}))
	must(s, f.WriteChunk(0, content))
	return f
}

// C-SFTP-1, C-SFTP-5, C-SFTP-21: the client sends a mkdir request before the
// version of the server has arrived.
func TestPeer_MakeDirectoryAtOnce(t *testing.T) {
	forEachPeer(t, func(t *testing.T, s *session) {
		told := 0
		s.GotServerVersion = func(version uint32, extensions map[string]string) { told++ }
		if status := must(s, s.MakeDirectory("foobarbaz", filetransfer.Attrs{}.WithMode(0o755))); status.Code != filetransfer.FXOK {
			t.Errorf("%+v", status)
		}
		if told != 1 || s.Version() != 3 || s.Extensions() == nil {
			t.Errorf("told %d times: version %d, extensions %v", told, s.Version(), s.Extensions())
		}
		if attrs := must(s, s.GetAttrs("foobarbaz", false)); !attrs.FileMode().IsDir() {
			t.Errorf("made %v", attrs.FileMode())
		}
		if s.dir != "" {
			if info, err := os.Stat(filepath.Join(s.dir, "foobarbaz")); err != nil || !info.IsDir() {
				t.Errorf("on the disk: %v, %v", info, err)
			}
		}
	})
}

// PORT-2: the error of mkdir for an existing directory depends on the server.
func TestPeer_MakeDirectoryThatExists(t *testing.T) {
	for _, tt := range []struct {
		start func(testing.TB) *session
		code  filetransfer.StatusCode
		text  string
	}{
		{startOpenSSH, filetransfer.FXFailure, "filetransfer: mkdir foobarbaz: Failure (SSH_FX_FAILURE 4)"},
		{startTwisted, filetransfer.FXFileAlreadyExists, "(SSH_FX_FILE_ALREADY_EXISTS 11)"},
	} {
		s := tt.start(t)
		must(s, s.MakeDirectory("foobarbaz", filetransfer.Attrs{}))
		_, err := await(s, s.MakeDirectory("foobarbaz", filetransfer.Attrs{}))
		status, refused := errors.AsType[*filetransfer.StatusError](err)
		if !refused || status.Code != tt.code || !strings.Contains(err.Error(), tt.text) || errors.Is(err, fs.ErrExist) != (tt.code == filetransfer.FXFileAlreadyExists) {
			t.Errorf("%v", err)
		}
	}
}

// C-SFTP-40 to C-SFTP-43: the requests of an open file.
func TestPeer_File(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 3000)
	forEachPeer(t, func(t *testing.T, s *session) {
		f := makeFile(s, "file", content)
		if attrs := must(s, f.GetAttrs()); !attrs.Has(filetransfer.AttrSize) || attrs.Size != uint64(len(content)) {
			t.Errorf("%+v", attrs)
		}
		var got []byte
		for len(got) < len(content) {
			got = append(got, must(s, f.ReadChunk(uint64(len(got)), 32<<10))...)
		}
		if !bytes.Equal(got, content) {
			t.Error("what was written did not come back")
		}
		if tail := must(s, f.ReadChunk(uint64(len(content)-5), 100)); string(tail) != "56789" {
			t.Errorf("a read across the end gave %q", tail)
		}
		for _, offset := range []uint64{uint64(len(content)), 1 << 40} {
			if _, err := await(s, f.ReadChunk(offset, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("a read at %d: %v, want EOF", offset, err)
			}
		}
		must(s, f.Close())
		if _, err := await(s, f.Close()); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("second close: %v", err)
		}
		must(s, s.RemoveFile("file"))
		if _, err := await(s, s.GetAttrs("file", false)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after remove: %v", err)
		}
	})
}

// C-SFTP-44, and SetAttrs of a path.
func TestPeer_SetAttrs(t *testing.T) {
	for _, peer := range peers[:2] { // the server in memory stores only sizes
		t.Run(peer.name, func(t *testing.T) {
			s := peer.start(t)
			f := makeFile(s, "file", []byte("0123456789"))
			stamp := time.Unix(1_000_000_000, 0)
			must(s, f.SetAttrs(filetransfer.Attrs{}.WithSize(4).WithMode(0o640)))
			must(s, s.SetAttrs("file", filetransfer.Attrs{}.WithTimes(stamp, stamp)))
			info, err := os.Stat(filepath.Join(s.dir, "file"))
			if err != nil || info.Size() != 4 || info.Mode() != 0o640 || !info.ModTime().Equal(stamp) {
				t.Errorf("on the disk: %v, %v", info, err)
			}
			view := must(s, f.GetAttrs()).FileInfo("file")
			if view.Size() != info.Size() || view.Mode() != info.Mode() || !view.ModTime().Equal(info.ModTime()) {
				t.Errorf("over the wire: %v, on the disk: %v", fs.FormatFileInfo(view), fs.FormatFileInfo(info))
			}
		})
	}
}

// C-SFTP-50 to C-SFTP-52: the requests of an open directory.
func TestPeer_Directory(t *testing.T) {
	forEachPeer(t, func(t *testing.T, s *session) {
		must(s, s.MakeDirectory("dir", filetransfer.Attrs{}))
		var want []string
		for i := range 250 { // more than one batch of OpenSSH's server
			name := "f" + strings.Repeat("x", i)
			want = append(want, name)
			must(s, must(s, s.OpenFile("dir/"+name, create, filetransfer.Attrs{})).Close())
		}
		d := must(s, s.OpenDirectory("dir"))
		var got []string
		for _, entry := range must(s, d.ReadAll()) {
			if entry.Filename != "." && entry.Filename != ".." {
				got = append(got, entry.Filename)
			}
			if !strings.Contains(entry.Longname(), entry.Filename) {
				t.Errorf("longname %q of %q", entry.Longname(), entry.Filename)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%d names, want %d", len(got), len(want))
		}
		if _, err := await(s, d.Read()); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v", err)
		}
		must(s, d.Close())
		if status := must(s, d.Close()); status != (filetransfer.Status{}) {
			t.Errorf("second close: %+v", status)
		}
		if _, err := await(s, s.OpenDirectory("missing")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing: %v", err)
		}
	})
}

// F13, C-SFTP-26 to C-SFTP-28: a link points to its target. LSTAT returns the
// attributes of the link, STAT the attributes of the target.
func TestPeer_F13_Links(t *testing.T) {
	forEachPeer(t, func(t *testing.T, s *session) {
		f := makeFile(s, "/"+strings.TrimPrefix(filepath.Join(s.dir, "target"), "/"), []byte("12345"))
		target := f.Name()
		must(s, s.MakeLink("link", target))
		if got := must(s, s.ReadLink("link")); got != target {
			t.Errorf("the link points to %q, want %q", got, target)
		}
		if mode := must(s, s.GetAttrs("link", false)).FileMode(); mode.Type() != fs.ModeSymlink {
			t.Errorf("the link itself is %v", mode)
		}
		if attrs := must(s, s.GetAttrs("link", true)); attrs.FileMode().Type() != 0 || attrs.Size != 5 {
			t.Errorf("followed: %v, %d bytes", attrs.FileMode(), attrs.Size)
		}
		if s.dir != "" {
			if got, err := os.Readlink(filepath.Join(s.dir, "link")); got != target {
				t.Errorf("on the disk it points to %q, %v", got, err)
			}
		}
	})
}

// TestPeer_EveryOperationFails calls every operation with a path that does not
// exist. Each returns the server's status in an error with operation and path.
func TestPeer_EveryOperationFails(t *testing.T) {
	forEachPeer(t, func(t *testing.T, s *session) {
		const missing = "missing/missing"
		must(s, makeFile(s, "file", []byte("12345")).Close())
		for op, fails := range map[string]func() error{
			"open": func() error {
				_, err := await(s, s.OpenFile(missing, filetransfer.FXFRead, filetransfer.Attrs{}))
				return err
			},
			"remove":  func() error { _, err := await(s, s.RemoveFile(missing)); return err },
			"rename":  func() error { _, err := await(s, s.RenameFile(missing, "other")); return err },
			"mkdir":   func() error { _, err := await(s, s.MakeDirectory(missing, filetransfer.Attrs{})); return err },
			"rmdir":   func() error { _, err := await(s, s.RemoveDirectory(missing)); return err },
			"opendir": func() error { _, err := await(s, s.OpenDirectory(missing)); return err },
			"lstat":   func() error { _, err := await(s, s.GetAttrs(missing, false)); return err },
			"stat":    func() error { _, err := await(s, s.GetAttrs(missing, true)); return err },
			"setstat": func() error {
				_, err := await(s, s.SetAttrs(missing, filetransfer.Attrs{}.WithMode(0o600)))
				return err
			},
			"readlink": func() error { _, err := await(s, s.ReadLink(missing)); return err },
			"symlink":  func() error { _, err := await(s, s.MakeLink(missing, "target")); return err },
		} {
			if s.dir == "" && (op == "mkdir" || op == "symlink" || op == "setstat") {
				continue // the server in memory allows these without a parent directory
			}
			err := fails()
			failed, isOp := errors.AsType[*filetransfer.OpError](err)
			_, isStatus := errors.AsType[*filetransfer.StatusError](err)
			if !isOp || !isStatus || failed.Op != op || failed.Path != missing {
				t.Errorf("%s: %v", op, err)
			}
		}
		if attrs := must(s, s.GetAttrs("file", true)); attrs.Size != 5 {
			t.Errorf("after all that: %+v", attrs)
		}
	})
}

func TestPeer_Paths(t *testing.T) {
	forEachPeer(t, func(t *testing.T, s *session) {
		must(s, s.MakeDirectory("a", filetransfer.Attrs{}))
		if got := must(s, s.RealPath("a/../a/.")); !strings.HasSuffix(got, "/a") || strings.Contains(got, "..") {
			t.Errorf("real path %q", got)
		}
		must(s, s.RenameFile("a", "b"))
		if _, err := await(s, s.GetAttrs("a", false)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after rename: %v", err)
		}
		must(s, s.RemoveDirectory("b"))
		_, err := await(s, s.RemoveDirectory("b"))
		if failed, ok := errors.AsType[*filetransfer.OpError](err); !ok || failed.Op != "rmdir" || failed.Path != "b" || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("second rmdir: %v", err)
		}
		if _, err := await(s, s.OpenFile("missing", filetransfer.FXFRead, filetransfer.Attrs{})); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing file: %v", err)
		}
	})
}

// C-SFTP-29: a server refuses an unknown extended request.
func TestPeer_ExtendedRequest(t *testing.T) {
	forEachPeer(t, func(t *testing.T, s *session) {
		if _, err := await(s, s.ExtendedRequest("unheard-of@example.com", []byte("data"))); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("unknown extension: %v", err)
		}
	})
}

// TestPeer_OpenSSHExtensions uses the extensions of OpenSSH's server, which has
// all of them.
func TestPeer_OpenSSHExtensions(t *testing.T) {
	s := startOpenSSH(t)
	f := makeFile(s, "file", []byte("0123456789"))
	must(s, f.Sync())
	must(s, s.HardLink("file", "second"))
	must(s, s.PosixRename("second", "file")) // both names are the same file: nothing happens, and both remain
	other := makeFile(s, "other", []byte("x"))
	must(s, f.CopyData(2, 3, other, 1))
	must(s, s.PosixRename("other", "second"))
	if got, err := os.ReadFile(filepath.Join(s.dir, "second")); err != nil || string(got) != "x234" {
		t.Errorf("after hardlink, copy-data and posix-rename: %q, %v", got, err)
	}
	must(s, s.MakeLink("link", "missing"))
	stamp := time.Unix(1_000_000_000, 0)
	must(s, s.SetLinkAttrs("link", filetransfer.Attrs{}.WithTimes(stamp, stamp)))
	if attrs := must(s, s.GetAttrs("link", false)); !attrs.ModTime().Equal(stamp) {
		t.Errorf("lsetstat: %v", attrs.ModTime())
	}
	for name, vfs := range map[string]filetransfer.StatVFS{"statvfs": must(s, s.StatVFS(".")), "fstatvfs": must(s, f.StatVFS())} {
		if vfs.Total() == 0 || vfs.Free() > vfs.Total() || vfs.MaxFilenameSize < 100 {
			t.Errorf("%s: %+v", name, vfs)
		}
	}
	if l := must(s, s.Limits()); l.MaxRead < 32<<10 || l != s.KnownLimits() || s.ReadSize() > int(l.MaxRead) || s.WriteSize() > int(l.MaxWrite) {
		t.Errorf("limits: %+v, known are %+v", l, s.KnownLimits())
	}
	if home := must(s, s.ExpandPath("~")); !strings.HasPrefix(home, "/") {
		t.Errorf("expand-path: %q", home)
	}
	if s.HasExtension("home-directory") {
		if home := must(s, s.HomeDirectory("root")); !strings.HasPrefix(home, "/") {
			t.Errorf("home-directory: %q", home)
		}
	}
	if names := must(s, s.UsersGroupsByID([]uint32{0, 4_000_000_000}, []uint32{0})); !slices.Equal(names.Users, []string{"root", ""}) || len(names.Groups) != 1 {
		t.Errorf("users-groups-by-id: %+v", names)
	}
}

// C-SFTP-40, C-SFTP-41: reads and writes may exceed the server's packet size.
// OpenSSH would end the session after a write of 300,000 bytes in one packet.
// pkg/sftp returns at most 32 KiB for a read.
func TestPeer_LongChunks(t *testing.T) {
	forEachPeer(t, func(t *testing.T, s *session) {
		must(s, s.RealPath(".")) // after this reply the limits are known
		content := make([]byte, 3<<20+17)
		_, _ = rand.NewChaCha8([32]byte{}).Read(content)
		f := makeFile(s, "file", content)
		got := must(s, f.ReadChunk(0, 5<<20))
		if sha256.Sum256(got) != sha256.Sum256(content) {
			t.Errorf("%d bytes came back of %d, or others", len(got), len(content))
		}
		if got := must(s, f.ReadChunk(1000, 1<<20)); !bytes.Equal(got, content[1000:1000+1<<20]) {
			t.Errorf("%d bytes from the middle", len(got))
		}
		into := make([]byte, len(content))
		if n := must(s, f.ReadInto(17, into)); n != len(content)-17 || !bytes.Equal(into[:n], content[17:]) {
			t.Errorf("read %d bytes into a buffer", n)
		}
		if _, err := await(s, f.ReadChunk(uint64(len(content)), 1<<20)); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestPeer_LongAppend(t *testing.T) {
	s := startOpenSSH(t)
	must(s, makeFile(s, "file", []byte("first ")).Close())
	f := must(s, s.OpenFile("file", filetransfer.FXFWrite|filetransfer.FXFAppend, filetransfer.Attrs{}))
	long := bytes.Repeat([]byte("0123456789"), 60_000)
	must(s, f.WriteChunk(0, long))
	if got, err := os.ReadFile(filepath.Join(s.dir, "file")); err != nil || string(got) != "first "+string(long) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// C-SFTP-20: 500 requests in flight.
func TestPeer_ManyOutstanding(t *testing.T) {
	forEachPeer(t, func(t *testing.T, s *session) {
		must(s, makeFile(s, "file", []byte("12345")).Close())
		var stats, missing []deferred.Deferred[filetransfer.Attrs]
		for range 250 {
			stats = append(stats, s.GetAttrs("file", true))
			missing = append(missing, s.GetAttrs("missing", true))
		}
		for i := range stats {
			if attrs := must(s, stats[i]); attrs.Size != 5 {
				t.Fatalf("%+v", attrs)
			}
			if _, err := await(s, missing[i]); !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
	})
}

// TestPeer_CancelledOpenDoesNotLeak: if a file opens after its request was
// cancelled, the client closes the handle. Otherwise the loop would exceed
// OpenSSH's limit of open handles.
func TestPeer_CancelledOpenDoesNotLeak(t *testing.T) {
	s := startOpenSSH(t)
	must(s, makeFile(s, "file", nil).Close())
	for range 300 {
		d := s.OpenFile("file", filetransfer.FXFRead, filetransfer.Attrs{})
		d.AddErrback(func(error) (*filetransfer.ClientFile, error) { return nil, nil })
		d.Cancel()
		must(s, s.GetAttrs("file", true)) // the reply to the open arrives before this reply
	}
	handles, err := openFiles(s)
	if err != nil {
		t.Skip("the server's open files cannot be counted here: ", err)
	}
	if handles != 0 {
		t.Errorf("the server has the file open %d times", handles)
	}
}

// openFiles returns how often the server has "file" open. It lists
// /proc/self/fd over SFTP, so /proc/self is the process of the server.
func openFiles(s *session) (int, error) {
	d, err := await(s, s.OpenDirectory("/proc/self/fd"))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, entry := range must(s, d.ReadAll()) {
		target, err := await(s, s.ReadLink("/proc/self/fd/"+entry.Filename))
		if err == nil && strings.HasSuffix(target, "/file") {
			n++
		}
	}
	return n, nil
}
