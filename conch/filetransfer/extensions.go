package filetransfer

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// OpenSSH's file PROTOCOL describes these extensions. Servers without an
// extension refuse the request with FXOpUnsupported, which is
// errors.ErrUnsupported. See also HasExtension.
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

// ExtendedReply is the answer to an extended request.
type ExtendedReply struct {
	Data   []byte // the body of an SSH_FXP_EXTENDED_REPLY, or nil
	Status Status // the answer if it is an SSH_FXP_STATUS
}

// ExtendedRequest sends an extended request with the given data, in the
// encoding of the extension (draft section 8). It fails with an error that
// wraps errors.ErrUnsupported if the server does not have the extension.
func (c *FileTransferClient) ExtendedRequest(name string, data []byte) deferred.Deferred[ExtendedReply] {
	e := newPacket(fxpExtended, stringSize(name)+len(data))
	e.String(name)
	e.Raw(data)
	return request(c, e, op{name: "extended", path: name}, extendedAnswer)
}

// extended sends an extended request with a body of size bytes.
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

// PosixRename renames a file or directory like rename(2): it replaces newpath
// atomically (posix-rename@openssh.com).
func (c *FileTransferClient) PosixRename(oldpath, newpath string) deferred.Deferred[Status] {
	size, body := encodeStrings(oldpath, newpath)
	return extended(c, extPosixRename, size, body, op{"posix-rename", oldpath, newpath}, statusAnswer)
}

// HardLink creates newpath as another name of the file oldpath
// (hardlink@openssh.com).
func (c *FileTransferClient) HardLink(oldpath, newpath string) deferred.Deferred[Status] {
	size, body := encodeStrings(oldpath, newpath)
	return extended(c, extHardLink, size, body, op{"hardlink", oldpath, newpath}, statusAnswer)
}

// SetLinkAttrs is SetAttrs for a symbolic link itself (lsetstat@openssh.com).
// Few systems can change the permissions of a link.
func (c *FileTransferClient) SetLinkAttrs(path string, attrs Attrs) deferred.Deferred[Status] {
	return extended(c, extLSetStat, stringSize(path)+attrs.size(), func(e *wire.Encoder) {
		e.String(path)
		attrs.encode(e)
	}, op{name: "lsetstat", path: path}, statusAnswer)
}

// ExpandPath is RealPath for paths that may begin with ~ or ~user
// (expand-path@openssh.com).
func (c *FileTransferClient) ExpandPath(path string) deferred.Deferred[string] {
	size, body := encodeStrings(path)
	return extended(c, extExpandPath, size, body, op{name: "expand-path", path: path}, pathAnswer)
}

// HomeDirectory fires with the home directory of a user (home-directory). An
// empty name is the user of the session.
func (c *FileTransferClient) HomeDirectory(user string) deferred.Deferred[string] {
	size, body := encodeStrings(user)
	return extended(c, extHome, size, body, op{name: "home-directory", path: user}, pathAnswer)
}

// StatVFS describes a file system and its free space (statvfs@openssh.com).
// Blocks have FragmentSize bytes. Only the superuser can use the blocks and
// inodes that are free but not available.
type StatVFS struct {
	BlockSize, FragmentSize              uint64 // bytes
	Blocks, FreeBlocks, AvailableBlocks  uint64
	Files, FreeFiles, AvailableFiles     uint64 // inodes
	FileSystemID, Flags, MaxFilenameSize uint64
}

// The bits of StatVFS.Flags.
const (
	StatReadOnly = 1
	StatNoSetUID = 2
)

// Free returns the number of bytes that are available to normal users.
func (s StatVFS) Free() uint64 { return s.AvailableBlocks * s.FragmentSize }

// Total returns the size of the file system in bytes.
func (s StatVFS) Total() uint64 { return s.Blocks * s.FragmentSize }

var statVFSAnswer = answer[StatVFS]{typ: fxpExtendedReply, decode: func(d *wire.Decoder) (s StatVFS, _ error) {
	for _, field := range s.fields() {
		*field = d.Uint64()
	}
	return s, nil
}}

// fields returns the fields in the order of a packet.
func (s *StatVFS) fields() []*uint64 {
	return []*uint64{&s.BlockSize, &s.FragmentSize, &s.Blocks, &s.FreeBlocks, &s.AvailableBlocks, &s.Files, &s.FreeFiles,
		&s.AvailableFiles, &s.FileSystemID, &s.Flags, &s.MaxFilenameSize}
}

// StatVFS fires with the state of the file system of path.
func (c *FileTransferClient) StatVFS(path string) deferred.Deferred[StatVFS] {
	size, body := encodeStrings(path)
	return extended(c, extStatVFS, size, body, op{name: "statvfs", path: path}, statVFSAnswer)
}

// StatVFS fires with the state of the file's file system
// (fstatvfs@openssh.com).
func (f *ClientFile) StatVFS() deferred.Deferred[StatVFS] {
	size, body := encodeStrings(f.handle)
	return onFile(f, "fstatvfs", func(o op) deferred.Deferred[StatVFS] {
		return extended(f.client, extFStatVFS, size, body, o, statVFSAnswer)
	})
}

// Sync makes the server write the file to its disk, like fsync(2)
// (fsync@openssh.com).
func (f *ClientFile) Sync() deferred.Deferred[Status] {
	size, body := encodeStrings(f.handle)
	return onFile(f, "fsync", func(o op) deferred.Deferred[Status] { return extended(f.client, extFsync, size, body, o, statusAnswer) })
}

// CopyData makes the server copy length bytes at offset to the file to at
// toOffset, which must be open for writing (copy-data,
// draft-ietf-secsh-filexfer-extensions-00, section 7). The length 0 means up to
// the end of the file.
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

// Names are the names of users and groups, in the order of the request. The
// name of an unknown id is "".
type Names struct{ Users, Groups []string }

// UsersGroupsByID fires with the names of users and groups on the server
// (users-groups-by-id@openssh.com).
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

// decodeNames reads a string that contains n strings.
func decodeNames(d *wire.Decoder, n int) ([]string, error) {
	list := wire.NewDecoder(d.Bytes())
	var names []string
	for list.Len() > 0 && len(names) <= n {
		names = append(names, list.String())
	}
	if d.Err() == nil && (list.Err() != nil || len(names) != n) {
		return nil, malformed(fmt.Errorf("at least %d names; %d were requested", len(names), n))
	}
	return names, nil
}
