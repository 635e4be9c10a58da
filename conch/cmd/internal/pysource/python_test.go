package pysource_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/pysource"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
)

// long reports whether the long forms run. With the race detector they would
// take minutes.
var long = os.Getenv("HAWSER_LONG") != "" && !sshtest.RaceDetector

// python is the distribution's Python, which has the distribution's Twisted.
const python = "/usr/bin/python3"

// needPython skips the test if there is no Python with Twisted.
func needPython(t *testing.T) {
	t.Helper()
	if exec.CommandContext(t.Context(), python, "-c", "import twisted").Run() != nil {
		conchtest.MissingPeer(t, python+" with Twisted")
	}
}

// found is what Python, or Parse, finds in a file.
type found struct {
	Uses    []string     `json:"uses"`
	Imports []string     `json:"imports"`
	Classes []foundClass `json:"classes"`
}

type foundClass struct {
	Line    int      `json:"line"`
	Name    string   `json:"name"`
	Bases   []string `json:"bases"`
	Members [][3]any `json:"members"`
}

// judged has Python read the files. A file that is not of its version is nil.
func judged(t *testing.T, files []string) map[string]*found {
	t.Helper()
	c := exec.CommandContext(t.Context(), python, "testdata/judge.py")
	c.Stdin = strings.NewReader(strings.Join(files, "\n"))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*found)
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// ours returns what Parse finds.
func ours(text string) (*found, error) {
	m, err := pysource.Parse(text, "", false)
	f := &found{Uses: uses(m)}
	for _, i := range m.Imports {
		f.Imports = append(f.Imports, i.Target)
	}
	for _, c := range m.Classes {
		one := foundClass{Line: c.Line, Name: c.Name, Bases: []string{}, Members: [][3]any{}}
		for _, b := range c.Bases {
			one.Bases = append(one.Bases, strings.Join(b.Names, "."))
		}
		for _, member := range c.Members {
			one.Members = append(one.Members, [3]any{float64(member.Line), member.Name, member.Method})
		}
		f.Classes = append(f.Classes, one)
	}
	slices.Sort(f.Uses)
	slices.Sort(f.Imports)
	return f, err
}

// compare reads the files with Parse and with Python.
func compare(t *testing.T, files []string) {
	t.Helper()
	needPython(t)
	read, failures := 0, 0
	for file, want := range judged(t, files) {
		if want == nil {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read++
		got, err := ours(string(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if difference := differ(got, want); difference != "" {
			t.Errorf("%s: %s", file, difference)
		} else {
			continue
		}
		if failures++; failures == 5 {
			t.Fatal("and so on")
		}
	}
	t.Logf("%d of %d files are equal", read-failures, len(files))
	if read*10 < len(files)*9 {
		t.Errorf("Python has read %d of %d files", read, len(files))
	}
}

// differ says where the two differ, or returns "".
func differ(got, want *found) string {
	for _, l := range [][2][]string{{got.Uses, want.Uses}, {got.Imports, want.Imports}} {
		if !slices.Equal(l[0], l[1]) {
			return fmt.Sprintf("only ours: %.20q, only Python's: %.20q", without(l[0], l[1]), without(l[1], l[0]))
		}
	}
	if len(got.Classes) != len(want.Classes) {
		return fmt.Sprintf("%d classes, want %d", len(got.Classes), len(want.Classes))
	}
	// Python's come in the order in which it visits them.
	order := func(a, b foundClass) int { return a.Line*1000 + len(a.Name) - b.Line*1000 - len(b.Name) }
	slices.SortStableFunc(got.Classes, order)
	slices.SortStableFunc(want.Classes, order)
	for i, c := range want.Classes {
		if g := got.Classes[i]; fmt.Sprint(sortedMembers(g)) != fmt.Sprint(sortedMembers(c)) {
			return fmt.Sprintf("class %+v, want %+v", g, c)
		}
	}
	return ""
}

func sortedMembers(c foundClass) foundClass {
	slices.SortFunc(c.Members, func(a, b [3]any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return c
}

// without returns the texts of a that are not in b, which are both sorted.
func without(a, b []string) []string {
	count := make(map[string]int)
	for _, s := range b {
		count[s]++
	}
	var rest []string
	for _, s := range a {
		if count[s]--; count[s] < 0 {
			rest = append(rest, s)
		}
	}
	return rest
}

// pythonFiles returns the files of Python below a directory.
func pythonFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".py") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestTwistedAgainstPython reads Twisted itself; in the long form also Python's
// library.
func TestTwistedAgainstPython(t *testing.T) {
	needPython(t)
	out, err := exec.CommandContext(t.Context(), python, "-c",
		"import os, twisted; print(os.path.dirname(twisted.__file__)); print(os.path.dirname(os.__file__))").Output()
	if err != nil {
		t.Fatal(err)
	}
	dirs := strings.Fields(string(out))
	if long {
		compare(t, append(pythonFiles(t, dirs[0]), pythonFiles(t, dirs[1])...))
	} else {
		compare(t, pythonFiles(t, filepath.Join(dirs[0], "conch")))
	}
}

// TestGeneratedAgainstPython reads random programs.
func TestGeneratedAgainstPython(t *testing.T) {
	n := 300
	if long {
		n = 5000
	}
	dir := t.TempDir()
	var files []string
	for seed := range n {
		file := filepath.Join(dir, fmt.Sprintf("%d.py", seed))
		if err := os.WriteFile(file, []byte(generate(uint64(seed))), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	compare(t, files)
}
