package keygen_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/keygen"
	"github.com/hawser-go/hawser/conch/keys"
)

// result is what a run of the command gave.
type result struct {
	status   int
	out, err string
	asked    []string // the prompts for passphrases
}

// user is somebody who runs the command. input is what the user types for
// lines, and secrets are the passphrases. When they are used up the user
// presses Ctrl-C.
type user struct {
	input   string
	secrets []string
}

func (u user) run(args ...string) result {
	var out, errs bytes.Buffer
	var r result
	c := keygen.Command{Stdin: strings.NewReader(u.input), Stdout: &out, Stderr: &errs, Secret: func(prompt string) ([]byte, error) {
		r.asked = append(r.asked, prompt)
		if len(r.asked) > len(u.secrets) {
			return nil, keygen.ErrInterrupted
		}
		return []byte(u.secrets[len(r.asked)-1]), nil
	}}
	r.status = c.Run(args)
	r.out, r.err = out.String(), errs.String()
	return r
}

// typing is a user who answers questions for lines only.
func typing(input string) user { return user{input: input} }

// commandThat returns a command that calls f and then gets an empty passphrase.
func commandThat(f func()) *keygen.Command {
	return &keygen.Command{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Secret: func(string) ([]byte, error) {
		f()
		return nil, nil
	}}
}

// setHome sets the home directory.
func setHome(t *testing.T, dir string) {
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// must runs the command, which has to succeed and to write no error, and
// returns its output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	r := user{}.run(args...)
	if r.status != 0 || r.err != "" {
		t.Fatalf("%q: status %d, errors %q", args, r.status, r.err)
	}
	return r.out
}

// run returns the output of a program that has to succeed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// pair makes a key pair and returns its path.
func pair(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	must(t, append([]string{"-q", "-a", "1", "-C", "a comment", "-f", path}, args...)...)
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func load(t *testing.T, path, passphrase string) *keys.Key {
	t.Helper()
	k, err := keys.FromFile(path, []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// mustHold checks the names in a directory, so that no other file is left.
func mustHold(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the directory has %q, want %q", got, want)
	}
}
