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
)

const (
	// MaxLineLength is the longest line that is read, in bytes without the newline. Usual lines have 100 to 800.
	MaxLineLength = 64 << 10

	// MaxFileSize is the largest file that is read, in bytes.
	MaxFileSize = 64 << 20
)

// textLine is a line without its newline and where it stands: path is empty for an addition that is not saved.
type textLine struct {
	text   string
	path   string
	number int
}

// entry parses the line.
func (l textLine) entry() Entry {
	e, _ := ParseEntry(l.text) // a line that is not understood is an entry like any other
	e.Path, e.Line = l.path, l.number
	return e
}

// hosts is the host column, one that matches no name when the line has none. The key is not decoded.
func (l textLine) hosts() hostMatcher {
	c, err := cut(l.text)
	if err != nil || c.blank() {
		return patterns("")
	}
	names, err := parseHosts(c.hosts)
	if err != nil {
		return patterns("")
	}
	return names
}

// Entries walks the additions that are not saved yet, oldest first, and then the lines of the files, one entry for each,
// understood or not (C-CLIENT-32). The files are read while it walks. An error of reading ends the walk; Err tells it.
func (f *File) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		f.err = nil
		for line, err := range f.lines() {
			if err != nil {
				f.err = err
				return
			}
			if !yield(line.entry()) {
				return
			}
		}
	}
}

// Err is the error that ended the last walk of Entries, nil when it came to its end or was left.
func (f *File) Err() error { return f.err }

// lines walks what counts: unsaved additions, then the lines of each file. The first error is the last item.
func (f *File) lines() iter.Seq2[textLine, error] {
	return func(yield func(textLine, error) bool) {
		for _, e := range f.added {
			if !yield(textLine{text: e.text}, nil) {
				return
			}
		}
		for _, path := range f.readPaths() {
			for line, err := range fileLines(path) {
				if !yield(line, err) || err != nil {
					return
				}
			}
		}
	}
}

// fileLines walks the lines of one file, none when it does not exist.
func fileLines(path string) iter.Seq2[textLine, error] {
	return func(yield func(textLine, error) bool) {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(textLine{}, fmt.Errorf("knownhosts: %w", err))
			return
		}
		defer file.Close()
		readLines(file, path)(yield)
	}
}

// readLines walks the lines of r. Only one line is in memory at a time.
func readLines(r io.Reader, path string) iter.Seq2[textLine, error] {
	return func(yield func(textLine, error) bool) {
		buffered := bufio.NewReaderSize(r, MaxLineLength+len("\n"))
		size := 0
		for number := 1; ; number++ {
			raw, err := buffered.ReadSlice('\n')
			size += len(raw)
			if err := readError(err, size, path, number); err != nil {
				yield(textLine{}, err)
				return
			}
			text := strings.TrimSuffix(string(raw), "\n")
			if len(raw) > 0 && !yield(textLine{text, path, number}, nil) {
				return
			}
			if err != nil {
				return
			}
		}
	}
}

// readError is the error to report for one that came with a line; the end of the file is none.
func readError(err error, size int, path string, number int) error {
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return &LimitError{Path: path, Line: number, Limit: MaxLineLength}
	case size > MaxFileSize:
		return &LimitError{Path: path, Limit: MaxFileSize}
	case err == nil, errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("knownhosts: reading line %d of %s: %w", number, path, err)
	}
}
