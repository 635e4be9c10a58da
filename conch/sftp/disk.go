package sftp

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// disk is the part of the local file system that transfers use: an os.Root for
// names from a server, and the plain file system for names from the user. All
// methods may block.
type disk interface {
	OpenFile(name string, flag int, perm fs.FileMode) (file, error)
	Mkdir(name string, perm fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	Symlink(target, name string) error
	Chmod(name string, mode fs.FileMode) error
	Chtimes(name string, atime, mtime time.Time) error
	Link(old, new string) error
	Rename(from, to string) error
	Remove(name string) error
	Close() error
}

// file is an open file or directory.
type file interface {
	io.Reader
	io.Writer
	io.Seeker
	io.Closer
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
	Sync() error
	ReadDir(n int) ([]fs.DirEntry, error)
}

// plainDisk uses names as they are.
type plainDisk struct{}

func (plainDisk) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	return opened(os.OpenFile(name, flag, perm))
}

// opened returns a nil file, and not a nil *os.File in a file, after an error.
func opened(f *os.File, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (plainDisk) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }
func (plainDisk) Stat(name string) (fs.FileInfo, error)     { return os.Stat(name) }
func (plainDisk) Lstat(name string) (fs.FileInfo, error)    { return os.Lstat(name) }
func (plainDisk) Readlink(name string) (string, error)      { return os.Readlink(name) }
func (plainDisk) Symlink(target, name string) error         { return os.Symlink(target, name) }
func (plainDisk) Chmod(name string, mode fs.FileMode) error { return os.Chmod(name, mode) }
func (plainDisk) Chtimes(name string, atime, mtime time.Time) error {
	return os.Chtimes(name, atime, mtime)
}
func (plainDisk) Link(old, new string) error   { return os.Link(old, new) }
func (plainDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (plainDisk) Remove(name string) error     { return os.Remove(name) }
func (plainDisk) Close() error                 { return nil }

// rootDisk has no way out, neither by a name nor by a symbolic link.
type rootDisk struct{ *os.Root }

func (d rootDisk) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	return opened(d.Root.OpenFile(name, flag, perm))
}

// makeRoot opens the directory name as a root. It creates the directory if
// necessary.
func makeRoot(name string, perm fs.FileMode) (disk, error) {
	if err := os.Mkdir(name, perm); err != nil {
		if info, statErr := os.Stat(name); statErr != nil || !info.IsDir() {
			return nil, err
		}
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return rootDisk{root}, nil
}

// localPath turns a relative path with slashes into a path of this system.
func localPath(name string) string { return filepath.FromSlash(name) }
