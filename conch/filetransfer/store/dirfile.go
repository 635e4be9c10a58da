package store

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// OpenFile opens a file. A directory can be opened for reading, but not read.
func (d *Dir) OpenFile(p string, flags filetransfer.OpenFlags, attrs filetransfer.Attrs) (filetransfer.BlockingFile, error) {
	resolve := d.name
	if flags&filetransfer.FXFCreat != 0 {
		resolve = d.newName
	}
	name, err := resolve(p)
	if err != nil {
		return nil, err
	}
	if flags&filetransfer.FXFCreat != 0 && mustBeDirectory(p) {
		return nil, syscall.EISDIR
	}
	f, err := d.open(name, systemFlags(flags), d.mode(attrs, 0o666))
	if err != nil {
		return nil, err
	}
	return &dirFile{f: f, d: d, appends: flags&filetransfer.FXFAppend != 0}, nil
}

// systemFlags converts the flags of a client to those of package os.
func systemFlags(flags filetransfer.OpenFlags) (system int) {
	switch {
	case flags&filetransfer.FXFWrite == 0:
		system = os.O_RDONLY
	case flags&filetransfer.FXFRead == 0:
		system = os.O_WRONLY
	default:
		system = os.O_RDWR
	}
	for _, f := range []struct {
		flag   filetransfer.OpenFlags
		system int
	}{{filetransfer.FXFAppend, os.O_APPEND}, {filetransfer.FXFCreat, os.O_CREATE}, {filetransfer.FXFTrunc, os.O_TRUNC}, {filetransfer.FXFExcl, os.O_EXCL}} {
		if flags&f.flag != 0 {
			system |= f.system
		}
	}
	return system
}

// open opens or creates a file. A file that is created gets the mode, without
// the bits of the umask.
func (d *Dir) open(name string, flags int, mode fs.FileMode) (*os.File, error) {
	special := d.o.Umask != nil || mode != mode.Perm()
	if flags&os.O_CREATE == 0 || !special {
		return d.openRegular(name, flags, mode.Perm())
	}
	f, err := d.openRegular(name, flags|os.O_EXCL, mode.Perm()) // to know whether it is created
	if err != nil && flags&os.O_EXCL == 0 && errors.Is(err, fs.ErrExist) {
		f, err = d.openRegular(name, flags&^os.O_CREATE, 0)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		f, err = d.openRegular(name, flags, mode.Perm()) // through a link to nothing
	}
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(d.masked(name, mode)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openRegular opens a regular file or a directory, without waiting for a FIFO.
func (d *Dir) openRegular(name string, flags int, perm fs.FileMode) (*os.File, error) {
	f, err := d.root.OpenFile(name, flags|openFlags, perm)
	if err != nil {
		return nil, d.fail(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = errNotRegular
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// errNotRegular is the failure to open a device, FIFO or socket.
var errNotRegular = &filetransfer.StatusError{Code: filetransfer.FXFailure}

// dirFile is an open file of a Dir.
type dirFile struct {
	filetransfer.BaseBlockingFile
	f       *os.File
	d       *Dir
	appends bool
}

func (f *dirFile) Close() error { return f.f.Close() }

func (f *dirFile) ReadChunk(offset uint64, p []byte) (int, error) {
	if offset > math.MaxInt64 {
		return 0, syscall.EINVAL
	}
	return f.f.ReadAt(p, int64(offset))
}

func (f *dirFile) WriteChunk(offset uint64, data []byte) error {
	if f.appends {
		_, err := f.f.Write(data)
		return err
	}
	if offset > math.MaxInt64 {
		return syscall.EINVAL
	}
	_, err := f.f.WriteAt(data, int64(offset))
	if err != nil && tooLarge(err) {
		if _, err := f.f.Seek(int64(offset), io.SeekStart); err != nil {
			return err // as OpenSSH, which seeks first
		}
	}
	return err
}

// tooLarge reports whether a file system refuses files of that size.
func tooLarge(err error) bool { return errors.Is(err, syscall.EFBIG) }

func (f *dirFile) GetAttrs() (filetransfer.Attrs, error) {
	info, err := f.f.Stat()
	if err != nil {
		return filetransfer.Attrs{}, err
	}
	return attrsOf(info), nil
}

func (f *dirFile) SetAttrs(attrs filetransfer.Attrs) error {
	return changes(attrs,
		change{filetransfer.AttrSize, func() error {
			if attrs.Size > math.MaxInt64 {
				return syscall.EINVAL
			}
			return f.f.Truncate(int64(attrs.Size))
		}},
		change{filetransfer.AttrPermissions, func() error { return f.f.Chmod(f.d.permitted(attrs)) }},
		change{filetransfer.AttrACModTime, func() error { return setFileTimes(f.f, attrs.AccessTime(), attrs.ModTime()) }},
		change{filetransfer.AttrUIDGID, func() error { return f.f.Chown(int(attrs.UID), int(attrs.GID)) }},
	)
}

func (f *dirFile) Sync() error { return f.f.Sync() }

func (f *dirFile) StatVFS() (filetransfer.StatVFS, error) { return statVFS(f.f) }
