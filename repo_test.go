// Package hawser has no code; its test holds the rules of the repository.
package hawser

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "github.com/hawser-go/hawser/"

// imports says which packages of this module a package may import. A name ends
// with "/..." for the packages below it too. The packages below a folder of the
// left side that is not named itself may import what the folder may, and each
// other.
var imports = map[string][]string{
	"deferred": nil,
	"reactor":  {"deferred"},

	"conch/internal":     {"deferred", "reactor/..."},
	"conch/keys":         {"conch/internal/..."},
	"conch/knownhosts":   {"conch/internal/..."},
	"conch/agent":        {"deferred", "reactor/...", "conch/keys", "conch/internal/..."},
	"conch/filetransfer": {"deferred", "reactor/...", "conch/internal/..."},
	"conch":              {"deferred", "reactor/...", "conch/internal/..."},
	"conch/forward":      {"deferred", "reactor/...", "conch/internal/...", "conch"},
	"conch/client": {"deferred", "reactor/...", "conch/internal/...", "conch", "conch/forward", "conch/keys", "conch/knownhosts",
		"conch/agent"},
	"conch/sshconfig": {"deferred", "reactor/...", "conch/internal/...", "conch", "conch/client", "conch/forward"},
	"conch/sftp":      {"deferred", "reactor/...", "conch/internal/...", "conch", "conch/client", "conch/filetransfer/..."},
	"conch/server":    {"deferred", "reactor/...", "conch/internal/...", "conch", "conch/forward", "conch/cred", "conch/keys", "conch/filetransfer/..."},
	"conch/cred":      {"deferred", "reactor/...", "conch/internal/...", "conch/keys"},
	"conch/telnet":    {"deferred", "reactor/...", "conch/internal/...", "conch/cred"},
	"conch/insults":   {"deferred", "reactor", "conch/internal/..."},
	"conch/recvline":  {"reactor", "conch/insults"},
	"conch/manhole": {"deferred", "reactor/...", "conch/internal/...", "conch", "conch/cred", "conch/insults", "conch/recvline", "conch/server",
		"conch/telnet"},
	"conch/conchtest": nil,
	"conch/cmd":       {"deferred", "reactor/...", "conch/...", "docs"},
	"docs":            nil,
	"examples":        {"deferred", "reactor/...", "conch/..."},

	"conch/internal/sshtest":   {"deferred", "reactor/...", "conch/..."}, // for tests only
	"conch/internal/oddserver": nil,                                      // for tests only
}

// neverImported are folders that nothing outside of them imports.
var neverImported = []string{"examples", "conch/cmd"}

func TestImportDirection(t *testing.T) {
	for dir, files := range packages(t) {
		for _, name := range files {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, imp := range f.Imports {
				imported, _ := strconv.Unquote(imp.Path.Value) // the parser has checked it
				if rest, ours := strings.CutPrefix(imported, module); ours && !allowed(dir, rest, filepath.Base(name)) {
					t.Errorf("%s must not import %s", name, rest)
				}
			}
		}
	}
}

// allowed reports whether a file of the package in dir may import another
// package. Tests may use the test kits of their own layer, and examples what a
// program would.
func allowed(dir, imported, name string) bool {
	for _, folder := range neverImported {
		if under(imported, folder) {
			return under(dir, folder)
		}
	}
	if name == "example_test.go" {
		return true
	}
	if strings.HasSuffix(name, "_test.go") && (strings.HasSuffix(imported, "oddserver") || strings.HasSuffix(path.Base(imported), "test") || under(dir, path.Dir(imported)) || under(imported, "reactor")) {
		return true
	}
	if strings.HasSuffix(imported, "sshtest") || strings.HasSuffix(imported, "oddserver") {
		return false
	}
	folder := dir
	for folder != "." {
		if _, named := imports[folder]; named {
			break
		}
		folder = path.Dir(folder)
	}
	if imported == dir || folder != dir && under(imported, folder) || under(imported, dir+"/internal") {
		return true
	}
	return slices.ContainsFunc(imports[folder], func(may string) bool { return matches(may, imported) })
}

// matches reports whether pattern names the folder. A pattern that ends with
// "/..." also names the folders below.
func matches(pattern, dir string) bool {
	folder, below := strings.CutSuffix(pattern, "/...")
	return dir == folder || below && under(dir, folder)
}

func under(dir, folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }

// TestPackageComments: each package has one package comment, and it begins as
// godoc wants it.
func TestPackageComments(t *testing.T) {
	for dir, files := range packages(t) {
		var comments []string
		name := ""
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			name = f.Name.Name
			if f.Doc != nil {
				comments = append(comments, f.Doc.Text())
			}
		}
		want := "Package " + name + " "
		if name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		if name != "" && (len(comments) != 1 || !strings.HasPrefix(comments[0], want)) {
			t.Errorf("%s: want one package comment that begins with %q, got %q", dir, want, comments)
		}
	}
}

// packages returns the Go files of each folder.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go"):
			dir := filepath.ToSlash(filepath.Dir(name))
			found[dir] = append(found[dir], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(found, ".")
	return found
}

// TestTopLevel: nothing stands at the top that does not have to be there.
func TestTopLevel(t *testing.T) {
	expected := " .ci .git .gitignore LICENSE README.md conch deferred docs examples go.mod go.sum reactor repo_test.go "
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains(expected, " "+e.Name()+" ") {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}

// numbered are the behaviours that have a number: a test below the folder
// carries it, or docs/from-twisted.md says why none does.
var numbered = []struct {
	folder, prefix string
	ranges         [][2]int
}{
	{"deferred", "D", [][2]int{{1, 318}}},
	{"reactor", "R", [][2]int{{1, 237}, {250, 537}}}, // the others are about what is not part of this library
	{"conch", "PORT-", [][2]int{{1, 7}}},
	{"conch", "C-CLIENT-", [][2]int{{1, 28}, {30, 48}, {50, 54}}},
	{"conch", "C-AUTH-", [][2]int{{1, 22}, {30, 41}}},
	{"conch", "C-CONN-", [][2]int{{1, 4}, {10, 14}, {20, 26}, {30, 37}, {40, 43}, {50, 57}}},
	{"conch", "C-CHAN-", [][2]int{{1, 6}, {10, 17}, {20, 24}, {30, 32}}},
	{"conch", "C-ENDP-", [][2]int{{1, 8}}},
	{"conch", "C-SFTP-", [][2]int{{1, 10}, {20, 32}, {40, 46}, {50, 52}, {60, 63}}},
	{"conch", "C-KEYS-", [][2]int{{1, 14}, {20, 24}}},
	{"conch", "C-SERVER-", [][2]int{{1, 5}, {10, 18}, {20, 25}, {30, 32}, {40, 49}, {60, 64}}},
	{"conch", "V-AUTH-", [][2]int{{1, 14}, {20, 24}, {30, 34}, {40, 45}}},
	{"conch", "V-LIMITS-", [][2]int{{1, 10}, {20, 29}}},
	{"conch", "V-FORWARD-", [][2]int{{1, 13}}},
	{"conch", "V-SESSION-", [][2]int{{1, 24}}},
	{"conch", "C-SFTPSRV-", [][2]int{{1, 14}}},
	{"conch", "V-SFTP-", [][2]int{{1, 8}, {10, 31}}},
	{"conch", "V-JAIL-", [][2]int{{1, 15}}},
	{"conch", "V-ECOSYSTEM-", [][2]int{{1, 23}}},
	{"conch", "V-CLIENTS-", [][2]int{{1, 6}}},
	{"conch", "C-SCRIPTS-", [][2]int{{1, 10}, {20, 23}, {30, 30}}},
	{"conch", "T-TELNET-", [][2]int{{1, 6}, {10, 17}, {30, 34}, {40, 44}, {50, 55}}},
	{"conch", "T-INSULTS-", [][2]int{{1, 8}, {10, 18}, {20, 25}, {30, 32}, {40, 47}, {50, 53}, {70, 78}, {100, 120}, {140, 143}, {150, 154}, {160, 160}}},
	{"conch", "T-RECVLINE-", [][2]int{{1, 15}, {30, 38}, {50, 51}}},
	{"conch", "T-MANHOLE-", [][2]int{{1, 15}, {19, 22}, {30, 38}, {40, 41}}},
	{"conch", "T-STDIO-", [][2]int{{1, 4}}},
	{"conch", "T-SESSION-", [][2]int{{1, 21}}},
}

func TestNumberedBehaviours(t *testing.T) {
	text, err := os.ReadFile("docs/from-twisted.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testSources(t)
	for _, n := range numbered {
		_, section, _ := strings.Cut(string(text), "\n## "+n.folder+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		_, reasons, _ := strings.Cut(section, "### Numbers without a test of their own")
		found := make(map[int]bool)
		addNumbers(found, n.prefix, reasons)
		for dir, source := range tests {
			if under(dir, n.folder) {
				addNumbers(found, n.prefix, source)
			}
		}
		for _, r := range n.ranges {
			for i := r[0]; i <= r[1]; i++ {
				if !found[i] {
					t.Errorf("no test in %s carries %s%d, and docs/from-twisted.md has no reason for it", n.folder, n.prefix, i)
				}
			}
		}
	}
}

// testSources returns the text of all tests, by folder.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	tests := make(map[string]string)
	for dir, files := range packages(t) {
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				continue
			}
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tests[dir] += string(source)
		}
	}
	return tests
}

// addNumbers adds the numbers after the prefix in text, and the numbers between
// two that have the word "to" between them. Numbers with a hyphen may stand in
// lists, and in the names of tests: C-CONN-32, 35, TestC_AUTH_12_13, TestSFTP61.
func addNumbers(found map[int]bool, prefix, text string) {
	number, list := prefix, ``
	if name, hyphen := strings.CutSuffix(prefix, "-"); hyphen {
		number, list = strings.ReplaceAll(name, "-", "[-_]")+"[-_]", `(?:(?:, | and |_)\d+)*`
		if name, ok := strings.CutPrefix(name, "C-"); ok {
			number += "|Test" + name
		}
	}
	text = strings.ReplaceAll(text, "\n// ", " ") // a list may continue on the next line of a comment
	pattern := `(?:` + number + `)(\d+)(` + list + `)(?: ?to ?(?:` + number + `)(\d+))?`
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		first, _ := strconv.Atoi(m[1])
		last, _ := strconv.Atoi(m[3]) // 0 without a second number
		for i := first; i <= max(first, last); i++ {
			found[i] = true
		}
		for _, n := range digits.FindAllString(m[2], -1) {
			i, _ := strconv.Atoi(n)
			found[i] = true
		}
	}
}

var digits = regexp.MustCompile(`\d+`)

func TestAddNumbers(t *testing.T) {
	for text, want := range map[string][]int{
		"D D7 D9 to D11, 13":                 {7, 9, 10, 11},
		"C-CONN-2, 4 and 6":                  {2, 4, 6},
		"// C-CONN-2,\n// 4.":                {2, 4},
		"C-CONN-2 to C-CONN-4, C-CHAN-9":     {2, 3, 4},
		"TestC_CONN_12_13_Name, TestCONN7_X": {7, 12, 13},
	} {
		found := make(map[int]bool)
		prefix := "C-CONN-"
		if text[0] == 'D' {
			prefix = "D"
		}
		addNumbers(found, prefix, text)
		if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestHowtosShowCodeThatRuns: the Go code of each page that says so stands in
// the file of examples that it names.
func TestHowtosShowCodeThatRuns(t *testing.T) {
	pages, err := filepath.Glob("docs/howto/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(err, "no pages")
	}
	claim := regexp.MustCompile("All code on this page runs as a test, in\\s+`([^`]+)`")
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		m := claim.FindSubmatch(text)
		if m == nil {
			continue
		}
		source, err := os.ReadFile(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "```go\n")[1:] {
			code, _, _ := strings.Cut(block, "```")
			if !strings.Contains(withoutIndent(string(source)), withoutIndent(code)) {
				t.Errorf("%s shows code that is not in %s:\n%s", page, m[1], code)
			}
		}
	}
}

func withoutIndent(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimLeft(line, "\t "))
	}
	return b.String()
}

// TestReadmeProgram: the program that README.md shows runs, and prints what one
// would expect.
func TestReadmeProgram(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```go\npackage main\n")
	program, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("README.md shows no program")
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte("package main\n"+program), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "run", file).CombinedOutput(); err != nil || string(out) != "got hello\n" {
		t.Errorf("%v: %s", err, out)
	}
}

// TestComments: comment lines have at most 100 columns. The numbers of
// behaviours and faults occur in tests only.
func TestComments(t *testing.T) {
	const columns = 100
	number := regexp.MustCompile(`\b(?:[DRF]\d{1,3}|[CTV]-[A-Z]+-\d+|PORT-\d+)\b`)
	for _, files := range packages(t) {
		for _, name := range files {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(source), "\n")
			for _, group := range f.Comments {
				for _, c := range group.List {
					at := set.Position(c.Pos())
					line := strings.ReplaceAll(lines[at.Line-1], "\t", "    ")
					if own := strings.HasPrefix(strings.TrimSpace(line), "//"); own && utf8.RuneCountInString(line) > columns &&
						!strings.HasPrefix(c.Text, "//go:") && !strings.HasPrefix(c.Text, "// Output:") {
						t.Errorf("%v: the comment is wider than %d columns", at, columns)
					}
					if !strings.HasSuffix(name, "_test.go") && number.MatchString(c.Text) {
						t.Errorf("%v: the number belongs in a test: %s", at, c.Text)
					}
				}
			}
		}
	}
}
