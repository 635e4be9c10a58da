package filetransfer

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// The extensions here are described in the file PROTOCOL of OpenSSH. A server that does not have one refuses with FXOpUnsupported, which is
// errors.ErrUnsupported; HasExtension tells beforehand.
const (
	extPosixRename = "posix-rename@openssh.com"
	extHardLink    = "hardlink@openssh.com"
	extStatVFS     = "statvfs@openssh.com"
	extFStatVFS    = "fstatvfs@openssh.com"
	extFsync       = "fsync@openssh.com"
	extLSetStat    = "lsetstat@openssh.com"
	extCopyData    = "copy-data"
	extExpandPath  = "expand-path@openssh.com"
	extNamesByID   = "users-groups-by-id@openssh.com"
	extHome        = "home-directory"
)

// extended makes the request of an extension whose body takes size bytes.
func extended[T any](c *FileTransferClient, name string, size int, body func(*wire.Encoder), o op, a answer[T]) deferred.Deferred[T] {
	e := newPacket(fxpExtended, stringSize(name)+size)
	e.String(name)
	if body != nil {
		body(&e)
	}
	return request(c, e, o, a)
}

func encodeStrings(texts ...string) (size int, body func(*wire.Encoder)) {
	for _, s := range texts {
		size += stringSize(s)
	}
	return size, func(e *wire.Encoder) {
		for _, s := range texts {
			e.String(s)
		}
	}
}

// PosixRename renames a file or a directory as rename(2) does: what newpath named before is replaced at once (posix-rename@openssh.com).
func (c *FileTransferClient) PosixRename(oldpath, newpath string) deferred.Deferred[Status] {
	size, body := encodeStrings(oldpath, newpath)
	return extended(c, extPosixRename, size, body, op{"posix-rename", oldpath, newpath}, statusAnswer)
}

// HardLink gives the file oldpath a second name (hardlink@openssh.com).
func (c *FileTransferClient) HardLink(oldpath, newpath string) deferred.Deferred[Status] {
	size, body := encodeStrings(oldpath, newpath)
	return extended(c, extHardLink, size, body, op{"hardlink", oldpath, newpath}, statusAnswer)
}

// SetLinkAttrs is SetAttrs for a symbolic link itself (lsetstat@openssh.com). Few systems let its permissions be changed.
func (c *FileTransferClient) SetLinkAttrs(path string, attrs Attrs) deferred.Deferred[Status] {
	return extended(c, extLSetStat, stringSize(path)+attrs.size(), func(e *wire.Encoder) {
		e.String(path)
		attrs.encode(e)
	}, op{name: "lsetstat", path: path}, statusAnswer)
}

// ExpandPath is RealPath for paths that may begin with ~ or ~user (expand-path@openssh.com).
func (c *FileTransferClient) ExpandPath(path string) deferred.Deferred[string] {
	size, body := encodeStrings(path)
	return extended(c, extExpandPath, size, body, op{name: "expand-path", path: path}, pathAnswer)
}

// HomeDirectory fires with the home directory of a user, and for an empty name with that of the session's (home-directory).
func (c *FileTransferClient) HomeDirectory(user string) deferred.Deferred[string] {
	size, body := encodeStrings(user)
	return extended(c, extHome, size, body, op{name: "home-directory", path: user}, pathAnswer)
}

// StatVFS is how full a file system is (statvfs@openssh.com). Counts of blocks are in units of FragmentSize.
type StatVFS struct {
	BlockSize, FragmentSize              uint64 // bytes
	Blocks, FreeBlocks, AvailableBlocks  uint64 // in all; free; free for others than the superuser
	Files, FreeFiles, AvailableFiles     uint64 // likewise, of inodes
	FileSystemID, Flags, MaxFilenameSize uint64 // Flags has StatReadOnly and StatNoSetUID
}

// Bits of StatVFS.Flags.
const (
	StatReadOnly = 1
	StatNoSetUID = 2
)

// Free returns the number of bytes that are free for others than the superuser.
func (s StatVFS) Free() uint64 { return s.AvailableBlocks * s.FragmentSize }

// Total returns the size of the file system in bytes.
func (s StatVFS) Total() uint64 { return s.Blocks * s.FragmentSize }

var statVFSAnswer = answer[StatVFS]{typ: fxpExtendedReply, decode: func(d *wire.Decoder) (s StatVFS, _ error) {
	for _, field := range []*uint64{&s.BlockSize, &s.FragmentSize, &s.Blocks, &s.FreeBlocks, &s.AvailableBlocks, &s.Files, &s.FreeFiles,
		&s.AvailableFiles, &s.FileSystemID, &s.Flags, &s.MaxFilenameSize} {
		*field = d.Uint64()
	}
	return s, nil
}}

// StatVFS fires with how full the file system is that path is on.
func (c *FileTransferClient) StatVFS(path string) deferred.Deferred[StatVFS] {
	size, body := encodeStrings(path)
	return extended(c, extStatVFS, size, body, op{name: "statvfs", path: path}, statVFSAnswer)
}

// StatVFS fires with how full the file system is that the file is on (fstatvfs@openssh.com).
func (f *ClientFile) StatVFS() deferred.Deferred[StatVFS] {
	size, body := encodeStrings(f.handle)
	return onFile(f, "fstatvfs", func(o op) deferred.Deferred[StatVFS] {
		return extended(f.client, extFStatVFS, size, body, o, statVFSAnswer)
	})
}

// Sync makes the server write the file to its disk, as fsync(2) does (fsync@openssh.com).
func (f *ClientFile) Sync() deferred.Deferred[Status] {
	size, body := encodeStrings(f.handle)
	return onFile(f, "fsync", func(o op) deferred.Deferred[Status] { return extended(f.client, extFsync, size, body, o, statusAnswer) })
}

// CopyData makes the server copy length bytes at offset of the file to another one, which is open for writing, at toOffset; nothing goes over
// the connection. A length of 0 means up to the end of the file. (Extension copy-data; draft-ietf-secsh-filexfer-extensions-00, section 7.)
func (f *ClientFile) CopyData(offset, length uint64, to *ClientFile, toOffset uint64) deferred.Deferred[Status] {
	return onFile(f, "copy-data", func(o op) deferred.Deferred[Status] {
		o.target = to.name
		if to.closed {
			return deferred.Fail[Status](o.wrap(fs.ErrClosed))
		}
		return extended(f.client, extCopyData, stringSize(f.handle)+8+8+stringSize(to.handle)+8, func(e *wire.Encoder) {
			e.String(f.handle)
			e.Uint64(offset)
			e.Uint64(length)
			e.String(to.handle)
			e.Uint64(toOffset)
		}, o, statusAnswer)
	})
}

// Names are the names of users and groups, in the order of the numbers asked for; empty for a number that has none.
type Names struct{ Users, Groups []string }

// UsersGroupsByID fires with the server's names of numeric users and groups (users-groups-by-id@openssh.com).
func (c *FileTransferClient) UsersGroupsByID(uids, gids []uint32) deferred.Deferred[Names] {
	answer := answer[Names]{typ: fxpExtendedReply, decode: func(d *wire.Decoder) (n Names, err error) {
		var inUsers, inGroups error
		n.Users, inUsers = decodeNames(d, len(uids))
		n.Groups, inGroups = decodeNames(d, len(gids))
		return n, errors.Join(inUsers, inGroups)
	}}
	return extended(c, extNamesByID, 4+4*len(uids)+4+4*len(gids), func(e *wire.Encoder) {
		for _, ids := range [][]uint32{uids, gids} {
			e.Uint32(uint32(4 * len(ids)))
			for _, id := range ids {
				e.Uint32(id)
			}
		}
	}, op{name: "users-groups-by-id"}, answer)
}

// decodeNames reads a string that consists of n strings.
func decodeNames(d *wire.Decoder, n int) ([]string, error) {
	list := wire.NewDecoder(d.Bytes())
	var names []string
	for list.Len() > 0 && len(names) <= n {
		names = append(names, list.String())
	}
	if d.Err() == nil && (list.Err() != nil || len(names) != n) {
		return nil, malformed(fmt.Errorf("%d names or more where %d were asked for", len(names), n))
	}
	return names, nil
}
