package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// FS is an fs.FS, which clients can only read. Requests that change something
// fail with FXPermissionDenied. An FS may be used for several sessions at once
// if the fs.FS allows that.
type FS struct {
	filetransfer.BaseBlockingServer
	fsys fs.FS
}

// NewFS returns the files of fsys. Links are shown if fsys is an fs.ReadLinkFS.
func NewFS(fsys fs.FS) *FS { return &FS{fsys: fsys} }

// GotVersion announces limits@openssh.com.
func (s *FS) GotVersion(uint32, []filetransfer.Extension) []filetransfer.Extension {
	return []filetransfer.Extension{{Name: "limits@openssh.com", Data: "1"}}
}

// fsName returns the name in an fs.FS of a client's path.
func fsName(p string) (string, error) {
	if p == "" {
		return "", syscall.ENOENT
	}
	return inRoot(path.Clean("/" + p)), nil
}

func (s *FS) stat(p string, followLinks bool) (fs.FileInfo, error) {
	name, err := fsName(p)
	if err != nil {
		return nil, err
	}
	stat := fs.Lstat
	if followLinks || mustBeDirectory(p) {
		stat = fs.Stat
	}
	info, err := stat(s.fsys, name)
	if err == nil && mustBeDirectory(p) && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return info, err
}

// GetAttrs returns the attributes of a file.
func (s *FS) GetAttrs(p string, followLinks bool) (filetransfer.Attrs, error) {
	info, err := s.stat(p, followLinks)
	if err != nil {
		return filetransfer.Attrs{}, err
	}
	return attrsOf(info), nil
}

// ReadLink returns the target of a link.
func (s *FS) ReadLink(p string) (string, error) {
	name, err := fsName(p)
	if err != nil {
		return "", err
	}
	return fs.ReadLink(s.fsys, name)
}

// RealPath returns the absolute path. It does not resolve links, which an fs.FS
// need not have.
func (s *FS) RealPath(p string) (string, error) { return path.Clean("/" + p), nil }

// OpenDirectory opens a directory.
func (s *FS) OpenDirectory(p string) (filetransfer.BlockingDirectory, error) {
	info, err := s.stat(p, true)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, syscall.ENOTDIR
	}
	name, _ := fsName(p) // stat has checked it
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	dir, ok := f.(fs.ReadDirFile)
	if !ok {
		f.Close()
		return nil, fmt.Errorf("store: %T: %w", f, errors.ErrUnsupported)
	}
	return &fsDirectory{dir}, nil
}

// fsDirectory is an open directory of an FS.
type fsDirectory struct{ fs.ReadDirFile }

// ReadEntries returns the next entries. An fs.FS has no "." and "..".
func (d *fsDirectory) ReadEntries(n int) ([]filetransfer.Entry, error) {
	for {
		list, err := d.ReadDir(n)
		var entries []filetransfer.Entry
		for _, e := range list {
			if info, err := e.Info(); err == nil { // else it has vanished
				entries = append(entries, filetransfer.NewEntry(e.Name(), "", attrsOf(info)))
			}
		}
		if len(entries) > 0 {
			return entries, nil
		}
		if err == nil && len(list) == 0 {
			err = io.EOF
		}
		if err != nil {
			return nil, err
		}
	}
}

// OpenFile opens a file for reading.
func (s *FS) OpenFile(p string, flags filetransfer.OpenFlags, _ filetransfer.Attrs) (filetransfer.BlockingFile, error) {
	if flags != filetransfer.FXFRead {
		return nil, fs.ErrPermission
	}
	if strings.HasSuffix(p, "/") {
		if _, err := s.stat(p, true); err != nil {
			return nil, err
		}
	}
	name, err := fsName(p)
	if err != nil {
		return nil, err
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return &fsFile{f: f, name: name, fsys: s.fsys}, nil
}

// fsFile is an open file of an FS.
type fsFile struct {
	filetransfer.BaseBlockingFile
	fsys fs.FS
	name string
	f    fs.File
	at   int64 // the position of a file without ReadAt and Seek
}

func (f *fsFile) Close() error { return f.f.Close() }

func (f *fsFile) GetAttrs() (filetransfer.Attrs, error) {
	info, err := f.f.Stat()
	if err != nil {
		return filetransfer.Attrs{}, err
	}
	return attrsOf(info), nil
}

func (f *fsFile) SetAttrs(filetransfer.Attrs) error { return fs.ErrPermission }
func (f *fsFile) WriteChunk(uint64, []byte) error   { return fs.ErrPermission }

// ReadChunk reads at any position. A file that can only be read from front to
// back is opened again for an earlier one.
func (f *fsFile) ReadChunk(offset uint64, p []byte) (int, error) {
	if offset > math.MaxInt64 {
		return 0, syscall.EINVAL
	}
	at := int64(offset)
	if r, ok := f.f.(io.ReaderAt); ok {
		n, err := r.ReadAt(p, at)
		if info, statErr := f.f.Stat(); n == 0 && errors.Is(err, fs.ErrInvalid) && statErr == nil && at > info.Size() {
			err = io.EOF // some do not allow a position after the end
		}
		return n, err
	}
	if s, ok := f.f.(io.Seeker); ok {
		if _, err := s.Seek(at, io.SeekStart); err != nil {
			return 0, err
		}
		return io.ReadFull(f.f, p)
	}
	if err := f.skipTo(at); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(f.f, p)
	f.at += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

func (f *fsFile) skipTo(at int64) error {
	if at < f.at {
		again, err := f.fsys.Open(f.name)
		if err != nil {
			return err
		}
		f.f.Close()
		f.f, f.at = again, 0
	}
	n, err := io.CopyN(io.Discard, f.f, at-f.at)
	f.at += n
	return err
}

// RemoveFile fails, as all methods do that change something.
func (s *FS) RemoveFile(string) error                         { return fs.ErrPermission }
func (s *FS) RemoveDirectory(string) error                    { return fs.ErrPermission }
func (s *FS) MakeDirectory(string, filetransfer.Attrs) error  { return fs.ErrPermission }
func (s *FS) RenameFile(_, _ string) error                    { return fs.ErrPermission }
func (s *FS) PosixRename(_, _ string) error                   { return fs.ErrPermission }
func (s *FS) SetAttrs(string, filetransfer.Attrs, bool) error { return fs.ErrPermission }
func (s *FS) MakeLink(_, _ string) error                      { return fs.ErrPermission }
func (s *FS) HardLink(_, _ string) error                      { return fs.ErrPermission }
