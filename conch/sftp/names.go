package sftp

import (
	"fmt"
	"hash/fnv"
	"path"
	"path/filepath"
	"strings"
)

// isLocalName reports whether name, which names something in a directory of the
// server, can name a file in a directory of this system.
func isLocalName(name string) bool {
	return isEntryName(name) && filepath.IsLocal(name) && filepath.Base(name) == name
}

// maxBase is how long a file's own name may be, in bytes, before the name of its partial file is shortened; systems allow 255.
const maxBase = 240

// partOf returns the name under which Options.Atomic keeps the file name until it is complete. It takes paths with slashes.
func partOf(name string) string {
	dir, base := path.Split(name)
	if len(base) <= maxBase {
		return dir + "." + base + ".part"
	}
	sum := fnv.New64a()
	sum.Write([]byte(base)) // never fails
	return fmt.Sprintf("%s.%s.%x.part", dir, base[:maxBase-24], sum.Sum64())
}

// localPartOf is partOf for local paths.
func localPartOf(name string) string {
	dir, base := filepath.Split(name)
	return dir + partOf(base)
}

// staysInside reports whether a symbolic link points to something in the tree
// that it is in. name is the path of the link below the top of the tree, with
// slashes. ".." may stand at the beginning of target only: after the name of
// another link it leads elsewhere than the path says.
func staysInside(name, target string) bool {
	if path.IsAbs(target) || filepath.IsAbs(target) || target == "" {
		return false
	}
	down := false
	for part := range strings.SplitSeq(filepath.ToSlash(target), "/") {
		if part == ".." && down {
			return false
		}
		down = down || part != ".." && part != "." && part != ""
	}
	return filepath.IsLocal(filepath.FromSlash(path.Join(path.Dir(name), target)))
}
