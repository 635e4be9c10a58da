package sftp_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/sftp"
)

// cell is one run of an operation with a server.
type cell struct {
	*oddPeer
	ctx       context.Context
	cancel    func()
	odd       oddserver.Oddities
	mode      mode
	data, old []byte
	mtime     time.Time // modification time of the source
	before    []byte    // content of the target before the operation; nil if it did not exist
	local     string    // directory for local sources and targets
	parts     bool      // partial files of other versions may remain
	followed  bool      // the tree's link is followed, not copied
}

// mode is a set of options.
type mode struct {
	name string
	o    sftp.Options
	old  bool // the target exists before the operation
}

var modes = []mode{
	{"plain", sftp.Options{}, false},
	{"over", sftp.Options{}, true},
	{"atomic", sftp.Options{Atomic: true}, true},
	{"exclusive", sftp.Options{Exclusive: true}, false},
	{"taken", sftp.Options{Exclusive: true}, true},
	{"atomic-exclusive", sftp.Options{Atomic: true, Exclusive: true}, false},
	{"atomic-taken", sftp.Options{Atomic: true, Exclusive: true}, true},
	{"resume", sftp.Options{Resume: true}, true},
	{"preserve", sftp.Options{Preserve: true}, false},
	{"sync", sftp.Options{Sync: true}, false},
	{"all", sftp.Options{Atomic: true, Preserve: true, Sync: true}, true},
	{"sparse", sftp.Options{Sparse: true}, true},
	{"verify", sftp.Options{Verify: true}, true},
	{"verify-resume", sftp.Options{Resume: true, Verify: true, RemoveStale: true}, true},
}

// keepsOld reports whether a failed operation must keep the old target.
func (m mode) keepsOld() bool { return m.o.Atomic || m.o.Resume || m.o.Exclusive }

// sourceTime is the modification time of sources.
var sourceTime = time.Unix(1_500_000_000, 0)

// operation is an operation of a user. It returns its error, and a description
// of a wrong result or of leftovers.
type operation struct {
	name  string
	group string
	modes bool // runs with all modes
	sized bool // runs with all sizes
	run   func(c *cell) (wrong string, err error)
}

const (
	uploads   = "upload"
	downloads = "download"
	trees     = "tree"
	writing   = "write calls"
	reading   = "read calls"
	naming    = "directories and names"
)

var operations = []operation{
	{"Put", uploads, true, true, up(func(c *cell) error {
		source := filepath.Join(c.local, "source")
		if err := writeAged(source, c.data, c.mtime); err != nil {
			return err
		}
		_, err := c.Put(c.ctx, source, "/w/target", c.mode.o)
		return err
	})},
	{"PutFrom", uploads, true, true, up(func(c *cell) error {
		_, err := c.PutFrom(c.ctx, struct{ io.Reader }{bytes.NewReader(c.data)}, "/w/target", c.mode.o)
		return err
	})},
	{"Get", downloads, true, true, down(func(c *cell) error {
		_, err := c.Get(c.ctx, "/w/source", filepath.Join(c.local, "target"), c.mode.o)
		return err
	})},
	{"GetTo", downloads, true, true, func(c *cell) (string, error) {
		c.s.WriteFile("/w/source", c.data, sourceTime)
		var b bytes.Buffer
		_, err := c.GetTo(c.ctx, "/w/source", &b, c.mode.o)
		return ifNil(err, differs(b.Bytes(), c.data)), err
	}},
	{"PutTree", trees, true, false, upTree(func(c *cell) error {
		_, err := c.Put(c.ctx, filepath.Join(c.local, "source"), "/w/target", c.treeOptions())
		return err
	})},
	{"GetTree", trees, true, false, downTree(func(c *cell) error {
		_, err := c.Get(c.ctx, "/w/source", filepath.Join(c.local, "target"), c.treeOptions())
		return err
	})},
	{"PutGlob", trees, true, false, upTree(func(c *cell) error {
		c.followed = true
		_, err := c.PutGlob(c.ctx, filepath.Join(c.local, "source", "*"), "/w/target", c.treeOptions())
		return err
	})},
	{"GetGlob", trees, true, false, downTree(func(c *cell) error {
		c.followed = true
		_, err := c.GetGlob(c.ctx, "/w/source/*", filepath.Join(c.local, "target"), c.treeOptions())
		return err
	})},

	{"WriteFile", writing, false, true, up(func(c *cell) error { return c.WriteFile(c.ctx, "/w/target", c.data, 0o644) })},
	{"Write", writing, false, true, up(func(c *cell) error {
		return c.withFile(os.O_WRONLY|os.O_CREATE|os.O_TRUNC, func(f *sftp.File) (err error) {
			for part := range slices.Chunk(c.data, max(1, len(c.data)/7)) {
				if _, failed := f.Write(part); err == nil {
					err = failed
				}
			}
			return err
		})
	})},
	{"io.Copy to a File", writing, false, true, up(func(c *cell) error {
		return c.withFile(os.O_RDWR|os.O_CREATE|os.O_TRUNC, func(f *sftp.File) error {
			_, err := io.Copy(f, struct{ io.Reader }{bytes.NewReader(c.data)})
			return err
		})
	})},
	{"WriteAt", writing, false, true, up(func(c *cell) error {
		return c.withFile(os.O_WRONLY|os.O_CREATE|os.O_TRUNC, func(f *sftp.File) error {
			half := len(c.data) / 2
			_, err := f.WriteAt(c.data[half:], int64(half))
			_, second := f.WriteAt(c.data[:half], 0)
			return cmp.Or(err, second)
		})
	})},
	{"append", writing, false, true, func(c *cell) (string, error) {
		half := len(c.data) / 2
		c.s.WriteFile("/w/target", c.data[:half], sourceTime)
		err := c.withFile(os.O_WRONLY|os.O_APPEND, func(f *sftp.File) error {
			_, err := f.Write(c.data[half : half+(len(c.data)-half)/2])
			_, second := f.Write(c.data[half+(len(c.data)-half)/2:])
			return cmp.Or(err, second)
		})
		return c.uploaded(err), err
	}},
	{"Truncate", writing, false, true, func(c *cell) (string, error) {
		c.s.WriteFile("/w/target", slices.Concat(c.data, c.old), sourceTime)
		err := c.withFile(os.O_WRONLY, func(f *sftp.File) error { return f.Truncate(int64(len(c.data))) })
		return c.uploaded(err), err
	}},
	{"Seek and Write", writing, false, true, func(c *cell) (string, error) {
		half := len(c.data) / 2
		c.s.WriteFile("/w/target", slices.Concat(c.data[:half], make([]byte, len(c.data)-half)), sourceTime)
		err := c.withFile(os.O_RDWR, func(f *sftp.File) error {
			_, err := f.Seek(int64(half), io.SeekStart)
			_, second := f.Write(c.data[half:])
			return cmp.Or(err, second)
		})
		return c.uploaded(err), err
	}},

	{"ReadFile", reading, false, true, read1(func(c *cell) ([]byte, error) { return c.ReadFile(c.ctx, "/w/source") })},
	{"Read", reading, false, true, readWith(func(c *cell, f *sftp.File) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{f}) })},
	{"io.Copy from a File", reading, false, true, readWith(func(c *cell, f *sftp.File) ([]byte, error) {
		var b bytes.Buffer
		_, err := io.Copy(struct{ io.Writer }{&b}, f)
		return b.Bytes(), err
	})},
	{"ReadAt", reading, false, true, readWith(func(c *cell, f *sftp.File) ([]byte, error) {
		p := make([]byte, len(c.data)+1)
		n, err := f.ReadAt(p, 0)
		if err == io.EOF {
			err = nil
		}
		return p[:n], err
	})},
	{"Seek and Read", reading, false, true, readWith(func(c *cell, f *sftp.File) ([]byte, error) {
		half := int64(len(c.data) / 2)
		_, err := f.Seek(half, io.SeekStart)
		second, failed := io.ReadAll(f)
		_, back := f.Seek(0, io.SeekStart)
		first := make([]byte, half)
		_, read := io.ReadFull(f, first)
		return slices.Concat(first, second), cmp.Or(err, failed, back, read)
	})},
	{"Seek from the end", reading, false, true, readWith(func(c *cell, f *sftp.File) ([]byte, error) {
		half := int64(len(c.data) / 2)
		at, err := f.Seek(-half, io.SeekEnd)
		second, failed := io.ReadAll(f)
		liar := c.odd.SizeOff != 0 || c.odd.ZeroSize || c.odd.NoSize
		if cmp.Or(err, failed) == nil && (at != int64(len(c.data))-half && !liar || !bytes.Equal(second, c.data[min(at, int64(len(c.data))):])) {
			return second, nil
		}
		return c.data, cmp.Or(err, failed)
	})},
	{"FS.ReadFile", reading, false, true, read1(func(c *cell) ([]byte, error) { return fs.ReadFile(c.FS(c.ctx, "/w"), "source") })},
	{"fstest", reading, false, false, func(c *cell) (string, error) {
		c.s.WriteFile("/w/a", c.data[:0], sourceTime)
		c.s.WriteFile("/w/sub/deep/b", content(100, 1), sourceTime) // small: TestFS sends many requests per byte
		return "", fstest.TestFS(c.FS(c.ctx, "/w"), "a", "sub/deep/b")
	}},

	{"ReadDir", naming, false, false, func(c *cell) (string, error) {
		c.remoteTree("/w/source")
		entries, err := c.ReadDir(c.ctx, "/w/source")
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return ifNil(err, sameNames(names, []string{"a", "b", "c", "l", "sub"})), err
	}},
	{"Walk", naming, false, false, func(c *cell) (string, error) {
		c.remoteTree("/w/source")
		var names []string
		var err error
		for e, failed := range c.Walk(c.ctx, "/w/source") {
			names, err = append(names, strings.TrimPrefix(e.Path, "/w/source")), cmp.Or(err, failed)
		}
		return ifNil(err, sameNames(names, strings.Fields("/a /b /c /l /sub /sub/d /sub/deep /sub/deep/e /sub/empty"))), err
	}},
	{"Glob", naming, false, false, func(c *cell) (string, error) {
		c.remoteTree("/w/source")
		names, err := c.Glob(c.ctx, "/w/source/sub/*")
		return ifNil(err, sameNames(names, []string{"/w/source/sub/d", "/w/source/sub/deep", "/w/source/sub/empty"})), err
	}},
	{"MkdirAll", naming, false, false, func(c *cell) (string, error) {
		err := cmp.Or(c.MkdirAll(c.ctx, "/w/x/y/z", 0o755), c.MkdirAll(c.ctx, "/w/x/y/z", 0o755))
		return ifNil(err, sameNames(c.s.Paths("/w"), []string{"x/", "x/y/", "x/y/z/"})), err
	}},
	{"RemoveAll", naming, false, false, func(c *cell) (string, error) {
		c.remoteTree("/w/source")
		err := cmp.Or(c.RemoveAll(c.ctx, "/w/source"), c.RemoveAll(c.ctx, "/w/missing"))
		return ifNil(err, sameNames(c.s.Paths("/w"), nil)), err
	}},
	{"Rename", naming, false, false, func(c *cell) (string, error) {
		c.s.WriteFile("/w/source", c.data, sourceTime)
		err := c.Rename(c.ctx, "/w/source", "/w/target")
		return c.uploaded(err), err
	}},
	{"Symlink", naming, false, false, func(c *cell) (string, error) {
		err := c.Symlink(c.ctx, "b", "/w/l")
		info, _ := c.s.Lstat("/w/l")
		return ifNil(err, sameNames([]string{info.Target}, []string{"b"})), err
	}},
	{"Chtimes and Stat", naming, false, false, func(c *cell) (string, error) {
		c.s.WriteFile("/w/f", c.data, time.Unix(1, 0))
		err := c.Chtimes(c.ctx, "/w/f", sourceTime, sourceTime)
		info, failed := c.Stat(c.ctx, "/w/f")
		if err = cmp.Or(err, failed); err != nil || c.odd.NoTimes {
			return "", err
		}
		return sameNames([]string{fmt.Sprint(info.ModTime().Unix(), info.Name())}, []string{fmt.Sprint(sourceTime.Unix(), "f")}), nil
	}},
	{"missing", naming, false, false, func(c *cell) (string, error) {
		if _, err := c.Stat(c.ctx, "/w/missing"); !errors.Is(err, fs.ErrNotExist) {
			return "", cmp.Or(err, errors.New("no error for a missing file"))
		}
		return "", nil
	}},
}

// ifNil returns wrong if err is nil.
func ifNil(err error, wrong string) string {
	if err != nil {
		return ""
	}
	return wrong
}

// differs describes the difference between got and want. It returns "" if they
// are equal.
func differs(got, want []byte) string {
	if bytes.Equal(got, want) {
		return ""
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	return fmt.Sprintf("%d bytes instead of %d, different from %d on", len(got), len(want), at)
}

func sameNames(got, want []string) string {
	got = slices.DeleteFunc(got, func(name string) bool { return name == "" })
	if slices.Sort(got); slices.Equal(got, want) {
		return ""
	}
	return fmt.Sprintf("%q instead of %q", got, want)
}

// up returns an operation that uploads the data to /w/target.
func up(run func(c *cell) error) func(c *cell) (string, error) {
	return func(c *cell) (string, error) {
		if c.mode.old {
			c.s.WriteFile("/w/target", c.old, time.Unix(1, 0))
		}
		info, ok := c.s.Lstat("/w/target")
		c.remember(info.Data, ok)
		err := run(c)
		return c.uploaded(err), err
	}
}

// remember records the target's content before the operation.
func (c *cell) remember(target []byte, ok bool) {
	if c.before = nil; ok {
		c.before = append([]byte{}, target...)
	}
}

// uploaded describes an error in /w/target after an upload that returned err.
func (c *cell) uploaded(err error) string {
	info, ok := c.s.Lstat("/w/target")
	if err != nil {
		return c.afterFailure(info.Data, ok)
	}
	wrong := sameNames(c.withoutParts(c.s.Paths("/w")), []string{"target"})
	if c.mode.o.Preserve && c.odd.Codes[oddserver.FSETSTAT] == 0 && info.Mtime != c.mtime.Unix() {
		wrong = cmp.Or(wrong, "the time was not preserved")
	}
	return cmp.Or(wrong, differs(info.Data, c.data))
}

// withoutParts removes the names of partial files if c.parts is set.
func (c *cell) withoutParts(names []string) []string {
	if !c.parts {
		return names
	}
	return slices.DeleteFunc(names, isPart)
}

// isPart reports whether name is the name of a partial file of target.
func isPart(name string) bool {
	return strings.HasPrefix(name, ".target.") && strings.HasSuffix(name, ".part")
}

// afterFailure describes an error in the target after a failed operation. If
// the options keep the old target, the target must be the old one or complete.
func (c *cell) afterFailure(target []byte, ok bool) string {
	isNew := ok && bytes.Equal(target, c.data)
	switch {
	case c.mode.o.Exclusive && !c.mode.o.Atomic && c.before == nil:
	case c.mode.keepsOld() && !isNew && (ok != (c.before != nil) || !bytes.Equal(target, c.before)):
		return fmt.Sprintf("after a failure the target has %d bytes, and is neither the old nor the new one", len(target))
	}
	if c.mode.name != "" && !c.mode.keepsOld() && len(target) == len(c.data) && len(c.data) != 0 && !isNew {
		return "after a failure the target has its full size, but it is not whole"
	}
	return ""
}

// down returns an operation that downloads /w/source to target.
func down(run func(c *cell) error) func(c *cell) (string, error) {
	return func(c *cell) (string, error) {
		target := filepath.Join(c.local, "target")
		if c.mode.old {
			if err := writeAged(target, c.old, time.Unix(1, 0)); err != nil {
				return "", err
			}
		}
		c.s.WriteFile("/w/source", c.data, c.mtime)
		was, missing := os.ReadFile(target)
		c.remember(was, missing == nil)
		err := run(c)
		got, missing := os.ReadFile(target)
		if err != nil {
			return c.afterFailure(got, missing == nil), err
		}
		wrong := sameNames(c.withoutParts(localNames(c.local)), []string{"target"})
		if info, statErr := os.Stat(target); c.mode.o.Preserve && statErr == nil && !c.odd.NoTimes && !info.ModTime().Equal(c.mtime) {
			wrong = cmp.Or(wrong, "the time was not preserved")
		}
		return cmp.Or(wrong, differs(got, c.data)), nil
	}
}

func read1(run func(c *cell) ([]byte, error)) func(c *cell) (string, error) {
	return func(c *cell) (string, error) {
		c.s.WriteFile("/w/source", c.data, sourceTime)
		got, err := run(c)
		return ifNil(err, differs(got, c.data)), err
	}
}

// readWith is read1 for a function that reads an open file.
func readWith(run func(c *cell, f *sftp.File) ([]byte, error)) func(c *cell) (string, error) {
	return read1(func(c *cell) ([]byte, error) {
		f, err := c.Open(c.ctx, "/w/source")
		if err != nil {
			return nil, err
		}
		got, err := run(c, f)
		return got, cmp.Or(err, f.Close())
	})
}

// withFile opens /w/target, calls f and closes it.
func (c *cell) withFile(flags int, f func(*sftp.File) error) error {
	file, err := c.OpenFile(c.ctx, "/w/target", flags, 0o644)
	if err != nil {
		return err
	}
	err = f(file)
	return cmp.Or(err, file.Close())
}

// treeFiles are the files of the tree and their sizes. treeLink is the target
// of its symbolic link l.
var (
	treeFiles = map[string]int{"a": 0, "b": 1, "c": 300_000, "sub/d": 5, "sub/deep/e": 40_000}
	treeLink  = "sub/d"
)

// wholeTree lists all entries of the tree.
var wholeTree = []string{"a", "b", "c", "l", "sub/", "sub/d", "sub/deep/", "sub/deep/e", "sub/empty/"}

func (c *cell) treeOptions() sftp.Options {
	o := c.mode.o
	o.Links = sftp.CopyLinks
	return o
}

func (c *cell) treeFile(name string) []byte { return content(treeFiles[name], len(c.data)+len(name)) }

// remoteTree creates the tree on the server.
func (c *cell) remoteTree(dir string) {
	for name := range treeFiles {
		c.s.WriteFile(path.Join(dir, name), c.treeFile(name), sourceTime)
	}
	c.s.Mkdir(path.Join(dir, "sub/empty"))
	c.s.Symlink(treeLink, path.Join(dir, "l"))
}

// upTree returns an operation that uploads the tree source to /w/target.
func upTree(run func(c *cell) error) func(c *cell) (string, error) {
	return func(c *cell) (string, error) {
		source := filepath.Join(c.local, "source")
		for name := range treeFiles {
			if err := writeAged(filepath.Join(source, filepath.FromSlash(name)), c.treeFile(name), sourceTime); err != nil {
				return "", err
			}
		}
		link := filepath.Join(source, "l")
		_ = os.Remove(link) // from an earlier run
		if err := errors.Join(os.MkdirAll(filepath.Join(source, "sub", "empty"), 0o755), os.Symlink(treeLink, link)); err != nil {
			return "", err
		}
		if c.mode.old {
			c.s.WriteFile("/w/target/b", c.old, time.Unix(1, 0))
		}
		err := run(c)
		info, ok := c.s.Lstat("/w/target/b")
		if err != nil {
			whole := c.mode.keepsOld() && c.mode.old && (bytes.Equal(info.Data, c.old) || bytes.Equal(info.Data, c.treeFile("b")) && !c.mode.o.Exclusive)
			if c.mode.keepsOld() && c.mode.old && !(ok && whole) {
				return "after a failure a file is neither old nor new", err
			}
			return "", err
		}
		wrong := sameNames(c.s.Paths("/w/target"), slices.Clone(wholeTree))
		for name := range treeFiles {
			info, _ := c.s.Lstat(path.Join("/w/target", name))
			if d := differs(info.Data, c.treeFile(name)); d != "" {
				wrong = cmp.Or(wrong, name+": "+d)
			}
		}
		made, _ := c.s.Lstat("/w/target/l")
		return cmp.Or(wrong, c.linkWrong(made.Target, made.Data)), nil
	}
}

// downTree returns an operation that downloads the tree /w/source to target.
func downTree(run func(c *cell) error) func(c *cell) (string, error) {
	return func(c *cell) (string, error) {
		c.remoteTree("/w/source")
		target := filepath.Join(c.local, "target")
		if c.mode.old {
			if err := writeAged(filepath.Join(target, "b"), c.old, time.Unix(1, 0)); err != nil {
				return "", err
			}
		}
		err := run(c)
		if err != nil {
			got, _ := os.ReadFile(filepath.Join(target, "b")) // a missing file is neither old nor new
			if c.mode.keepsOld() && c.mode.old && !bytes.Equal(got, c.old) && (c.mode.o.Exclusive || !bytes.Equal(got, c.treeFile("b"))) {
				return "after a failure a file is neither old nor new", err
			}
			return "", err
		}
		var names []string
		walked := filepath.WalkDir(target, func(name string, d fs.DirEntry, err error) error {
			if err != nil || name == target {
				return err
			}
			rel, _ := filepath.Rel(target, name) // no error: both paths are absolute
			if d.IsDir() {
				rel += "/"
			}
			names = append(names, filepath.ToSlash(rel))
			return nil
		})
		if walked != nil {
			return walked.Error(), nil
		}
		wrong := sameNames(names, slices.Clone(wholeTree))
		for name := range treeFiles {
			got, _ := os.ReadFile(filepath.Join(target, filepath.FromSlash(name)))
			if d := differs(got, c.treeFile(name)); d != "" {
				wrong = cmp.Or(wrong, name+": "+d)
			}
		}
		link, _ := os.Readlink(filepath.Join(target, "l")) // empty if l is a file
		data, _ := os.ReadFile(filepath.Join(target, "l"))
		return cmp.Or(wrong, c.linkWrong(link, data)), nil
	}
}

// linkWrong describes an error in the copy of the link. If the link was
// followed, data must be the content of its target.
func (c *cell) linkWrong(target string, data []byte) string {
	if c.followed {
		return differs(data, c.treeFile(treeLink))
	}
	return sameNames([]string{target}, []string{treeLink})
}
