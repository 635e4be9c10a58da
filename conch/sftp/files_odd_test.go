package sftp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	pkgsftp "github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/conch/sftp"
)

// atOdd returns a session with an odd server.
func atOdd(t testing.TB, o oddserver.Oddities) (*peer, *oddserver.Server) {
	s := oddserver.New(o)
	p := newPeer(t, func(testing.TB, string) (sftptest.Server, error) { return sftptest.Serve(s.Serve), nil })
	if _, err := p.RealPath(t.Context(), "."); err != nil { // this reply follows the reply to the limits request
		t.Fatal(err)
	}
	s.ClearLog()
	return p, s
}

var longAgo = time.Unix(1_000_000_000, 0)

// requests describes the requests in the server's log.
func requests(s *oddserver.Server) (all []string) {
	for _, r := range s.Log() {
		all = append(all, strings.SplitN(strings.SplitN(r.String(), " ", 2)[1], " ->", 2)[0])
	}
	return all
}

// TestF10_AsFewRequestsAsPkgSFTP: the client sends no more requests than
// pkg/sftp for the same job.
func TestF10_AsFewRequestsAsPkgSFTP(t *testing.T) {
	ctx := t.Context()
	small, large := someBytes(4<<10), someBytes(3<<20)
	type both interface {
		io.ReadWriteSeeker
		io.ReaderAt
		io.WriterAt
		io.Closer
		Truncate(size int64) error
		Sync() error
	}
	withFile := func(flag int, do func(f both) error) (func(*sftp.Files) error, func(*pkgsftp.Client) error) {
		return func(c *sftp.Files) error {
				f, err := c.OpenFile(ctx, "/file", flag, 0o644)
				if err != nil {
					return err
				}
				return errors.Join(do(f), f.Close())
			}, func(c *pkgsftp.Client) error {
				f, err := c.OpenFile("/file", flag)
				if err != nil {
					return err
				}
				return errors.Join(do(f), f.Close())
			}
	}
	copyFrom := func(f both) error { return second(io.Copy(io.Discard, f)) }
	copyTo := func(content []byte) func(f both) error {
		return func(f both) error { return second(io.Copy(f, struct{ io.Reader }{bytes.NewReader(content)})) }
	}
	var jobs []countingJob
	addFile := func(name string, content []byte, flag int, do func(f both) error) {
		ours, theirs := withFile(flag, do)
		jobs = append(jobs, countingJob{name, content, ours, theirs})
	}
	const create = os.O_RDWR | os.O_CREATE | os.O_TRUNC
	addFile("io.Copy of an empty file", nil, os.O_RDONLY, copyFrom)
	addFile("io.Copy of a small file", small, os.O_RDONLY, copyFrom)
	addFile("io.Copy of a large file", large, os.O_RDONLY, copyFrom)
	addFile("io.Copy to an empty file", nil, create, copyTo(nil))
	addFile("io.Copy to a small file", nil, create, copyTo(small))
	addFile("io.Copy to a large file", nil, create, copyTo(large))
	addFile("Write", nil, create, func(f both) error { return second(f.Write(small)) })
	addFile("ReadAt", small, os.O_RDONLY, func(f both) error { return second(f.ReadAt(make([]byte, 1000), 100)) })
	addFile("WriteAt", small, os.O_RDWR, func(f both) error { return second(f.WriteAt(make([]byte, 1000), 100)) })
	addFile("Read", small, os.O_RDONLY, func(f both) error { return second(f.Read(make([]byte, 1000))) })
	addFile("Seek and Read", small, os.O_RDONLY, func(f both) error {
		return errors.Join(second(f.Seek(1000, io.SeekStart)), second(f.Seek(10, io.SeekCurrent)), second(io.ReadFull(f, make([]byte, 1000))))
	})
	addFile("Seek from the end", small, os.O_RDONLY, func(f both) error {
		return errors.Join(second(f.Seek(-1000, io.SeekEnd)), second(io.ReadFull(f, make([]byte, 1000))))
	})
	addFile("Truncate", small, os.O_RDWR, func(f both) error { return f.Truncate(10) })
	addFile("Sync", small, os.O_RDWR, func(f both) error { return errors.Join(second(f.Write(small)), f.Sync()) })
	add := func(name string, ours func(*sftp.Files) error, theirs func(*pkgsftp.Client) error) {
		jobs = append(jobs, countingJob{name, small, ours, theirs})
	}
	add("Remove of a file", func(c *sftp.Files) error { return c.Remove(ctx, "/file") }, func(c *pkgsftp.Client) error { return c.Remove("/file") })
	add("Remove of a directory", func(c *sftp.Files) error { return c.Remove(ctx, "/dir") }, func(c *pkgsftp.Client) error { return c.Remove("/dir") })
	add("Remove of nothing", func(c *sftp.Files) error { return c.Remove(ctx, "/no") }, func(c *pkgsftp.Client) error { return c.Remove("/no") })
	add("Open of nothing", func(c *sftp.Files) error { return second(c.Open(ctx, "/no")) }, func(c *pkgsftp.Client) error { return second(c.Open("/no")) })
	add("Mkdir", func(c *sftp.Files) error { return c.Mkdir(ctx, "/new", 0o755) }, func(c *pkgsftp.Client) error { return c.Mkdir("/new") })
	add("MkdirAll of one", func(c *sftp.Files) error { return c.MkdirAll(ctx, "/new", 0o755) }, func(c *pkgsftp.Client) error { return c.MkdirAll("/new") })
	add("Stat", func(c *sftp.Files) error { return second(c.Stat(ctx, "/file")) }, func(c *pkgsftp.Client) error { return second(c.Stat("/file")) })
	for _, job := range jobs {
		t.Run(job.name, func(t *testing.T) { countRequests(t, job) })
	}
}

// countingJob is the same job for hawser and for pkg/sftp.
type countingJob struct {
	name    string
	content []byte // of the file /file
	ours    func(*sftp.Files) error
	theirs  func(*pkgsftp.Client) error
}

func countRequests(t *testing.T, job countingJob) {
	p, s := atOdd(t, oddserver.Oddities{})
	prepare := func() {
		_ = p.RemoveAll(t.Context(), "/new") // the directory may be missing
		s.Mkdir("/dir")
		s.WriteFile("/file", job.content, longAgo)
		s.ClearLog()
	}
	prepare()
	ours := job.ours(p.Files)
	our := requests(s)
	serving := sftptest.Serve(s.Serve)
	client, err := pkgsftp.NewClientPipe(serving.Out, serving.In)
	if err != nil {
		t.Fatal(err)
	}
	prepare()
	theirs := job.theirs(client)
	their := requests(s)
	client.Close()
	serving.Wait()
	if (ours == nil) != (theirs == nil) || len(our) > len(their) || len(our) == 0 {
		t.Errorf("%s: %d requests (%v)\n%q\npkg/sftp: %d (%v)\n%q", job.name, len(our), ours, our, len(their), theirs, their)
	}
	t.Logf("%d requests, pkg/sftp %d", len(our), len(their))
}

func TestF10_CopyOfASmallFile(t *testing.T) {
	p, s := atOdd(t, oddserver.Oddities{})
	s.WriteFile("/file", someBytes(4<<10), longAgo)
	f, err := p.Open(t.Context(), "/file")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, f); n != 4<<10 || err != nil {
		t.Error(n, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	asked := 0
	var types []byte
	for _, r := range s.Log() {
		types = append(types, r.Type)
		asked += r.Len
	}
	if want := []byte{oddserver.OPEN, oddserver.READ, oddserver.READ, oddserver.CLOSE}; !bytes.Equal(types, want) || asked > 2*255<<10 {
		t.Errorf("%q asked for %d bytes", requests(s), asked)
	}
}

// TestF6_Append: appending works at servers that ignore the offset and at
// servers that use it. Afterwards the position is the end of the file.
func TestF6_Append(t *testing.T) {
	large := someBytes(600_000)
	for name, o := range map[string]oddserver.Oddities{
		"by itself": {}, "by offset": {AppendByOffset: true}, "no extensions": {AppendByOffset: true, NoExtensions: true},
		"no FSTAT": {Codes: map[byte]uint32{oddserver.FSTAT: 8}, AppendByOffset: true},
	} {
		t.Run(name, func(t *testing.T) { appendTo(t, o, large) })
	}
}

func appendTo(t *testing.T, o oddserver.Oddities, large []byte) {
	p, s := atOdd(t, o)
	s.WriteFile("/file", []byte("begin,"), longAgo)
	f, err := p.OpenFile(t.Context(), "/file", os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := "begin,one,two,"
	for _, part := range []string{"one,", "two,"} {
		if n, err := f.WriteString(part); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if at, err := f.Seek(0, io.SeekCurrent); at != int64(len(want)) || err != nil {
		t.Errorf("at %d, %v", at, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Error(err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("WriteAt in append mode")
	}
	if n, err := f.ReadFrom(struct{ io.Reader }{bytes.NewReader(large)}); n != int64(len(large)) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read at the end: %d, %v", n, err)
	}
	if err := f.Truncate(3); err != nil {
		t.Error(err)
	}
	if _, err := f.WriteString("!"); err != nil {
		t.Error(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(f); string(got) != "beg!" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	created, err := p.OpenFile(t.Context(), "/new", os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(created, struct{ io.Reader }{bytes.NewReader(large)}); n != int64(len(large)) || err != nil {
		t.Error(n, err)
	}
	if _, err := created.WriteString("end"); err != nil {
		t.Error(err)
	}
	if err := created.Close(); err != nil {
		t.Error(err)
	}
	if info, _ := s.Lstat("/new"); !bytes.Equal(info.Data, slices.Concat(large, []byte("end"))) {
		t.Errorf("%d bytes", len(info.Data))
	}
}

// TestF4_WrongSizes: content is read up to the end of the file, even if the
// server states a wrong size.
func TestF4_WrongSizes(t *testing.T) {
	content := someBytes(300_000)
	for name, o := range map[string]oddserver.Oddities{
		"zero": {ZeroSize: true}, "none": {NoSize: true}, "too large": {SizeOff: 1000}, "too small": {SizeOff: -1000},
		"no permissions": {NoPermissions: true}, "short reads": {MaxRead: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := atOdd(t, o)
			s.WriteFile("/file", content, longAgo)
			if got, err := p.ReadFile(t.Context(), "/file"); err != nil || !bytes.Equal(got, content) {
				t.Errorf("ReadFile : %d bytes, %v", len(got), err)
			}
			f, err := p.Open(t.Context(), "/file")
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if _, err := io.Copy(&got, f); err != nil || !bytes.Equal(got.Bytes(), content) {
				t.Errorf("io.Copy : %d bytes, %v", got.Len(), err)
			}
			at, err := f.Seek(0, io.SeekEnd)
			if o.NoSize {
				if err == nil {
					t.Errorf("at %d, although the size is unknown", at)
				}
			} else if info, statErr := f.Stat(); err != nil || statErr != nil || info.Size() != at {
				t.Errorf("at %d, %v, %v", at, err, statErr)
			}
			f.Close()
		})
	}
}

// TestF9_OtherCodes: the client works with any status code for a missing or an
// existing file.
func TestF9_OtherCodes(t *testing.T) {
	for _, code := range []uint32{2, 3, 4, 8, 10} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			p, s := atOdd(t, oddserver.Oddities{MissingCode: code, ExistsCode: code})
			ctx := t.Context()
			for range 2 {
				if err := p.MkdirAll(ctx, "/a/b/c", 0o755); err != nil {
					t.Errorf("code %d: %v", code, err)
				}
			}
			s.WriteFile("/file", nil, longAgo)
			if err := p.MkdirAll(ctx, "/file/x", 0o755); !errors.Is(err, syscall.ENOTDIR) {
				t.Errorf("code %d: %v", code, err)
			}
			if code == 2 || code == 10 || code == 8 {
				return // these codes do not mean that a file exists
			}
			for op, err := range map[string]error{
				"mkdir": p.Mkdir(ctx, "/a", 0o755), "mkdir of a file": p.Mkdir(ctx, "/file", 0o755),
				"open": second(p.OpenFile(ctx, "/file", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)), "symlink": p.Symlink(ctx, "x", "/file"),
			} {
				if !errors.Is(err, fs.ErrExist) {
					t.Errorf("code %d: %s: %v", code, op, err)
				}
			}
			for name := range map[string]bool{"/no": true, "/no/no": true} {
				if err := p.Remove(ctx, name); err == nil || errors.Is(err, fs.ErrExist) {
					t.Errorf("code %d: %v", code, err)
				}
			}
			for _, name := range []string{"/a/b/c", "/file"} {
				if err := p.Remove(ctx, name); err != nil {
					t.Errorf("code %d: %v", code, err)
				}
			}
			if got := s.Paths("/"); !slices.Equal(got, []string{"a/", "a/b/"}) {
				t.Errorf("code %d: %q", code, got)
			}
		})
	}
}

// TestF9_PermissionsAreRefused: if the server refuses permissions, files and
// directories are made without permissions.
func TestF9_PermissionsAreRefused(t *testing.T) {
	for _, code := range []uint32{3, 4, 5, 8} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			p, s := atOdd(t, oddserver.Oddities{PermsCode: code})
			ctx := t.Context()
			if err := errors.Join(p.WriteFile(ctx, "/file", []byte("x"), 0o600), p.Mkdir(ctx, "/dir", 0o700), p.MkdirAll(ctx, "/dir/a/b", 0o700)); err != nil {
				t.Errorf("code %d: %v", code, err)
			}
			f, err := p.OpenFile(ctx, "/new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if _, err := p.OpenFile(ctx, "/new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); !errors.Is(err, fs.ErrExist) {
				t.Errorf("code %d: %v", code, err)
			}
			if got := s.Paths("/"); !slices.Equal(got, []string{"dir/", "dir/a/", "dir/a/b/", "file", "new"}) {
				t.Errorf("code %d: %q", code, got)
			}
		})
	}
}

// TestF9_NoTypeBits: the server sends permissions without the type of the file.
func TestF9_NoTypeBits(t *testing.T) {
	for name, o := range map[string]oddserver.Oddities{"no type bits": {NoTypeBits: true}, "no permissions": {NoPermissions: true}} {
		t.Run(name, func(t *testing.T) {
			p, s := atOdd(t, o)
			ctx := t.Context()
			s.WriteFile("/file", []byte("x"), longAgo)
			if err := errors.Join(p.MkdirAll(ctx, "/a/b", 0o755), p.MkdirAll(ctx, "/a/b", 0o755), p.Chmod(ctx, "/file", 0o600), p.Chmod(ctx, "/a", 0o700)); err != nil {
				t.Errorf("%v", err)
			}
			for _, name := range []string{"/file", "/a"} {
				f, err := p.Open(ctx, name)
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(f.Chmod(0o640), f.Close()); err != nil {
					t.Errorf("%v", err)
				}
			}
			if err := p.MkdirAll(ctx, "/file/x", 0o755); !errors.Is(err, syscall.ENOTDIR) {
				t.Errorf("%v", err)
			}
			f, err := p.Open(ctx, "/a")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.ReadDir(-1); err != nil {
				t.Errorf("%v", err)
			}
			if _, err := f.Read(make([]byte, 1)); !errors.Is(err, syscall.EISDIR) {
				t.Errorf("%v", err)
			}
			f.Close()
		})
	}
}

// TestF10_DirectoriesAreFoundOut: Open of a directory succeeds, whether or not
// the server opens it as a file. Later calls find that it is a directory.
func TestF10_DirectoriesAreFoundOut(t *testing.T) {
	check := func(t *testing.T, p *peer, name, file string) {
		ctx := t.Context()
		f, err := p.Open(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := f.Stat(); err != nil || !info.IsDir() {
			t.Errorf("%v, %v", info, err)
		}
		if entries, err := f.ReadDir(1); len(entries) != 1 || err != nil {
			t.Error(entries, err)
		}
		for op, err := range map[string]error{
			"read": second(f.Read(make([]byte, 10))), "copy": second(io.Copy(io.Discard, f)), "readat": second(f.ReadAt(make([]byte, 10), 0)),
			"readfile": second(p.ReadFile(ctx, name)),
		} {
			if !errors.Is(err, syscall.EISDIR) {
				t.Errorf("%s: %v", op, err)
			}
		}
		if entries, err := f.ReadDir(1); len(entries) != 0 || err != io.EOF {
			t.Error(entries, err)
		}
		if err := errors.Join(f.Chmod(0o700), f.Close()); err != nil {
			t.Error(err)
		}
		regular, err := p.Open(ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := regular.ReadDir(-1); !errors.Is(err, syscall.ENOTDIR) {
			t.Error(err)
		}
		if got, err := io.ReadAll(regular); string(got) != "content" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		regular.Close()
	}
	t.Run("odd", func(t *testing.T) {
		p, s := atOdd(t, oddserver.Oddities{})
		s.WriteFile("/top/a", []byte("content"), longAgo)
		check(t, p, "/top", "/top/a")
		if err := fstest.TestFS(p.FS(t.Context(), "/"), "top/a"); err != nil {
			t.Error(err)
		}
	})
	forEachPeer(t, func(t *testing.T, p *peer) {
		if err := errors.Join(os.Mkdir(p.dir+"/top", 0o755), os.WriteFile(p.dir+"/top/a", []byte("content"), 0o644)); err != nil {
			t.Fatal(err)
		}
		check(t, p, "top", "top/a")
	})
}

// TestF11_ManyMethodsAtOnce calls the methods of one File concurrently.
func TestF11_ManyMethodsAtOnce(t *testing.T) {
	p, s := atOdd(t, oddserver.Oddities{})
	s.WriteFile("/file", someBytes(100_000), longAgo)
	f, err := p.OpenFile(t.Context(), "/file", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for name, do := range map[string]func() error{
		"stat": func() error { return second(f.Stat()) }, "chmod": func() error { return f.Chmod(0o600) },
		"seek": func() error { return second(f.Seek(5, io.SeekStart)) }, "end": func() error { return second(f.Seek(0, io.SeekEnd)) },
		"read": func() error { return second(f.Read(make([]byte, 1000))) }, "write": func() error { return second(f.WriteString("x")) },
		"readat": func() error { return second(f.ReadAt(make([]byte, 1000), 0)) }, "sync": f.Sync,
		"truncate": func() error { return f.Truncate(50_000) }, "readdir": func() error { return second(f.ReadDir(1)) },
		"context": func() error { return second(f.WithContext(t.Context()).Read(make([]byte, 10))) },
		"copy":    func() error { return second(f.WriteTo(io.Discard)) },
	} {
		for range 2 {
			all.Go(func() {
				for range 20 {
					if err := do(); err != nil && err != io.EOF && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, fs.ErrClosed) {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
	}
	all.Go(func() {
		for range 5 {
			_, _ = p.Stat(t.Context(), "/file") // time for the other goroutines
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	all.Wait()
	if n := s.Handles(); n != 0 {
		t.Errorf("%d handles", n)
	}
	if stats := sftp.PoolStats(); stats.Used != 0 {
		t.Errorf("%+v", stats)
	}
}

// TestF11_CloseWhileAReadWaits: Close ends a read that waits for a silent
// server.
func TestF11_CloseWhileAReadWaits(t *testing.T) {
	for name, read := range map[string]func(f *sftp.File) error{
		"read":    func(f *sftp.File) error { return second(f.Read(make([]byte, 10))) },
		"readat":  func(f *sftp.File) error { return second(f.ReadAt(make([]byte, 10), 0)) },
		"writeto": func(f *sftp.File) error { return second(f.WriteTo(io.Discard)) },
		"context": func(f *sftp.File) error { return second(f.WithContext(context.Background()).Read(make([]byte, 10))) },
	} {
		t.Run(name, func(t *testing.T) {
			arrived := make(chan struct{}, 100)
			p, s := atOdd(t, oddserver.Oddities{Park: func(r oddserver.Request) bool {
				if r.Type == oddserver.READ {
					arrived <- struct{}{}
				}
				return r.Type == oddserver.READ
			}})
			s.WriteFile("/file", someBytes(100), longAgo)
			f, err := p.Open(t.Context(), "/file")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- read(f) }() // ends when f is closed
			<-arrived
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			if err := <-done; !errors.Is(err, fs.ErrClosed) {
				t.Error(err)
			}
			s.Release()
		})
	}
}

// TestF1_CloseFollowsTheWrites: a request that depends on writes is sent after
// the replies to all writes, even to cancelled writes.
func TestF1_CloseFollowsTheWrites(t *testing.T) {
	for name, do := range map[string]func(f *sftp.File) error{
		"close": func(f *sftp.File) error { return f.Close() },
		"truncate": func(f *sftp.File) error {
			return errors.Join(f.WithContext(context.Background()).Truncate(3), f.Close())
		},
		"sync": func(f *sftp.File) error { return errors.Join(f.WithContext(context.Background()).Sync(), f.Close()) },
		"write": func(f *sftp.File) error {
			_, err := f.WithContext(context.Background()).WriteAt([]byte("new"), 0)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			arrived := make(chan struct{}, 100)
			p, s := atOdd(t, oddserver.Oddities{Park: func(r oddserver.Request) bool {
				if r.Type == oddserver.WRITE && r.Len == 10 {
					arrived <- struct{}{}
					return true
				}
				return false
			}})
			ctx, cancel := context.WithCancelCause(t.Context())
			f, err := p.Create(ctx, "/file")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- second(f.Write([]byte("0123456789"))) }() // ends when ctx is cancelled
			<-arrived
			cancel(errMidway)
			if err := <-done; !errors.Is(err, errMidway) {
				t.Error(err)
			}
			go func() { done <- do(f) }()                           // ends after Release
			if _, err := p.Stat(t.Context(), "/file"); err != nil { // the server has received the earlier requests
				t.Error(err)
			}
			s.Release()
			if err := <-done; err != nil && !errors.Is(err, errMidway) {
				t.Error(err)
			}
			for s.Handles() > 0 {
				if _, err := p.Stat(t.Context(), "/file"); err != nil {
					t.Fatal(err)
				}
			}
			write := 0
			for _, r := range s.Log() {
				if r.Type == oddserver.WRITE && r.Len == 10 {
					write = r.Answered
				} else if write == 0 && r.Type != oddserver.OPEN && r.Type != oddserver.STAT || r.Code != 0 {
					t.Errorf("%v before the write was answered", r)
				}
			}
			want := map[string]string{"close": "0123456789", "sync": "0123456789", "truncate": "012", "write": "new3456789"}[name]
			if info, _ := s.Lstat("/file"); string(info.Data) != want {
				t.Errorf("%q", info.Data)
			}
		})
	}
}

// TestF7_NothingIsPretended: an option or operation that the server does not
// support is an error.
func TestF7_NothingIsPretended(t *testing.T) {
	p, s := atOdd(t, oddserver.Oddities{NoExtensions: true})
	ctx := t.Context()
	f, err := p.Create(ctx, "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for op, err := range map[string]error{
		"sync": f.Sync(), "O_SYNC": second(p.OpenFile(ctx, "/file", os.O_RDWR|os.O_SYNC, 0)), "link": p.Link(ctx, "/file", "/second"),
		"posix-rename": p.PosixRename(ctx, "/file", "/second"), "statvfs": second(p.StatVFS(ctx, "/")),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", op, err)
		}
	}
	s.Set(oddserver.Oddities{FailClose: 1})
	if err := p.WriteFile(ctx, "/other", []byte("x"), 0o644); err == nil {
		t.Error("a failed CLOSE is not reported")
	}
	read, err := p.Open(ctx, "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if _, err := read.WriteString("x"); !errors.Is(err, syscall.EBADF) {
		t.Errorf("write to a file that is open for reading: %v", err)
	}
	for _, err := range []error{f.Truncate(-1), p.Truncate(ctx, "/file", -1)} {
		if !errors.Is(err, fs.ErrInvalid) {
			t.Error(err)
		}
	}
	s.Set(oddserver.Oddities{NoTimes: true})
	if err := p.Chtimes(ctx, "/file", time.Time{}, longAgo); err == nil {
		t.Error("a time that the server does not state was kept")
	}
}
