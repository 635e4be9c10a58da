//go:build unix

package store_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
)

// openDir opens a Dir and closes it at the end of the test.
func openDir(t testing.TB, name string, o store.DirOptions) *store.Dir {
	t.Helper()
	d, err := store.OpenDir(name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// jail makes a directory with a file outside of it, and links that lead there.
// It returns the top and the directory around it.
func jail(t testing.TB) (top, around string) {
	t.Helper()
	around = t.TempDir()
	top = filepath.Join(around, "top")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(top, "d", "sub"), 0o755))
	must(os.WriteFile(filepath.Join(around, "outside"), []byte("secret"), 0o644))
	must(os.Mkdir(filepath.Join(around, "outdir"), 0o755))
	must(os.WriteFile(filepath.Join(top, "f"), []byte("inside"), 0o644))
	for name, target := range map[string]string{
		"up": "../outside", "deep": "d/../../outside", "abs": filepath.Join(around, "outside"), "absin": "/f", "hostin": filepath.Join(top, "f"), "updir": "..", "outdir": "../outdir",
		"l": "f", "d/back": "../f", "d/top": "..", "chain": "up", "etc": "/etc/passwd",
	} {
		must(os.Symlink(target, filepath.Join(top, name)))
	}
	return top, around
}

// code returns the status of an error.
func code(err error) filetransfer.StatusCode { return filetransfer.StatusOf(err).Code }

// attempts are all the ways to use a path. Each returns the error.
var attempts = map[string]func(d *store.Dir, p string) error{
	"open": func(d *store.Dir, p string) error {
		f, err := d.OpenFile(p, filetransfer.FXFRead, filetransfer.Attrs{})
		if err == nil {
			f.Close()
		}
		return err
	},
	"create": func(d *store.Dir, p string) error {
		f, err := d.OpenFile(p, filetransfer.FXFWrite|filetransfer.FXFCreat|filetransfer.FXFTrunc, filetransfer.Attrs{})
		if err == nil {
			f.Close()
		}
		return err
	},
	"opendir": func(d *store.Dir, p string) error {
		l, err := d.OpenDirectory(p)
		if err == nil {
			l.Close()
		}
		return err
	},
	"stat": func(d *store.Dir, p string) error { _, err := d.GetAttrs(p, true); return err },
	"size": func(d *store.Dir, p string) error { return d.SetAttrs(p, filetransfer.Attrs{}.WithSize(0), true) },
	"mode": func(d *store.Dir, p string) error { return d.SetAttrs(p, filetransfer.Attrs{}.WithMode(0o777), true) },
	"times": func(d *store.Dir, p string) error {
		return d.SetAttrs(p, filetransfer.Attrs{}.WithTimes(old, old), true)
	},
	"owner":   func(d *store.Dir, p string) error { return d.SetAttrs(p, filetransfer.Attrs{}.WithOwner(1, 1), true) },
	"statvfs": func(d *store.Dir, p string) error { _, err := d.StatVFS(p); return err },
	"real":    func(d *store.Dir, p string) error { _, err := d.RealPath(p); return err },
}

// V-JAIL-1, V-JAIL-2: whatever leads out does not exist, for every request, and
// nothing outside changes.
func TestV_JAIL_1_2_NothingLeadsOut(t *testing.T) {
	top, around := jail(t)
	d := openDir(t, top, store.DirOptions{})
	before := tree(t, around)
	for _, p := range []string{"up", "deep", "abs", "chain", "etc", "updir/outside", "outdir/x", "d/top/up", "updir", "outdir", "/up", "d/../up", "absin", "hostin", "up/", "updir/top/f", "d/top/../updir/outside"} {
		for name, attempt := range attempts {
			if err := attempt(d, p); code(err) != filetransfer.FXNoSuchFile && !(name == "create" && strings.HasSuffix(p, "/")) {
				t.Errorf("%s %q: %v", name, p, err)
			}
		}
	}
	for _, p := range []string{"updir/new", "outdir/new"} {
		for name, err := range map[string]error{
			"mkdir": d.MakeDirectory(p, filetransfer.Attrs{}), "rename": d.RenameFile("f", p), "posix-rename": d.PosixRename("f", p), "hardlink": d.HardLink("f", p), "symlink": d.MakeLink(p, "f"), "remove": d.RemoveFile(p), "rmdir": d.RemoveDirectory(p),
			"rename from": d.RenameFile(p, "x"), "hardlink from": d.HardLink(p, "x"), "lsetstat": d.SetAttrs(p, filetransfer.Attrs{}.WithTimes(old, old), false),
		} {
			if code(err) != filetransfer.FXNoSuchFile {
				t.Errorf("%s %q: %v", name, p, err)
			}
		}
	}
	if after := tree(t, around); after != before {
		t.Errorf("changed:\n%s\nwas:\n%s", after, before)
	}
	// ".." at the top stays there, as in a chroot.
	for _, p := range []string{"/../f", "../f", "../../f", "d/../../f", "d/top/f", "d/back", "d/sub/../../l", "//f", "/./f", "d/top/../f"} {
		if attrs, err := d.GetAttrs(p, true); err != nil || attrs.Size != 6 {
			t.Errorf("%q: %v, %v", p, attrs, err)
		}
	}
	// The links themselves are there.
	for _, p := range []string{"up", "abs", "updir", "etc"} {
		if attrs, err := d.GetAttrs(p, false); err != nil || attrs.FileMode().Type() != fs.ModeSymlink {
			t.Errorf("lstat %q: %v, %v", p, attrs, err)
		}
	}
}

// V-JAIL-2, V-JAIL-3: new links are relative, and do not lead out unless that
// is allowed.
func TestV_JAIL_3_NewLinks(t *testing.T) {
	top, _ := jail(t)
	d, free := openDir(t, top, store.DirOptions{}), openDir(t, top, store.DirOptions{EscapingLinks: true})
	for _, tt := range []struct {
		link, target string
		stored       string // "" if it is refused
	}{
		{"n1", "/f", "f"}, {"d/n2", "/f", "../f"}, {"d/sub/n3", "/d/x", "../x"}, {"n4", "/", "."}, {"d/n5", "/", ".."}, {"n6", "f", "f"}, {"d/n7", "../f", "../f"}, {"d/sub/n8", "../../f", "../../f"}, {"n9", "../x", ""},
		{"d/n10", "../../x", ""}, {"n11", "d/../../x", ""}, {"n12", "/../x", "x"}, {"n13", "d/top/../x", "d/x"}, {"d/top/n14", "../x", ""}, {"n15", "missing/x", "missing/x"}, {"n16", "..", ""}, {"d/n17", "..", ".."}, {"n18", "a..b", "a..b"}, {"n19", "/etc/shadow", "etc/shadow"},
	} {
		err := d.MakeLink(tt.link, tt.target)
		stored, _ := os.Readlink(filepath.Join(top, tt.link))
		if stored != tt.stored || (err == nil) != (tt.stored != "") || err != nil && code(err) != filetransfer.FXPermissionDenied {
			t.Errorf("%s -> %s: stored %q, want %q; %v", tt.link, tt.target, stored, tt.stored, err)
		}
	}
	if err := free.MakeLink("free", "../x"); err != nil {
		t.Error(err)
	}
	if target, err := d.ReadLink("free"); target != "../x" || err != nil {
		t.Errorf("%q, %v", target, err)
	}
}

// V-JAIL-4, V-JAIL-11: the paths of the host are not shown.
func TestV_JAIL_4_11_HostPaths(t *testing.T) {
	top, around := jail(t)
	d, open := openDir(t, top, store.DirOptions{Start: "/d", User: "me"}), openDir(t, top, store.DirOptions{HostTargets: true})
	for _, tt := range []struct {
		d    *store.Dir
		p    string
		want string
		code filetransfer.StatusCode
	}{
		{d, "/hostin", "/f", 0}, {d, "/abs", "", 3}, {d, "/etc", "", 3}, {d, "/absin", "", 3}, {d, "/up", "../outside", 0}, {open, "/etc", "/etc/passwd", 0}, {open, "/hostin", "/f", 0},
	} {
		if got, err := tt.d.ReadLink(tt.p); got != tt.want || code(err) != tt.code {
			t.Errorf("readlink %s: %q, %v", tt.p, got, err)
		}
	}
	for p, want := range map[string]string{"": "/d", ".": "/d", "/": "/", "..": "/", "sub": "/d/sub", "/l": "/f", "../new": "/new", "back": "/f", "top/d": "/d"} {
		if got, err := d.RealPath(p); got != want || err != nil {
			t.Errorf("realpath %q: %q, %v", p, got, err)
		}
	}
	for p, want := range map[string]string{"~": "/d", "~/sub": "/d/sub", "~me/sub": "/d/sub", "sub": "/d/sub", "/f": "/f"} {
		if got, err := d.ExpandPath(p); got != want || err != nil {
			t.Errorf("expand-path %q: %q, %v", p, got, err)
		}
	}
	if _, err := d.ExpandPath("~other"); filetransfer.StatusOf(err).Message != "no such user" {
		t.Error(err)
	}
	if home, err := d.HomeDirectory("me"); home != "/d" || err != nil {
		t.Error(home, err)
	}
	for _, p := range []string{"/up", "/missing", "/f/x", "/etc"} {
		for name, attempt := range attempts {
			if status := filetransfer.StatusOf(attempt(d, p)); strings.Contains(status.Message, around) {
				t.Errorf("%s %s: the message is %q", name, p, status.Message)
			}
		}
	}
}

// V-JAIL-5: RENAME never replaces, POSIX rename does, and a link to a link is
// another link.
func TestV_JAIL_5_Rename(t *testing.T) {
	top, _ := jail(t)
	d := openDir(t, top, store.DirOptions{})
	if err := d.RenameFile("f", "l"); code(err) != filetransfer.FXFailure {
		t.Error(err)
	}
	if err := d.HardLink("l", "l2"); err != nil {
		t.Error(err)
	}
	if target, err := os.Readlink(filepath.Join(top, "l2")); target != "f" || err != nil {
		t.Errorf("the new name leads to %q, %v", target, err)
	}
	if err := errors.Join(d.PosixRename("f", "l2"), d.PosixRename("d/top/l2", "d/top/d/top/sub2"), d.PosixRename("sub2", "d/back")); err != nil {
		t.Error(err)
	}
	for _, p := range []string{".", "/", "d/.."} {
		for name, err := range map[string]error{"rmdir": d.RemoveDirectory(p), "rename": d.RenameFile(p, "x"), "posix-rename": d.PosixRename(p, "x"), "onto": d.PosixRename("d", p)} {
			if err == nil {
				t.Errorf("%s %q succeeded", name, p)
			}
		}
	}
}

// V-JAIL-6, V-SFTP-10: setuid, setgid and sticky bits are dropped, unless they
// are allowed.
func TestV_JAIL_6_SpecialBits(t *testing.T) {
	for _, special := range []bool{false, true} {
		top, _ := jail(t)
		d := openDir(t, top, store.DirOptions{SpecialBits: special, Umask: new(fs.FileMode(0o022))})
		all := filetransfer.Attrs{}.WithMode(fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky | 0o777)
		f, err := d.OpenFile("new", filetransfer.FXFWrite|filetransfer.FXFCreat, all)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := errors.Join(d.MakeDirectory("newdir", all), d.SetAttrs("f", all, true)); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"new": "-rwxr-xr-x", "newdir": "drwxr-xr-x", "f": "-rwxrwxrwx"}
		if special {
			want = map[string]string{"new": "ugtrwxr-xr-x", "newdir": "dtrwxr-xr-x", "f": "ugtrwxrwxrwx"}
		}
		for name, mode := range want {
			if info, err := os.Lstat(filepath.Join(top, name)); err != nil || info.Mode().String() != mode {
				t.Errorf("special: %v: %s has %v, want %s; %v", special, name, info.Mode(), mode, err)
			}
		}
		if err := f.SetAttrs(all); err != nil {
			t.Error(err)
		}
	}
}

// V-JAIL-7: while another process swaps a file for a link that leads out,
// requests about the file never reach what is outside.
func TestV_JAIL_7_SwappedLinks(t *testing.T) {
	top, around := jail(t)
	d := openDir(t, top, store.DirOptions{})
	stop, stopped := make(chan struct{}), make(chan struct{})
	target := filepath.Join(top, "swap")
	go func() { // until stop is closed
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			tmp := filepath.Join(top, "tmp")
			if i%2 == 0 {
				_ = os.Symlink("../outside", tmp)
			} else {
				_ = os.WriteFile(tmp, []byte("inside"), 0o600)
			}
			_ = os.Rename(tmp, target)
		}
	}()
	rounds := 300
	if os.Getenv("HAWSER_LONG") != "" {
		rounds = 20000
	}
	for range rounds {
		for _, attempt := range attempts {
			_ = attempt(d, "swap")
		}
		f, err := d.OpenFile("swap", filetransfer.FXFRead|filetransfer.FXFWrite|filetransfer.FXFCreat, filetransfer.Attrs{})
		if err == nil {
			p := make([]byte, 100)
			n, _ := f.ReadChunk(0, p)
			if string(p[:n]) == "secret" {
				t.Fatal("read the file outside")
			}
			f.Close()
		}
	}
	close(stop)
	<-stopped
	info, err := os.Lstat(filepath.Join(around, "outside"))
	content, _ := os.ReadFile(filepath.Join(around, "outside"))
	if err != nil || info.Mode() != 0o644 || string(content) != "secret" || info.ModTime().Equal(old) {
		t.Errorf("outside: %v %q %v, %v", info.Mode(), content, info.ModTime(), err)
	}
}

// V-JAIL-8: files that are open for appending, truncated, synced, and in a file
// system.
func TestV_JAIL_8_OpenFiles(t *testing.T) {
	top, _ := jail(t)
	d := openDir(t, top, store.DirOptions{})
	f, err := d.OpenFile("f", filetransfer.FXFWrite|filetransfer.FXFAppend, filetransfer.Attrs{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.WriteChunk(0, []byte("!")), f.WriteChunk(1<<62, []byte("?")), f.Sync()); err != nil {
		t.Error(err)
	}
	if content, _ := os.ReadFile(filepath.Join(top, "f")); string(content) != "inside!?" {
		t.Errorf("%q", content)
	}
	if v, err := f.StatVFS(); runsStatVFS && (err != nil || v.Blocks == 0 || v.MaxFilenameSize == 0) {
		t.Errorf("%+v, %v", v, err)
	}
	attrs := filetransfer.Attrs{}.WithSize(2).WithTimes(old, old)
	if err := f.SetAttrs(attrs); err != nil {
		t.Error(err)
	}
	if got, err := f.GetAttrs(); err != nil || got.Size != 2 || !got.ModTime().Equal(old) || !got.AccessTime().Equal(old) {
		t.Errorf("%+v, %v", got, err)
	}
}

// V-JAIL-9: a FIFO, and any other file that is neither regular nor a directory,
// cannot be opened and blocks nobody.
func TestV_JAIL_9_FIFO(t *testing.T) {
	top, _ := jail(t)
	d := openDir(t, top, store.DirOptions{})
	if err := syscall.Mkfifo(filepath.Join(top, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := newUnixSocket(filepath.Join(top, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, name := range []string{"fifo", "socket"} {
		for _, flags := range []filetransfer.OpenFlags{filetransfer.FXFRead, filetransfer.FXFWrite, filetransfer.FXFRead | filetransfer.FXFWrite, filetransfer.FXFWrite | filetransfer.FXFCreat | filetransfer.FXFTrunc} {
			if _, err := d.OpenFile(name, flags, filetransfer.Attrs{}); code(err) != filetransfer.FXFailure {
				t.Errorf("open %s with %x: %v", name, flags, err)
			}
		}
		if err := d.SetAttrs(name, filetransfer.Attrs{}.WithSize(0), true); code(err) != filetransfer.FXFailure {
			t.Errorf("truncate %s: %v", name, err)
		}
	}
	if err := d.SetAttrs("fifo", filetransfer.Attrs{}.WithMode(0o600), true); err != nil {
		t.Errorf("chmod: %v", err)
	}
	if err := errors.Join(d.RemoveFile("fifo"), d.RemoveFile("socket")); err != nil {
		t.Error(err)
	}
}

// V-JAIL-10: the Dir follows the directory when the host renames it, and is
// closed at the end.
func TestV_JAIL_10_Moved(t *testing.T) {
	top, around := jail(t)
	d := openDir(t, top, store.DirOptions{})
	if err := os.Rename(top, filepath.Join(around, "moved")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.GetAttrs("f", true); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := d.GetAttrs("f", true); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := store.OpenDir(filepath.Join(around, "nowhere"), store.DirOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// V-JAIL-12, V-SFTP-17: owners are shown as numbers, or by the names of a hook.
func TestV_JAIL_12_Names(t *testing.T) {
	top, _ := jail(t)
	asked := 0
	named := openDir(t, top, store.DirOptions{Names: func(uids, gids []uint32) filetransfer.Names {
		asked++
		return filetransfer.Names{Users: slices.Repeat([]string{"owner"}, len(uids)), Groups: slices.Repeat([]string{"group"}, len(gids))}
	}})
	for d, want := range map[*store.Dir]string{named: " owner    group    ", openDir(t, top, store.DirOptions{}): " "} {
		l, err := d.OpenDirectory("d")
		if err != nil {
			t.Fatal(err)
		}
		entries, err := l.ReadEntries(100)
		if err != nil || len(entries) != 5 || entries[0].Filename != "." || entries[1].Filename != ".." || !strings.Contains(entries[2].Longname(), want) {
			t.Errorf("%d entries %v, %v", len(entries), entries, err)
		}
		if _, err := l.ReadEntries(100); err != io.EOF {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked for names %d times", asked)
	}
	names, err := store.SystemNames([]uint32{0, 1 << 31}, []uint32{0}), error(nil)
	if err != nil || names.Users[0] != "root" || names.Users[1] != "" || names.Groups[0] == "" {
		t.Errorf("%q", names)
	}
}

// V-JAIL-14: a directory that is deep, and one with many entries, of which some
// vanish.
func TestV_JAIL_14_Listing(t *testing.T) {
	top, _ := jail(t)
	deep := filepath.Join(top, strings.Repeat("x/", 100))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 250 {
		if err := os.WriteFile(filepath.Join(deep, strings.Repeat("n", i+1)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := openDir(t, top, store.DirOptions{})
	l, err := d.OpenDirectory(strings.Repeat("x/", 100))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	seen := 0
	for {
		entries, err := l.ReadEntries(100)
		if err == io.EOF {
			break
		}
		if err != nil || len(entries) == 0 || len(entries) > 100 {
			t.Fatal(len(entries), err)
		}
		if seen += len(entries); seen == 100 {
			if err := os.Remove(filepath.Join(deep, "n")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen < 251 || seen > 252 {
		t.Errorf("%d entries", seen)
	}
}

// V-SFTP-26: statvfs has the values of the system.
func TestV_SFTP_26_StatVFS(t *testing.T) {
	top, _ := jail(t)
	d := openDir(t, top, store.DirOptions{})
	v, err := d.StatVFS("d")
	if !runsStatVFS {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
		return
	}
	var s syscall.Statfs_t
	if err2 := syscall.Statfs(top, &s); err != nil || err2 != nil || v.Blocks != uint64(s.Blocks) || v.Total() == 0 || v.Files != uint64(s.Files) || v.BlockSize != uint64(s.Bsize) {
		t.Errorf("%+v, %+v, %v, %v", v, s, err, err2)
	}
}

// V-SFTP-12, V-SFTP-15: a file that becomes too large, and times after 2038.
func TestDirEdges(t *testing.T) {
	top, _ := jail(t)
	d := openDir(t, top, store.DirOptions{})
	late := time.Unix(1<<32-1, 0)
	if err := d.SetAttrs("f", filetransfer.Attrs{}.WithTimes(late, late), true); err != nil {
		t.Error(err)
	}
	if attrs, err := d.GetAttrs("f", true); err != nil || attrs.MTime != 1<<32-1 {
		t.Error(attrs, err)
	}
	if err := d.SetAttrs("f", filetransfer.Attrs{}.WithSize(1<<63), true); code(err) != filetransfer.FXBadMessage {
		t.Error(err)
	}
	f, err := d.OpenFile("f", filetransfer.FXFRead|filetransfer.FXFWrite, filetransfer.Attrs{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.WriteChunk(1<<63, []byte("x")); code(err) != filetransfer.FXBadMessage {
		t.Error(err)
	}
	if _, err := f.ReadChunk(1<<63, []byte("x")); code(err) != filetransfer.FXBadMessage {
		t.Error(err)
	}
	if err := f.SetAttrs(filetransfer.Attrs{}.WithSize(1 << 63)); code(err) != filetransfer.FXBadMessage {
		t.Error(err)
	}
}
