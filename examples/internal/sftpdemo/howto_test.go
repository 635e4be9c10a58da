package sftpdemo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// The functions of this file are the code of docs/sftp.md. The first part is
// for the loop, the second part for goroutines.

func connect(r *reactor.Reactor, target string, o sftp.OpenOptions) deferred.Deferred[string] {
	d := sftp.Open(r, target, o) // host, me@host, me@host:2222, sftp://me@host:2222
	return deferred.ThenDeferred(d, func(s *sftp.Client) deferred.Deferred[string] {
		return s.RealPath(".").AddBoth(func(home string, err error) (string, error) {
			s.LoseConnection()
			return home, err
		})
	})
}

func list(s *sftp.Client, name string) deferred.Deferred[[]filetransfer.Entry] {
	return deferred.ThenDeferred(s.OpenDirectory(name), func(dir *filetransfer.ClientDirectory) deferred.Deferred[[]filetransfer.Entry] {
		return dir.ReadAll().AddBoth(func(entries []filetransfer.Entry, err error) ([]filetransfer.Entry, error) {
			dir.Close()
			for _, e := range entries { // "." and ".." among them
				fmt.Println(e.Filename, e.Attrs.Size, e.Longname())
			}
			return entries, err
		})
	})
}

func readAndWrite(s *sftp.Client) deferred.Deferred[[]byte] {
	return deferred.Inline(func(co *deferred.Coro) ([]byte, error) {
		f, err := deferred.Await(co, s.OpenFile("notes", filetransfer.FXFRead|filetransfer.FXFWrite|filetransfer.FXFCreat, filetransfer.Attrs{}))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if _, err := deferred.Await(co, f.WriteChunk(0, []byte("hello"))); err != nil {
			return nil, err
		}
		return deferred.Await(co, f.ReadChunk(0, 1000))
	})
}

func upload(s *sftp.Client, local string) deferred.Deferred[sftp.Report] {
	return s.Put(local, "upload", sftp.Options{Preserve: true})
}

func downloadTree(s *sftp.Client, local string) deferred.Deferred[sftp.Report] {
	return s.Get("tree", local, sftp.Options{
		Preserve: true,
		Links:    sftp.CopyLinks,
		Filter:   func(path string, info fs.FileInfo) bool { return !strings.HasSuffix(path, ".tmp") },
	})
}

func resume(s *sftp.Client, local string) deferred.Deferred[sftp.Report] {
	return s.Get("upload", local, sftp.Options{Resume: true, Preserve: true})
}

func watched(r *reactor.Reactor, s *sftp.Client, local string) deferred.Deferred[sftp.Report] {
	d := s.Put(local, "upload", sftp.Options{
		StallTimeout: time.Minute,
		Progress: func(p sftp.Progress) {
			fmt.Printf("%d of %d bytes, %.0f bytes/s\n", p.Done, p.Total, p.Rate)
		},
	})
	stop := r.CallLater(10*time.Minute, d.Cancel) // or when the user has had enough
	return d.AddBoth(func(report sftp.Report, err error) (sftp.Report, error) {
		_ = stop.Cancel() // an error means that it was called
		return report, err
	})
}

func verified(s *sftp.Client, local string) deferred.Deferred[sftp.Report] {
	return s.Put(local, "upload", sftp.Options{Resume: true, Verify: true})
}

func replaceAtomically(s *sftp.Client, local string) deferred.Deferred[sftp.Report] {
	return s.Put(local, "config", sftp.Options{Atomic: true, Sync: true})
}

func attributes(s *sftp.Client) deferred.Deferred[filetransfer.Status] {
	return deferred.ThenDeferred(s.GetAttrs("config", true), func(a filetransfer.Attrs) deferred.Deferred[filetransfer.Status] {
		fmt.Println(a.FileMode(), a.Size, a.ModTime())
		return s.SetAttrs("config", filetransfer.Attrs{}.WithMode(0o600).WithTimes(time.Now(), time.Now()))
	})
}

func symlinks(s *sftp.Client) deferred.Deferred[string] {
	return deferred.ThenDeferred(s.MakeLink("current", "config"), func(filetransfer.Status) deferred.Deferred[string] {
		return s.ReadLink("current") // "config"
	})
}

func extensions(s *sftp.Client) deferred.Deferred[filetransfer.StatVFS] {
	fmt.Println(s.KnownLimits().MaxRead, s.HasExtension("posix-rename@openssh.com"))
	return s.StatVFS(".")
}

func extendedRequest(s *sftp.Client) deferred.Deferred[string] {
	d := s.ExtendedRequest("sum@example.org", conch.NS("config"))
	return deferred.Then(d, func(reply filetransfer.ExtendedReply) (string, error) {
		sum, _, err := conch.GetNS(reply.Data)
		return sum, err
	})
}

func failures(s *sftp.Client) deferred.Deferred[filetransfer.Attrs] {
	return s.GetAttrs("missing", true).AddErrback(func(err error) (filetransfer.Attrs, error) {
		if errors.Is(err, fs.ErrNotExist) {
			return filetransfer.Attrs{}, nil // there is nothing: as good as an empty file
		}
		if status, ok := errors.AsType[*filetransfer.StatusError](err); ok {
			fmt.Println("the server says", status.Message)
		}
		return filetransfer.Attrs{}, err
	})
}

func inTime(r *reactor.Reactor, s *sftp.Client) deferred.Deferred[string] {
	return s.RealPath(".").AddTimeout(r, 5*time.Second) // then it fails with a deferred.TimeoutError
}

func connectBlocking(ctx context.Context, target string, o sftp.OpenOptions) (home string, err error) {
	files, err := sftp.Dial(ctx, target, o)
	if err != nil {
		return "", err
	}
	defer files.Close()
	return files.RealPath(ctx, ".")
}

func listBlocking(ctx context.Context, files *sftp.Files, name string) error {
	entries, err := files.ReadDir(ctx, name)
	for _, e := range entries {
		fmt.Println(e.Name(), e.IsDir())
	}
	return err
}

func readAndWriteBlocking(ctx context.Context, files *sftp.Files) ([]byte, error) {
	f, err := files.OpenFile(ctx, "notes", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := io.WriteString(f, "hello"); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}

func uploadBlocking(ctx context.Context, files *sftp.Files, local string) (sftp.Report, error) {
	return files.Put(ctx, local, "upload", sftp.Options{Preserve: true})
}

func walkBlocking(ctx context.Context, files *sftp.Files) error {
	for e, err := range files.Walk(ctx, "tree") {
		if err != nil {
			return err
		}
		fmt.Println(e.Path, e.Attrs.Size)
	}
	return nil
}

func cancelBlocking(files *sftp.Files, local string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	_, err := files.Get(ctx, "upload", local, sftp.Options{Resume: true})
	if errors.Is(err, context.DeadlineExceeded) {
		fmt.Println("partial data is kept; the next call resumes")
	}
	return err
}

func editBlocking(ctx context.Context, files *sftp.Files) error {
	old, err := files.ReadFile(ctx, "config")
	if err != nil {
		return err
	}
	if err := files.WriteFile(ctx, ".config.new", append(old, "more\n"...), 0o600); err != nil {
		return err
	}
	return files.PosixRename(ctx, ".config.new", "config")
}

func attributesBlocking(ctx context.Context, files *sftp.Files) error {
	info, err := files.Stat(ctx, "config")
	if err != nil {
		return err
	}
	fmt.Println(info.Mode(), info.Size(), info.Sys().(filetransfer.Attrs).UID)
	return errors.Join(files.Chmod(ctx, "config", 0o600), files.Chtimes(ctx, "config", time.Time{}, time.Now()))
}

func symlinksBlocking(ctx context.Context, files *sftp.Files) (string, error) {
	if err := files.Symlink(ctx, "config", "latest"); err != nil {
		return "", err
	}
	return files.ReadLink(ctx, "latest") // "config"
}

func extensionsBlocking(ctx context.Context, files *sftp.Files) (filetransfer.Limits, error) {
	is, err := files.StatVFS(ctx, ".")
	if err != nil {
		return filetransfer.Limits{}, err
	}
	fmt.Println(is.Free(), "of", is.Total(), "bytes are free")
	return sftp.Call(ctx, files, (*filetransfer.FileTransferClient).Limits)
}

func extendedRequestBlocking(ctx context.Context, files *sftp.Files) ([]byte, error) {
	reply, err := sftp.Call(ctx, files, func(c *filetransfer.FileTransferClient) deferred.Deferred[filetransfer.ExtendedReply] {
		return c.ExtendedRequest("sum@example.org", conch.NS("config"))
	})
	return reply.Data, err
}

func failuresBlocking(ctx context.Context, files *sftp.Files) error {
	err := files.Mkdir(ctx, "spool", 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// TestHowto runs all functions against a real server, in the order of the
// document.
func TestHowto(t *testing.T) {
	server := conchtest.NewOpenSSH(t)
	r := reactortest.Start(t, reactor.Options{})
	o := sftp.OpenOptions{Options: client.Options{Identities: []string{server.ClientKey}, NoAgent: true, KnownHosts: []string{server.KnownHosts}}}
	target := server.User + "@" + server.Addr.String()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := must(reactor.Await(ctx, r, func() deferred.Deferred[*sftp.Client] { return sftp.Open(r, target, o) }))(t)
	files := s.Files()
	local := filepath.Join(t.TempDir(), "local")
	for _, name := range []string{local, server.Home + "/tree/file", server.Home + "/tree/file.tmp"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("content\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, home := range []string{onLoop(t, r, func() deferred.Deferred[string] { return connect(r, target, o) }), must(connectBlocking(ctx, target, o))(t)} {
		if home != server.Home {
			t.Errorf("home is %q", home)
		}
	}
	if entries := onLoop(t, r, func() deferred.Deferred[[]filetransfer.Entry] { return list(s, "tree") }); len(entries) != 4 {
		t.Errorf("%v", entries)
	}
	noError(t, listBlocking(ctx, files, "tree"))
	for _, got := range [][]byte{onLoop(t, r, func() deferred.Deferred[[]byte] { return readAndWrite(s) }), must(readAndWriteBlocking(ctx, files))(t)} {
		if string(got) != "hello" {
			t.Errorf("%q", got)
		}
	}
	onLoop(t, r, func() deferred.Deferred[sftp.Report] { return upload(s, local) })
	must(uploadBlocking(ctx, files, local))(t)
	if report := onLoop(t, r, func() deferred.Deferred[sftp.Report] { return downloadTree(s, local+"-tree") }); report.Files != 1 {
		t.Errorf("%+v", report)
	}
	noError(t, walkBlocking(ctx, files))
	if report := onLoop(t, r, func() deferred.Deferred[sftp.Report] { return resume(s, local) }); report.Skipped != 1 {
		t.Errorf("%+v", report)
	}
	onLoop(t, r, func() deferred.Deferred[sftp.Report] { return watched(r, s, local) })
	noError(t, cancelBlocking(files, local+"-2"))
	onLoop(t, r, func() deferred.Deferred[sftp.Report] { return verified(s, local) })
	onLoop(t, r, func() deferred.Deferred[sftp.Report] { return replaceAtomically(s, local) })
	noError(t, editBlocking(ctx, files))
	if got, err := os.ReadFile(server.Home + "/config"); string(got) != "content\nmore\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	onLoop(t, r, func() deferred.Deferred[filetransfer.Status] { return attributes(s) })
	noError(t, attributesBlocking(ctx, files))
	for _, link := range []string{onLoop(t, r, func() deferred.Deferred[string] { return symlinks(s) }), must(symlinksBlocking(ctx, files))(t)} {
		if link != "config" {
			t.Errorf("%q", link)
		}
	}
	if is := onLoop(t, r, func() deferred.Deferred[filetransfer.StatVFS] { return extensions(s) }); is.Total() == 0 {
		t.Errorf("%+v", is)
	}
	if limits := must(extensionsBlocking(ctx, files))(t); limits.MaxRead == 0 {
		t.Errorf("%+v", limits)
	}
	_, err := reactor.Await(ctx, r, func() deferred.Deferred[string] { return extendedRequest(s) })
	_, err2 := extendedRequestBlocking(ctx, files)
	if !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err2, errors.ErrUnsupported) {
		t.Errorf("%v, %v", err, err2)
	}
	onLoop(t, r, func() deferred.Deferred[filetransfer.Attrs] { return failures(s) })
	noError(t, errors.Join(failuresBlocking(ctx, files), failuresBlocking(ctx, files)))
	onLoop(t, r, func() deferred.Deferred[string] { return inTime(r, s) })
}

func onLoop[T any](t *testing.T, r *reactor.Reactor, f func() deferred.Deferred[T]) T {
	t.Helper()
	return must(reactor.Await(t.Context(), r, f))(t)
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// TestHowtoShowsCodeThatRuns checks that every Go block of the document is part
// of this file.
func TestHowtoShowsCodeThatRuns(t *testing.T) {
	source, err := os.ReadFile("howto_test.go")
	text, err2 := os.ReadFile("../../../docs/sftp.md")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```go\n")[1:]
	if len(blocks) < 20 {
		t.Errorf("%d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		if code, _, _ := strings.Cut(block, "```"); !strings.Contains(string(source), code) {
			t.Errorf("docs/sftp.md shows code that is not in howto_test.go:\n%s", code)
		}
	}
}
