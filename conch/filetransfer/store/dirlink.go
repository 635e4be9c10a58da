package store

import (
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// MakeLink makes a symbolic link. An absolute target is a path in the Dir; the
// link gets a relative one. A target outside is refused, unless the option
// EscapingLinks is set.
func (d *Dir) MakeLink(linkPath, targetPath string) error {
	name, err := d.newName(linkPath)
	if err != nil {
		return err
	}
	target, err := d.linkTarget(name, targetPath)
	if err != nil {
		return err
	}
	return d.fail(d.root.Symlink(target, name))
}

// linkTarget returns what a link stores.
func (d *Dir) linkTarget(name, target string) (string, error) {
	switch {
	case target == "":
		return "", syscall.ENOENT
	case len(target) >= maxPath:
		return "", syscall.ENAMETOOLONG
	}
	dir, err := d.resolve("/"+path.Dir(name), true)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(target, "/") {
		return relative(dir, path.Clean(target)), nil
	}
	if d.o.EscapingLinks {
		return target, nil
	}
	clean := path.Clean(target) // ".." after a link would mean something else
	depth := len(components(dir))
	for _, c := range components(clean) {
		if c != ".." {
			break
		}
		if depth--; depth < 0 {
			return "", syscall.EPERM
		}
	}
	if strings.Contains(target, "..") {
		return clean, nil
	}
	return target, nil
}

func components(p string) []string {
	if p = strings.Trim(p, "/"); p == "" {
		return nil
	}
	return strings.Split(p, "/")
}

// relative returns the way from a directory to a target. Both are absolute.
func relative(dir, target string) string {
	from, to := components(dir), components(target)
	for len(from) > 0 && len(to) > 0 && from[0] == to[0] {
		from, to = from[1:], to[1:]
	}
	way := strings.Repeat("../", len(from)) + strings.Join(to, "/")
	if way == "" {
		return "."
	}
	return strings.TrimSuffix(way, "/")
}

// ReadLink returns the target of a link as it is stored. The path of a file in
// the Dir on the host becomes its path in the Dir.
func (d *Dir) ReadLink(p string) (string, error) {
	name, err := d.name(p)
	if err != nil {
		return "", err
	}
	target, err := d.root.Readlink(name)
	if err != nil {
		return "", d.fail(err)
	}
	if !filepath.IsAbs(target) {
		return target, nil
	}
	if rest, ok := strings.CutPrefix(target, d.host); ok && (rest == "" || rest[0] == '/') {
		return path.Clean("/" + rest), nil
	}
	if d.o.HostTargets {
		return target, nil
	}
	return "", syscall.EACCES
}
