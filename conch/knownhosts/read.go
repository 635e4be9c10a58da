package knownhosts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

const (
	// maxLine is the length, in bytes without the newline, of the longest line
	// that is read. A line with a large RSA key has about 800.
	maxLine = 64 << 10

	// maxFile is the size, in bytes, of the largest file that is read.
	maxFile = 64 << 20
)

// entries iterates over the accepted keys that are not saved, and then over the
// entries of each file. An error ends the iteration.
func (f *File) entries() iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		for _, text := range f.unsavedLines() {
			if e, ok := parseEntry(text); ok && !yield(&e, nil) {
				return
			}
		}
		for _, path := range f.paths() {
			for e, err := range fileEntries(path) {
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

// fileEntries iterates over the entries of one file. A file that does not exist
// has none.
func fileEntries(path string) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(nil, fmt.Errorf("knownhosts: cannot read %s: %w", text.Quote(path), withoutPath(err)))
			return
		}
		defer file.Close()
		number := 0
		for text, err := range readLines(file) {
			number++
			if err != nil {
				yield(nil, fmt.Errorf("knownhosts: cannot read %s: %w", place(path, number), withoutPath(err)))
				return
			}
			if e, ok := parseEntry(text); ok {
				e.path, e.line = path, number
				if !yield(&e, nil) {
					return
				}
			}
		}
	}
}

// readLines iterates over the lines of r without their newlines. An error ends
// the iteration. Only one line is in memory at a time.
func readLines(r io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		buffered := bufio.NewReaderSize(r, maxLine+len("\n"))
		for size := 0; ; {
			raw, err := buffered.ReadSlice('\n')
			size += len(raw)
			if failure := readError(err, size); failure != nil {
				yield("", failure)
				return
			}
			if len(raw) > 0 && !yield(strings.TrimSuffix(string(raw), "\n"), nil) {
				return
			}
			if err != nil {
				return
			}
		}
	}
}

// readError returns the error to report after size bytes, or nil if err is nil
// or the end of the file and the bounds are kept.
func readError(err error, size int) error {
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("the line is longer than %d bytes; shorten or remove it", maxLine)
	case size > maxFile:
		return fmt.Errorf("the file is larger than %d bytes; remove old lines", maxFile)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}
