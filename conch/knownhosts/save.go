package knownhosts

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	gossh "golang.org/x/crypto/ssh"
)

// AddHostKey adds a line for name, which is a name as [Name] writes it, and gives it back. The name is hashed with a salt of its
// own unless Plain is set (C-CLIENT-39). Of a certificate the key inside it is recorded. The line counts from now on; Save writes
// it. The error is ErrBadHost for a name that a file cannot hold.
func (f *File) AddHostKey(name string, key gossh.PublicKey) (Entry, error) {
	name = lower(name)
	if err := checkName(name); err != nil {
		return Entry{}, err
	}
	hosts := name
	if !f.Plain {
		hosts = xknownhosts.HashHostname(name)
	}
	e, err := ParseEntry(formatLine(NoMarker, hosts, plainKey(key), ""))
	if err != nil {
		return Entry{}, err // a key that x/crypto does not read back
	}
	f.added = append(f.added, e)
	return e, nil
}

// Accept does what a verdict calls for: it records the key under each name that is missing, and saves. For a host that is known
// with its address there is nothing to do.
func (f *File) Accept(v Verdict) error {
	if len(v.Missing) == 0 {
		return nil
	}
	for _, name := range v.Missing {
		if _, err := f.AddHostKey(name, v.Key); err != nil {
			return err
		}
	}
	return f.Save()
}

// Save writes the additions to SavePath, each once, whether Save is called again or fails in between; with no additions it does
// nothing. Missing directories are made with mode 0700, a missing file with mode 0600.
//
// What is in the file stays as it is. All additions go out in one write to its end, so lines that other programs append at
// the same time, ssh among them, stay whole and stay there, and a crash can at worst leave the last line incomplete, which is
// then read as one that is not understood. A last line without newline gets one first; when it was only half written because
// another program was at it, this leaves an empty line. The data is on disk when Save returns nil.
//
// The first Save of a File made by New replaces the file instead, through a temporary file beside it, so that after a
// crash it is the old or the new one (C-CLIENT-31).
func (f *File) Save() error {
	if !f.discards && len(f.added) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("knownhosts: cannot save: %w", err)
	}
	write := f.appendFile
	if f.discards {
		write = f.overwrite
	}
	if err := write(); err != nil {
		return fmt.Errorf("knownhosts: cannot save: %w", err)
	}
	return nil
}

func (f *File) overwrite() error {
	err := replaceFile(f.path, "", func(w io.Writer) error {
		_, err := io.WriteString(w, f.additions())
		return err
	})
	if err != nil {
		return err
	}
	f.discards = false
	f.added = nil
	return nil
}

func (f *File) appendFile() (err error) {
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	complete, err := endsLine(file, info.Size())
	if err != nil {
		return err
	}
	if err := f.writeAdditions(file, complete); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil // a device such as /dev/null has nothing to flush
	}
	return file.Sync()
}

// endsLine reports whether what is appended starts a line of its own.
func endsLine(r io.ReaderAt, size int64) (bool, error) {
	if size == 0 {
		return true, nil
	}
	var last [1]byte
	if _, err := r.ReadAt(last[:], size-1); err != nil {
		return false, err
	}
	return last[0] == '\n', nil
}

// writeAdditions writes in one go and forgets the additions that went out whole, even when the write stopped short.
func (f *File) writeAdditions(w io.Writer, complete bool) error {
	lead := ""
	if !complete {
		lead = "\n"
	}
	n, err := io.WriteString(w, lead+f.additions())
	n -= len(lead)
	for len(f.added) > 0 && n >= len(f.added[0].text) {
		n -= len(f.added[0].text) + len("\n")
		f.added = f.added[1:]
	}
	return err
}

// additions is the text of what is not saved.
func (f *File) additions() string {
	var b strings.Builder
	for _, e := range f.added {
		b.WriteString(e.text + "\n")
	}
	return b.String()
}
