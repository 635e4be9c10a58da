//go:build unix

package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/pkg/sftp"
)

// talk returns a conversation with a BlockingServer in this process.
func talk(t testing.TB, b filetransfer.BlockingServer, set func(*filetransfer.FileTransferServer)) *conversation {
	conn := serve(t, b, set)
	c := &conversation{t: t, w: conn, r: conn}
	c.greet()
	return c
}

// copyTree copies a directory of the host into a Memory.
func copyTree(t testing.TB, m *store.Memory, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(name, dir)
		if err != nil || rel == "" {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		attrs := filetransfer.Attrs{}.WithMode(info.Mode())
		times := filetransfer.Attrs{}.WithTimes(info.ModTime(), info.ModTime())
		switch {
		case info.IsDir():
			return m.MakeDirectory(rel, attrs)
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			return errors.Join(err, m.MakeLink(rel, target))
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := m.OpenFile(rel, filetransfer.FXFWrite|filetransfer.FXFCreat, attrs)
		if err != nil {
			return err
		}
		return errors.Join(f.WriteChunk(0, content), f.Close(), m.SetAttrs(rel, times, true))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetAttrs("/d", filetransfer.Attrs{}.WithTimes(old, old), true); err != nil {
		t.Fatal(err)
	}
}

// A Memory answers like a Dir, which TestLikeOpenSSH compares with OpenSSH's
// server.
func TestMemoryLikeDir(t *testing.T) {
	readable := func() string { // by every user
		dir := plant(t)
		if err := errors.Join(os.Chmod(filepath.Join(dir, "closed"), 0o755), os.Chmod(filepath.Join(dir, "secret"), 0o644)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	owner := func(s string) string { // a Memory has no users
		if i := strings.Index(s, " owner "); i >= 0 {
			rest := s[i+len(" owner "):]
			s = s[:i] + strings.TrimLeft(rest, "0123456789/")
		}
		if strings.Contains(s, " mode 40") { // the test itself reads directories
			s = strings.Replace(s, " atime 1000000000", "", 1)
		}
		return s
	}
	for _, tt := range conversations {
		if !slices.Contains([]string{"open flags", "open that fails", "read", "handles", "attributes", "remove", "rename", "links", "realpath", "posix-rename", "hardlink", "copy-data", "setstat", "fsetstat", "unusual names"}, tt.name) {
			continue
		}
		if os.Getuid() != 0 && strings.HasSuffix(tt.name, "setstat") {
			continue // everyone may give away the files of a Memory
		}
		t.Run(tt.name, func(t *testing.T) {
			dir := readable()
			m := store.NewMemory(10 << 20)
			copyTree(t, m, readable())
			d := openDir(t, dir, store.DirOptions{SpecialBits: true, EscapingLinks: true})
			want, got := talk(t, d, nil), talk(t, m, nil)
			for i, r := range tt.requests {
				if r.typ == fxpRealpath && slices.Contains([]any{"f/..", "f/", "d//./x/"}, r.fields[0]) {
					continue // a Memory needs a directory there
				}
				a, b := owner(got.ask(r)), owner(want.ask(r))
				if a != b {
					t.Errorf("request %d, %v: got %s, want %s", i, r, a, b)
				}
			}
		})
	}
}

// The size of a Memory is bounded: files, names, data and the data of open
// files without a name. V-LIMITS-29.
func TestMemoryIsBounded(t *testing.T) {
	m := store.NewMemory(100 << 10)
	open := func(p string) filetransfer.BlockingFile {
		t.Helper()
		f, err := m.OpenFile(p, filetransfer.FXFRead|filetransfer.FXFWrite|filetransfer.FXFCreat, filetransfer.Attrs{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a := open("a")
	if err := a.WriteChunk(1<<40, []byte("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if err := a.WriteChunk(60<<10, []byte("x")); err != nil {
		t.Error(err)
	}
	if err := m.RemoveFile("a"); err != nil {
		t.Error(err)
	}
	b := open("b")
	if err := b.WriteChunk(60<<10, []byte("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("while the other is open: %v", err)
	}
	p := make([]byte, 10)
	if n, err := a.ReadChunk(60<<10-2, p); n != 3 || string(p[:n]) != "\x00\x00x" {
		t.Errorf("%q, %v", p[:n], err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := b.WriteChunk(60<<10, []byte("x")); err != nil {
		t.Error(err)
	}
	var err error
	n := 0
	for ; err == nil; n++ {
		err = m.MakeDirectory(fmt.Sprint("d", n), filetransfer.Attrs{})
	}
	if !errors.Is(err, syscall.ENOSPC) || n > 200 {
		t.Errorf("%d directories, %v", n, err)
	}
	if err := errors.Join(m.RemoveFile("b"), b.Close(), m.MakeDirectory("more", filetransfer.Attrs{}), m.MakeLink("link", strings.Repeat("x", 4000)), m.RemoveFile("link")); err != nil {
		t.Error(err)
	}
	for range 100 {
		if err := errors.Join(m.MakeLink("link", strings.Repeat("x", 4000)), m.HardLink("link", "link2"), m.RemoveFile("link"), m.RemoveFile("link2"), m.RenameFile("more", "less"), m.PosixRename("less", "more")); err != nil {
			t.Fatal(err)
		}
	}
}

// Sessions can use a Memory at the same time.
func TestMemoryConcurrently(t *testing.T) {
	m := store.NewMemory(1 << 20)
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for n := range 200 {
				name := fmt.Sprint("f", (i+n)%5)
				f, err := m.OpenFile(name, filetransfer.FXFRead|filetransfer.FXFWrite|filetransfer.FXFCreat, filetransfer.Attrs{})
				if err != nil {
					continue
				}
				_ = f.WriteChunk(uint64(n), []byte("data"))
				_, _ = f.ReadChunk(0, make([]byte, 10))
				_, _ = m.GetAttrs(name, true)
				_ = m.RenameFile(name, name+"x")
				_ = m.RemoveFile(name + "x")
				_ = f.Close()
			}
		})
	}
	work.Wait()
}

// sequential is an fs.FS whose files can only be read from front to back.
type sequential struct{ fs.FS }

type onlyRead struct{ f fs.File }

func (o onlyRead) Read(p []byte) (int, error) { return o.f.Read(p[:min(len(p), 3)]) }
func (o onlyRead) Stat() (fs.FileInfo, error) { return o.f.Stat() }
func (o onlyRead) Close() error               { return o.f.Close() }

func (s sequential) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return f, nil
	}
	return onlyRead{f}, nil
}

// An fs.FS can be read, in any order even if its files have no ReadAt, and not
// changed: V-SFTP-29.
func TestFS(t *testing.T) {
	files := fstest.MapFS{"f": {Data: []byte("hello, world\n"), Mode: 0o644}, "d/x": {Data: []byte("x"), Mode: 0o600}, "l": {Data: []byte("f"), Mode: fs.ModeSymlink | 0o777}}
	for name, fsys := range map[string]fs.FS{"map": files, "sequential": sequential{files}, "os.Root": os.DirFS(plant(t))} {
		t.Run(name, func(t *testing.T) {
			c := talk(t, store.NewFS(fsys), nil)
			for i, tt := range []struct {
				r    request
				want string
			}{
				{req(fxpRealpath, "."), `NAME "/" "/" 0x0`}, {req(fxpRealpath, "a/../../f"), `NAME "/f" "/f" 0x0`}, {req(fxpOpen, "/f", r, none), "HANDLE"}, {req(fxpRead, handle(0), uint64(7), 5), `DATA "world"`},
				{req(fxpRead, handle(0), uint64(0), 5), `DATA "hello"`}, {req(fxpRead, handle(0), uint64(12), 50), `DATA "\n"`}, {req(fxpRead, handle(0), uint64(13), 5), "1 End of file"}, {req(fxpRead, handle(0), uint64(100), 5), "1 End of file"},
				{req(fxpRead, handle(0), uint64(5), 1), `DATA ","`}, {req(fxpWrite, handle(0), uint64(5), "x"), "3 Permission denied"}, {req(fxpFsetstat, handle(0), mode(0)), "3 Permission denied"}, {req(fxpClose, handle(0)), "0 Success"},
				{req(fxpOpen, "f", w, none), "3 Permission denied"}, {req(fxpOpen, "n", w|creat, none), "3 Permission denied"}, {req(fxpOpen, "missing", r, none), "2 No such file"}, {req(fxpOpen, "f/", r, none), "2 No such file"}, {req(fxpOpen, "", r, none), "2 No such file"},
				{req(fxpOpendir, "f"), "2 No such file"}, {req(fxpOpendir, "missing"), "2 No such file"}, {req(fxpOpendir, "d/."), "HANDLE"}, {req(fxpClose, handle(1)), "0 Success"}, {req(fxpStat, "missing"), "2 No such file"}, {req(fxpStat, "f/"), "2 No such file"},
				{req(fxpRemove, "f"), "3 Permission denied"}, {req(fxpMkdir, "n", none), "3 Permission denied"}, {req(fxpRmdir, "d"), "3 Permission denied"}, {req(fxpRename, "f", "g"), "3 Permission denied"}, {req(fxpSetstat, "f", mode(0)), "3 Permission denied"},
				{req(fxpSymlink, "f", "g"), "3 Permission denied"}, {ext("posix-rename@openssh.com", "f", "g"), "3 Permission denied"}, {ext("hardlink@openssh.com", "f", "g"), "3 Permission denied"}, {ext("statvfs@openssh.com", "f"), "8 Operation unsupported"},
			} {
				if got := c.ask(tt.r); got != tt.want {
					t.Errorf("request %d, %v: got %s, want %s", i, tt.r, got, tt.want)
				}
			}
			if got := c.ask(req(fxpStat, "d/x")); !strings.Contains(got, "size 1") {
				t.Error(got)
			}
			if name == "map" {
				if got := c.ask(req(fxpReadlink, "l")); got != `NAME "f" "f" 0x0` {
					t.Error(got)
				}
				c.ask(req(fxpOpendir, "/"))
				if got := c.ask(req(fxpReaddir, handle(2))); strings.Count(got, `"d"`) != 1 || strings.Count(got, "size 13") != 1 {
					t.Error(got)
				}
				if got := c.ask(req(fxpReaddir, handle(2))); got != "1 End of file" {
					t.Error(got)
				}
			}
		})
	}
}

// Handlers of pkg/sftp are served, with the extensions they have.
func TestHandlers(t *testing.T) {
	c := talk(t, store.NewHandlers(sftp.InMemHandler(), "/home"), nil)
	version := (&conversation{t: t, w: c.w, r: c.r}).greet()
	for _, name := range []string{"posix-rename@openssh.com", "statvfs@openssh.com", "hardlink@openssh.com", "limits@openssh.com"} {
		if !strings.Contains(version, name) {
			t.Errorf("%s is not announced: %q", name, version)
		}
	}
	for i, tt := range []struct {
		r    request
		want string
	}{
		{req(fxpRealpath, "."), `NAME "/home" "/home" 0x0`}, {req(fxpMkdir, "/home", none), "0 Success"}, {req(fxpMkdir, "d", none), "0 Success"}, {req(fxpOpen, "f", r|w|creat|trunc, none), "HANDLE"}, {req(fxpWrite, handle(0), uint64(0), "hello"), "0 Success"},
		{req(fxpRead, handle(0), uint64(1), 100), `DATA "ello"`}, {req(fxpRead, handle(0), uint64(5), 100), "1 End of file"}, {req(fxpClose, handle(0)), "0 Success"}, {req(fxpOpen, "f", w|app, none), "HANDLE"}, {req(fxpWrite, handle(1), uint64(0), "!"), "0 Success"},
		{req(fxpRead, handle(1), uint64(0), 1), "2 No such file"}, {req(fxpClose, handle(1)), "0 Success"}, {req(fxpOpen, "/home/f", r, none), "HANDLE"}, {req(fxpRead, handle(2), uint64(0), 100), `DATA "hello!"`}, {req(fxpWrite, handle(2), uint64(0), "x"), "2 No such file"}, {req(fxpSetstat, "f", size(3)), "0 Success"},
		{req(fxpRename, "f", "g"), "0 Success"}, {ext("posix-rename@openssh.com", "g", "f"), "0 Success"}, {req(fxpSymlink, "/home/f", "l"), "0 Success"}, {req(fxpReadlink, "l"), `NAME "/home/f" "/home/f" 0x0`}, {ext("hardlink@openssh.com", "f", "h"), "0 Success"}, {req(fxpRemove, "h"), "0 Success"},
		{req(fxpRmdir, "d"), "0 Success"}, {req(fxpOpendir, "missing"), "2 No such file"}, {req(fxpOpendir, "f"), "2 No such file"}, {req(fxpStat, "missing"), "2 No such file"}, {ext("lsetstat@openssh.com", "f", mode(0o600)), "8 Operation unsupported"}, {req(fxpOpen, "missing", r, none), "2 No such file"},
		{req(fxpOpendir, "."), "HANDLE"},
	} {
		if got := c.ask(tt.r); got != tt.want {
			t.Errorf("request %d, %v: got %s, want %s", i, tt.r, got, tt.want)
		}
	}
	if got := c.ask(req(fxpReaddir, handle(3))); !strings.Contains(got, `"l"`) || !strings.Contains(got, "size 3") {
		t.Error(got)
	}
	if got := c.ask(req(fxpReaddir, handle(3))); got != "1 End of file" {
		t.Error(got)
	}
	if got := c.ask(req(fxpLstat, "l")); !strings.Contains(got, "mode 12") {
		t.Error(got)
	}
	if got := c.ask(ext("statvfs@openssh.com", "/")); !strings.HasPrefix(got, "REPLY") {
		t.Error(got)
	}
}
