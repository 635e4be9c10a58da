package filetransfer

import (
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// Paths are sent unchanged and may contain any bytes. Some servers expect
// UTF-8. Relative paths begin at the directory where the server starts a
// session, usually the user's home directory.

// OpenFile opens a file and fires with it (draft section 6.3). attrs are the
// attributes of a file that the call creates. With zero Attrs the server
// chooses them.
func (c *FileTransferClient) OpenFile(filename string, flags OpenFlags, attrs Attrs) deferred.Deferred[*ClientFile] {
	e := newPacket(fxpOpen, stringSize(filename)+4+attrs.size())
	e.String(filename)
	e.Uint32(uint32(flags))
	attrs.encode(&e)
	return request(c, e, op{name: "open", path: filename}, handleAnswer(func(handle string) *ClientFile {
		return &ClientFile{client: c, handle: handle, name: filename, flags: flags}
	}))
}

// RemoveFile removes a file, but not a directory (draft section 6.5).
func (c *FileTransferClient) RemoveFile(filename string) deferred.Deferred[Status] {
	return request(c, pathPacket(fxpRemove, filename), op{name: "remove", path: filename}, statusAnswer)
}

// RenameFile renames a file or directory (draft section 6.5). Most servers fail
// if newpath exists; see PosixRename.
func (c *FileTransferClient) RenameFile(oldpath, newpath string) deferred.Deferred[Status] {
	return request(c, pathsPacket(fxpRename, oldpath, newpath), op{"rename", oldpath, newpath}, statusAnswer)
}

// MakeDirectory creates a directory (draft section 6.6).
func (c *FileTransferClient) MakeDirectory(path string, attrs Attrs) deferred.Deferred[Status] {
	return request(c, pathAttrsPacket(fxpMkdir, path, attrs), op{name: "mkdir", path: path}, statusAnswer)
}

// RemoveDirectory removes an empty directory (draft section 6.6).
func (c *FileTransferClient) RemoveDirectory(path string) deferred.Deferred[Status] {
	return request(c, pathPacket(fxpRmdir, path), op{name: "rmdir", path: path}, statusAnswer)
}

// OpenDirectory opens a directory for reading and fires with it (draft section
// 6.7).
func (c *FileTransferClient) OpenDirectory(path string) deferred.Deferred[*ClientDirectory] {
	return request(c, pathPacket(fxpOpendir, path), op{name: "opendir", path: path}, handleAnswer(func(handle string) *ClientDirectory {
		return &ClientDirectory{client: c, handle: handle, name: path}
	}))
}

// GetAttrs fires with the attributes of a path (draft section 6.8). If the path
// is a symbolic link, they are the attributes of the link, or, if followLinks
// is true, of the file that it points to.
func (c *FileTransferClient) GetAttrs(path string, followLinks bool) deferred.Deferred[Attrs] {
	if followLinks {
		return request(c, pathPacket(fxpStat, path), op{name: "stat", path: path}, attrsAnswer)
	}
	return request(c, pathPacket(fxpLstat, path), op{name: "lstat", path: path}, attrsAnswer)
}

// SetAttrs changes the attributes that are present in attrs (draft section
// 6.9). It follows symbolic links.
func (c *FileTransferClient) SetAttrs(path string, attrs Attrs) deferred.Deferred[Status] {
	return request(c, pathAttrsPacket(fxpSetstat, path, attrs), op{name: "setstat", path: path}, statusAnswer)
}

// RealPath fires with the absolute form of a path on the server (draft section
// 6.11). RealPath(".") is the directory where relative paths begin.
func (c *FileTransferClient) RealPath(path string) deferred.Deferred[string] {
	return request(c, pathPacket(fxpRealpath, path), op{name: "realpath", path: path}, pathAnswer)
}

// pathPacket encodes a request with one string: a path or a handle.
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

// pathAttrsPacket encodes a request with a path or handle, and attributes.
func pathAttrsPacket(typ PacketType, path string, attrs Attrs) wire.Encoder {
	e := newPacket(typ, stringSize(path)+attrs.size())
	e.String(path)
	attrs.encode(&e)
	return e
}

// closeHandle closes a file or directory (draft section 6.3).
func (c *FileTransferClient) closeHandle(handle string, o op) deferred.Deferred[Status] {
	return request(c, pathPacket(fxpClose, handle), o, statusAnswer)
}
