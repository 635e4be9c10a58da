package sftp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// makeTree creates directories and files with unusual names, except names that
// the server does not support.
func (p *peer) makeTree(dir string) {
	t := p.t
	t.Helper()
	names := []string{
		"plain", "with space", p.odd("ünïcødé 漢字 🚢"), " leading", "trailing ", "-dash", ".hidden", "new\nline", "quote'\"", "back\\slash", "star*", "a[b]c?",
		p.odd("invalid utf-8 \xff\xfe"), "tab\there", "~", "...", strings.Repeat("long", 60), "$(echo)", "semi;colon", "esc\x1b[31m",
	}
	for i, name := range names {
		write(t, filepath.Join(dir, name), someBytes(i*997, byte(i)))
		write(t, filepath.Join(dir, "sub "+name, "deeper", name), someBytes(i, byte(i)))
	}
	write(t, filepath.Join(dir, "large", "one"), someBytes(3*chunkSize+1, 1))
	write(t, filepath.Join(dir, "large", "two"), someBytes(2*chunkSize, 2))
	if err := os.MkdirAll(filepath.Join(dir, "empty", "empty", "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestTrees(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		source := filepath.Join(p.local, "source")
		p.makeTree(source)
		up, err := p.put(source, "tree", Options{})
		if err != nil {
			t.Fatal(err)
		}
		sameTree(t, filepath.Join(p.dir, "tree"), source)
		down, err := p.get("tree", filepath.Join(p.local, "target"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		sameTree(t, filepath.Join(p.local, "target"), source)
		if up.Files != 42 || up.Dirs != 45 || down.Files != up.Files || down.Dirs != up.Dirs || down.Bytes != up.Bytes {
			t.Errorf("up %+v, down %+v", up, down)
		}
		// The first round replaces all files. The second round has nothing to
		// transfer.
		for i, o := range []Options{{Preserve: true, Atomic: true}, {Preserve: true, Resume: true}} {
			up, err := p.put(source, "tree", o)
			if err != nil {
				t.Fatal(err)
			}
			down, err := p.get("tree", filepath.Join(p.local, "target"), o)
			if err != nil {
				t.Fatal(err)
			}
			// Two files are empty. A server may state 0 for an unknown size, so
			// they are downloaded again.
			if up.Skipped != i*42 || down.Skipped != i*40 || (i == 1 && up.Bytes+down.Bytes > 0) {
				t.Errorf("%+v: up %+v, down %+v", o, up, down)
			}
		}
		sameTree(t, filepath.Join(p.local, "target"), source)
	})
}

func TestTreeAttributes(t *testing.T) {
	p := openSSH(t)
	source, target := filepath.Join(p.local, "source"), filepath.Join(p.local, "target")
	write(t, filepath.Join(source, "dir", "file"), []byte("x"))
	for _, name := range []string{"dir/file", "dir", "."} {
		name = filepath.Join(source, name)
		if err := os.Chmod(name, 0o550); err != nil {
			t.Fatal(err)
		}
		age(t, name, 1_000_000_000)
	}
	if _, err := p.put(source, "tree", Options{Preserve: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.get("tree", target, Options{Preserve: true}); err != nil {
		t.Fatal(err)
	}
	for _, top := range []string{filepath.Join(p.dir, "tree"), target} {
		for _, name := range []string{"dir/file", "dir", "."} {
			info, err := os.Stat(filepath.Join(top, name))
			if err != nil || info.Mode().Perm() != 0o550 || info.ModTime().Unix() != 1_000_000_000 {
				t.Errorf("%s: %v, %v", name, fs.FormatFileInfo(info), err)
			}
		}
	}
}

func TestTreeLinks(t *testing.T) {
	p := openSSH(t)
	source := filepath.Join(p.local, "source")
	write(t, filepath.Join(source, "dir", "file"), []byte("content"))
	for name, target := range map[string]string{"to file": "dir/file", "dir/up": "../dir/file", "to dir": "dir", "dangling": "nothing"} {
		if err := os.Symlink(target, filepath.Join(source, name)); err != nil {
			t.Fatal(err)
		}
	}
	var last Progress
	up, err := p.put(source, "skipped", Options{Progress: func(p Progress) { last = p }})
	if err != nil || up.Skipped != 4 || up.Files != 1 || last.TotalFiles != 5 {
		t.Errorf("%+v, %v, %+v", up, err, last)
	}
	for range 2 { // the second time the links exist
		if up, err := p.put(source, "copied", Options{Links: CopyLinks}); err != nil || up.Links != 4 {
			t.Errorf("%+v, %v", up, err)
		}
		down, err := p.get("copied", filepath.Join(p.local, "copied"), Options{Links: CopyLinks})
		if err != nil || down.Links != 4 {
			t.Errorf("%+v, %v", down, err)
		}
	}
	sameTree(t, filepath.Join(p.dir, "copied"), source)
	sameTree(t, filepath.Join(p.local, "copied"), source)

	os.Remove(filepath.Join(p.dir, "copied", "dangling"))
	os.Remove(filepath.Join(source, "dangling"))
	for name, transfer := range map[string]func() (Report, error){
		"get": func() (Report, error) {
			return p.get("copied", filepath.Join(p.local, "followed"), Options{Links: FollowLinks})
		},
		"put": func() (Report, error) { return p.put(source, "followed", Options{Links: FollowLinks}) },
	} {
		if report, err := transfer(); err != nil || report.Files != 5 || report.Links != 0 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	want := []string{"dir/", "dir/file", "dir/up", "to dir/", "to dir/file", "to dir/up", "to file"}
	for _, dir := range []string{filepath.Join(p.local, "followed"), filepath.Join(p.dir, "followed")} {
		var got []string
		for _, line := range treeOf(t, dir) {
			name, _, _ := strings.Cut(line, " ed7002b4")
			got = append(got, name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	}
}

func TestFilter(t *testing.T) {
	p := openSSH(t)
	source := filepath.Join(p.local, "source")
	for _, name := range []string{"a/keep", "a/drop.tmp", "skipped/x", "keep"} {
		write(t, filepath.Join(source, name), []byte(name))
	}
	var asked []string
	filter := func(name string, info fs.FileInfo) bool {
		asked = append(asked, name)
		return info.Name() != "skipped" && !strings.HasSuffix(name, ".tmp")
	}
	if _, err := p.put(source, "tree", Options{Filter: filter}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(asked)
	if want := []string{"a", "a/drop.tmp", "a/keep", "keep", "skipped"}; !slices.Equal(asked, want) {
		t.Errorf("asked about %q", asked)
	}
	if _, err := p.put(source, "tree", Options{}); err != nil {
		t.Fatal(err)
	}
	if report, err := p.get("tree", filepath.Join(p.local, "target"), Options{Filter: filter}); err != nil || report.Files != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestTreeError: if a file of a tree fails, the other files are still
// transferred.
func TestTreeError(t *testing.T) {
	p := openSSH(t)
	source, target := filepath.Join(p.local, "source"), filepath.Join(p.local, "target")
	for i := range 50 {
		write(t, filepath.Join(source, "dir", fmt.Sprint(i)), []byte("x"))
	}
	if _, err := p.put(source, "tree", Options{}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(p.dir, "again", "dir", "7"), filepath.Join(target, "dir", "7"), filepath.Join(target, "dir", "8")} {
		if err := os.MkdirAll(dir, 0o755); err != nil { // a directory in the place of a file
			t.Fatal(err)
		}
	}
	check := func(report Report, err error, failed int) {
		t.Helper()
		tree, ok := errors.AsType[*TreeError](err)
		file, ok2 := errors.AsType[*FileError](err)
		if !ok || !ok2 || tree.Failed != failed || tree.Report.Files != 50-failed || !strings.HasSuffix(file.Path, "7") && !strings.HasSuffix(file.Path, "8") {
			t.Errorf("%v, %+v", err, tree)
		}
	}
	report, err := p.put(source, "again", Options{})
	check(report, err, 1)
	report, err = p.get("tree", target, Options{})
	check(report, err, 2)
}

func TestManySmallFiles(t *testing.T) {
	p := openSSH(t)
	source := filepath.Join(p.local, "source")
	for i := range 2000 {
		write(t, filepath.Join(source, fmt.Sprint(i%7), fmt.Sprint(i)), someBytes(1+i%5000, byte(i)))
	}
	if report, err := p.put(source, "tree", Options{}); err != nil || report.Files != 2000 {
		t.Fatalf("%+v, %v", report, err)
	}
	if report, err := p.get("tree", filepath.Join(p.local, "target"), Options{}); err != nil || report.Files != 2000 {
		t.Fatalf("%+v, %v", report, err)
	}
	sameTree(t, filepath.Join(p.local, "target"), source)
}

// TestLargeDirectory lists 10,000 entries of a directory with each server.
func TestLargeDirectory(t *testing.T) {
	const entries = 10_000
	dir := t.TempDir()
	for i := range entries {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%05d", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir = filepath.ToSlash(dir)
	forEachPeer(t, func(t *testing.T, p *peer) {
		found := must(p, func() deferred.Deferred[[]string] { return p.Client.Glob(dir + "/f*") })
		if len(found) != entries || !slices.IsSorted(found) || found[9] != dir+"/f00009" {
			t.Errorf("%d matches", len(found))
		}
	})
}

func TestGlob(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		for _, name := range []string{"a/one.txt", "a/two.txt", "a/.hidden.txt", "b/one.txt", "b/sub/three.txt", "star*", p.odd("\xff\xfe")} {
			write(t, filepath.Join(p.dir, name), []byte(name))
		}
		if p.Glob("[") == nil {
			t.Error("no error for a malformed pattern")
		}
		for pattern, want := range map[string][]string{
			"a/*":                             {"a/one.txt", "a/two.txt"},
			"*/one.txt":                       {"a/one.txt", "b/one.txt"},
			"?/*.txt":                         {"a/one.txt", "a/two.txt", "b/one.txt"},
			"a/.*":                            {"a/.hidden.txt"},
			"[ab]/two*":                       {"a/two.txt"},
			"b/*/*":                           {"b/sub/three.txt"},
			"star\\*":                         {"star*"},
			"a":                               {"a"},
			"a/one.txt":                       {"a/one.txt"},
			"missing":                         nil,
			"missing/*":                       nil,
			"a/one.txt/*":                     nil,
			"??":                              {p.odd("\xff\xfe")},
			"":                                nil,
			filepath.ToSlash(p.dir) + "/a/t*": {filepath.ToSlash(p.dir) + "/a/two.txt"},
		} {
			got := must(p, func() deferred.Deferred[[]string] { return p.Client.Glob(pattern) })
			if !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", pattern, got, want)
			}
		}
		report, err := await(p, func() deferred.Deferred[Report] {
			return p.GetGlob("?/*", filepath.Join(p.local, "target"), Options{})
		})
		if tree, ok := errors.AsType[*TreeError](err); !ok || tree.Failed != 1 || !errors.Is(err, fs.ErrExist) || tree.Report.Files != 3 {
			t.Errorf("two of one name: %+v, %v", report, err)
		}
		if got := string(read(t, filepath.Join(p.local, "target", "sub", "three.txt"))); got != "b/sub/three.txt" {
			t.Errorf("%q", got)
		}
		report = must(p, func() deferred.Deferred[Report] {
			return p.PutGlob(filepath.Join(p.local, "target", "*"), "b", Options{Preserve: true})
		})
		if report.Files != 3 || !bytes.Equal(read(t, filepath.Join(p.dir, "b", "two.txt")), []byte("a/two.txt")) {
			t.Errorf("%+v", report)
		}
		report = must(p, func() deferred.Deferred[Report] {
			return p.PutGlob(filepath.Join(p.local, "target", "*"), "made for it", Options{})
		})
		if report.Files != 3 || !bytes.Equal(read(t, filepath.Join(p.dir, "made for it", "two.txt")), []byte("a/two.txt")) {
			t.Errorf("%+v", report)
		}
		for name, d := range map[string]func() deferred.Deferred[Report]{
			"get": func() deferred.Deferred[Report] { return p.GetGlob("no*", p.local, Options{}) },
			"put": func() deferred.Deferred[Report] { return p.PutGlob(filepath.Join(p.local, "no*"), ".", Options{}) },
		} {
			if _, err := await(p, d); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of nothing: %v", name, err)
			}
		}
	})
}

// Glob returns the error of a Glob with the given pattern.
func (p *peer) Glob(pattern string) error {
	_, err := await(p, func() deferred.Deferred[[]string] { return p.Client.Glob(pattern) })
	return err
}

// walk walks a tree on the loop and returns the sorted paths and the first
// error. If f is not nil, the walk stops when f returns false.
func (p *peer) walk(root string, f func(e WalkEntry) bool) (seen []string, failed error) {
	p.t.Helper()
	_, err := await(p, func() deferred.Deferred[struct{}] {
		return deferred.Inline(func(co *deferred.Coro) (struct{}, error) {
			for e, err := range p.Walk(co, root) {
				if err != nil {
					failed = cmp.Or(failed, err)
					continue
				}
				if seen = append(seen, e.Path); f != nil && !f(e) {
					break
				}
			}
			return struct{}{}, nil
		})
	})
	slices.Sort(seen)
	return seen, cmp.Or(failed, err)
}

func TestWalk(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		for _, name := range []string{"top/a/one", "top/a/two", "top/b/c/three", "top/four"} {
			write(t, filepath.Join(p.dir, name), nil)
		}
		if err := os.Symlink("..", filepath.Join(p.dir, "top", "b", "link")); err != nil {
			t.Fatal(err)
		}
		all := []string{"top", "top/a", "top/a/one", "top/a/two", "top/b", "top/b/c", "top/b/c/three", "top/b/link", "top/four"}
		for _, tt := range []struct {
			root string
			f    func(e WalkEntry) bool
			want []string
		}{
			{"top", nil, all},
			{"top/", nil, append([]string{"top/"}, all[1:]...)},
			{"top/b/../a", nil, []string{"top/b/../a", "top/b/../a/one", "top/b/../a/two"}},
			{"top/four", nil, []string{"top/four"}},
			{"top/b/link", nil, []string{"top/b/link"}},
			{"top", func(e WalkEntry) bool {
				if e.Filename == "b" || e.Filename == "four" {
					e.SkipDir()
				}
				return true
			}, []string{"top", "top/a", "top/a/one", "top/a/two", "top/b", "top/four"}},
			{"top", func(e WalkEntry) bool { return false }, []string{"top"}},
		} {
			if got, err := p.walk(tt.root, tt.f); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s: %q, %v, want %q", tt.root, got, err, tt.want)
			}
			var got []string
			for e, err := range p.Files().Walk(t.Context(), tt.root) {
				if err != nil {
					t.Error(err)
				}
				if got = append(got, e.Path); tt.f != nil && !tt.f(e) {
					break
				}
			}
			if slices.Sort(got); !slices.Equal(got, tt.want) {
				t.Errorf("%s, from a goroutine: %q, want %q", tt.root, got, tt.want)
			}
		}
		if got, err := p.walk(filepath.ToSlash(p.dir), nil); err != nil || got[1] != filepath.ToSlash(p.dir)+"/top" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := p.walk("missing", nil); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		// Entries may be removed during a walk.
		for e, err := range p.Files().Walk(t.Context(), "top") {
			if err != nil {
				t.Fatal(err)
			}
			if !e.Attrs.FileMode().IsDir() {
				if err := p.Files().Remove(t.Context(), e.Path); err != nil {
					t.Error(err)
				}
			}
		}
		if got, err := p.walk("top", nil); err != nil || len(got) != 4 {
			t.Errorf("left: %q, %v", got, err)
		}
		noHandles(p, "top", "a", "b", "c")
	})
}
