package conchtest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
)

// files implements the handlers of pkg/sftp. Paths and symbolic links cannot
// leave the root.
type files struct{ root *os.Root }

func handlers(root *os.Root) sftp.Handlers {
	f := files{root}
	return sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f}
}

// local returns a path of the protocol as a path relative to the root.
func local(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "."
	}
	return name
}

// Fileread implements sftp.FileReader.
func (f files) Fileread(r *sftp.Request) (io.ReaderAt, error) { return f.root.Open(local(r.Filepath)) }

// Filewrite implements sftp.FileWriter.
func (f files) Filewrite(r *sftp.Request) (io.WriterAt, error) { return f.open(r) }

// OpenFile implements sftp.OpenFileWriter: it opens a file for reading and
// writing.
func (f files) OpenFile(r *sftp.Request) (sftp.WriterAtReaderAt, error) { return f.open(r) }

func (f files) open(r *sftp.Request) (*os.File, error) {
	pflags := r.Pflags()
	flags := os.O_WRONLY
	if pflags.Read {
		flags = os.O_RDWR
	}
	for _, o := range []struct {
		set  bool
		flag int
	}{{pflags.Creat, os.O_CREATE}, {pflags.Trunc, os.O_TRUNC}, {pflags.Excl, os.O_EXCL}} {
		if o.set {
			flags |= o.flag
		}
	}
	return f.root.OpenFile(local(r.Filepath), flags, 0o644)
}

// Filecmd implements sftp.FileCmder: the requests that return only a status.
func (f files) Filecmd(r *sftp.Request) error {
	name, target := local(r.Filepath), local(r.Target)
	switch r.Method {
	case "Setstat":
		return f.setstat(name, r)
	case "Rename":
		if _, err := f.root.Lstat(target); err == nil {
			return fs.ErrExist
		}
		return f.root.Rename(name, target)
	case "Rmdir":
		return f.remove(name, true)
	case "Remove":
		return f.remove(name, false)
	case "Mkdir":
		return f.root.Mkdir(name, 0o755)
	case "Link":
		return f.root.Link(name, target)
	case "Symlink":
		return f.root.Symlink(r.Filepath, target)
	}
	return sftp.ErrSSHFxOpUnsupported
}

// PosixRename implements sftp.PosixRenameFileCmder. It replaces the target.
func (f files) PosixRename(r *sftp.Request) error {
	return f.root.Rename(local(r.Filepath), local(r.Target))
}

func (f files) remove(name string, dir bool) error {
	info, err := f.root.Lstat(name)
	switch {
	case err != nil:
		return err
	case info.IsDir() != dir:
		return errors.New("conchtest: a directory and a file are removed by different requests")
	}
	return f.root.Remove(name)
}

func (f files) setstat(name string, r *sftp.Request) error {
	flags, attrs := r.AttrFlags(), r.Attributes()
	var err error
	if flags.Size {
		err = errors.Join(err, f.truncate(name, int64(attrs.Size)))
	}
	if flags.Permissions {
		err = errors.Join(err, f.root.Chmod(name, attrs.FileMode().Perm()))
	}
	if flags.UidGid {
		err = errors.Join(err, f.root.Chown(name, int(attrs.UID), int(attrs.GID)))
	}
	if flags.Acmodtime {
		atime, mtime := time.Unix(int64(attrs.Atime), 0), time.Unix(int64(attrs.Mtime), 0)
		err = errors.Join(err, f.root.Chtimes(name, atime, mtime))
	}
	return err
}

func (f files) truncate(name string, size int64) error {
	file, err := f.root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Close())
}

// Filelist implements sftp.FileLister.
func (f files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	name := local(r.Filepath)
	switch r.Method {
	case "List":
		dir, err := f.root.Open(name)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		entries, err := dir.Readdir(-1)
		return listing(entries), err
	case "Stat":
		return one(f.root.Stat(name))
	}
	return nil, sftp.ErrSSHFxOpUnsupported
}

// Lstat implements sftp.LstatFileLister.
func (f files) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	return one(f.root.Lstat(local(r.Filepath)))
}

// Readlink implements sftp.ReadlinkFileLister.
func (f files) Readlink(name string) (string, error) { return f.root.Readlink(local(name)) }

// one returns the listing of a single file.
func one(info fs.FileInfo, err error) (sftp.ListerAt, error) { return listing{info}, err }

// listing is an sftp.ListerAt over a slice.
type listing []fs.FileInfo

// ListAt copies the files from index offset on.
func (l listing) ListAt(files []fs.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(files, l[offset:])
	if n < len(files) {
		return n, io.EOF
	}
	return n, nil
}
