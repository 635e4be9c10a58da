package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/deferred"
)

// oddServer opens a session with an in-memory oddserver.
func oddServer(t *testing.T, odd oddserver.Oddities) (*peer, *oddserver.Server) {
	s := oddserver.New(odd)
	t.Cleanup(s.Wait)
	return newPeer(t, func(testing.TB, string) (sftptest.Server, error) {
		return sftptest.Serve(func(rwc io.ReadWriteCloser) error { return s.Serve(rwc) }), nil
	}), s
}

// TestF9_TreesAtOddServers: trees are uploaded, downloaded, listed and removed
// completely at servers that differ from OpenSSH's.
func TestF9_TreesAtOddServers(t *testing.T) {
	source := t.TempDir()
	for i := range 200 {
		write(t, filepath.Join(source, fmt.Sprintf("d%d", i%5), "sub", fmt.Sprintf("f%03d", i)), someBytes(i, byte(i)))
	}
	want := treeOf(t, source)
	for name, odd := range map[string]oddserver.Oddities{
		"like OpenSSH":                 {},
		"no permissions":               {NoPermissions: true},
		"permissions without type":     {NoTypeBits: true},
		"permissions refused":          {PermsCode: 4},
		"permissions not supported":    {PermsCode: 8},
		"requests in any order":        {Workers: 4, Seed: 7},
		"16 handles":                   {Handles: 16},
		"2 handles":                    {Handles: 2},
		"missing is a failure":         {MissingCode: 4, ExistsCode: 4},
		"missing is permission denied": {MissingCode: 3},
		"missing is no such path":      {MissingCode: 10},
		"empty batch at the end":       {EndEmpty: true},
		"no dots":                      {NoDots: true},
		"no extensions":                {NoExtensions: true},
		"no sizes":                     {NoSize: true},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := oddServer(t, odd)
			if report, err := p.put(source, "top", Options{}); err != nil || report.Files != 200 || report.Dirs != 11 {
				t.Fatalf("put: %+v, %v", report, err)
			}
			target := filepath.Join(p.local, "target")
			if report, err := p.get("top", target, Options{}); err != nil || report.Files != 200 || report.Dirs != 11 {
				t.Errorf("get: %+v, %v", report, err)
			}
			if got := treeOf(t, target); !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
			if seen, err := p.walk("top", nil); err != nil || len(seen) != 211 {
				t.Errorf("walk: %d entries, %v", len(seen), err)
			}
			entries, err := p.Files().ReadDir(t.Context(), "top/d1/sub")
			if err != nil || len(entries) != 40 || entries[0].IsDir() {
				t.Errorf("readdir: %v, %v", entries, err)
			}
			long, err := p.Files().List(t.Context(), "top/d1")
			if err != nil || len(long) != 1 || !strings.HasSuffix(long[0].Longname(), " sub") || !long[0].Attrs.FileMode().IsDir() {
				t.Errorf("list: %v, %v", long, err)
			}
			if found, err := p.Files().Glob(t.Context(), "top/*/sub/f00?"); err != nil || len(found) != 10 {
				t.Errorf("glob: %q, %v", found, err)
			}
			if err := errors.Join(p.Files().RemoveAll(t.Context(), "top"), p.Files().RemoveAll(t.Context(), "top")); err != nil {
				t.Error(err)
			}
			if left := s.Paths("/"); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			for open := 1; open > 0 && !t.Failed(); open = s.Handles() {
				onLoop(p, func() {})
			}
		})
	}
}

// TestF9_RemoveAllKeepsWhatLinksLeadTo: RemoveAll removes symbolic links, not
// their targets, even if the server does not mark entries as links.
func TestF9_RemoveAllKeepsWhatLinksLeadTo(t *testing.T) {
	for name, odd := range map[string]oddserver.Oddities{"types": {}, "no types": {NoTypeBits: true}, "no permissions": {NoPermissions: true}} {
		t.Run(name, func(t *testing.T) {
			p, s := oddServer(t, odd)
			s.WriteFile("/kept/file", []byte("x"), time.Now())
			s.Mkdir("/top/sub")
			s.Symlink("../kept", "/top/link")
			s.Symlink("/kept", "/top/sub/link")
			s.Symlink("/kept", "/link")
			if err := errors.Join(p.Files().RemoveAll(t.Context(), "top"), p.Files().RemoveAll(t.Context(), "link")); err != nil {
				t.Error(err)
			}
			if got := s.Paths("/"); !slices.Equal(got, []string{"kept/", "kept/file"}) {
				t.Errorf("left: %q", got)
			}
		})
	}
}

// TestF12_EndlessTreesAreCancelled: when the context ends, an operation on an
// endless tree ends at once.
func TestF12_EndlessTreesAreCancelled(t *testing.T) {
	for name, odd := range map[string]oddserver.Oddities{"fertile": {Fertile: 500}, "endless": {Endless: true}} {
		for op, do := range listings {
			t.Run(name+"/"+op, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				requests := 0
				odd.Arrived = func(oddserver.Request) {
					if requests++; requests == 100 {
						cancel()
					}
				}
				p, s := oddServer(t, odd)
				s.WriteFile("/top/file", []byte("x"), time.Now())
				if err := do(ctx, p); ctx.Err() != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				for open := 1; open > 0; open = s.Handles() {
					onLoop(p, func() {})
				}
			})
		}
	}
}

// TestSilentDirectory: if the server does not answer for one directory, the
// other directories are still downloaded.
func TestSilentDirectory(t *testing.T) {
	p, s := oddServer(t, oddserver.Oddities{Park: func(r oddserver.Request) bool { return r.Type == 11 && r.Path == "top/silent" }})
	s.Mkdir("/top/silent")
	for i := range 20 {
		s.WriteFile(fmt.Sprintf("/top/d%d/file", i), []byte("x"), time.Now())
	}
	_, err := p.get("top", filepath.Join(p.local, "target"), Options{StallTimeout: 50 * time.Millisecond})
	if !errors.Is(err, ErrStalled) {
		t.Error(err)
	}
	if got := treeOf(t, filepath.Join(p.local, "target")); len(got) != 41 {
		t.Errorf("%d entries: %q", len(got), got)
	}
	s.Release()
}

// TestF3_PartialFilesOfATree: a tree contains a file with the name of another
// file's partial file. It is reported, and each file keeps its own content.
func TestF3_PartialFilesOfATree(t *testing.T) {
	for _, o := range []Options{{Atomic: true}, {Resume: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			p, s := oddServer(t, oddserver.Oddities{})
			source := filepath.Join(p.local, "source")
			file := write(t, filepath.Join(source, "file"), someBytes(3*chunkSize, 1))
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			up := (&job{s: p.Client, o: Options{Atomic: true}}).newUpload(plainDisk{}, file, info, "top/file").partName
			write(t, filepath.Join(source, filepath.Base(up)), someBytes(2*chunkSize, 2))
			write(t, filepath.Join(source, ".other.0123456789abcdef.part"), []byte("any other file"))
			_, err = p.put(source, "top", o)
			if tree, ok := errors.AsType[*TreeError](err); !ok || tree.Failed != 1 || tree.Report.Files != 2 || !errors.Is(err, errPartName) {
				t.Errorf("put: %v", err)
			}
			if got, _ := s.Lstat("/top/file"); !bytes.Equal(got.Data, someBytes(3*chunkSize, 1)) {
				t.Errorf("put: %d bytes", len(got.Data))
			}

			attrs, err := await(p, func() deferred.Deferred[filetransfer.Attrs] { return p.GetAttrs("top/file", true) })
			if err != nil {
				t.Fatal(err)
			}
			down := (&job{s: p.Client, o: Options{Atomic: true}}).newDownload("top/file", attrs, plainDisk{}, "file").partName
			s.WriteFile("/top/"+down, someBytes(2*chunkSize, 3), time.Now())
			target := filepath.Join(p.local, "target")
			_, err = p.get("top", target, o)
			if tree, ok := errors.AsType[*TreeError](err); !ok || tree.Failed != 1 || tree.Report.Files != 2 || !errors.Is(err, errPartName) {
				t.Errorf("get: %v", err)
			}
			if got := read(t, filepath.Join(target, "file")); !bytes.Equal(got, someBytes(3*chunkSize, 1)) {
				t.Errorf("get: %d bytes", len(got))
			}
		})
	}
}
