package sftp

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// disk is the local file system, as far as it is used: an os.Root for what a server names, and the plain one for what the user does.
// All its methods may block.
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

// plainDisk takes names as they are.
type plainDisk struct{}

func (plainDisk) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	return opened(os.OpenFile(name, flag, perm))
}

// opened keeps a nil *os.File from becoming a file that is not nil.
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

// rootDisk cannot be left, by no name and no symbolic link.
type rootDisk struct{ *os.Root }

func (d rootDisk) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	return opened(d.Root.OpenFile(name, flag, perm))
}

// makeRoot makes the directory name, if it is not there, and opens it as a root.
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

// localPath turns a relative path with slashes into one of this system.
func localPath(name string) string { return filepath.FromSlash(name) }
