package keygen_test

import (
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/cmd/internal/keygen"
)

// TestC_SCRIPTS_30_Help: no arguments give the help and status 1. The help has
// all options and fits a screen.
func TestC_SCRIPTS_30_Help(t *testing.T) {
	if r := (user{}).run(); r.status != 1 || r.err != keygen.Help || r.out != "" {
		t.Errorf("no arguments: %+v", r)
	}
	for _, args := range [][]string{{"-h"}, {"--help"}, {"-l", "-h", "-f", "none"}} {
		if r := (user{}).run(args...); r.status != 0 || r.out != keygen.Help || r.err != "" {
			t.Errorf("%q: %+v", args, r)
		}
	}
	lines := strings.Split(keygen.Help, "\n") // the last is for the prompt
	if len(lines) > 24 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 79 {
			t.Errorf("too wide: %s", line)
		}
	}
	for _, name := range keygen.Names() {
		if len(name) > 3 && !strings.Contains(keygen.Help, name) {
			t.Errorf("the help has no %s", name)
		}
		if len(name) == 2 && !strings.Contains(keygen.Help, "\n  "+name) {
			t.Errorf("the help has no %s", name)
		}
	}
}

// TestC_SCRIPTS_30_Parse: letters and long names, joined and apart.
func TestC_SCRIPTS_30_Parse(t *testing.T) {
	for _, row := range []struct {
		line string
		want map[string]string
	}{
		{"-t rsa -b 2048 -f x", map[string]string{"type": "rsa", "bits": "2048", "filename": "x"}},
		{"-trsa -qfx", map[string]string{"type": "rsa", "quiet": "", "filename": "x"}},
		{"-lf x -E md5", map[string]string{"fingerprint": "", "filename": "x", "E": "md5"}},
		{"-f -l", map[string]string{"filename": "-l"}},
		{"-f -", map[string]string{"filename": "-"}},
		{"--type=rsa --type ecdsa", map[string]string{"type": "ecdsa"}},
		{"--fi=x --show --", map[string]string{"filename": "x", "showpub": ""}},
		{"--pass x", map[string]string{"pass": "x"}},
		{"--comment= -i -e", map[string]string{"comment": "", "i": "", "e": ""}},
		{"--newpass --pass", map[string]string{"newpass": "--pass"}},
	} {
		want := row.want
		if strings.Contains(row.line, "--fi=x") {
			want = nil // filename or fingerprint
		}
		got, err := keygen.Parse(strings.Fields(row.line))
		if (err != nil) != (want == nil) || !maps.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", row.line, got, err, want)
		}
	}
}

// TestC_SCRIPTS_30_WrongCommandLines: each is refused with a reason and status
// 1, before anything is done.
func TestC_SCRIPTS_30_WrongCommandLines(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for line, reason := range map[string]string{
		"key": "unexpected", "-- key": "unexpected", "-f key -- x": "unexpected", "-": "unexpected",
		"-f": "value", "--type": "value", "--quiet=yes": "no value", "--showpub=": "no value",
		"-j": "unknown", "--foo": "unknown", "--=x": "unknown", "--e": "unknown", "-\xff": "unknown", "--p x": "can be",
		"-R host": "ssh-keygen", "-F host": "ssh-keygen", "-A": "ssh-keygen",
		"-l -y": "together", "-p -e": "together", "-i -l": "together", "-o md5-hex -E md5": "together",
		"-t rsa -l": "-t does not go", "-y -N x": "-N does not go", "-y --no-passphrase": "--no-passphrase does not go",
		"-e -b 5": "-b does not go", "-p -C x": "-C does not go",
		"-N x -P y": "one passphrase", "-N x --no-passphrase": "one passphrase", "-p -N x --no-passphrase": "together",
		"-b x": "number", "-b 0": "number", "-b -5": "number", "-a 0": "number", "-p -a x": "number", "-l -a 5": "-a does not go",
		"-f - -N x": "standard input", "-p -f - -N x": "standard input", "-l --filename=": "no name",
	} {
		r := user{}.run(strings.Fields(line)...)
		if r.status != 1 || r.out != "" || !strings.Contains(r.err, reason) ||
			!strings.HasPrefix(r.err, "ckeygen: ") || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: %+v, want the reason %q", line, r, reason)
		}
	}
	for line, reason := range map[string]string{
		"-t dsa": "DSA", "-t foo": "ed25519, ecdsa, rsa", "-b 4096": "256",
		"-t rsa -b 512": "1024", "-t rsa -b 20000": "16384", "-t ecdsa -b 255": "384",
		"-o foo": "md5-hex", "-E foo": "md5", "-e -m PEM -f x": "RFC4716", "-i -m PKCS8 -f x": "RFC4716", "-p -m foo": "PEM", "-a 5000": "2048",
	} {
		if r := (user{}).run(append(strings.Fields(line), "-q")...); r.status != 255 || !strings.Contains(r.err, reason) {
			t.Errorf("%s: %+v, want the reason %q", line, r, reason)
		}
	}
	if r := (user{}).run("-f", "", "-N", "x"); r.status != 1 {
		t.Errorf("an empty name: %+v", r)
	}
	mustHold(t, dir)
}

// Any command line is read without a panic, and gives options that exist.
func FuzzParse(f *testing.F) {
	f.Add("-t\x00rsa\x00--bits=5\x00-lf\x00x")
	f.Add("--p\x00-\xff\x00--")
	known := make(map[string]bool)
	for _, name := range keygen.Names() {
		known[strings.TrimLeft(name, "-")] = true
	}
	f.Fuzz(func(t *testing.T, line string) {
		set, err := keygen.Parse(strings.Split(line, "\x00"))
		for name := range set {
			if !known[name] || err != nil {
				t.Errorf("%q, %v", set, err)
			}
		}
	})
}
