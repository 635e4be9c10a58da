package keygen

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/hawser-go/hawser/conch/keys"
)

// The modes of files.
const (
	modePrivate fs.FileMode = 0o600 // whatever the umask
	modePublic  fs.FileMode = 0o644 // less the umask
)

// file is a file to write.
type file struct {
	path   string
	data   []byte
	mode   fs.FileMode
	verify func(path string) error // called before the file gets its name; may be nil
}

// save writes files. First it writes all of them under other names, then it
// renames them. A signal that arrives meanwhile has no effect. If replace is
// false, a file that exists is an error. Every error is a *saveError.
func save(replace bool, files ...file) error {
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, endings()...)
	defer signal.Stop(ignored)
	var written []*newFile
	defer func() {
		for _, n := range written {
			_ = os.Remove(n.temporary) // an error here changes nothing
		}
	}()
	for _, f := range files {
		n, err := write(f)
		if err != nil {
			return &saveError{err}
		}
		written = append(written, n)
	}
	for _, n := range written {
		if err := n.commit(replace); err != nil {
			return &saveError{err}
		}
	}
	return nil
}

// endings are the signals that end a process, without those that the process
// ignores.
func endings() []os.Signal {
	var found []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			found = append(found, s)
		}
	}
	return found
}

// newFile is a file that does not have its name yet.
type newFile struct{ temporary, path string }

// write makes a file under another name in the directory of its path, and
// verifies it.
func write(f file) (*newFile, error) {
	path := f.path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays
	}
	n := &newFile{temporary: filepath.Join(filepath.Dir(path), ".ckeygen-"+rand.Text()), path: path}
	out, err := os.OpenFile(n.temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if err != nil {
		return nil, named(path, err)
	}
	err = named(path, fill(out, f, path))
	if err == nil && f.verify != nil {
		err = f.verify(n.temporary)
	}
	if errors.Is(err, keys.ErrBadPermissions) {
		err = fmt.Errorf("the file system of %s gives others access to the private key", path)
	}
	if err != nil {
		_ = os.Remove(n.temporary) // the first error is more important
		return nil, err
	}
	return n, nil
}

// fill writes the content of a new file, which will replace the one at path, and
// closes it.
func fill(out *os.File, f file, path string) (err error) {
	if f.mode == modePrivate {
		err = out.Chmod(f.mode) // the umask may have taken the owner's rights
	}
	if old, e := os.Stat(path); e == nil && err == nil {
		err = keepOwner(out, old)
	}
	if err == nil {
		_, err = out.Write(f.data)
	}
	if err == nil {
		err = out.Sync()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}

// commit gives the file its name.
func (n *newFile) commit(replace bool) error {
	if !replace {
		err := os.Link(n.temporary, n.path)
		if err == nil {
			return nil
		}
		if errors.Is(err, fs.ErrExist) {
			return named(n.path, err)
		}
		// The file system may have no hard links.
	}
	return named(n.path, os.Rename(n.temporary, n.path))
}

// named returns an error that names the path in place of a temporary file.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		err = cause // at last the reason, without a path
	}
	return fmt.Errorf("cannot write %s: %w", path, err)
}
