package store

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/pkg/sftp"
)

// Handlers are the Handlers of github.com/pkg/sftp's RequestServer, which other
// packages implement. Their optional interfaces are used where they exist. The
// handlers receive the same requests as from a RequestServer, with absolute,
// clean paths. Requests for open files are made for their paths.
type Handlers struct {
	filetransfer.BaseBlockingServer
	h     sftp.Handlers
	start string
}

// NewHandlers returns the files of h. Relative paths begin at the directory
// start; "" is "/". It may be used for several sessions if the handlers allow
// that.
func NewHandlers(h sftp.Handlers, start string) *Handlers {
	return &Handlers{h: h, start: path.Clean("/" + start)}
}

// GotVersion returns the extensions that the handlers have.
func (s *Handlers) GotVersion(uint32, []filetransfer.Extension) []filetransfer.Extension {
	_, renames := s.h.FileCmd.(sftp.PosixRenameFileCmder)
	_, statVFS := s.h.FileCmd.(sftp.StatVFSFileCmder)
	have := []string{"hardlink@openssh.com", "limits@openssh.com", "copy-data"}
	if renames {
		have = append(have, "posix-rename@openssh.com")
	}
	if statVFS {
		have = append(have, "statvfs@openssh.com")
	}
	return slices.DeleteFunc(filetransfer.Extensions(), func(x filetransfer.Extension) bool { return !slices.Contains(have, x.Name) })
}

func (s *Handlers) clean(p string) string {
	if strings.HasPrefix(p, "/") {
		return path.Clean(p)
	}
	return path.Join(s.start, p)
}

// request returns a request for a handler.
func (s *Handlers) request(method, p string) *sftp.Request {
	return sftp.NewRequest(method, s.clean(p))
}

// withAttrs adds attributes to a request.
func withAttrs(r *sftp.Request, attrs filetransfer.Attrs) *sftp.Request {
	var e wire.Encoder
	if attrs.Has(filetransfer.AttrSize) {
		e.Uint64(attrs.Size)
	}
	if attrs.Has(filetransfer.AttrUIDGID) {
		e.Uint32(attrs.UID)
		e.Uint32(attrs.GID)
	}
	if attrs.Has(filetransfer.AttrPermissions) {
		e.Uint32(attrs.Permissions)
	}
	if attrs.Has(filetransfer.AttrACModTime) {
		e.Uint32(attrs.ATime)
		e.Uint32(attrs.MTime)
	}
	r.Flags, r.Attrs = uint32(attrs.Flags), e.Data()
	return r
}

var handlerCodes = map[error]filetransfer.StatusCode{
	sftp.ErrSSHFxEOF: filetransfer.FXEOF, sftp.ErrSSHFxNoSuchFile: filetransfer.FXNoSuchFile,
	sftp.ErrSSHFxPermissionDenied: filetransfer.FXPermissionDenied, sftp.ErrSSHFxFailure: filetransfer.FXFailure,
	sftp.ErrSSHFxBadMessage: filetransfer.FXBadMessage, sftp.ErrSSHFxNoConnection: filetransfer.FXNoConnection,
	sftp.ErrSSHFxConnectionLost: filetransfer.FXConnectionLost, sftp.ErrSSHFxOpUnsupported: filetransfer.FXOpUnsupported,
}

// status converts the errors of pkg/sftp.
func status(err error) error {
	for known, code := range handlerCodes {
		if errors.Is(err, known) {
			return &filetransfer.StatusError{Code: code}
		}
	}
	return err
}

func (s *Handlers) command(r *sftp.Request) error { return status(s.h.FileCmd.Filecmd(r)) }

// RemoveFile is the command Remove.
func (s *Handlers) RemoveFile(p string) error { return s.command(s.request("Remove", p)) }

// RemoveDirectory is the command Rmdir.
func (s *Handlers) RemoveDirectory(p string) error { return s.command(s.request("Rmdir", p)) }

// MakeDirectory is the command Mkdir.
func (s *Handlers) MakeDirectory(p string, _ filetransfer.Attrs) error {
	return s.command(s.request("Mkdir", p))
}

// SetAttrs is the command Setstat. The handlers cannot change a link itself.
func (s *Handlers) SetAttrs(p string, attrs filetransfer.Attrs, followLinks bool) error {
	if !followLinks {
		return errors.ErrUnsupported
	}
	return s.command(withAttrs(s.request("Setstat", p), attrs))
}

func (s *Handlers) twoPaths(method, first, second string) error {
	r := s.request(method, first)
	r.Target = s.clean(second)
	return s.command(r)
}

// RenameFile is the command Rename. Whether it replaces a file depends on the
// handler.
func (s *Handlers) RenameFile(oldpath, newpath string) error {
	return s.twoPaths("Rename", oldpath, newpath)
}

// HardLink is the command Link.
func (s *Handlers) HardLink(oldpath, newpath string) error {
	return s.twoPaths("Link", oldpath, newpath)
}

// MakeLink is the command Symlink, with the target as it is.
func (s *Handlers) MakeLink(linkPath, targetPath string) error {
	r := s.request("Symlink", linkPath)
	r.Filepath, r.Target = targetPath, s.clean(linkPath)
	return s.command(r)
}

// PosixRename is PosixRename of the handler.
func (s *Handlers) PosixRename(oldpath, newpath string) error {
	h, ok := s.h.FileCmd.(sftp.PosixRenameFileCmder)
	if !ok {
		return errors.ErrUnsupported
	}
	r := s.request("PosixRename", oldpath)
	r.Target = s.clean(newpath)
	return status(h.PosixRename(r))
}

// StatVFS is StatVFS of the handler.
func (s *Handlers) StatVFS(p string) (v filetransfer.StatVFS, err error) {
	h, ok := s.h.FileCmd.(sftp.StatVFSFileCmder)
	if !ok {
		return v, errors.ErrUnsupported
	}
	stat, err := h.StatVFS(s.request("StatVFS", p))
	if err != nil || stat == nil {
		return v, status(err)
	}
	return filetransfer.StatVFS{
		BlockSize: stat.Bsize, FragmentSize: stat.Frsize, Blocks: stat.Blocks, FreeBlocks: stat.Bfree, AvailableBlocks: stat.Bavail,
		Files: stat.Files, FreeFiles: stat.Ffree, AvailableFiles: stat.Favail, FileSystemID: stat.Fsid, Flags: stat.Flag,
		MaxFilenameSize: stat.Namemax,
	}, nil
}

// one returns the single file of a list.
func one(list sftp.ListerAt, err error) (fs.FileInfo, error) {
	if err != nil {
		return nil, status(err)
	}
	infos := make([]fs.FileInfo, 1)
	n, err := list.ListAt(infos, 0)
	switch {
	case n > 0:
		return infos[0], nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, fs.ErrNotExist
	}
	return nil, status(err)
}

// GetAttrs is Stat of the lister, or Lstat if it has that.
func (s *Handlers) GetAttrs(p string, followLinks bool) (filetransfer.Attrs, error) {
	list, r := s.h.FileList.Filelist, s.request("Stat", p)
	if h, ok := s.h.FileList.(sftp.LstatFileLister); ok && !followLinks {
		list, r.Method = h.Lstat, "Lstat"
	}
	info, err := one(list(r))
	if err != nil {
		return filetransfer.Attrs{}, err
	}
	return handlerAttrs(info), nil
}

// handlerAttrs returns the attributes that a FileInfo of pkg/sftp has.
func handlerAttrs(info fs.FileInfo) filetransfer.Attrs {
	attrs := attrsOf(info)
	if owner, ok := info.(sftp.FileInfoUidGid); ok {
		attrs = attrs.WithOwner(owner.Uid(), owner.Gid())
	}
	return attrs
}

// ReadLink is Readlink of the lister.
func (s *Handlers) ReadLink(p string) (string, error) {
	if h, ok := s.h.FileList.(sftp.ReadlinkFileLister); ok {
		target, err := h.Readlink(s.clean(p))
		return target, status(err)
	}
	info, err := one(s.h.FileList.Filelist(s.request("Readlink", p)))
	if err != nil {
		return "", err
	}
	return info.Name(), nil
}

// RealPath is RealPath of the lister, or the clean path.
func (s *Handlers) RealPath(p string) (string, error) {
	if h, ok := s.h.FileList.(sftp.RealPathFileLister); ok {
		real, err := h.RealPath(s.clean(p))
		return real, status(err)
	}
	return s.clean(p), nil
}

// OpenDirectory is List of the lister.
func (s *Handlers) OpenDirectory(p string) (filetransfer.BlockingDirectory, error) {
	info, err := one(s.h.FileList.Filelist(s.request("Stat", p)))
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, syscall.ENOTDIR
	}
	list, err := s.h.FileList.Filelist(s.request("List", p))
	if err != nil {
		return nil, status(err)
	}
	return &handlerList{list: list}, nil
}

// handlerList is a list of a handler.
type handlerList struct {
	list sftp.ListerAt
	at   int64
}

func (l *handlerList) Close() error { return closeAny(l.list) }

func closeAny(v any) error {
	if c, ok := v.(io.Closer); ok {
		return status(c.Close())
	}
	return nil
}

func (l *handlerList) ReadEntries(n int) (entries []filetransfer.Entry, err error) {
	infos := make([]fs.FileInfo, n)
	got, err := l.list.ListAt(infos, l.at)
	l.at += int64(got)
	for _, info := range infos[:got] {
		entries = append(entries, filetransfer.NewEntry(info.Name(), "", handlerAttrs(info)))
	}
	if got > 0 {
		return entries, nil
	}
	return nil, status(err)
}

// OpenFile is Get of the reader, Put of the writer, or Open of a writer that
// has it, for both.
func (s *Handlers) OpenFile(p string, flags filetransfer.OpenFlags, attrs filetransfer.Attrs) (filetransfer.BlockingFile, error) {
	f := &handlerFile{s: s, path: p, appends: flags&filetransfer.FXFAppend != 0}
	r := withAttrs(s.request("Get", p), attrs)
	r.Flags = uint32(flags)
	both, canDoBoth := s.h.FilePut.(sftp.OpenFileWriter)
	var err error
	switch {
	case flags&(filetransfer.FXFWrite|filetransfer.FXFAppend|filetransfer.FXFCreat|filetransfer.FXFTrunc) == 0:
		f.reader, err = s.h.FileGet.Fileread(r)
		f.closes = f.reader
	case flags&filetransfer.FXFRead != 0 && canDoBoth:
		var rw sftp.WriterAtReaderAt
		r.Method = "Open"
		if rw, err = both.OpenFile(r); err == nil {
			f.reader, f.writer, f.closes = rw, rw, rw
		}
	default:
		r.Method = "Put"
		f.writer, err = s.h.FilePut.Filewrite(r)
		f.closes = f.writer
	}
	if err != nil {
		return nil, status(err)
	}
	return f, nil
}

// handlerFile is an open file of a handler.
type handlerFile struct {
	filetransfer.BaseBlockingFile
	s       *Handlers
	path    string
	reader  io.ReaderAt // nil if it is not open for reading
	writer  io.WriterAt // nil if it is not open for writing
	closes  any
	appends bool
}

func (f *handlerFile) Close() error { return closeAny(f.closes) }

func (f *handlerFile) ReadChunk(offset uint64, p []byte) (int, error) {
	switch {
	case f.reader == nil:
		return 0, syscall.EBADF
	case offset > math.MaxInt64:
		return 0, syscall.EINVAL
	}
	n, err := f.reader.ReadAt(p, int64(offset))
	return n, status(err)
}

// WriteChunk writes to the writer. For a file that is open for appending, it
// asks for the size first, because an io.WriterAt does not append.
func (f *handlerFile) WriteChunk(offset uint64, data []byte) error {
	if f.writer == nil {
		return syscall.EBADF
	}
	if f.appends {
		attrs, err := f.GetAttrs()
		if err != nil {
			return err
		}
		offset = attrs.Size
	}
	if offset > math.MaxInt64 {
		return syscall.EINVAL
	}
	n, err := f.writer.WriteAt(data, int64(offset))
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	return status(err)
}

func (f *handlerFile) GetAttrs() (filetransfer.Attrs, error) { return f.s.GetAttrs(f.path, true) }

func (f *handlerFile) SetAttrs(attrs filetransfer.Attrs) error {
	return f.s.SetAttrs(f.path, attrs, true)
}
