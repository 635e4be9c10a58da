package knownhosts

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// Accept records v.Key under the names v.Missing and saves it. If v.Missing is
// empty, Accept does nothing. To record a key that no server has presented,
// pass a Verdict that has only Key and Missing.
//
// Accept appends to the first file. The file's other content does not change,
// even if other programs append at the same time, because each Accept is a
// single write; a last line without a newline gets a newline first. A missing
// file is created with mode 0600, missing directories with mode 0700. A
// symbolic link is followed. The data is on disk when Accept returns nil.
//
// If Accept returns an error, the key is not saved. Unless a name is not valid
// or there are too many names, the File keeps the key in memory: its Check
// treats the key as recorded, so the user need not be asked again, and the next
// Accept, with the same Verdict or another, tries again to save the key.
func (f *File) Accept(v Verdict) error {
	if len(v.Missing) == 0 {
		return nil
	}
	line, err := newLine(v.Missing, plainKey(v.Key))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.unsaved, line) {
		f.unsaved = append(f.unsaved, line)
	}
	if err := f.save(); err != nil {
		return fmt.Errorf("knownhosts: the key of host %s was accepted but not saved in %s: %w; "+
			"until it is saved, only this program knows it",
			text.Quote(v.Missing[0].String()), text.Quote(f.path), withoutPath(err))
	}
	f.unsaved = nil
	return nil
}

// newLine returns the line, with plain names, that records a key.
func newLine(names []Name, key gossh.PublicKey) (string, error) {
	columns := make([]string, len(names))
	for i, name := range names {
		if err := name.validate(); err != nil {
			return "", err
		}
		columns[i] = name.String()
	}
	line := formatEntry(strings.Join(columns, ","), key)
	if len(line) > maxLine {
		return "", fmt.Errorf("knownhosts: the line is longer than %d bytes; accept fewer names at once", maxLine)
	}
	return line, nil
}

// save appends the unsaved lines to the first file.
func (f *File) save() error {
	if f.path == "" {
		return errors.New("no file to save keys in is configured")
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	return cmp.Or(appendText(file, f.unsavedText()), file.Close())
}

// unsavedText returns the unsaved lines as they are written.
func (f *File) unsavedText() string {
	var b strings.Builder
	for _, line := range f.unsaved {
		if f.HashNames {
			line = hashNames(line)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// hashNames returns a line for each name of a line, with the name hashed under
// a salt of its own.
func hashNames(line string) string {
	column, rest := cutColumn(line)
	var lines []string
	for name := range strings.SplitSeq(column, ",") {
		lines = append(lines, xknownhosts.HashHostname(name)+" "+rest)
	}
	return strings.Join(lines, "\n")
}

// appendText writes text to the end of a file in a single write, and syncs a
// regular file.
func appendText(file *os.File, text string) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	ended, err := endsWithNewline(file, info.Size())
	if err != nil {
		return err
	}
	if !ended {
		text = "\n" + text
	}
	if _, err := file.WriteString(text); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil // such as /dev/null, which cannot be synced
	}
	return file.Sync()
}

// endsWithNewline reports whether appended text starts on a line of its own.
func endsWithNewline(r io.ReaderAt, size int64) (bool, error) {
	if size == 0 {
		return true, nil
	}
	var last [1]byte
	if _, err := r.ReadAt(last[:], size-1); err != nil {
		return false, err
	}
	return last[0] == '\n', nil
}
