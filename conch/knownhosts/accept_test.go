package knownhosts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/text"
)

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestC_CLIENT_30_FromPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	f := FromPath(path)
	if got := check(t, f, host("host"), ed(1)); got != Unknown {
		t.Errorf("a missing file knows a host: %v", got)
	}
	if err := f.Accept(Verdict{}); err != nil {
		t.Errorf("nothing to record: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing to record, yet there is a file: %v", err)
	}
	for _, name := range []string{"one", "two"} { // read anew each time
		writeFile(t, path, line(name, ed(1))+"\n")
		if got := check(t, f, host(name), ed(1)); got != Known {
			t.Errorf("%s: %v", name, got)
		}
	}
	accept(t, f, host("host"))
	if got, want := readFile(t, path), line("two", ed(1))+"\n"+line("host", ed(1))+"\n"; got != want {
		t.Errorf("file %q, want %q", got, want)
	}
}

func TestC_CLIENT_39_AcceptKeepsOtherLines(t *testing.T) {
	lines := []string{"", "# comment", "not a line at all", marked(revoked, "x", ed(3)), line("host", ed(2)), "  ", "last\r"}
	for _, end := range []string{"\n", ""} {
		path := filepath.Join(t.TempDir(), "known_hosts")
		before := strings.Join(lines, "\n")
		writeFile(t, path, before+end)
		accept(t, FromPath(path), host("new"))
		if got, want := readFile(t, path), before+"\n"+line("new", ed(1))+"\n"; got != want {
			t.Errorf("file %q, want %q", got, want)
		}
	}
}

func TestC_CLIENT_39_AcceptNamesAndModes(t *testing.T) {
	f := FromPath(filepath.Join(t.TempDir(), "a", "b", "known_hosts"))
	accept(t, f, HostPort("Host", 2222), HostPort("192.0.2.1", 2222))
	f.HashNames = true
	accept(t, f, host("Hashed"), host("192.0.2.2"))
	accept(t, f, host("hashed"))
	lines := strings.Split(readFile(t, f.path), "\n")
	if len(lines) != 5 || lines[0] != line("[host]:2222,[192.0.2.1]:2222", ed(1)) || lines[4] != "" {
		t.Fatalf("file %q", lines)
	}
	for i, name := range []string{"hashed", "192.0.2.2", "hashed"} {
		if e := parsed(t, lines[1+i]); !strings.HasPrefix(e.hosts, hashMagic) || !e.matches(name) {
			t.Errorf("line %q", lines[1+i])
		}
	}
	if lines[1] == lines[3] {
		t.Error("two hashes with one salt")
	}
	if got := mode(t, f.path); got != 0o600 {
		t.Errorf("file mode %o", got)
	}
	if got := mode(t, filepath.Dir(f.path)); got != 0o700 {
		t.Errorf("directory mode %o", got)
	}
}

func TestC_CLIENT_41_44_Accept(t *testing.T) {
	f := FromPath(filepath.Join(t.TempDir(), "known_hosts"))
	for _, step := range []struct {
		number, ip string
		want       Outcome
		lines      int
	}{
		{"C-CLIENT-44", "192.0.2.1", Unknown, 1},
		{"C-CLIENT-40", "192.0.2.1", Known, 1},
		{"C-CLIENT-41", "192.0.2.2", KnownAddIP, 2},
		{"C-CLIENT-40", "192.0.2.2", Known, 2},
	} {
		v, err := f.Check(HostPort("host", 2222), step.ip, ed(1))
		if err != nil || v.Outcome != step.want {
			t.Fatalf("%s: %v, %v", step.number, v.Outcome, err)
		}
		if err := f.Accept(v); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(readFile(t, f.path), "\n"); got != step.lines {
			t.Errorf("%s: %d lines, want %d", step.number, got, step.lines)
		}
	}
}

// A key that could not be saved is known to its File, and saved later, once.
func TestF23_AcceptedButNotSaved(t *testing.T) {
	dir := t.TempDir()
	path, target := filepath.Join(dir, "known_hosts"), filepath.Join(dir, "missing", "known_hosts")
	if err := os.Symlink(target, path); err != nil { // reads as an empty file, cannot be written
		t.Fatal(err)
	}
	f := FromPath(path, tempFile(t, marked(revoked, "revoked", ed(1))))
	for range 2 { // the second Accept adds nothing
		v := Verdict{Key: ed(1), Missing: []Name{host("host"), host("revoked")}}
		if err := f.Accept(v); err == nil || !strings.Contains(err.Error(), "not saved") || !strings.Contains(err.Error(), text.Quote(path)) {
			t.Fatalf("Accept: %v", err)
		}
	}
	if got, again := check(t, f, host("host"), ed(1)), check(t, f, host("host"), ed(1)); got != Known || again != Known {
		t.Errorf("asked again: %v, %v", got, again)
	}
	_, err := f.Check(host("host"), "", ed(2))
	if e, ok := errors.AsType[*HostKeyChangedError](err); !ok || e.Path != "" || e.Line != 0 || !sameKey(e.Recorded, ed(1)) ||
		!strings.Contains(e.Error(), "could not be saved") {
		t.Errorf("C-CLIENT-38: another key: %v", err)
	}
	if _, err := f.Check(host("revoked"), "", ed(1)); err == nil {
		t.Error("an unsaved key hides a revocation")
	}
	if got := check(t, FromPath(path+"2"), host("host"), ed(1)); got != Unknown {
		t.Errorf("another File knows the key: %v", got)
	}
	if err := os.Mkdir(filepath.Dir(target), 0o700); err != nil {
		t.Fatal(err)
	}
	accept(t, f, host("other"))
	if got, want := readFile(t, path), line("host,revoked", ed(1))+"\n"+line("other", ed(1))+"\n"; got != want {
		t.Errorf("saved %q, want %q", got, want)
	}
	accept(t, f, host("third"))
	if got := strings.Count(readFile(t, path), "\n"); got != 3 {
		t.Errorf("saved again: %q", readFile(t, path))
	}
}

func TestAcceptWithoutFile(t *testing.T) {
	global := tempFile(t, line("host", ed(1)))
	f := FromPath("", global)
	if got := check(t, f, host("host"), ed(1)); got != Known {
		t.Errorf("global file: %v", got)
	}
	if err := f.Accept(Verdict{Key: ed(1), Missing: []Name{host("new")}}); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("Accept: %v", err)
	}
	if got := readFile(t, global); got != line("host", ed(1))+"\n" {
		t.Errorf("written to the global file: %q", got)
	}
	if got := check(t, f, host("new"), ed(1)); got != Known {
		t.Errorf("asked again: %v", got)
	}
}

func TestLineLimitOfAccept(t *testing.T) {
	f := FromPath(tempFile(t, "# before"))
	many := make([]Name, 2000)
	for i := range many {
		many[i] = host(strings.Repeat("x", 40))
	}
	if err := f.Accept(Verdict{Key: ed(1), Missing: many}); err == nil || !strings.Contains(err.Error(), "longer than 65536 bytes") {
		t.Errorf("Accept: %v", err)
	}
	if got := check(t, f, many[0], ed(1)); got != Unknown || readFile(t, f.path) != "# before\n" {
		t.Errorf("a line that cannot be read is recorded: %v", got)
	}
}

func TestAcceptToDevice(t *testing.T) {
	accept(t, FromPath(os.DevNull), host("host"))
}

// Any beginning of a line, such as a crash can leave, is not understood, and
// the next Accept starts on a line of its own.
func TestAcceptAfterBrokenLine(t *testing.T) {
	whole := line("one", ed(1))
	path := filepath.Join(t.TempDir(), "known_hosts")
	for size := range len(whole) {
		writeFile(t, path, whole[:size])
		f := FromPath(path)
		if got := check(t, f, host("one"), ed(2)); got != Unknown {
			t.Fatalf("%q: %v", whole[:size], got)
		}
		accept(t, f, host("two"))
		if got := check(t, f, host("two"), ed(1)); got != Known {
			t.Fatalf("%q: %v", readFile(t, path), got)
		}
	}
}

func TestAcceptKeepsLinkAndMode(t *testing.T) {
	for name, existing := range map[string]bool{"existing": true, "dangling": false} {
		path := filepath.Join(t.TempDir(), "known_hosts")
		want := fs.FileMode(0o600)
		if existing {
			want = 0o644
			writeFile(t, path, "")
			if err := os.Chmod(path, want); err != nil {
				t.Fatal(err)
			}
		}
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		accept(t, FromPath(link), host("host"))
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s: the link is gone: %v, %v", name, info, err)
		}
		if readFile(t, path) != line("host", ed(1))+"\n" || mode(t, path) != want {
			t.Errorf("%s: file %q, mode %o", name, readFile(t, path), mode(t, path))
		}
	}
}

// writerVariable makes the test binary a program that accepts keys in the file
// that its value names.
const writerVariable = "KNOWNHOSTS_TEST_WRITER"

const acceptsPerWriter = 25

func acceptMany(f *File, writer string) error {
	for i := range acceptsPerWriter {
		name := host(fmt.Sprintf("host-%s-%d", writer, i))
		if err := f.Accept(Verdict{Key: ed(1), Missing: []Name{name}}); err != nil {
			return err
		}
	}
	return nil
}

// Several writers of one file lose nothing: goroutines that share a File,
// goroutines with a File each, and other processes.
func TestAcceptTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	writeFile(t, path, "# no newline at the end")
	shared := FromPath(path)
	var all sync.WaitGroup
	var writers []string
	start := func(writer string, accept func() error) {
		writers = append(writers, writer)
		all.Go(func() { // ends after its keys
			if err := accept(); err != nil {
				t.Errorf("%s: %v", writer, err)
			}
		})
	}
	for _, writer := range []string{"shared1", "shared2"} {
		start(writer, func() error { return acceptMany(shared, writer) })
	}
	for _, writer := range []string{"own1", "own2"} {
		start(writer, func() error { return acceptMany(FromPath(path), writer) })
	}
	for _, writer := range []string{"process1", "process2"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], writer)
		cmd.Env = append(os.Environ(), writerVariable+"="+path)
		start(writer, cmd.Run)
	}
	all.Wait()
	lines := strings.Split(readFile(t, path), "\n")
	lines = slices.DeleteFunc(lines, func(text string) bool { return text == "" })
	if want := 1 + len(writers)*acceptsPerWriter; len(lines) != want || lines[0] != "# no newline at the end" {
		t.Errorf("%d lines that are not empty, want %d", len(lines), want)
	}
	f := FromPath(path)
	for _, writer := range writers {
		for i := range acceptsPerWriter {
			if name := fmt.Sprintf("host-%s-%d", writer, i); check(t, f, host(name), ed(1)) != Known {
				t.Errorf("%s is lost", name)
			}
		}
	}
}

func TestDefault(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	f, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	user := filepath.Join(home, ".ssh", "known_hosts")
	if want := []string{user, user + "2", globalFile, globalFile2}; !slices.Equal(f.paths(), want) {
		t.Errorf("paths %q, want %q", f.paths(), want)
	}
	accept(t, f, host("host"))
	if got := readFile(t, user); got != line("host", ed(1))+"\n" || mode(t, filepath.Dir(user)) != 0o700 {
		t.Errorf("saved %q", got)
	}
	writeFile(t, user+"2", line("second", ed(2))+"\n")
	if got := check(t, f, host("second"), ed(2)); got != Known {
		t.Errorf("second file: %v", got)
	}
}
