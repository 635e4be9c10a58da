package sftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
)

// openAtServer returns how often the server has "file" open, if the server is a
// Linux process.
func openAtServer(t *testing.T, p *peer) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := p.ReadDir(t.Context(), "/proc/self/fd")
	if err != nil {
		t.Error(err)
	}
	open := 0
	for _, e := range entries {
		if target, _ := p.ReadLink(t.Context(), "/proc/self/fd/"+e.Name()); target == filepath.Join(p.dir, "file") { // the handle may be closed
			open++
		}
	}
	return open
}

// TestErrorsAreThoseOfOS: an error has the type that package os returns for the
// same call, and errors.Is finds the same errors.
func TestErrorsAreThoseOfOS(t *testing.T) {
	p, here := openSSH(t), t.TempDir()
	ctx := t.Context()
	for _, dir := range []string{p.dir, here} {
		if err := errors.Join(os.Mkdir(dir+"/dir", 0o755), os.WriteFile(dir+"/file", []byte("x"), 0o644), os.WriteFile(dir+"/dir/in", nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(here, name) }
	for _, tt := range []struct {
		what      string
		got, want error
	}{
		{"open what is not there", second(p.Open(ctx, "no")), second(os.Open(at("no")))},
		{"open below nothing", second(p.Create(ctx, "no/no")), second(os.Create(at("no/no")))},
		{"open what must not be there", second(p.OpenFile(ctx, "file", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)),
			second(os.OpenFile(at("file"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600))},
		{"mkdir again", p.Mkdir(ctx, "dir", 0o755), os.Mkdir(at("dir"), 0o755)},
		{"mkdir over a file", p.Mkdir(ctx, "file", 0o755), os.Mkdir(at("file"), 0o755)},
		{"mkdir of all over a file", p.MkdirAll(ctx, "file", 0o755), os.MkdirAll(at("file"), 0o755)},
		{"mkdir of all below a file", p.MkdirAll(ctx, "file/x", 0o755), os.MkdirAll(at("file/x"), 0o755)},
		{"remove nothing", p.Remove(ctx, "no"), os.Remove(at("no"))},
		{"symlink that is there", p.Symlink(ctx, "x", "file"), os.Symlink("x", at("file"))},
		{"link to nothing", p.Link(ctx, "no", "x"), os.Link(at("no"), at("x"))},
		{"link that is there", p.Link(ctx, "dir/in", "file"), os.Link(at("dir/in"), at("file"))},
		{"rename nothing", p.Rename(ctx, "no", "x"), os.Rename(at("no"), at("x"))},
		{"rename over a directory", p.Rename(ctx, "file", "dir"), os.Rename(at("file"), at("dir"))},
		{"chmod", p.Chmod(ctx, "/proc/self/status", 0o600), os.Chmod("/proc/self/status", 0o600)},
		{"read a directory as a file", second(read(p.Open(ctx, "dir"))), second(read(os.Open(at("dir"))))},
		{"read a file as a directory", second(readDir(p.Open(ctx, "file"))), second(readDir(os.Open(at("file"))))},
	} {
		if tt.got == nil || tt.want == nil || fmt.Sprintf("%T", tt.got) != fmt.Sprintf("%T", tt.want) {
			t.Errorf("%s: %T, not %T", tt.what, tt.got, tt.want)
		}
		for _, is := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrClosed, fs.ErrInvalid, io.EOF, syscall.ENOTDIR, syscall.EISDIR} {
			// SFTP has no status code for ENOTDIR, so a server's refusal does
			// not match it.
			if errors.Is(tt.got, is) != errors.Is(tt.want, is) && (is != syscall.ENOTDIR || errors.Is(tt.got, is)) {
				t.Errorf("%s: %v; package os: %v; they differ in %v", tt.what, tt.got, tt.want, is)
			}
		}
	}
}

func read(f io.ReadCloser, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Read(make([]byte, 1))
}

func readDir(f fs.File, err error) ([]fs.DirEntry, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.(fs.ReadDirFile).ReadDir(-1)
}

func TestAttributesOneAtATime(t *testing.T) {
	p := openSSH(t)
	ctx := t.Context()
	a, m := time.Unix(1_000_000_000, 0), time.Unix(1_100_000_000, 0)
	if err := errors.Join(p.WriteFile(ctx, "file", nil, 0o644), p.Chtimes(ctx, "file", a, time.Time{}), p.Chtimes(ctx, "file", time.Time{}, m),
		p.Chown(ctx, "file", -1, os.Getgid()), p.Chown(ctx, "file", os.Getuid(), -1)); err != nil {
		t.Fatal(err)
	}
	info, err := p.Stat(ctx, "file")
	if err != nil {
		t.Fatal(err)
	}
	if is := info.Sys().(filetransfer.Attrs); !is.AccessTime().Equal(a) || !is.ModTime().Equal(m) || int(is.UID) != os.Getuid() || int(is.GID) != os.Getgid() {
		t.Errorf("%+v", is)
	}
}

func TestExtensions(t *testing.T) {
	p := openSSH(t)
	ctx := t.Context()
	for _, name := range []string{"a", "b"} {
		if err := p.WriteFile(ctx, name, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.PosixRename(ctx, "a", "b"); err != nil {
		t.Error(err)
	}
	if got, err := p.ReadFile(ctx, "b"); string(got) != "a" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if is, err := p.StatVFS(ctx, "."); err != nil || is.Total() == 0 || is.Free() > is.Total() {
		t.Errorf("%+v, %v", is, err)
	}
	if limits, err := sftp.Call(ctx, p.Files, (*filetransfer.FileTransferClient).Limits); err != nil || limits.MaxRead == 0 {
		t.Errorf("%+v, %v", limits, err)
	}
	_, err := sftp.Call(ctx, p.Files, func(c *filetransfer.FileTransferClient) deferred.Deferred[filetransfer.ExtendedReply] {
		return c.ExtendedRequest("no-such-thing@example.org", nil)
	})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

func TestTransfersOfReadersAndPatterns(t *testing.T) {
	p := openSSH(t)
	ctx, local := t.Context(), t.TempDir()
	if _, err := p.PutFrom(ctx, strings.NewReader("content"), "file.txt", sftp.Options{}); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if report, err := p.GetTo(ctx, "file.txt", &got, sftp.Options{}); err != nil || got.String() != "content" || report.Bytes != 7 {
		t.Errorf("%q, %+v, %v", got.String(), report, err)
	}
	if report, err := p.GetGlob(ctx, "*.txt", local, sftp.Options{}); err != nil || report.Files != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if err := p.Mkdir(ctx, "up", 0o755); err != nil {
		t.Fatal(err)
	}
	if report, err := p.PutGlob(ctx, local+"/*.txt", "up", sftp.Options{}); err != nil || report.Files != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if got, err := os.ReadFile(filepath.Join(p.dir, "up", "file.txt")); string(got) != "content" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := p.GetTo(ctx, "no", &got, sftp.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestOneFileManyGoroutines: many goroutines write and read their own parts of
// one File, and call Read between.
func TestOneFileManyGoroutines(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		const part, parts = 300_000, 16
		content := someBytes(part * parts)
		f, err := p.Create(t.Context(), "file")
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range parts {
			mine := content[i*part:][:part]
			all.Go(func() {
				if n, err := f.WriteAt(mine, int64(i*part)); n != part || err != nil {
					t.Errorf("%d, %v", n, err)
				}
				got := make([]byte, part)
				if n, err := f.ReadAt(got, int64(i*part)); n != part || err != nil && err != io.EOF || !bytes.Equal(got, mine) {
					t.Errorf("%d, %v", n, err)
				}
				if _, err := f.Read(got[:10]); err != nil && err != io.EOF {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got, err := os.ReadFile(filepath.Join(p.dir, "file")); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestReadAfterWriteAt: data that was read ahead is not returned after a later
// write, even by another File of the same handle.
func TestReadAfterWriteAt(t *testing.T) {
	p := openSSH(t)
	f, err := p.Create(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other, buf := f.WithContext(t.Context()), make([]byte, 3)
	if _, err := f.WriteAt([]byte("abcdefghi"), 0); err != nil {
		t.Fatal(err)
	}
	for i, by := range []*sftp.File{f, other} {
		if _, err := f.Read(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := by.WriteAt([]byte("XYZ"), int64(3*i+3)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Read(buf); string(buf) != "XYZ" || err != nil {
		t.Errorf("%q, %v", buf, err)
	}
}

func TestCopyFromFileToFile(t *testing.T) {
	p := openSSH(t)
	content := someBytes(3<<20 + 1)
	if err := p.WriteFile(t.Context(), "from", content, 0o644); err != nil {
		t.Fatal(err)
	}
	from, err := p.Open(t.Context(), "from")
	to, err2 := p.Create(t.Context(), "to")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(to, from); n != int64(len(content)) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := io.Copy(to, to); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("to itself: %v", err)
	}
	if err := errors.Join(from.Close(), to.Close()); err != nil {
		t.Error(err)
	}
	if got, err := p.ReadFile(t.Context(), "to"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestRemoveAllOfMuch: RemoveAll removes as much as possible and returns the
// first error.
func TestRemoveAllOfMuch(t *testing.T) {
	p := openSSH(t)
	for i := range 200 {
		name := filepath.Join(p.dir, "top", fmt.Sprint("dir", i%3), fmt.Sprint("file", i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(p.dir, filepath.Join(p.dir, "top", "link")); err != nil {
		t.Fatal(err)
	}
	if err := p.RemoveAll(t.Context(), "top"); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(p.dir, "top")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	failed, ok := errors.AsType[*fs.PathError](p.RemoveAll(t.Context(), "/proc/self/attr"))
	if !ok || !strings.HasPrefix(failed.Path, "/proc/self/attr/") {
		t.Errorf("%v", failed)
	}
}

// TestFSIsLikeDirFS: FS returns the same results as os.DirFS for the same tree.
func TestFSIsLikeDirFS(t *testing.T) {
	p := openSSH(t)
	for _, name := range []string{"a/b/c", "a/d", "e"} {
		full := filepath.Join(p.dir, "top", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(p.dir, "top", "link")); err != nil {
		t.Fatal(err)
	}
	list := func(tree fs.FS) (all []string) {
		err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
			all = append(all, name+" "+d.Type().String())
			return err
		})
		if err != nil {
			t.Error(err)
		}
		for _, name := range []string{"a/no", "link/d", "."} {
			info, err := fs.Stat(tree, name)
			_, lerr := fs.Lstat(tree, name)
			_, ferr := fs.ReadFile(tree, name)
			all = append(all, fmt.Sprint(name, info != nil, errors.Is(err, fs.ErrNotExist), lerr == nil, ferr == nil))
		}
		found, err := fs.Glob(tree, "*/*")
		return append(all, fmt.Sprint(found, err))
	}
	got, want := list(p.FS(t.Context(), "top")), list(os.DirFS(filepath.Join(p.dir, "top")))
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
