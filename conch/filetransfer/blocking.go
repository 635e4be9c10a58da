package filetransfer

// BlockingServer is an [SFTPServer] for code that blocks, such as package os.
// [InThreads] makes an SFTPServer of one. Embed [BaseBlockingServer] by value
// and define the methods that you need; the others refuse their requests with
// FXOpUnsupported. The methods mean the same as those of an SFTPServer. Several
// may run at the same time.
type BlockingServer interface {
	// GotVersion is called on the loop and must not block. The other methods
	// run in threads of a reactor.
	GotVersion(version uint32, extensions []Extension) []Extension

	OpenFile(path string, flags OpenFlags, attrs Attrs) (BlockingFile, error)
	OpenDirectory(path string) (BlockingDirectory, error)
	RemoveFile(path string) error
	RemoveDirectory(path string) error
	MakeDirectory(path string, attrs Attrs) error
	RenameFile(oldpath, newpath string) error
	PosixRename(oldpath, newpath string) error
	GetAttrs(path string, followLinks bool) (Attrs, error)
	SetAttrs(path string, attrs Attrs, followLinks bool) error
	ReadLink(path string) (string, error)
	MakeLink(linkPath, targetPath string) error
	HardLink(oldpath, newpath string) error
	RealPath(path string) (string, error)
	ExpandPath(path string) (string, error)
	HomeDirectory(user string) (string, error)
	StatVFS(path string) (StatVFS, error)
	UsersGroupsByID(uids, gids []uint32) (Names, error)
	ExtendedRequest(name string, data []byte) ([]byte, error)

	// Close is called once, after all files are closed. A cancelled operation
	// may still be running.
	Close() error

	blockingServerBase() *BaseBlockingServer
}

// BlockingFile is an [SFTPFile] for code that blocks. Embed [BaseBlockingFile]
// by value. The methods of one file run one at a time, in the order of the
// requests.
type BlockingFile interface {
	// Close is called once and last.
	Close() error

	// ReadChunk returns the number of bytes. It may return an error with them,
	// which is ignored. 0 bytes, or io.EOF, mean the end of the file.
	ReadChunk(offset uint64, p []byte) (int, error)

	WriteChunk(offset uint64, data []byte) error
	GetAttrs() (Attrs, error)
	SetAttrs(attrs Attrs) error
	Sync() error
	StatVFS() (StatVFS, error)

	blockingFileBase() *BaseBlockingFile
}

// BlockingDirectory is an [SFTPDirectory] for code that blocks. The methods run
// one at a time.
type BlockingDirectory interface {
	// ReadEntries returns at least one entry and at most n, or io.EOF.
	ReadEntries(n int) ([]Entry, error)

	// Close is called once and last.
	Close() error
}

// BaseBlockingServer refuses all requests, and announces the extensions
// limits@openssh.com and copy-data, which need nothing of a server. Embed it by
// value. The zero value is ready for use.
type BaseBlockingServer struct{}

var _ BlockingServer = (*BaseBlockingServer)(nil)

func (b *BaseBlockingServer) blockingServerBase() *BaseBlockingServer { return b }

func (*BaseBlockingServer) GotVersion(uint32, []Extension) []Extension { return ownExtensions() }

func (*BaseBlockingServer) OpenFile(string, OpenFlags, Attrs) (BlockingFile, error) {
	return nil, errUnsupported
}

func (*BaseBlockingServer) OpenDirectory(string) (BlockingDirectory, error) {
	return nil, errUnsupported
}

func (*BaseBlockingServer) RemoveFile(string) error              { return errUnsupported }
func (*BaseBlockingServer) RemoveDirectory(string) error         { return errUnsupported }
func (*BaseBlockingServer) MakeDirectory(string, Attrs) error    { return errUnsupported }
func (*BaseBlockingServer) RenameFile(_, _ string) error         { return errUnsupported }
func (*BaseBlockingServer) PosixRename(_, _ string) error        { return errUnsupported }
func (*BaseBlockingServer) GetAttrs(string, bool) (Attrs, error) { return Attrs{}, errUnsupported }
func (*BaseBlockingServer) SetAttrs(string, Attrs, bool) error   { return errUnsupported }
func (*BaseBlockingServer) ReadLink(string) (string, error)      { return "", errUnsupported }
func (*BaseBlockingServer) MakeLink(_, _ string) error           { return errUnsupported }
func (*BaseBlockingServer) HardLink(_, _ string) error           { return errUnsupported }
func (*BaseBlockingServer) RealPath(string) (string, error)      { return "", errUnsupported }
func (*BaseBlockingServer) ExpandPath(string) (string, error)    { return "", errUnsupported }
func (*BaseBlockingServer) HomeDirectory(string) (string, error) { return "", errUnsupported }
func (*BaseBlockingServer) StatVFS(string) (StatVFS, error)      { return StatVFS{}, errUnsupported }
func (*BaseBlockingServer) UsersGroupsByID(_, _ []uint32) (Names, error) {
	return Names{}, errUnsupported
}

func (*BaseBlockingServer) ExtendedRequest(string, []byte) ([]byte, error) {
	return nil, errUnsupported
}

func (*BaseBlockingServer) Close() error { return nil }

// BaseBlockingFile refuses all requests except Close, which does nothing. Embed
// it by value. The zero value is ready for use.
type BaseBlockingFile struct{}

var _ BlockingFile = (*BaseBlockingFile)(nil)

func (b *BaseBlockingFile) blockingFileBase() *BaseBlockingFile { return b }

func (*BaseBlockingFile) Close() error                          { return nil }
func (*BaseBlockingFile) ReadChunk(uint64, []byte) (int, error) { return 0, errUnsupported }
func (*BaseBlockingFile) WriteChunk(uint64, []byte) error       { return errUnsupported }
func (*BaseBlockingFile) GetAttrs() (Attrs, error)              { return Attrs{}, errUnsupported }
func (*BaseBlockingFile) SetAttrs(Attrs) error                  { return errUnsupported }
func (*BaseBlockingFile) Sync() error                           { return errUnsupported }
func (*BaseBlockingFile) StatVFS() (StatVFS, error)             { return StatVFS{}, errUnsupported }
