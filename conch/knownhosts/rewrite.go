package knownhosts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// Hash rewrites the file at path so that it no longer tells the names of hosts, as ssh-keygen -H does: a line that names n hosts
// becomes n lines with one hashed name each. Comments stay, and so do hashed lines, lines with a marker or with wildcards, and
// those that are not understood; the lines among them that still may show a name are returned as left. (ssh-keygen gives up on a
// file with a line that it does not understand; Hash keeps the line.)
//
// The old file is kept beside the new one with .old added to its name, replacing an earlier one: delete it to keep the names
// private. The new file takes the old one's place in one step and has its mode. What another program appends in the
// meantime goes to the old file only.
func Hash(path string) (left []Entry, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("knownhosts: cannot hash: %w", err)
	}
	err = replaceFile(path, ".old", func(w io.Writer) error {
		for line, err := range fileLines(path) {
			if err != nil {
				return err
			}
			e := line.entry()
			if showsNames(e) {
				left = append(left, e)
			}
			for _, text := range hashedLines(e) {
				if _, err := io.WriteString(w, text+"\n"); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("knownhosts: cannot hash: %w", err)
	}
	return left, nil
}

// hashable reports whether the host column is a list of plain names, as ssh-keygen would hash it.
func hashable(e Entry) bool {
	plain := !e.Hashed() && !strings.ContainsAny(e.Hosts, "*?!") && strings.Trim(e.Hosts, ",") != ""
	return e.Parsed() && e.Marker == NoMarker && plain
}

// showsNames reports whether a name may be read in a line that Hash leaves as it is.
func showsNames(e Entry) bool {
	if e.Parsed() {
		return !hashable(e) && !e.Hashed()
	}
	c, err := cut(e.text)
	return err != nil || !c.blank()
}

// hashedLines is what becomes of a line.
func hashedLines(e Entry) []string {
	if !hashable(e) {
		return []string{e.text}
	}
	var lines []string
	for name := range strings.SplitSeq(lower(e.Hosts), ",") {
		if name != "" {
			lines = append(lines, formatLine(NoMarker, xknownhosts.HashHostname(name), e.Key, e.Comment))
		}
	}
	return lines
}

// replaceFile puts what write writes in the place of the file at path in one step, with its mode or 0600. A symbolic link stays
// one: what it points to is replaced. With a suffix the old file is kept under that name, and must exist.
func replaceFile(path, keepSuffix string, write func(io.Writer) error) error {
	target, mode, err := replaceable(path)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(target), filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // it has another name by then, unless something failed
	if err := errors.Join(fill(temp, mode, write), temp.Close()); err != nil {
		return err
	}
	if keepSuffix != "" {
		if err := relink(target, target+keepSuffix); err != nil {
			return err
		}
	}
	return os.Rename(temp.Name(), target)
}

// replaceable follows links to the file to replace and tells the mode for the new one.
func replaceable(path string) (target string, mode fs.FileMode, err error) {
	target, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, 0o600, nil
	}
	if err != nil {
		return "", 0, err
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, &fs.PathError{Op: "replace", Path: target, Err: errors.New("not a regular file")}
	}
	return target, info.Mode().Perm(), nil
}

// fill writes the file and brings it to the disk.
func fill(file *os.File, mode fs.FileMode, write func(io.Writer) error) error {
	buffered := bufio.NewWriter(file)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := file.Chmod(mode); err != nil {
		return err
	}
	return file.Sync()
}

// relink gives the file a second name, which may have been that of another file.
func relink(path, second string) error {
	if err := os.Remove(second); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Link(path, second)
}
