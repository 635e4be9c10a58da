//go:build unix

package scp_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
)

// stamp is the time of modification of some of the files.
var stamp = time.Unix(1_000_000_000, 0)

// tree describes files: types, modes, contents, and which have the old time.
func tree(t *testing.T, dir string, times bool) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		fmt.Fprintf(&b, "%q %v", rel, info.Mode())
		if times && info.ModTime().Equal(stamp) {
			b.WriteString(" 2001")
		}
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d bytes %.4x", len(data), sha256.Sum256(data))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// plant makes the files of a test.
func plant(t *testing.T, dir string) {
	t.Helper()
	for name, content := range map[string]string{
		"a.txt": "first", "b.txt": "second", "empty": "", "with blank": "1", `it's "so"`: "2", ".hidden.txt": "h", "*": "a star",
		"big": strings.Repeat("0123456789abcdef", 100_000), "d/x": "3", "d/e/f": "4", "d/e/g h": "5", "other/b.txt": "6", "script": "7", "sealed": "8",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]fs.FileMode{"script": 0o751, "sealed": 0o440, "d/e": 0o550, "d": 0o700} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a.txt", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.txt", "big", "d/e/f", "d/e", "d"} {
		if err := os.Chtimes(filepath.Join(dir, name), stamp.Add(time.Hour), stamp); err != nil {
			t.Fatal(err)
		}
	}
}

// V-SESSION-21: "scp -O" does with a Server what it does with the scp program of
// OpenSSH: the same files, modes, times and exit statuses.
func TestV_SESSION_21_OpenSSH(t *testing.T) {
	client := conchtest.Program(t, "scp")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, by, args string) (status int, result, out string) {
		local, remote := t.TempDir(), t.TempDir()
		plant(t, local)
		plant(t, remote)
		for _, dir := range []string{local, remote} { // of the names that both have, the contents differ
			if err := os.WriteFile(filepath.Join(dir, "differs"), []byte(map[bool]string{true: "local", false: "remote, and longer"}[dir == local]), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "new"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `"$0" -O -S "$1" `+args, client, self)
		cmd.Dir = local
		cmd.Env = append(os.Environ(), asSSH+"="+by, served+"="+remote)
		output, _ := cmd.CombinedOutput()
		times := strings.HasPrefix(args, "-p")
		for _, dir := range []string{local, remote} {
			t.Cleanup(func() { // else a user cannot remove the files
				_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
					if err == nil && d.IsDir() {
						err = os.Chmod(name, 0o700)
					}
					return err
				})
			})
		}
		return cmd.ProcessState.ExitCode(), "LOCAL\n" + tree(t, local, times) + "REMOTE\n" + tree(t, remote, times), string(output)
	}
	for _, args := range []string{
		"a.txt h:new", "a.txt h:new/", "a.txt h:", "a.txt h:new/other-name", "a.txt 'h:with another blank'", "-p a.txt script sealed h:new", "script sealed h:new",
		"big h:new", "empty h:new", "a.txt b.txt h:new", "a.txt b.txt h:b.txt", "a.txt h:missing/a.txt", "a.txt h:missing/", "missing h:new", "missing a.txt h:new",
		"-r d h:new", "-pr d h:new", "-r d h:", "-pr d h:", "-r d h:made", "-r d h:a.txt", "d h:new", "-r d/ h:new", "differs h:", "-p differs h:", "differs h:sealed",
		`"it's \"so\"" h:new`, `a.txt "h:new/it's"`, `a.txt 'h:"new/with blank"'`, `a.txt 'h:new/a\ b'`, "-r new h:a.txt", "b.txt h:d", "-v a.txt h:new", "-q a.txt h:new",
		"h:a.txt new", "h:b.txt .", "h:big new", "h:empty new", "-p h:a.txt h:script h:sealed new", "h:script new", "-r h:d new", "-pr h:d new", "h:d new",
		"-r h:d/ new", "h:link new", "'h:*.txt' new", "'h:?.txt' new", "'h:[!a].txt' new", "'h:*/b.txt' new", "'h:.h*' new", "'h:missing*' new", "h:missing new", "h:missing h:a.txt new",
		`'h:with\ blank' new`, `"h:'with blank'" new`, `'h:"with blank"' new`, "'h:with blank' new", "h:differs .", `'h:\*' new`, `-r 'h:"d"/*' new`, "'h:other/*' new", "'h:~/a.txt' new", "-v h:a.txt new",
		"'h:d*/e/*' new", "-r h:. new", "-p h:d/x new", "h:a.txt missing/", "h:a.txt missing/x", "-r 'h:[d]' new",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			ourStatus, ours, ourOut := run(t, "dir", args)
			status, theirs, out := run(t, "sh", args)
			if ourStatus != status || ours != theirs {
				t.Errorf("exit status %d, want %d; the client says\n%s\nand with OpenSSH\n%s\ngot\n%s\nwant\n%s", ourStatus, status, ourOut, out, ours, theirs)
			}
			if (ourOut == "") != (out == "") {
				t.Errorf("the client says %q, with OpenSSH %q", ourOut, out)
			}
		})
	}
	for by, want := range map[string]string{"read-only": "scp: .: the files of this server cannot be changed\n", "full": "scp: ./big: no space left on device\n"} {
		if status, _, out := run(t, by, "big h:"); status != 1 || out != want {
			t.Errorf("%s: exit status %d, %q", by, status, out)
		}
	}
	if status, _, out := run(t, "read-only", "h:a.txt new"); status != 0 || out != "" {
		t.Errorf("download from a read-only server: exit status %d, %q", status, out)
	}
}
