package keygen_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/keygen"
	"github.com/hawser-go/hawser/conch/keys"
)

// The prompts.
const (
	newKey  = "Enter passphrase (empty for no passphrase): "
	oldPass = "Enter old passphrase: "
	newPass = "Enter new passphrase (empty for no passphrase): "
	again   = "Enter same passphrase again: "
	simple  = "Enter passphrase: "
)

// TestC_SCRIPTS_30_Passphrase: the passphrase of a new key is asked for twice,
// until both are equal, unless an option has it.
func TestC_SCRIPTS_30_Passphrase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		args, secrets []string
		asked         []string
		want          string
	}{
		{nil, []string{"", ""}, []string{newKey, again}, ""},
		{nil, []string{"one", "two", "", "x", "ä b", "ä b"}, []string{newKey, again, newKey, again, newKey, again}, "ä b"},
		{[]string{"-N", "x"}, nil, nil, "x"},
		{[]string{"--newpass="}, nil, nil, ""},
		{[]string{"-P", "x"}, nil, nil, "x"},
		{[]string{"-N", "-P"}, nil, nil, "-P"},
		{[]string{"--no-passphrase"}, nil, nil, ""},
	} {
		path := filepath.Join(t.TempDir(), "key")
		r := user{secrets: row.secrets}.run(append([]string{"-q", "-a", "1", "-f", path}, row.args...)...)
		if r.status != 0 || !slices.Equal(r.asked, row.asked) || r.out != "" {
			t.Errorf("%q: %+v", row.args, r)
			continue
		}
		if mismatches := (len(row.asked) - 1) / 2; strings.Count(r.err, "do not match") != mismatches {
			t.Errorf("%q: errors %q, want %d mismatches", row.args, r.err, mismatches)
		}
		load(t, path, row.want)
		if _, err := keys.FromFile(path, nil); (err != nil) != (row.want != "") {
			t.Errorf("%q: without a passphrase: %v", row.args, err)
		}
	}
}

// TestC_SCRIPTS_30_Interrupted: Ctrl-C at any question leaves all files as they
// were.
func TestC_SCRIPTS_30_Interrupted(t *testing.T) {
	t.Parallel()
	for secrets := range 4 {
		dir := t.TempDir()
		r := user{secrets: []string{"one", "two", "three"}[:secrets]}.run("-f", filepath.Join(dir, "key"))
		if r.status != 130 || len(r.asked) != secrets+1 {
			t.Errorf("%+v", r)
		}
		mustHold(t, dir)
	}
	path := pair(t, "-N", "old")
	before := read(t, path)
	for secrets := range 3 {
		r := user{secrets: []string{"old", "new"}[:secrets]}.run("-p", "-f", path)
		if r.status != 130 || read(t, path) != before {
			t.Errorf("%+v", r)
		}
	}
	mustHold(t, filepath.Dir(path), "key", "key.pub")
}

// TestC_SCRIPTS_30_ChangePass: the old passphrase is asked for if there is one
// and no option has it, the new one twice. A wrong one changes nothing.
func TestC_SCRIPTS_30_ChangePass(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		old           string
		args, secrets []string
		asked         []string
		status        int
		want          string
	}{
		{"", nil, []string{"new", "new"}, []string{newPass, again}, 0, "new"},
		{"", nil, []string{"new", "mew", "", ""}, []string{newPass, again, newPass, again}, 0, ""},
		{"old", nil, []string{"old", "new", "new"}, []string{oldPass, newPass, again}, 0, "new"},
		{"old", nil, []string{"old", "", ""}, []string{oldPass, newPass, again}, 0, ""},
		{"old", []string{"--pass", "old", "--newpass", "new"}, nil, nil, 0, "new"},
		{"old", []string{"-P", "old", "--no-passphrase"}, nil, nil, 0, ""},
		{"old", []string{"-N", "new"}, []string{"bad"}, []string{oldPass}, 255, ""},
		{"old", []string{"-N", "new"}, []string{""}, []string{oldPass}, 255, ""},
		{"old", []string{"-P", "bad", "-N", "new"}, nil, nil, 255, ""},
		{"old", []string{"-P", "", "-N", "new"}, nil, nil, 255, ""},
	} {
		path := pair(t, "-N", row.old)
		before := read(t, path)
		public := read(t, path+".pub")
		r := user{secrets: row.secrets}.run(append([]string{"-p", "-a", "1", "-f", path}, row.args...)...)
		if r.status != row.status || !slices.Equal(r.asked, row.asked) {
			t.Errorf("%q: %+v", row.args, r)
		}
		if row.status == 0 {
			if k := load(t, path, row.want); k.Comment() != "a comment" || !k.Public().Equal(load(t, path+".pub", "")) {
				t.Errorf("%q: %v with comment %q", row.args, k, k.Comment())
			}
		}
		if row.status == 0 && r.out != "Key has comment 'a comment'\nYour identification has been saved with the new passphrase.\n" {
			t.Errorf("%q: printed %q", row.args, r.out)
		}
		if row.status != 0 && read(t, path) != before || read(t, path+".pub") != public {
			t.Errorf("%q: a file has changed", row.args)
		}
		mustHold(t, filepath.Dir(path), "key", "key.pub")
	}
	path := pair(t, "-N", "")
	if r := (user{}).run("-p", "-f", path+".pub", "-N", "x"); r.status != 255 || !strings.Contains(r.err, "public") {
		t.Errorf("a public key: %+v", r)
	}
}

// TestC_SCRIPTS_30_VerifiedFirst: the old file is replaced only after the new
// one was read back.
func TestC_SCRIPTS_30_VerifiedFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	writeFile(t, path, "old")
	failure := errors.New("damaged")
	for _, verdict := range []error{failure, nil} {
		err := keygen.SaveVerified(path, []byte("new"), func(temporary string) error {
			if got := read(t, temporary); got != "new" || read(t, path) != "old" {
				t.Errorf("verified %q while the file has %q", got, read(t, path))
			}
			return verdict
		})
		want := "new"
		if verdict != nil {
			want = "old"
		}
		if (err != nil) != (verdict != nil) || read(t, path) != want {
			t.Errorf("%v, and the file has %q", err, read(t, path))
		}
		mustHold(t, filepath.Dir(path), "key")
	}
}

// TestC_SCRIPTS_30_Subtype: the format of the private key.
func TestC_SCRIPTS_30_Subtype(t *testing.T) {
	for _, row := range []struct {
		args  []string
		begin string
	}{
		{[]string{"-t", "rsa", "-b", "1024"}, "-----BEGIN OPENSSH"},
		{[]string{"-t", "rsa", "-b", "1024", "--private-key-subtype", "v1"}, "-----BEGIN OPENSSH"},
		{[]string{"-t", "rsa", "-b", "1024", "--private-key-subtype=PEM"}, "-----BEGIN RSA"},
		{[]string{"-t", "ecdsa", "-m", "PEM"}, "-----BEGIN EC"},
		{[]string{"-t", "ecdsa", "-m", "RFC4716"}, "-----BEGIN OPENSSH"},
		{[]string{"-t", "ecdsa", "-m", "pem"}, "-----BEGIN EC"}, // ssh-keygen ignores case
		{[]string{"-t", "ecdsa", "-m", "V1"}, "-----BEGIN OPENSSH"},
		{[]string{"-t", "ecdsa", "-m", "rfc4716"}, "-----BEGIN OPENSSH"},
	} {
		path := pair(t, append(row.args, "-N", "")...)
		if out := must(t, "-e", "-m", "rfc4716", "-f", path+".pub"); !strings.HasPrefix(out, "---- BEGIN SSH2") {
			t.Errorf("-e: %q", out)
		}
		if !strings.HasPrefix(read(t, path), row.begin) {
			t.Errorf("%q: %q", row.args, read(t, path))
		}
		must(t, "-q", "-p", "-f", path, "-N", "")
		if !strings.HasPrefix(read(t, path), "-----BEGIN OPENSSH") {
			t.Errorf("%q: after -p: %q", row.args, read(t, path))
		}
	}
	dir := t.TempDir()
	for _, args := range [][]string{{"-m", "PEM"}, {"-t", "rsa", "-m", "PKCS8"}, {"-t", "ecdsa", "-m", "PEM", "-N", "secret"}} {
		if r := (user{}).run(append(args, "-f", filepath.Join(dir, "key"))...); r.status != 255 || r.err == "" || r.asked != nil {
			t.Errorf("%q: %+v", args, r)
		}
	}
	mustHold(t, dir)
}

// TestC_SCRIPTS_30_ShowPublic: a passphrase is asked for if it is needed.
func TestC_SCRIPTS_30_ShowPublic(t *testing.T) {
	t.Parallel()
	path := pair(t, "-N", "secret")
	public := read(t, path+".pub")
	r := user{secrets: []string{"secret"}}.run("-y", "-f", path)
	if r.out != public || !slices.Equal(r.asked, []string{simple}) || r.status != 0 {
		t.Errorf("%+v", r)
	}
	if r := (user{secrets: []string{"wrong"}}).run("--showpub", "-f", path); r.out != "" || r.status != 255 {
		t.Errorf("%+v", r)
	}
	if r := typing(read(t, path)).run("-y", "-P", "secret", "-f", "-"); r.out != public {
		t.Errorf("%+v", r)
	}
	if r := (user{input: read(t, path), secrets: []string{"secret"}}).run("-y", "-f", "-"); r.out != public {
		t.Errorf("%+v", r)
	}
}

// TestC_SCRIPTS_30_Fingerprint: Twisted's line.
func TestC_SCRIPTS_30_Fingerprint(t *testing.T) {
	path := pair(t, "-N", "")
	k := load(t, path, "")
	for _, args := range [][]string{{"-l"}, {"--fingerprint", "-o", "sha256-base64"}, {"-l", "--format=md5-hex"}} {
		format := keys.SHA256Base64
		if len(args) == 2 {
			format = keys.MD5Hex
		}
		f, err := k.Fingerprint(format)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{path, path + ".pub"} {
			if got, want := must(t, append(args, "-f", file)...), "256 "+f+" "+filepath.Base(file)+"\n"; got != want {
				t.Errorf("%q: got %q, want %q", args, got, want)
			}
		}
	}
}

// Without a terminal, passphrases are lines of standard input. The end of the
// input is not an empty passphrase.
func TestNoTerminal(t *testing.T) {
	t.Parallel()
	without := func(string) ([]byte, error) { return nil, keygen.ErrNoTerminal }
	for input, status := range map[string]int{
		"secret\r\nsecret": 0, "\n\n": 0, "secret\n": 255, "": 255, strings.Repeat("x", 5000): 255,
	} {
		for _, ask := range []func(string) ([]byte, error){nil, without} {
			path := filepath.Join(t.TempDir(), "key")
			var errs bytes.Buffer
			c := keygen.Command{Stdin: strings.NewReader(input), Stdout: io.Discard, Stderr: &errs, Secret: ask}
			if got := c.Run([]string{"-a", "1", "-f", path}); got != status {
				t.Errorf("%q: status %d, want %d; %s", input, got, status, &errs)
			}
			if status == 0 {
				load(t, path, strings.TrimSpace(input[:len(input)/2]))
			} else {
				mustHold(t, filepath.Dir(path))
			}
		}
	}
}

// Output that cannot be written is an error.
func TestBrokenOutput(t *testing.T) {
	path := pair(t, "-N", "")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		return // a system without such a device
	}
	defer full.Close()
	for _, args := range [][]string{{"-y"}, {"-l"}, {"-e"}} {
		c := keygen.Command{Stdin: strings.NewReader(""), Stdout: full, Stderr: io.Discard}
		if status := c.Run(append(args, "-f", path)); status != 255 {
			t.Errorf("%q: status %d", args, status)
		}
	}
}

// Comments are shown so that a terminal does not obey them.
func TestPrintableComment(t *testing.T) {
	path := pair(t, "-N", "", "-C", "a\x1b[2Jb")
	for _, args := range [][]string{{"-y"}, {"-l", "-E", "md5"}, {"-p", "-N", ""}} {
		if out := must(t, append(args, "-f", path)...); strings.Contains(out, "\x1b") || !strings.Contains(out, `a\x1b[2Jb`) {
			t.Errorf("%q: %q", args, out)
		}
	}
	if k := load(t, path, ""); k.Comment() != "a\x1b[2Jb" {
		t.Errorf("%q", k.Comment())
	}
}
