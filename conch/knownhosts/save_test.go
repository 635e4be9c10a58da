package knownhosts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func add(t testing.TB, f *File, name string) Entry {
	t.Helper()
	e, err := f.AddHostKey(name, ed(1))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func save(t testing.TB, f *File) {
	t.Helper()
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
}

func TestC_CLIENT_30_FromPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	f := FromPath(path)
	if got := texts(t, f); got != nil {
		t.Errorf("a missing file has entries %q", got)
	}
	save(t, f)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing to save, yet there is a file: %v", err)
	}
	for _, text := range []string{"# one", "# two"} { // read anew each time
		writeFile(t, path, text+"\n")
		if got := texts(t, f); !slices.Equal(got, []string{text}) {
			t.Errorf("entries %q, want %q", got, text)
		}
	}
	e := add(t, f, "host")
	save(t, f)
	if got, want := readFile(t, path), "# two\n"+e.String()+"\n"; got != want {
		t.Errorf("file %q, want %q", got, want)
	}
}

func TestC_CLIENT_31_New(t *testing.T) {
	path := tempFile(t, line("host", ed(2)))
	f := New(path)
	if found, err := f.HasHostKey("host", ed(1)); found || err != nil || texts(t, f) != nil {
		t.Errorf("existing content counts: %v, %v", found, err)
	}
	one := add(t, f, "one")
	save(t, f)
	if got, want := readFile(t, path), one.String()+"\n"; got != want {
		t.Errorf("file %q, want %q", got, want)
	}
	writeFile(t, path, "# changed\n")
	two := add(t, f, "two")
	save(t, f)
	if got, want := readFile(t, path), "# changed\n"+two.String()+"\n"; got != want {
		t.Errorf("after the first save it appends: file %q, want %q", got, want)
	}
}

func TestC_CLIENT_31_NewWithoutAdditions(t *testing.T) {
	path := tempFile(t, line("host", ed(2)))
	save(t, New(path))
	if got := readFile(t, path); got != "" {
		t.Errorf("file %q", got)
	}
}

func TestC_CLIENT_31_NewKeepsLinkAndMode(t *testing.T) {
	path := tempFile(t, "# old")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	f := New(link)
	e := add(t, f, "host")
	save(t, f)
	if readFile(t, path) != e.String()+"\n" || mode(t, path) != 0o644 {
		t.Errorf("file %q, mode %o", readFile(t, path), mode(t, path))
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestC_CLIENT_31_NewOverDirectory(t *testing.T) {
	dir := t.TempDir()
	f := New(dir)
	add(t, f, "host")
	if err := f.Save(); !isPathError(err) {
		t.Errorf("error %v", err)
	}
	if found, err := f.HasHostKey("host", ed(1)); !found || err != nil {
		t.Errorf("what was not saved must stay an addition: %v, %v", found, err)
	}
}

func TestC_CLIENT_32_EntriesOrder(t *testing.T) {
	lines := []string{"", "# comment", "not a line at all", marked(Revoked, "x", ed(3)), line("host", ed(2)), "  ", "last\r"}
	f := FromPath(tempFile(t, lines...), tempFile(t, "# second file"))
	want := append([]string{add(t, f, "b").String(), add(t, f, "a").String()}, lines...)
	if got := texts(t, f); !slices.Equal(got, append(want, "# second file")) {
		t.Errorf("entries %q", got)
	}
	var numbers []int
	for e := range f.Entries() {
		numbers = append(numbers, e.Line)
	}
	if !slices.Equal(numbers, []int{0, 0, 1, 2, 3, 4, 5, 6, 7, 1}) {
		t.Errorf("line numbers %v", numbers)
	}
	for range f.Entries() {
		break
	}
	if f.Err() != nil {
		t.Errorf("leaving early is no error: %v", f.Err())
	}
}

func TestC_CLIENT_39_AddHostKey(t *testing.T) {
	f := FromPath(filepath.Join(t.TempDir(), "a", "b", "known_hosts"))
	one, two := add(t, f, "Host"), add(t, f, "host")
	if !one.Hashed() || !one.MatchesHost("host") || one.Hosts == two.Hosts {
		t.Errorf("each hashed with its own salt: %q, %q", one.Hosts, two.Hosts)
	}
	if _, err := os.Stat(f.SavePath()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("written before Save: %v", err)
	}
	save(t, f)
	save(t, f)
	f.Plain = true
	three := add(t, f, "[Host]:2222")
	if three.Hosts != "[host]:2222" {
		t.Errorf("plain name %q", three.Hosts)
	}
	save(t, f)
	want := one.String() + "\n" + two.String() + "\n" + three.String() + "\n"
	if got := readFile(t, f.SavePath()); got != want {
		t.Errorf("file %q, want %q", got, want)
	}
	if got := mode(t, f.SavePath()); got != 0o600 {
		t.Errorf("file mode %o", got)
	}
	if got := mode(t, filepath.Dir(f.SavePath())); got != 0o700 {
		t.Errorf("directory mode %o", got)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestC_CLIENT_41_44_Accept(t *testing.T) {
	f := FromPath(filepath.Join(t.TempDir(), "known_hosts"))
	for _, step := range []struct {
		number, ip string
		want       Outcome
		lines      int
	}{
		{"C-CLIENT-44", "192.0.2.1", Unknown, 2},
		{"C-CLIENT-40", "192.0.2.1", Known, 2},
		{"C-CLIENT-41", "192.0.2.2", KnownAddIP, 3},
		{"C-CLIENT-40", "192.0.2.2", Known, 3},
	} {
		v, err := f.Check("host", 2222, step.ip, ed(1))
		if err != nil || v.Outcome != step.want {
			t.Fatalf("%s: %v, %v", step.number, v.Outcome, err)
		}
		if err := f.Accept(v); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(readFile(t, f.SavePath()), "\n"); got != step.lines {
			t.Errorf("%s: %d lines, want %d", step.number, got, step.lines)
		}
	}
}

func TestSaveAfterLineWithoutNewline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	before := "# no newline at the end"
	writeFile(t, path, before)
	f := FromPath(path)
	e := add(t, f, "host")
	save(t, f)
	if got, want := readFile(t, path), before+"\n"+e.String()+"\n"; got != want {
		t.Errorf("file %q, want %q", got, want)
	}
}

func TestSaveToDevice(t *testing.T) {
	f := FromPath(os.DevNull)
	add(t, f, "host")
	save(t, f)
}

// Several writers of one file, each with a File of its own, lose nothing of each other.
func TestSaveTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	const writers, each = 4, 25
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() { // ends after its saves
			f := FromPath(path)
			for i := range each {
				_, err := f.AddHostKey(fmt.Sprintf("host-%d-%d", w, i), ed(1))
				if err := errors.Join(err, f.Save()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	f := FromPath(path)
	for w := range writers {
		for i := range each {
			if found, err := f.HasHostKey(fmt.Sprintf("host-%d-%d", w, i), ed(1)); !found || err != nil {
				t.Errorf("writer %d, host %d: %v, %v", w, i, found, err)
			}
		}
	}
	lines := slices.DeleteFunc(texts(t, f), func(text string) bool { return text == "" })
	if got := len(lines); got != writers*each {
		t.Errorf("%d lines that are not empty", got)
	}
}

// A write that stops after any number of bytes, followed by a second try: each addition is there once and whole, what was there
// before is untouched, and at most one line is incomplete.
func TestSaveCutAfterEveryByte(t *testing.T) {
	const before = "# before\nlast line"
	names := []string{"one", "two"}
	for room := 0; ; room++ {
		disk := &fullDisk{content: []byte(before), room: room}
		f := FromPath("")
		f.Plain = true
		size := len("\n")
		for _, name := range names {
			size += len(add(t, f, name).String() + "\n")
		}
		for try := 0; try < 2 && len(f.added) > 0; try++ {
			complete, err := endsLine(bytes.NewReader(disk.content), int64(len(disk.content)))
			if err != nil {
				t.Fatal(err)
			}
			err = f.writeAdditions(disk, complete)
			if wantError := disk.full && try == 0; (err != nil) != wantError {
				t.Fatalf("room %d, try %d: error %v", room, try, err)
			}
		}
		checkCut(t, room, string(disk.content), before, names)
		if room == size {
			return // that was all of it at once
		}
	}
}

func checkCut(t *testing.T, room int, text, before string, names []string) {
	t.Helper()
	if !strings.HasPrefix(text, before+"\n") {
		t.Fatalf("room %d: file %q", room, text)
	}
	found, broken := map[string]int{}, 0
	for line := range strings.Lines(strings.TrimPrefix(text, before+"\n")) {
		e, err := ParseEntry(strings.TrimSuffix(line, "\n"))
		if err != nil {
			broken++
		}
		if e.Parsed() {
			found[e.Hosts]++
		}
	}
	for _, name := range names {
		if found[name] != 1 {
			t.Fatalf("room %d: %s is there %d times: %q", room, name, found[name], text)
		}
	}
	if broken > 1 {
		t.Fatalf("room %d: %d broken lines: %q", room, broken, text)
	}
}

// fullDisk has room for some bytes in its first Write and for any number in the next.
type fullDisk struct {
	content []byte
	room    int
	full    bool // there was a Write that did not fit
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.full || len(p) <= d.room {
		d.content = append(d.content, p...)
		return len(p), nil
	}
	d.full = true
	d.content = append(d.content, p[:d.room]...)
	return d.room, io.ErrShortWrite
}

func TestDefault(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	f, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(home, ".ssh", "known_hosts"); f.SavePath() != want {
		t.Errorf("path %q, want %q", f.SavePath(), want)
	}
	add(t, f, "host")
	save(t, f)
	writeFile(t, f.SavePath()+"2", line("second", ed(2))+"\n")
	for name, key := range map[string]byte{"host": 1, "second": 2} {
		if found, err := f.HasHostKey(name, ed(key)); !found || err != nil {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}
