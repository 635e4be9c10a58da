package filetransfer

import "slices"

// requestKind is what a FileTransferServer knows about a kind of request before
// it decodes one.
type requestKind struct {
	name   string // as in the options of OpenSSH's sftp-server
	writes bool   // refused by a read-only server
}

var requestKinds = [...]requestKind{
	fxpOpen: {name: "open"}, fxpClose: {name: "close"}, fxpRead: {name: "read"}, fxpWrite: {"write", true}, fxpLstat: {name: "lstat"},
	fxpFstat: {name: "fstat"}, fxpSetstat: {"setstat", true}, fxpFsetstat: {"fsetstat", true}, fxpOpendir: {name: "opendir"},
	fxpReaddir: {name: "readdir"}, fxpRemove: {"remove", true}, fxpMkdir: {"mkdir", true}, fxpRmdir: {"rmdir", true},
	fxpRealpath: {name: "realpath"}, fxpStat: {name: "stat"}, fxpRename: {"rename", true}, fxpReadlink: {name: "readlink"},
	fxpSymlink: {"symlink", true},
}

var extendedKinds = map[string]requestKind{
	extPosixRename: {"posix-rename", true}, extStatVFS: {name: "statvfs"}, extFStatVFS: {name: "fstatvfs"}, extHardLink: {"hardlink", true},
	extFsync: {"fsync", true}, extLSetStat: {"lsetstat", true}, extLimits: {name: "limits"}, extExpandPath: {name: "expand-path"},
	extCopyData: {"copy-data", true}, extHome: {name: "home-directory"}, extNamesByID: {name: "users-groups-by-id"},
}

// extendedKind returns the kind of an extended request. A server that is
// read-only does not know whether a request without a method writes.
func extendedKind(name string) requestKind {
	if kind, ok := extendedKinds[name]; ok {
		return kind
	}
	return requestKind{name: name}
}

// refuses reports whether the options forbid a kind of request.
func (s *FileTransferServer) refuses(kind requestKind) bool {
	return s.ReadOnly && kind.writes || slices.Contains(s.Deny, kind.name) ||
		len(s.Allow) > 0 && !slices.Contains(s.Allow, kind.name)
}

// announced returns the extensions of the server that the options allow.
func (s *FileTransferServer) announced(extensions []Extension) []Extension {
	return slices.DeleteFunc(slices.Clone(extensions), func(x Extension) bool { return s.refuses(extendedKind(x.Name)) })
}
