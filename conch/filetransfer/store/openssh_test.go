//go:build unix

package store_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
)

// ordinary returns the credential of a user without privileges, for tests that
// root runs. It is nil for other users.
var ordinary = sync.OnceValue(func() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
})

// run returns a command that runs as an ordinary user.
func run(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: ordinary()}
	return cmd
}

// self returns the path of the test binary, where an ordinary user can run it.
func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if ordinary() == nil {
		return path
	}
	dir := t.TempDir()
	open(t, dir)
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(dir, "server"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

// open lets an ordinary user reach a temporary directory of the test.
func open(t testing.TB, dir string) {
	t.Helper()
	for ; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

var old = time.Unix(1000000000, 0)

// plant makes the files of a conversation.
func plant(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "top")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(dir, 0o755))
	open(t, dir)
	for _, name := range []string{"d", "d/sub", "e", "closed"} {
		must(os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	for name, content := range map[string]string{"f": "hello, world\n", "empty": "", "d/x": "x", "d/sub/y": "yy", "g": "other", "closed/in": "", "secret": "s", "suid": "#!"} {
		must(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	for name, target := range map[string]string{"l": "f", "dl": "d", "dangling": "missing", "loop": "loop", "d/up": "../f", "far": "d/nowhere/x"} {
		must(os.Symlink(target, filepath.Join(dir, name)))
	}
	for _, name := range []string{"f", "g", "d/x", "d"} {
		must(os.Chtimes(filepath.Join(dir, name), old, old))
	}
	must(os.Chmod(filepath.Join(dir, "suid"), 0o755|fs.ModeSetuid))
	if c := ordinary(); c != nil {
		must(filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(name, int(c.Uid), int(c.Gid)))
		}))
		must(os.Chmod(filepath.Join(dir, "suid"), 0o755|fs.ModeSetuid)) // which chown has removed
	}
	must(os.Chmod(filepath.Join(dir, "secret"), 0))
	must(os.Chmod(filepath.Join(dir, "closed"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o755) })
	return dir
}

// startOpenSSH starts OpenSSH's server in a directory.
func startOpenSSH(t testing.TB, dir string, args ...string) *conversation {
	c := program(t, run(conchtest.Program(t, "sftp-server"), append([]string{"-d", dir}, args...)...))
	c.hide = dir
	return c
}

// startOurs starts the test binary as a server of a directory.
func startOurs(t testing.TB, binary, dir, options string) *conversation {
	cmd := run(binary)
	cmd.Env = append(os.Environ(), serveVariable+"="+dir, serveOptions+"="+options, "GORACE=atexit_sleep_ms=0")
	return program(t, cmd)
}

const (
	r, w, app, creat, trunc, excl = 1, 2, 4, 8, 16, 32

	none = rawAttrs("\x00\x00\x00\x00")
)

func mode(m uint32) attrs {
	return attrs{Flags: filetransfer.AttrPermissions, Permissions: m}
}

func size(n uint64) attrs { return attrs(filetransfer.Attrs{}.WithSize(n)) }

func times(sec uint32) attrs {
	return attrs{Flags: filetransfer.AttrACModTime, ATime: sec, MTime: sec}
}

func noHandle() string { return "\x00\x00\x00\x63" }

var longName = strings.Repeat("n", 256)

var longPath = strings.Repeat("d/../", 1000) + "f"

// conversations are sent to OpenSSH's server and to ours. Where the answers
// differ on purpose, differ has ours, by the index of the request.
var conversations = []struct {
	name     string
	numbers  string
	options  string
	openssh  []string
	requests []request
	differ   map[int]string
	why      string
}{
	{name: "open flags", numbers: "V-SFTP-10", options: "special", requests: []request{
		req(fxpOpen, "f", r, none), req(fxpOpen, "f", w, none), req(fxpOpen, "f", r|w, none), req(fxpOpen, "f", 0, none), req(fxpRead, handle(3), uint64(0), 100),
		req(fxpOpen, "new", w|creat, mode(0o640)), req(fxpOpen, "new2", w|creat, none), req(fxpOpen, "new3", w|creat, size(100)), req(fxpFstat, handle(6)),
		req(fxpOpen, "f", w|creat, mode(0o600)), req(fxpOpen, "f", w|creat|excl, none), req(fxpOpen, "f", w|excl, none), req(fxpOpen, "dangling", w|creat|excl, none),
		req(fxpOpen, "g", r|trunc, none), req(fxpStat, "g"), req(fxpOpen, "f", 0x1000|r, none), req(fxpOpen, "dangling", w|creat, none), req(fxpStat, "missing"),
		req(fxpOpen, "new4", w|creat, mode(0o100644)), req(fxpOpen, "new5", w|creat, mode(0o4755)), req(fxpOpen, "new6", w|creat|excl, mode(0o777)),
	}},
	{name: "open that fails", numbers: "V-SFTP-10", requests: []request{
		req(fxpOpen, "missing", r, none), req(fxpOpen, "missing/x", w|creat, none), req(fxpOpen, "f/x", w|creat, none), req(fxpOpen, "loop", r, none),
		req(fxpOpen, "", r, none), req(fxpOpen, "secret", r, none), req(fxpOpen, "closed/in", r, none), req(fxpOpen, longName, w|creat, none),
		req(fxpOpen, longPath, r, none), req(fxpOpen, "d", r, none), req(fxpRead, handle(0), uint64(0), 10), req(fxpFstat, handle(0)), req(fxpOpen, "d", w, none),
		req(fxpOpen, "d", w|creat, none), req(fxpOpen, "f/", r, none), req(fxpOpen, "new/", w|creat, none), req(fxpOpen, "far", w|creat, none),
	}},
	{name: "read", numbers: "V-SFTP-11", requests: []request{
		req(fxpOpen, "f", r, none), req(fxpRead, handle(0), uint64(0), 5), req(fxpRead, handle(0), uint64(7), 100), req(fxpRead, handle(0), uint64(13), 1),
		req(fxpRead, handle(0), uint64(0), 0), req(fxpRead, handle(0), uint64(13), 0), req(fxpRead, handle(0), uint64(1000), 10),
		req(fxpRead, handle(0), uint64(1<<63-1), 10), req(fxpRead, handle(0), uint64(1<<63), 10), req(fxpRead, handle(0), uint64(1<<64-1), 1),
		req(fxpRead, handle(0), uint64(0), uint32(1<<32-1)), req(fxpRead, noHandle(), uint64(0), 1), req(fxpRead, "", uint64(0), 1), req(fxpRead, "longer than four", uint64(0), 1),
		req(fxpOpendir, "d"), req(fxpRead, handle(1), uint64(0), 1), req(fxpOpen, "f", w, none), req(fxpRead, handle(2), uint64(0), 5),
	}},
	{name: "write", numbers: "V-SFTP-12", requests: []request{
		req(fxpOpen, "new", r|w|creat, none), req(fxpWrite, handle(0), uint64(0), "abc"), req(fxpWrite, handle(0), uint64(10), "def"), req(fxpRead, handle(0), uint64(0), 100),
		req(fxpWrite, handle(0), uint64(0), ""), req(fxpWrite, handle(0), uint64(1<<63), "x"), req(fxpWrite, handle(0), uint64(1<<62), "x"), req(fxpWrite, handle(0), uint64(1<<50), "x"),
		req(fxpOpen, "f", r, none), req(fxpWrite, handle(1), uint64(0), "x"), req(fxpWrite, noHandle(), uint64(0), "x"), req(fxpOpendir, "d"), req(fxpWrite, handle(2), uint64(0), "x"),
		req(fxpOpen, "f", w|app, none), req(fxpWrite, handle(3), uint64(0), "!"), req(fxpWrite, handle(3), uint64(1<<62), "?"),
		req(fxpWrite, handle(0), uint64(20), strings.Repeat("z", 261120)), req(fxpRead, handle(0), uint64(0), 261120), req(fxpRead, handle(0), uint64(0), 262144),
	}},
	{name: "handles", numbers: "V-SFTP-13", requests: []request{
		req(fxpOpen, "f", r, none), req(fxpOpendir, "d"), req(fxpClose, noHandle()), req(fxpClose, ""), req(fxpFstat, noHandle()), req(fxpFsetstat, noHandle(), none), req(fxpReaddir, noHandle()),
		req(fxpFstat, handle(1)), req(fxpReaddir, handle(0)), req(fxpFsetstat, handle(1), none), req(fxpClose, handle(0)), req(fxpClose, handle(0)), req(fxpFstat, handle(0)), req(fxpClose, handle(1)),
		req(fxpReaddir, handle(1)),
	}},
	{name: "attributes", numbers: "V-SFTP-14", requests: []request{
		req(fxpStat, "f"), req(fxpLstat, "f"), req(fxpStat, "l"), req(fxpLstat, "l"), req(fxpStat, "d"), req(fxpStat, "suid"), req(fxpStat, "dangling"), req(fxpLstat, "dangling"),
		req(fxpStat, "loop"), req(fxpLstat, "loop"), req(fxpStat, ""), req(fxpStat, "missing"), req(fxpStat, "f/x"), req(fxpStat, "closed/in"), req(fxpStat, "secret"), req(fxpStat, longName),
		req(fxpStat, longPath), req(fxpOpen, "f", r, none), req(fxpFstat, handle(0)), req(fxpLstat, "dl"), req(fxpLstat, "dl/"), req(fxpLstat, "dl/."), req(fxpStat, "f/"), req(fxpLstat, "l/"),
		req(fxpStat, "dl/../f"), req(fxpStat, "d/sub/../x"), req(fxpStat, "missing/../f"), req(fxpStat, "f/../f"), req(fxpStat, "d//x"), req(fxpStat, "./d/./x"), req(fxpStat, "d/up"), req(fxpStat, "d/sub/.."),
	}},
	{name: "setstat", numbers: "V-SFTP-15", options: "special", requests: []request{
		req(fxpSetstat, "f", mode(0o600)), req(fxpSetstat, "f", mode(0o4711)), req(fxpStat, "f"), req(fxpSetstat, "f", size(3)), req(fxpSetstat, "g", size(100)), req(fxpSetstat, "l", times(1000)), req(fxpStat, "f"),
		req(fxpSetstat, "missing", none), req(fxpSetstat, "missing", mode(0o600)), req(fxpSetstat, "f", none), req(fxpSetstat, "d", size(1)), req(fxpSetstat, "d", mode(0o1755)), req(fxpSetstat, "f", size(1<<63)),
		req(fxpSetstat, "f", attrs(filetransfer.Attrs{}.WithOwner(0, 0))), req(fxpSetstat, "g", attrs(filetransfer.Attrs{Permissions: 0o640, MTime: 5, ATime: 6, Size: 2, Flags: 13})), req(fxpStat, "g"),
		req(fxpSetstat, "d", attrs(filetransfer.Attrs{Permissions: 0o700, Size: 2, Flags: 5})), req(fxpStat, "d"), req(fxpSetstat, "f", rawAttrs("\x00\x00\x00\x40")),
		req(fxpSetstat, "f", rawAttrs("\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01a\x00\x00\x00\x01b")), req(fxpSetstat, "dangling", mode(0o600)), req(fxpSetstat, "", mode(0o600)),
		req(fxpSetstat, "secret", mode(0o200)), req(fxpSetstat, "secret", size(5)), req(fxpSetstat, "closed/in", mode(0o600)),
	}},
	{name: "fsetstat", numbers: "V-SFTP-15", options: "special", requests: []request{
		req(fxpOpen, "f", r, none), req(fxpOpen, "g", w, none), req(fxpFsetstat, handle(0), size(1)), req(fxpFsetstat, handle(1), size(1)), req(fxpFsetstat, handle(0), mode(0o611)), req(fxpFsetstat, handle(0), times(77)),
		req(fxpFstat, handle(0)), req(fxpFstat, handle(1)), req(fxpFsetstat, handle(0), none), req(fxpFsetstat, handle(0), attrs(filetransfer.Attrs{}.WithOwner(0, 0))),
	}},
	{name: "directories", numbers: "V-SFTP-16, C-SFTPSRV-13", requests: []request{
		req(fxpOpendir, "f"), req(fxpOpendir, "missing"), req(fxpOpendir, ""), req(fxpOpendir, "closed"), req(fxpOpendir, "l"), req(fxpOpendir, "dl"), req(fxpOpendir, "e"), req(fxpOpendir, "f/"),
		req(fxpReaddir, handle(1)), req(fxpReaddir, handle(1)), req(fxpReaddir, handle(1)),
	}, differ: map[int]string{}},
	{name: "remove", numbers: "V-SFTP-18", requests: []request{
		req(fxpRemove, "d"), req(fxpRemove, "missing"), req(fxpRemove, "l"), req(fxpRemove, "dangling"), req(fxpRemove, "f/"), req(fxpRemove, ""), req(fxpRemove, "f"), req(fxpRemove, "f"), req(fxpRemove, "closed/in"),
		req(fxpRemove, "loop"), req(fxpRemove, "dl"), req(fxpRemove, "g/x"), req(fxpRemove, longName), req(fxpRemove, "."), req(fxpRemove, "d/.."),
	}},
	{name: "directories made and removed", numbers: "V-SFTP-18", options: "special", requests: []request{
		req(fxpMkdir, "n", mode(0o750)), req(fxpMkdir, "n", none), req(fxpMkdir, "n2", none), req(fxpMkdir, "n3", mode(0o7777)), req(fxpMkdir, "n4/", none), req(fxpMkdir, "missing/x", none), req(fxpMkdir, "f/x", none),
		req(fxpMkdir, "l", none), req(fxpMkdir, "dangling", none), req(fxpMkdir, "", none), req(fxpMkdir, longName, none), req(fxpMkdir, "closed/n", none), req(fxpMkdir, "n5", size(5)), req(fxpMkdir, "n6", mode(0o100755)),
		req(fxpRmdir, "f"), req(fxpRmdir, "l"), req(fxpRmdir, "dl"), req(fxpRmdir, "d"), req(fxpRmdir, "n"), req(fxpRmdir, "n"), req(fxpRmdir, "e/."), req(fxpRmdir, "e/"), req(fxpRmdir, "d/sub/.."), req(fxpRmdir, ""),
	}},
	{name: "rename", numbers: "V-SFTP-19", requests: []request{
		req(fxpRename, "f", "g"), req(fxpRename, "f", "f"), req(fxpRename, "f", "dangling"), req(fxpRename, "f", "l"), req(fxpRename, "f", "new"), req(fxpRename, "missing", "x"), req(fxpRename, "d", "e"), req(fxpRename, "d", "d2"),
		req(fxpRename, "d2", "d2/sub/in"), req(fxpRename, "l", "l2"), req(fxpRename, "new", "missing/x"), req(fxpRename, "new", ""), req(fxpRename, "", "x"), req(fxpRename, "new", longName), req(fxpRename, "new", "closed/x"),
		req(fxpRename, "new", "d2/new"), req(fxpRename, "e", "g"), req(fxpRename, "g", "g/x"), req(fxpRename, "dangling", "d2/dangling"),
	}},
	{name: "links", numbers: "V-SFTP-20", requests: []request{
		req(fxpSymlink, "f", "n1"), req(fxpReadlink, "n1"), req(fxpSymlink, "f", "g"), req(fxpSymlink, "", "n2"), req(fxpSymlink, "f", ""), req(fxpSymlink, "missing/x", "n3"), req(fxpReadlink, "n3"), req(fxpSymlink, "f", "missing/n"),
		req(fxpReadlink, "f"), req(fxpReadlink, "d"), req(fxpReadlink, "missing"), req(fxpReadlink, ""), req(fxpReadlink, "loop"), req(fxpSymlink, strings.Repeat("t", 5000), "n4"), req(fxpSymlink, "../f", "d/n5"), req(fxpReadlink, "d/n5"),
		req(fxpSymlink, "f", "dangling"), req(fxpSymlink, "f", "closed/n"), req(fxpReadlink, "d/up"),
	}},
	{name: "realpath", numbers: "V-SFTP-21", requests: []request{
		req(fxpRealpath, ""), req(fxpRealpath, "."), req(fxpRealpath, "f"), req(fxpRealpath, "l"), req(fxpRealpath, "missing"), req(fxpRealpath, "missing/x"), req(fxpRealpath, "dangling"), req(fxpRealpath, "d/../f"),
		req(fxpRealpath, "f/.."), req(fxpRealpath, "missing/.."), req(fxpRealpath, "dl/sub"), req(fxpRealpath, "dl/.."), req(fxpRealpath, "~"), req(fxpRealpath, "loop"), req(fxpRealpath, "d//./x/"), req(fxpRealpath, "closed/in"),
		req(fxpRealpath, "far"), req(fxpRealpath, strings.Repeat("a/", 4000)), req(fxpRealpath, "f/x"), req(fxpRealpath, "d/up"), req(fxpRealpath, "missing/"), req(fxpRealpath, "f/"),
	}},
	{name: "posix-rename", numbers: "V-SFTP-22", requests: []request{
		ext("posix-rename@openssh.com", "f", "g"), ext("posix-rename@openssh.com", "d/sub", "e"), ext("posix-rename@openssh.com", "e", "g"), ext("posix-rename@openssh.com", "g", "e"), ext("posix-rename@openssh.com", "e", "d"),
		ext("posix-rename@openssh.com", "missing", "x"), ext("posix-rename@openssh.com", "d", "d/x/y"), ext("posix-rename@openssh.com", "g", "g"), ext("posix-rename@openssh.com", "g", "closed/x"), ext("posix-rename@openssh.com", "g", ""),
		ext("posix-rename@openssh.com", "d", "d/y"),
	}},
	{name: "hardlink", numbers: "V-SFTP-23", requests: []request{
		ext("hardlink@openssh.com", "f", "n"), ext("hardlink@openssh.com", "f", "g"), ext("hardlink@openssh.com", "d", "n2"), ext("hardlink@openssh.com", "l", "n3"), ext("hardlink@openssh.com", "missing", "n4"), req(fxpLstat, "n3"),
		ext("hardlink@openssh.com", "f", "missing/x"), ext("hardlink@openssh.com", "f", ""),
	}},
	{name: "fsync and lsetstat", numbers: "V-SFTP-24", requests: []request{
		req(fxpOpen, "f", w, none), ext("fsync@openssh.com", handle(0)), ext("fsync@openssh.com", noHandle()), req(fxpOpendir, "d"), ext("fsync@openssh.com", handle(1)),
		ext("lsetstat@openssh.com", "l", size(1)), ext("lsetstat@openssh.com", "l", mode(0o600)), ext("lsetstat@openssh.com", "l", times(99)), req(fxpLstat, "l"), req(fxpStat, "l"), ext("lsetstat@openssh.com", "l", none),
		ext("lsetstat@openssh.com", "missing", none), ext("lsetstat@openssh.com", "missing", times(1)), ext("lsetstat@openssh.com", "g", mode(0o640)), ext("lsetstat@openssh.com", "g", times(98)), req(fxpStat, "g"),
	}},
	{name: "statvfs", numbers: "V-SFTP-26", requests: []request{
		ext("statvfs@openssh.com", "missing"), req(fxpOpen, "f", r, none), ext("fstatvfs@openssh.com", noHandle()), ext("statvfs@openssh.com", ""), req(fxpOpendir, "d"), ext("fstatvfs@openssh.com", handle(1)),
	}},
	{name: "copy-data", numbers: "V-SFTP-27", requests: []request{
		req(fxpOpen, "f", r, none), req(fxpOpen, "new", r|w|creat, none), ext("copy-data", handle(0), uint64(0), uint64(0), handle(1), uint64(0)), req(fxpRead, handle(1), uint64(0), 100),
		ext("copy-data", handle(0), uint64(7), uint64(3), handle(1), uint64(20)), req(fxpRead, handle(1), uint64(0), 100), ext("copy-data", handle(0), uint64(100), uint64(3), handle(1), uint64(0)),
		ext("copy-data", handle(0), uint64(0), uint64(0), handle(0), uint64(5)), ext("copy-data", noHandle(), uint64(0), uint64(0), handle(1), uint64(0)), ext("copy-data", handle(0), uint64(0), uint64(0), noHandle(), uint64(0)),
		req(fxpOpen, "f", w, none), ext("copy-data", handle(0), uint64(0), uint64(0), handle(2), uint64(5)), req(fxpOpendir, "d"), ext("copy-data", handle(3), uint64(0), uint64(0), handle(1), uint64(5)),
	}},
	{name: "expand-path and home-directory", numbers: "V-SFTP-28", requests: []request{
		ext("expand-path@openssh.com", "f"), ext("expand-path@openssh.com", "d/../l"), ext("expand-path@openssh.com", "missing/x"), ext("expand-path@openssh.com", "~no-such-user-here"), ext("expand-path@openssh.com", "~no-such-user-here/x"),
		ext("home-directory", ""), ext("home-directory", "no-such-user-here"),
	}},
	{name: "users-groups-by-id", numbers: "V-SFTP-28", requests: []request{
		ext("users-groups-by-id@openssh.com", "\x7f\xff\xff\x01", "\x7f\xff\xff\x02\x7f\xff\xff\x03"), ext("users-groups-by-id@openssh.com", "", ""),
	}},
	{name: "unknown requests", numbers: "V-SFTP-6, C-SFTPSRV-7", requests: []request{
		ext("no-such@example.com", "data"), ext(""), ext("posix-rename@openssh.com", "missing", "x", "trailing"), req(fxpStat, "f", "trailing"), req(fxpLstat, "f", 0),
	}},
	{name: "read-only", numbers: "V-SFTP-29", options: "readonly", openssh: []string{"-R"}, requests: []request{
		req(fxpOpen, "f", w, none), req(fxpOpen, "f", r|creat, none), req(fxpOpen, "f", r|trunc, none), req(fxpOpen, "f", r, none), req(fxpRead, handle(0), uint64(0), 5), req(fxpWrite, noHandle(), uint64(0), "x"),
		req(fxpWrite, handle(0), uint64(0), "x"), req(fxpSetstat, "missing", none), req(fxpFsetstat, noHandle(), none), req(fxpRemove, "f"), req(fxpMkdir, "n", none), req(fxpRmdir, "e"), req(fxpRename, "f", "n"), req(fxpSymlink, "f", "n"),
		ext("posix-rename@openssh.com", "f", "n"), ext("hardlink@openssh.com", "f", "n"), ext("fsync@openssh.com", handle(0)), ext("lsetstat@openssh.com", "l", none), ext("copy-data", handle(0), uint64(0), uint64(0), handle(0), uint64(0)),
		ext("no-such@example.com"), req(fxpStat, "f"), req(fxpReadlink, "l"), req(fxpOpen, "missing", w|creat, none),
	}},
	{name: "umask", numbers: "V-SFTP-29", options: "027", openssh: []string{"-u", "027"}, requests: []request{
		req(fxpOpen, "n1", w|creat, none), req(fxpOpen, "n2", w|creat, mode(0o777)), req(fxpMkdir, "n3", none), req(fxpMkdir, "n4", mode(0o755)), req(fxpOpen, "f", w|creat, mode(0o777)), req(fxpStat, "f"), req(fxpOpen, "f", w|creat|excl, none),
		req(fxpOpen, "dangling", w|creat, mode(0o777)), req(fxpOpen, "l", w|creat, mode(0o777)), req(fxpOpen, "d", w|creat, mode(0o777)), req(fxpOpen, "dangling", w|creat|excl, mode(0o777)),
	}},
	{name: "unusual names", numbers: "V-JAIL-13", requests: []request{
		req(fxpOpen, "new\nline", w|creat, none), req(fxpOpen, "\xff\xfe", w|creat, none), req(fxpOpen, strings.Repeat("x", 255), w|creat, none), req(fxpOpen, `back\slash`, w|creat, none), req(fxpOpen, "d/./y", w|creat, none),
		req(fxpOpen, "d//z", w|creat, none), req(fxpOpen, "..name", w|creat, none), req(fxpOpen, "...", w|creat, none), req(fxpOpen, " ", w|creat, none), req(fxpStat, "\xff\xfe"), req(fxpRealpath, `back\slash`),
		req(fxpStat, "d/"+strings.Repeat("./", 2000)), req(fxpStat, "d/"+strings.Repeat("./", 2100)),
	}},
}

// Every request of conversations gets the same answer from OpenSSH's server and
// from a Dir, and leaves the same files. The differences that stand in the
// table are on purpose. V-SFTP-7, V-SFTP-8 and V-SFTP-10 to V-SFTP-29;
// C-SFTPSRV-4 to C-SFTPSRV-6, C-SFTPSRV-12, C-SFTPSRV-13.
func TestLikeOpenSSH(t *testing.T) {
	binary := self(t)
	for _, tt := range conversations {
		t.Run(tt.name, func(t *testing.T) {
			theirDir, ourDir := plant(t), plant(t)
			theirs, ours := startOpenSSH(t, theirDir, tt.openssh...), startOurs(t, binary, ourDir, tt.options)
			theirs.greet()
			ours.greet()
			for i, r := range tt.requests {
				want, got := theirs.ask(r), ours.ask(r)
				if expected, ok := tt.differ[i]; ok {
					if want == expected {
						t.Errorf("request %d, %v: no difference any more: %s", i, r, want)
					}
					want = expected
				}
				if got != want {
					t.Errorf("%s, request %d, %v: got %.300s, want %.300s", tt.numbers, i, r, got, want)
				}
			}
			theirs.close()
			ours.close()
			_ = os.Chmod(filepath.Join(theirDir, "closed"), 0o755)
			_ = os.Chmod(filepath.Join(ourDir, "closed"), 0o755)
			if got, want := tree(t, ourDir), tree(t, theirDir); got != want {
				t.Errorf("files:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
