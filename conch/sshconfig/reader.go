package sshconfig

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const systemDir = "/etc/ssh"

const (
	maxFile  = 256 << 10 // bytes of a file
	maxFiles = 1024      // files of a Config, with included ones
	maxDepth = 16        // of Include
)

// source names a file to read.
type source struct {
	name    string
	user    bool // Include takes relative names from ~/.ssh, not from /etc/ssh
	private bool // refuse the file if others may write to it
}

// file holds the lines of a file.
type file struct {
	name  string
	lines []*line
}

// reader reads files and counts the files it has read.
type reader struct {
	account account
	files   int
}

func newReader() (*reader, error) {
	a, err := localAccount()
	return &reader{account: a}, err
}

// file reads a file. depth is the number of files that include it.
func (r *reader) file(s source, depth int) (*file, error) {
	text, err := readFile(s)
	if err != nil {
		return nil, fmt.Errorf("sshconfig: %s: %w", s.name, err)
	}
	return r.parse(s, text, depth)
}

func readFile(s source) ([]byte, error) {
	f, err := os.Open(s.name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case s.private && !onlyOurs(info):
		return nil, errors.New("others may write to it; chmod go-w")
	case info.IsDir():
		return nil, nil // ssh reads a directory as an empty file
	}
	text := make([]byte, maxFile+1)
	n, err := readFull(f, text)
	if err != nil {
		return nil, err
	}
	if n > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	return text[:n], nil
}

// parse splits the text of a file into lines and reads the included files.
func (r *reader) parse(s source, text []byte, depth int) (*file, error) {
	if r.files++; r.files > maxFiles {
		return nil, fmt.Errorf("sshconfig: %s: more than %d files are included", s.name, maxFiles)
	}
	f := &file{name: s.name}
	number := 0
	for t := range strings.Lines(string(text)) {
		number++
		l, err := parseLine(t, place{s.name, number})
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue
		}
		if l.keyword == "include" {
			if l.include, err = r.include(l, s.user, depth); err != nil {
				return nil, err
			}
		}
		f.lines = append(f.lines, l)
	}
	return f, nil
}

// readFull reads until buf is full or the file ends.
func readFull(f *os.File, buf []byte) (int, error) {
	n, err := io.ReadFull(f, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}
