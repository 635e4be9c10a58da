package porting

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/cmd/internal/pysource"
)

// The bounds of a tree.
const (
	maxFile    = 4 << 20
	maxTotal   = 256 << 20
	maxEntries = 100_000
	maxDepth   = 64
)

// Tree is what Read has read.
type Tree struct {
	Files    []*File
	Problems []Problem // of files that were not read, or not to the end
	Failed   bool      // a file or a directory could not be read

	modules map[string]*File
	entries int
	total   int64
}

// File is a file of Python.
type File struct {
	Path   string // below the tree, with slashes
	Lines  int
	Module *pysource.Module
}

// Problem is a file that was not read, or not to its end.
type Problem struct {
	Path string `json:"path"`
	Line int    `json:"line,omitempty"` // 0 for the whole file
	Text string `json:"text"`
}

// Read reads the files of Python below a directory, or a single file. Files of
// Python end in .py, .pyw or .tac, or begin with #! and the name of Python.
// Hidden directories, caches and virtual environments are skipped. Files that
// are no Python are problems, not errors. The error says that name itself cannot
// be read, or that the tree is too large.
func Read(name string) (*Tree, error) {
	t := &Tree{modules: make(map[string]*File)}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("porting: %w", err)
	}
	dir, base := name, "."
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("porting: %s is neither a directory nor a file", name)
		}
		dir, base = filepath.Split(filepath.Clean(name))
		if dir == "" {
			dir = "."
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("porting: %w", err)
	}
	defer root.Close()
	r := reader{tree: t, fsys: root.FS(), root: dir, top: packageName(name, info.IsDir())}
	if info.IsDir() {
		err = r.dir(".", 0)
	} else {
		err = r.file(base, true)
	}
	return t, err
}

// packageName returns the name of the directory if it is a package itself.
func packageName(name string, isDir bool) string {
	if !isDir {
		name = filepath.Dir(name)
	}
	if _, err := os.Stat(filepath.Join(name, "__init__.py")); err != nil {
		return ""
	}
	if full, err := filepath.Abs(name); err == nil {
		return filepath.Base(full)
	}
	return ""
}

// reader reads a tree. It does not leave it.
type reader struct {
	tree *Tree
	fsys fs.FS
	root string // the directory of fsys
	top  string // the name of the package that the tree is, or empty
}

func (r *reader) problem(name, text string) {
	r.tree.Problems = append(r.tree.Problems, Problem{Path: name, Text: text})
}

// failed notes a file that cannot be read.
func (r *reader) failed(name string, err error) {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	r.tree.Failed = true
	r.problem(name, err.Error())
}

// dir reads a directory.
func (r *reader) dir(name string, depth int) error {
	entries, err := fs.ReadDir(r.fsys, name)
	if err != nil {
		r.failed(name, err)
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "pyvenv.cfg" }) {
		return nil // a virtual environment
	}
	for _, e := range entries {
		if r.tree.entries++; r.tree.entries > maxEntries {
			return fmt.Errorf("porting: the tree has more than %d entries", maxEntries)
		}
		below := path.Join(name, e.Name())
		switch {
		case e.IsDir():
			if strings.HasPrefix(e.Name(), ".") || e.Name() == "__pycache__" || e.Name() == "node_modules" {
				continue
			}
			if depth == maxDepth {
				r.problem(below, "the directory is too deep, and was not read")
				continue
			}
			err = r.dir(below, depth+1)
		case e.Type().IsRegular():
			err = r.file(below, false)
		case r.isLinkToDir(e, below):
			r.problem(below, "a link to a directory; links are not followed")
		case isPython(e.Name()):
			r.problem(below, "not a regular file; links are not followed")
		default:
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isLinkToDir reports whether an entry is a symbolic link to a directory.
func (r *reader) isLinkToDir(e fs.DirEntry, name string) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(filepath.Join(r.root, filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}

// isPython reports whether the name is one of a file of Python.
func isPython(name string) bool {
	return slices.Contains([]string{".py", ".pyw", ".tac"}, path.Ext(name))
}

// file reads a file. Files whose name is not one of Python are read if they say
// that they are programs for it, or if the user has named them.
func (r *reader) file(name string, always bool) error {
	if !always && !isPython(name) && path.Ext(name) != "" {
		return nil
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		r.failed(name, err)
		return nil
	}
	defer f.Close()
	if !always && !isPython(name) {
		begin := make([]byte, 80)
		n, _ := io.ReadFull(f, begin)
		first, _, _ := bytes.Cut(begin[:n], []byte("\n"))
		if !bytes.HasPrefix(first, []byte("#!")) || !bytes.Contains(first, []byte("python")) {
			return nil
		}
		_ = f.Close()
		if f, err = r.fsys.Open(name); err != nil {
			r.failed(name, err)
			return nil
		}
		defer f.Close()
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		r.failed(name, err)
	case len(text) > maxFile:
		r.problem(name, fmt.Sprintf("larger than %d MiB", maxFile>>20))
	case bytes.IndexByte(text, 0) >= 0:
		r.problem(name, "binary")
	default:
		if decoded, ok := decode(text); ok {
			return r.parse(name, decoded)
		}
		r.problem(name, "not UTF-8")
	}
	return nil
}

// coding finds the coding that a file of Python names in its first two lines.
var coding = regexp.MustCompile(`^(?:.*\n)?[ \t\f]*#.*coding[:=][ \t]*([-.\w]+)`)

// decode returns the text in UTF-8. Of another coding only the ASCII characters
// are right, which all names of Twisted consist of. It returns false if the
// file names no other coding.
func decode(text []byte) (string, bool) {
	if utf8.Valid(text) {
		return string(text), true
	}
	m := coding.FindSubmatch(text)
	if m == nil || strings.HasPrefix(strings.ToLower(string(m[1])), "utf") {
		return "", false
	}
	runes := make([]rune, len(text))
	for i, b := range text {
		runes[i] = rune(b)
	}
	return string(runes), true
}

// parse adds a file with this text.
func (r *reader) parse(name, text string) error {
	if r.tree.total += int64(len(text)); r.tree.total > maxTotal {
		return fmt.Errorf("porting: the tree has more than %d MiB of Python", maxTotal>>20)
	}
	module, isPackage := r.moduleName(name)
	m, err := pysource.Parse(text, module, isPackage)
	var bad *pysource.Error
	if errors.As(err, &bad) {
		r.tree.Problems = append(r.tree.Problems, Problem{name, bad.Line, bad.Text + "; the rest was not read"})
	}
	f := &File{Path: name, Lines: strings.Count(text, "\n"), Module: m}
	r.tree.Files = append(r.tree.Files, f)
	if module != "" && r.tree.modules[module] == nil {
		r.tree.modules[module] = f
	}
	return nil
}

// moduleName returns the name under which other modules of the tree import a
// file, and whether the file is a package. Directories count while they are
// packages.
func (r *reader) moduleName(name string) (string, bool) {
	dir, base := path.Split(name)
	dir = path.Clean("./" + dir)
	var parts []string
	base = strings.TrimSuffix(base, path.Ext(base))
	isPackage := base == "__init__"
	if !isPackage {
		parts = []string{base}
	}
	for ; dir != "."; dir = path.Dir(dir) {
		if _, err := fs.Stat(r.fsys, path.Join(dir, "__init__.py")); err != nil {
			break
		}
		parts = append(parts, path.Base(dir))
	}
	if dir == "." && r.top != "" {
		parts = append(parts, r.top)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "."), isPackage
}
