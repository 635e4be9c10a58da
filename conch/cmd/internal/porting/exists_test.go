package porting_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/docs"
)

// declared returns the exported names of each package of this module, by the
// name of the package: also the methods and fields of its types.
func declared(t *testing.T) map[string]map[string]bool {
	t.Helper()
	root := filepath.Join("..", "..", "..", "..")
	all := make(map[string]map[string]bool)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pack := path.Base(filepath.ToSlash(filepath.Dir(name)))
		if all[pack] == nil {
			all[pack] = make(map[string]bool)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				all[pack][n.Name.Name] = true
				return false
			case *ast.TypeSpec:
				all[pack][n.Name.Name] = true
			case *ast.ValueSpec:
				for _, id := range n.Names {
					all[pack][id.Name] = true
				}
			case *ast.Field:
				for _, id := range n.Names {
					all[pack][id.Name] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// embedded are the packages whose types those of a package embed.
var embedded = map[string]string{"server": "conch", "recvline": "insults"}

// standard are the packages of the standard library in the tables, and none.
var standard = []string{"", "context", "errors", "exec", "fmt", "net", "runtime", "slog", "sync", "tls", "url"}

// TestGoNamesExist: a package in the tables is one of this module or of the
// standard library. A Go name in the tables that is one name, with or without
// its package, is declared in this module.
func TestGoNamesExist(t *testing.T) {
	all := declared(t)
	one := regexp.MustCompile(`^\*?(?:([a-z]+)\.)?([A-Z]\w*)(?:\[\w+\])?(?:\([^()]*\))?$`)
	checked := 0
	for _, e := range newTable(t).All() {
		if all[e.Package] == nil && !slices.Contains(standard, e.Package) {
			t.Errorf("line %d of docs/from-twisted.md: there is no package %s", e.Line, e.Package)
		}
		m := one.FindStringSubmatch(e.Go)
		if m == nil {
			continue
		}
		pack := m[1]
		if pack == "" {
			pack = e.Package
		}
		names := all[pack]
		if names == nil {
			continue // of the standard library
		}
		checked++
		if !names[m[2]] && !all[embedded[pack]][m[2]] {
			t.Errorf("line %d of docs/from-twisted.md: package %s has no %s", e.Line, pack, m[2])
		}
	}
	t.Logf("%d names", checked)
}

// TestNamesInCellsExist: the names in the second cells of the page, of which
// there may be many in one, are declared in this module.
func TestNamesInCellsExist(t *testing.T) {
	all := declared(t)
	anywhere := make(map[string]bool)
	for _, names := range all {
		maps.Copy(anywhere, names)
	}
	span := regexp.MustCompile("`([^`]+)`")
	one := regexp.MustCompile(`^\*?(?:([a-z]+)\.)?([A-Z]\w*)(?:\[\w+\])?(?:\(.*\)|\{.*\})?((?:\.[A-Z]\w*)*)(…?)`)
	checked, skip := 0, false
	for i, line := range strings.Split(docs.FromTwisted, "\n") {
		cells := strings.Split(strings.TrimSuffix(line, " |"), " | ")
		switch first := strings.TrimPrefix(cells[0], "| "); {
		case !strings.HasPrefix(line, "|"):
			skip = false
			continue
		case first == "chapter" || first == "numbers":
			skip = true
		}
		if skip || len(cells) < 2 {
			continue
		}
		for _, m := range span.FindAllStringSubmatch(cells[1], -1) {
			name := one.FindStringSubmatch(m[1])
			if name == nil || name[4] != "" || name[1] != "" && all[name[1]] == nil { // words, a pattern, or the standard library
				continue
			}
			checked++
			known := all[name[1]][name[2]] || all[embedded[name[1]]][name[2]] || name[1] == "" && anywhere[name[2]]
			for _, member := range strings.Split(name[3], ".")[1:] {
				known = known && anywhere[member]
			}
			if !known {
				t.Errorf("line %d of docs/from-twisted.md: there is no %s", i+1, m[1])
			}
		}
	}
	if checked < 1000 {
		t.Errorf("%d names only", checked)
	}
}
