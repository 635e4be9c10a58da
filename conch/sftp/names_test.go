package sftp

import (
	"os"
	"path"
	"path/filepath"
	"testing"
)

// FuzzNames: if a server's name for an entry is accepted, it lies in the
// directory. If its target of a link is accepted, it lies in the tree.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"a", "", ".", "..", "/", "a/b", "../a", "a\x00b", "a\\b", "C:a", "NUL", "...", "\xff\xfe", "~", "new\nline"} {
		f.Add(name, name)
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, name, target string) {
		if !isLocalName(name) {
			return
		}
		if filepath.Dir(filepath.Join(root, name)) != root || path.Dir(path.Join("top", name)) != "top" {
			t.Errorf("%q is not in the directory", name)
		}
		if base := partOf(name, "0123456789abcdef"); filepath.Dir(filepath.Join(root, base)) != root || base == name {
			t.Errorf("%q, the part of %q, is not in the directory", base, name)
		}
		if !staysInside(path.Join("dir", name), target) {
			return
		}
		to := filepath.Join(root, "dir", filepath.FromSlash(target))
		if rel, err := filepath.Rel(root, to); err != nil || !filepath.IsLocal(rel) || os.IsPathSeparator(target[0]) {
			t.Errorf("a link from %q to %q leaves the tree", name, target)
		}
	})
}
