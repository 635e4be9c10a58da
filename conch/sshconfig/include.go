package sshconfig

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// include reads the files that an Include names. Names without a file are
// skipped, as ssh does.
func (r *reader) include(l *line, user bool, depth int) ([]*file, error) {
	if depth == maxDepth {
		return nil, l.errorf("Include is nested more than %d deep", maxDepth)
	}
	var files []*file
	for _, arg := range l.args {
		pattern, err := r.includePath(arg, user)
		if err != nil {
			return nil, l.errorf("Include %s: %w", arg, err)
		}
		for _, name := range glob(pattern) {
			f, err := r.file(source{name: name, user: user, private: true}, depth+1)
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed meanwhile, or a link to nothing
			}
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// includePath returns the pattern that an argument of Include stands for.
func (r *reader) includePath(arg string, user bool) (string, error) {
	switch {
	case arg == "":
		return "", errors.New("the argument is empty")
	case strings.Contains(arg, "%"):
		return "", errors.New("tokens are not supported here; write the name")
	}
	path, err := expandEnv(arg)
	switch {
	case err != nil:
		return "", err
	case strings.HasPrefix(path, "~") && !user:
		return "", errors.New("~ is not allowed in the system's file")
	case strings.HasPrefix(path, "~"):
		if home, err := r.account.expandTilde(path); err == nil {
			return home, nil
		}
		return path, nil // of no user: no file has that name
	case filepath.IsAbs(path):
		return path, nil
	case user:
		return filepath.Join(r.account.home, ".ssh", path), nil
	}
	return filepath.Join(systemDir, path), nil
}

// glob returns the files that match a pattern of glob(7), sorted. Wildcards do
// not match a dot at the start of a name.
func glob(pattern string) []string {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return []string{pattern} // not a pattern; take the text as a name
	}
	depth := strings.Count(pattern, "/")
	return slices.DeleteFunc(found, func(name string) bool {
		parts, patterns := strings.Split(name, "/"), strings.Split(pattern, "/")
		if len(parts) != depth+1 {
			return false
		}
		for i, p := range parts {
			if strings.HasPrefix(p, ".") && !strings.HasPrefix(patterns[i], ".") {
				return true
			}
		}
		return false
	})
}
