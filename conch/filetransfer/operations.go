package filetransfer

import (
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// Paths are sent as they are, whatever bytes are in them; servers that care take them for UTF-8. Relative ones start where the server starts a
// session, as a rule in the user's home directory.

// OpenFile opens the file filename, for what flags say, and fires with it. attrs are for a file that is made in doing so; the zero Attrs
// leave them to the server. (Draft section 6.3, C-SFTP-25.)
func (c *FileTransferClient) OpenFile(filename string, flags OpenFlags, attrs Attrs) deferred.Deferred[*ClientFile] {
	e := newPacket(fxpOpen, stringSize(filename)+4+attrs.size())
	e.String(filename)
	e.Uint32(uint32(flags))
	attrs.encode(&e)
	return request(c, e, op{name: "open", path: filename}, handleAnswer(func(handle string) *ClientFile {
		return &ClientFile{client: c, handle: handle, name: filename, flags: flags}
	}))
}

// RemoveFile removes a file, not a directory (draft section 6.5).
func (c *FileTransferClient) RemoveFile(filename string) deferred.Deferred[Status] {
	return request(c, pathPacket(fxpRemove, filename), op{name: "remove", path: filename}, statusAnswer)
}

// RenameFile renames a file or a directory. In version 3 it fails if there is something called newpath already (draft section 6.5).
func (c *FileTransferClient) RenameFile(oldpath, newpath string) deferred.Deferred[Status] {
	return request(c, pathsPacket(fxpRename, oldpath, newpath), op{"rename", oldpath, newpath}, statusAnswer)
}

// MakeDirectory makes a directory (draft section 6.6).
func (c *FileTransferClient) MakeDirectory(path string, attrs Attrs) deferred.Deferred[Status] {
	return request(c, pathAttrsPacket(fxpMkdir, path, attrs), op{name: "mkdir", path: path}, statusAnswer)
}

// RemoveDirectory removes a directory, which has to be empty (draft section 6.6).
func (c *FileTransferClient) RemoveDirectory(path string) deferred.Deferred[Status] {
	return request(c, pathPacket(fxpRmdir, path), op{name: "rmdir", path: path}, statusAnswer)
}

// OpenDirectory opens a directory to read its entries, and fires with it (draft section 6.7).
func (c *FileTransferClient) OpenDirectory(path string) deferred.Deferred[*ClientDirectory] {
	return request(c, pathPacket(fxpOpendir, path), op{name: "opendir", path: path}, handleAnswer(func(handle string) *ClientDirectory {
		return &ClientDirectory{client: c, handle: handle, name: path}
	}))
}

// GetAttrs fires with the attributes of what path names: if that is a symbolic link, with those of the link itself, or with followLinks of
// what it points to (draft section 6.8, C-SFTP-26).
func (c *FileTransferClient) GetAttrs(path string, followLinks bool) deferred.Deferred[Attrs] {
	if followLinks {
		return request(c, pathPacket(fxpStat, path), op{name: "stat", path: path}, attrsAnswer)
	}
	return request(c, pathPacket(fxpLstat, path), op{name: "lstat", path: path}, attrsAnswer)
}

// SetAttrs changes those attributes that are present in attrs (draft section 6.9).
func (c *FileTransferClient) SetAttrs(path string, attrs Attrs) deferred.Deferred[Status] {
	return request(c, pathAttrsPacket(fxpSetstat, path, attrs), op{name: "setstat", path: path}, statusAnswer)
}

// ReadLink fires with what the symbolic link at path points to (draft section 6.10, C-SFTP-28).
func (c *FileTransferClient) ReadLink(path string) deferred.Deferred[string] {
	return request(c, pathPacket(fxpReadlink, path), op{name: "readlink", path: path}, pathAnswer)
}

// MakeLink makes a symbolic link at linkPath that points to targetPath (draft section 6.10). In which order the two are sent is up to
// DraftLinkOrder.
func (c *FileTransferClient) MakeLink(linkPath, targetPath string) deferred.Deferred[Status] {
	first, second := targetPath, linkPath
	if c.DraftLinkOrder {
		first, second = second, first
	}
	return request(c, pathsPacket(fxpSymlink, first, second), op{"symlink", linkPath, targetPath}, statusAnswer)
}

// RealPath fires with the absolute form of path, as the server sees it; RealPath(".") is the directory that relative paths start from (draft
// section 6.11, C-SFTP-28).
func (c *FileTransferClient) RealPath(path string) deferred.Deferred[string] {
	return request(c, pathPacket(fxpRealpath, path), op{name: "realpath", path: path}, pathAnswer)
}

// ExtendedReply is the answer to a request of an extension.
type ExtendedReply struct {
	Data   []byte // the body of a SSH_FXP_EXTENDED_REPLY; nil if the answer was a Status
	Status Status // the answer, if that was a SSH_FXP_STATUS that reports success
}

// ExtendedRequest makes the request of an extension: data is its body after the name, encoded as the extension wants it (draft section 8).
// A server that does not know the extension refuses with FXOpUnsupported, which is errors.ErrUnsupported (C-SFTP-29).
func (c *FileTransferClient) ExtendedRequest(name string, data []byte) deferred.Deferred[ExtendedReply] {
	e := newPacket(fxpExtended, stringSize(name)+len(data))
	e.String(name)
	e.Raw(data)
	return request(c, e, op{name: "extended", path: name}, extendedAnswer)
}

// pathPacket encodes a request whose body is one string: a path, or a handle.
func pathPacket(typ PacketType, path string) wire.Encoder {
	e := newPacket(typ, stringSize(path))
	e.String(path)
	return e
}

func pathsPacket(typ PacketType, first, second string) wire.Encoder {
	e := newPacket(typ, stringSize(first)+stringSize(second))
	e.String(first)
	e.String(second)
	return e
}

// pathAttrsPacket encodes a request whose body is a path, or a handle, and attributes.
func pathAttrsPacket(typ PacketType, path string, attrs Attrs) wire.Encoder {
	e := newPacket(typ, stringSize(path)+attrs.size())
	e.String(path)
	attrs.encode(&e)
	return e
}

// closeHandle closes a file or a directory (draft section 6.3).
func (c *FileTransferClient) closeHandle(handle string, o op) deferred.Deferred[Status] {
	return request(c, pathPacket(fxpClose, handle), o, statusAnswer)
}
