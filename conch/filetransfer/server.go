package filetransfer

import (
	"github.com/hawser-go/hawser/deferred"
)

// SFTPServer answers the requests of a client. It is Twisted's ISFTPServer.
// Embed [BaseSFTPServer] by value and define the methods that you need; the
// others refuse their requests with FXOpUnsupported. Code that blocks
// implements [BlockingServer] instead; see [InThreads].
//
// A [FileTransferServer] calls the methods on its goroutine. They must not
// block. Each answers with a Deferred. A failure becomes a status; see
// [StatusOf]. The zero Deferred means FXOpUnsupported. The requests of a session
// are independent: a method is called although the Deferreds of earlier calls
// have not fired. When the connection is lost, Deferreds that have not fired are
// cancelled.
//
// Paths are those of the client, absolute or relative, in any encoding. They
// contain no NUL, but may contain "..", and may be empty. Only OpenFlags and
// Attrs that version 3 defines are passed on.
type SFTPServer interface {
	// GotVersion is called once, before any other method. version is that of
	// the client, at most 3. GotVersion returns the extensions to announce; see
	// [Extensions].
	GotVersion(version uint32, extensions []Extension) []Extension

	// OpenFile opens a file. The attributes are for a file that it creates.
	// flags has FXFRead or FXFWrite.
	OpenFile(path string, flags OpenFlags, attrs Attrs) deferred.Deferred[SFTPFile]

	// OpenDirectory opens a directory for reading.
	OpenDirectory(path string) deferred.Deferred[SFTPDirectory]

	RemoveFile(path string) deferred.Deferred[deferred.Void]
	RemoveDirectory(path string) deferred.Deferred[deferred.Void]
	MakeDirectory(path string, attrs Attrs) deferred.Deferred[deferred.Void]

	// RenameFile must fail if newpath exists. PosixRename replaces newpath
	// (posix-rename@openssh.com).
	RenameFile(oldpath, newpath string) deferred.Deferred[deferred.Void]
	PosixRename(oldpath, newpath string) deferred.Deferred[deferred.Void]

	// GetAttrs and SetAttrs are about a symbolic link itself if followLinks is
	// false. SetAttrs is called so only for lsetstat@openssh.com.
	GetAttrs(path string, followLinks bool) deferred.Deferred[Attrs]
	SetAttrs(path string, attrs Attrs, followLinks bool) deferred.Deferred[deferred.Void]

	ReadLink(path string) deferred.Deferred[string]
	MakeLink(linkPath, targetPath string) deferred.Deferred[deferred.Void]

	// HardLink makes newpath another name of oldpath (hardlink@openssh.com).
	HardLink(oldpath, newpath string) deferred.Deferred[deferred.Void]

	// RealPath returns the absolute form of a path. "" and "." are the
	// directory where the session begins.
	RealPath(path string) deferred.Deferred[string]

	// ExpandPath is RealPath for paths that may begin with ~ or ~user
	// (expand-path@openssh.com).
	ExpandPath(path string) deferred.Deferred[string]

	// HomeDirectory returns the home directory of a user (home-directory).
	HomeDirectory(user string) deferred.Deferred[string]

	// StatVFS describes the file system of a path (statvfs@openssh.com).
	StatVFS(path string) deferred.Deferred[StatVFS]

	// UsersGroupsByID returns the names of users and groups, in the order of
	// the ids (users-groups-by-id@openssh.com). The name of an unknown id is
	// "".
	UsersGroupsByID(uids, gids []uint32) deferred.Deferred[Names]

	// ExtendedRequest answers an extended request that has no method. data is
	// valid until the Deferred fires. The result is the body of an
	// SSH_FXP_EXTENDED_REPLY; nil is SSH_FX_OK.
	ExtendedRequest(name string, data []byte) deferred.Deferred[[]byte]

	// SessionEnded is called once and last: after the connection has ended and
	// all files are closed.
	SessionEnded()

	serverBase() *BaseSFTPServer
}

// SFTPFile is an open file of an SFTPServer. It is Twisted's ISFTPFile. Embed
// [BaseSFTPFile] by value.
//
// A method is called when the Deferreds of the earlier calls for this file have
// fired, in the order of the requests. See [ConcurrentFile] for another way.
type SFTPFile interface {
	// Close is called once and last.
	Close() deferred.Deferred[deferred.Void]

	// ReadChunk reads into p, and fires with the number of bytes. Fewer than
	// len(p) are allowed. 0 bytes, or io.EOF, mean the end of the file, unless
	// p is empty. p belongs to the file until the Deferred fires; len(p) is at
	// most MaxChunk.
	ReadChunk(offset uint64, p []byte) deferred.Deferred[int]

	// WriteChunk writes all of data. data belongs to the file until the
	// Deferred fires.
	WriteChunk(offset uint64, data []byte) deferred.Deferred[deferred.Void]

	GetAttrs() deferred.Deferred[Attrs]
	SetAttrs(attrs Attrs) deferred.Deferred[deferred.Void]

	Sync() deferred.Deferred[deferred.Void] // fsync@openssh.com
	StatVFS() deferred.Deferred[StatVFS]    // fstatvfs@openssh.com

	fileBase() *BaseSFTPFile
}

// ConcurrentFile is an optional interface of an SFTPFile. If Concurrent returns
// true, methods of the file are called as the requests arrive, although earlier
// Deferreds have not fired. The file itself must keep the order that its data
// needs. A file on another server, for example, needs this for speed.
type ConcurrentFile interface{ Concurrent() bool }

// SFTPDirectory is an open directory of an SFTPServer. Its methods are called
// like those of an SFTPFile.
type SFTPDirectory interface {
	// ReadEntries returns the next entries, at least one and at most n. At the
	// end it fails with io.EOF, again and again. The server makes the long name
	// of an entry that has none.
	ReadEntries(n int) deferred.Deferred[[]Entry]

	// Close is called once and last.
	Close() deferred.Deferred[deferred.Void]
}

// Extensions returns the extensions of OpenSSH's server, in its order. A server
// that has all of them returns this from GotVersion.
func Extensions() []Extension {
	return []Extension{
		{extPosixRename, "1"}, {extStatVFS, "2"}, {extFStatVFS, "2"}, {extHardLink, "1"}, {extFsync, "1"}, {extLSetStat, "1"},
		{extLimits, "1"}, {extExpandPath, "1"}, {extCopyData, "1"}, {extHome, "1"}, {extNamesByID, "1"},
	}
}

// ownExtensions returns the extensions that need nothing of an SFTPServer.
func ownExtensions() []Extension { return []Extension{{extLimits, "1"}, {extCopyData, "1"}} }

// BaseSFTPServer refuses all requests, and announces the extensions
// limits@openssh.com and copy-data, which need nothing of a server. Embed it by
// value. The zero value is ready for use.
type BaseSFTPServer struct{}

var _ SFTPServer = (*BaseSFTPServer)(nil)

func (b *BaseSFTPServer) serverBase() *BaseSFTPServer { return b }

// errUnsupported is the failure of a request that a server does not have.
var errUnsupported = &StatusError{Code: FXOpUnsupported}

func unsupported[T any]() deferred.Deferred[T] { return deferred.Fail[T](errUnsupported) }

func (*BaseSFTPServer) GotVersion(uint32, []Extension) []Extension { return ownExtensions() }

func (*BaseSFTPServer) OpenFile(string, OpenFlags, Attrs) deferred.Deferred[SFTPFile] {
	return unsupported[SFTPFile]()
}

func (*BaseSFTPServer) OpenDirectory(string) deferred.Deferred[SFTPDirectory] {
	return unsupported[SFTPDirectory]()
}

func (*BaseSFTPServer) RemoveFile(string) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPServer) RemoveDirectory(string) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPServer) MakeDirectory(string, Attrs) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPServer) RenameFile(_, _ string) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPServer) PosixRename(_, _ string) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPServer) GetAttrs(string, bool) deferred.Deferred[Attrs] { return unsupported[Attrs]() }

func (*BaseSFTPServer) SetAttrs(string, Attrs, bool) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPServer) ReadLink(string) deferred.Deferred[string] { return unsupported[string]() }

func (*BaseSFTPServer) MakeLink(_, _ string) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPServer) HardLink(_, _ string) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPServer) RealPath(string) deferred.Deferred[string]      { return unsupported[string]() }
func (*BaseSFTPServer) ExpandPath(string) deferred.Deferred[string]    { return unsupported[string]() }
func (*BaseSFTPServer) HomeDirectory(string) deferred.Deferred[string] { return unsupported[string]() }
func (*BaseSFTPServer) StatVFS(string) deferred.Deferred[StatVFS]      { return unsupported[StatVFS]() }

func (*BaseSFTPServer) UsersGroupsByID(_, _ []uint32) deferred.Deferred[Names] {
	return unsupported[Names]()
}

func (*BaseSFTPServer) ExtendedRequest(string, []byte) deferred.Deferred[[]byte] {
	return unsupported[[]byte]()
}

func (*BaseSFTPServer) SessionEnded() {}

// BaseSFTPFile refuses all requests except Close, which does nothing. Embed it
// by value. The zero value is ready for use.
type BaseSFTPFile struct{}

var _ SFTPFile = (*BaseSFTPFile)(nil)

func (b *BaseSFTPFile) fileBase() *BaseSFTPFile { return b }

func (*BaseSFTPFile) Close() deferred.Deferred[deferred.Void] {
	return deferred.Succeed(deferred.Void{})
}

func (*BaseSFTPFile) ReadChunk(uint64, []byte) deferred.Deferred[int] { return unsupported[int]() }

func (*BaseSFTPFile) WriteChunk(uint64, []byte) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPFile) GetAttrs() deferred.Deferred[Attrs] { return unsupported[Attrs]() }

func (*BaseSFTPFile) SetAttrs(Attrs) deferred.Deferred[deferred.Void] {
	return unsupported[deferred.Void]()
}

func (*BaseSFTPFile) Sync() deferred.Deferred[deferred.Void] { return unsupported[deferred.Void]() }
func (*BaseSFTPFile) StatVFS() deferred.Deferred[StatVFS]    { return unsupported[StatVFS]() }
