package sftp

import (
	"path"
	"path/filepath"
	"strings"
)

// isLocalName reports whether name, which names something in a directory of the
// server, can name a file in a directory of this system.
func isLocalName(name string) bool {
	return isEntryName(name) && filepath.IsLocal(name) && filepath.Base(name) == name
}

// maxBase is the maximum length in bytes of the part of a file's name that stands
// in the name of its partial file. File systems allow 255 bytes.
const maxBase = 255 - len("..") - keySize - len(partSuffix)

// partSuffix is the end of the names of partial files.
const partSuffix = ".part"

// partOf returns the path of the partial file for a target, for one version of
// the source. The path has slashes.
func partOf(target, key string) string {
	dir, base := path.Split(target)
	return dir + partPrefix(base) + key + partSuffix
}

func partPrefix(base string) string { return "." + base[:min(len(base), maxBase)] + "." }

// isPartOf reports whether name, without a directory, is the name of a partial
// file for base.
func isPartOf(name, base string) bool {
	rest, hasPrefix := strings.CutPrefix(name, partPrefix(base))
	key, hasSuffix := strings.CutSuffix(rest, partSuffix)
	return hasPrefix && hasSuffix && len(key) == keySize && len(base) <= maxBase && strings.Trim(key, "0123456789abcdef") == ""
}

// wholeOf returns the base for which isPartOf is true, or "" if there is none.
func wholeOf(name string) string {
	if base := strings.TrimPrefix(name[:max(0, len(name)-1-keySize-len(".part"))], "."); isPartOf(name, base) {
		return base
	}
	return ""
}

// localPartOf is partOf for local paths.
func localPartOf(target, key string) string {
	dir, base := filepath.Split(target)
	return dir + partOf(base, key)
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
