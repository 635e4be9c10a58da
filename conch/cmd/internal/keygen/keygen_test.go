package keygen_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
)

// kinds are the types and sizes of keys, as both programs name them.
var kinds = [][]string{
	{"-t", "rsa", "-b", "2048"},
	{"-t", "ecdsa"},
	{"-t", "ecdsa", "-b", "384"},
	{"-t", "ecdsa", "-b", "521"},
	{"-t", "ed25519"},
}

// TestC_SCRIPTS_30_KeygenReads: ssh-keygen reads what ckeygen writes: it finds
// the same public key and comment in the private file, prints the same
// fingerprint and the same public key in SSH2 format, and changes the
// passphrase.
func TestC_SCRIPTS_30_KeygenReads(t *testing.T) {
	t.Parallel()
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, kind := range kinds {
		for _, passphrase := range []string{"", "pass phrase"} {
			t.Run(strings.Join(kind, " ")+passphrase, func(t *testing.T) {
				path := pair(t, slices.Concat(kind, []string{"-N", passphrase})...)
				public := read(t, path+".pub")
				if !strings.HasSuffix(public, " a comment\n") {
					t.Errorf("public file %q", public)
				}
				same(t, run(t, keygen, "-y", "-P", passphrase, "-f", path), public)
				same(t, must(t, "-y", "-P", passphrase, "-f", path), public)
				for _, hash := range []string{"sha256", "md5"} {
					for _, file := range []string{path, path + ".pub"} {
						same(t, must(t, "-l", "-E", hash, "-f", file), run(t, keygen, "-l", "-E", hash, "-f", file))
					}
				}
				ssh2 := must(t, "-e", "-f", path)
				same(t, ssh2, run(t, keygen, "-e", "-f", path+".pub"))
				file := filepath.Join(t.TempDir(), "ssh2")
				if err := os.WriteFile(file, []byte(ssh2), 0o600); err != nil {
					t.Fatal(err)
				}
				same(t, must(t, "-i", "-f", file), run(t, keygen, "-i", "-f", file))
				run(t, keygen, "-p", "-P", passphrase, "-N", "new pass", "-a", "1", "-f", path)
				same(t, must(t, "-y", "-P", "new pass", "-f", path), public)
			})
		}
	}
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestC_SCRIPTS_30_ReadsKeygen: ckeygen reads what ssh-keygen writes, in all
// formats of private keys, with and without a passphrase, and prints the same.
// A file with another passphrase is one that ssh-keygen reads, with the same
// key.
func TestC_SCRIPTS_30_ReadsKeygen(t *testing.T) {
	t.Parallel()
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, kind := range kinds {
		for _, format := range []string{"RFC4716", "PEM", "PKCS8"} { // the first means OpenSSH's own
			for _, passphrase := range []string{"", "pass phrase"} {
				t.Run(fmt.Sprint(kind[1:], format, passphrase), func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "key")
					run(t, keygen, slices.Concat(kind, []string{"-q", "-a", "1", "-C", "a comment", "-m", format, "-N", passphrase, "-f", path})...)
					public := run(t, keygen, "-y", "-P", passphrase, "-f", path)
					same(t, must(t, "-y", "-P", passphrase, "-f", path), public)
					same(t, must(t, "-l", "-E", "md5", "-f", path), run(t, keygen, "-l", "-E", "md5", "-f", path))
					same(t, must(t, "-e", "-f", path), run(t, keygen, "-e", "-f", path))
					must(t, "-p", "-q", "-P", passphrase, "--no-passphrase", "-f", path)
					same(t, run(t, keygen, "-y", "-f", path), public)
					if format == "RFC4716" { // the others have no comment
						same(t, load(t, path, "").Comment(), "a comment")
					}
					must(t, "-p", "-q", "-a", "1", "-N", "another", "-f", path)
					same(t, run(t, keygen, "-y", "-P", "another", "-f", path), public)
				})
			}
		}
	}
}

// TestC_SCRIPTS_30_Lines: -l prints a line for each key of a file, as
// ssh-keygen does.
func TestC_SCRIPTS_30_Lines(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	path := pair(t, "-N", "")
	line := strings.TrimSpace(read(t, path+".pub"))
	run(t, keygen, "-q", "-s", path, "-I", "me", "-n", "me", path+".pub")
	bare := strings.TrimSuffix(line, " a comment")
	text := strings.Join([]string{
		"# a comment line", "", line, "example.org,192.0.2.1 " + bare, "[example.org]:2222 " + line, "not a key",
		`command="echo \"x\" y",no-pty ` + line, "\t" + line, "ssh-ed25519 AAAA damaged", strings.TrimSpace(read(t, path+"-cert.pub")),
	}, "\n")
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := run(t, keygen, "-l", "-f", file)
	same(t, must(t, "-l", "-E", "sha256", "-f", file), want)
	if r := (user{input: text}).run("-l", "-E", "sha256", "-f", "-"); r.out != want || r.status != 0 {
		t.Errorf("on standard input: %+v, want %q", r, want)
	}
	// ssh-keygen prints the carriage return. After a line with a comment, it
	// has no words for a missing one.
	fingerprint := strings.Fields(want)[1]
	want = "256 " + fingerprint + " a comment (ED25519)\n256 " + fingerprint + " no comment (ED25519)\n"
	if r := typing(line+"\r\n"+bare).run("-l", "-E", "sha256", "-f", "-"); r.out != want {
		t.Errorf("got %q, want %q", r.out, want)
	}
}

// TestC_SCRIPTS_30_LockedPEM: the file shows nothing of its key, so -l takes
// the public file, or asks for the passphrase.
func TestC_SCRIPTS_30_LockedPEM(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	path := filepath.Join(t.TempDir(), "key")
	run(t, keygen, "-q", "-t", "ecdsa", "-m", "PEM", "-N", "secret", "-f", path)
	want := run(t, keygen, "-l", "-f", path)
	same(t, must(t, "-l", "-E", "sha256", "-f", path), want)
	if err := os.Remove(path + ".pub"); err != nil {
		t.Fatal(err)
	}
	for _, u := range []struct {
		user
		args []string
		ask  int
	}{{user{secrets: []string{"secret"}}, nil, 1}, {user{}, []string{"-P", "secret"}, 0}} {
		r := u.run(append(u.args, "-l", "-E", "sha256", "-f", path)...)
		if r.status != 0 || len(r.asked) != u.ask || strings.Fields(r.out)[1] != strings.Fields(want)[1] {
			t.Errorf("%+v, want %s", r, want)
		}
	}
	if r := (user{}).run("-l", "-f", path, "-P", "wrong"); r.status != 255 {
		t.Errorf("%+v", r)
	}
}

// TestC_SCRIPTS_30_Statuses: the exit status is that of ssh-keygen. Neither
// program gets an answer to a question.
func TestC_SCRIPTS_30_Statuses(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	key, locked := pair(t, "-N", ""), pair(t, "-N", "pass phrase")
	public := key + ".pub"
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte(read(t, key)), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, args := range [][]string{
		{"-l", "-f", key}, {"-y", "-f", key}, {"-e", "-f", public}, {"-l", "-f", open}, {"-l", "-f", locked},
		{"-l", "-f", "none"}, {"-y", "-f", "none"}, {"-e", "-f", "none"}, {"-i", "-f", "none"}, {"-p", "-f", "none", "-N", ""},
		{"-l", "-f", "/dev/null"}, {"-i", "-f", public}, {"-y", "-f", open}, {"-p", "-N", "", "-f", open},
		{"-y", "-P", "wrong", "-f", locked}, {"-p", "-P", "wrong", "-N", "", "-f", locked}, {"-l", "-E", "foo", "-f", key},
		{"-t", "foo", "-f", "k"}, {"-t", "rsa", "-b", "100", "-f", "k", "-N", ""}, {"-t", "ecdsa", "-b", "300", "-f", "k", "-N", ""},
		{"-t", "ed25519", "-f", "/none/k", "-N", ""}, {"-t", "ed25519", "-f", key, "-N", ""}, {"-t", "ed25519", "-f", dir, "-N", ""},
		{"-l", "-f"}, {"-f", key, "another"}, {"-l", "-f", key, "another"}, {"-j"}, {"--foo"},
	} {
		want := 0
		c := exec.Command(keygen, args...)
		c.Dir = dir
		if err := c.Run(); err != nil {
			want = c.ProcessState.ExitCode()
		}
		t.Chdir(dir)
		if r := (user{}).run(args...); r.status != want || (r.status != 0) != (r.err != "") {
			t.Errorf("%q: status %d, errors %q; ssh-keygen has status %d", args, r.status, r.err, want)
		}
	}
	mustHold(t, dir)
}
