package knownhosts

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestHash(t *testing.T) {
	kept := []string{
		"# comment",
		"",
		line(hashOf("already"), ed(1)),
		line("*.wild.org,!no.wild.org", ed(1)),
		marked(CertAuthority, "ca.org", ed(9)),
		marked(Revoked, "*", ed(8)),
		"a line that nobody understands",
		line(",", ed(1)),
	}
	path := tempFile(t, append(kept, line("One.org,,[two.org]:2222", ed(1))+" who  where")...)
	before := readFile(t, path)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	left, err := Hash(path)
	if err != nil {
		t.Fatal(err)
	}
	if readFile(t, path+".old") != before || mode(t, path) != 0o640 {
		t.Errorf("mode %o, old file %q", mode(t, path), readFile(t, path+".old"))
	}
	lines := strings.Split(strings.TrimSuffix(readFile(t, path), "\n"), "\n")
	if len(lines) != len(kept)+2 {
		t.Fatalf("lines %q", lines)
	}
	for i, want := range kept {
		if lines[i] != want {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
		}
	}
	for i, name := range []string{"one.org", "[two.org]:2222"} {
		e := mustParse(lines[len(kept)+i])
		if !e.Hashed() || !e.MatchesHost(name) || !e.MatchesKey(ed(1)) || e.Comment != "who  where" {
			t.Errorf("%s became %q", name, e)
		}
	}
	var numbers []int
	for _, e := range left {
		numbers = append(numbers, e.Line)
	}
	if len(left) != 5 || numbers[0] != 4 {
		t.Errorf("left %v", numbers)
	}
}

func TestHashTwice(t *testing.T) {
	path := tempFile(t, line("host", ed(1)))
	for range 2 {
		if _, err := Hash(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := texts(t, FromPath(path)); len(got) != 1 || !mustParse(got[0]).MatchesHost("host") {
		t.Errorf("lines %q", got)
	}
}

func TestHashFailures(t *testing.T) {
	dir := t.TempDir()
	if _, err := Hash(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Hash(dir); !isPathError(err) {
		t.Errorf("directory: %v", err)
	}
	path := tempFile(t, line("host", ed(1)), strings.Repeat("x", MaxLineLength+1))
	before := readFile(t, path)
	_, err := Hash(path)
	if _, ok := errors.AsType[*LimitError](err); !ok || readFile(t, path) != before {
		t.Errorf("too long a line: %v", err)
	}
	if _, err := os.Stat(path + ".old"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is an old file although nothing was replaced: %v", err)
	}
}
