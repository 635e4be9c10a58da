package filetransfer

import (
	"io/fs"

	"github.com/hawser-go/hawser/deferred"
)

// ClientFile is an open file. Its methods belong to the goroutine that owns the client. It should be closed: servers limit how many files a
// session may have open.
type ClientFile struct {
	client *FileTransferClient
	handle string
	name   string
	flags  OpenFlags
	closed bool
}

// Client returns the client that the file was opened with.
func (f *ClientFile) Client() *FileTransferClient { return f.client }

// Name returns the path that the file was opened by, as it was given.
func (f *ClientFile) Name() string { return f.name }

// Handle returns the server's name for the open file: up to 256 bytes of any value, for use in extended requests (C-SFTP-45).
func (f *ClientFile) Handle() string { return f.handle }

func (f *ClientFile) op(name string) op { return op{name: name, path: f.name} }

// onFile makes a request about the file, unless it is closed: servers give a handle that is free again to the next file.
func onFile[T any](f *ClientFile, name string, make func(o op) deferred.Deferred[T]) deferred.Deferred[T] {
	o := f.op(name)
	if f.closed {
		return deferred.Fail[T](o.wrap(fs.ErrClosed))
	}
	return make(o)
}

// GetAttrs fires with the file's attributes (draft section 6.8, C-SFTP-43).
func (f *ClientFile) GetAttrs() deferred.Deferred[Attrs] {
	return onFile(f, "fstat", func(o op) deferred.Deferred[Attrs] {
		return request(f.client, pathPacket(fxpFstat, f.handle), o, attrsAnswer)
	})
}

// SetAttrs changes those of the file's attributes that are present in attrs (draft section 6.9, C-SFTP-44).
func (f *ClientFile) SetAttrs(attrs Attrs) deferred.Deferred[Status] {
	return onFile(f, "fsetstat", func(o op) deferred.Deferred[Status] {
		return request(f.client, pathAttrsPacket(fxpFsetstat, f.handle, attrs), o, statusAnswer)
	})
}

// Close closes the file, whatever the outcome. Of several calls only the first sends a request; what is called after it, a second Close too,
// fails with fs.ErrClosed, because the server may have given the handle to another file by then (draft section 6.3; C-SFTP-42, where the second
// request was sent, and failed at the server or closed what it did not mean).
func (f *ClientFile) Close() deferred.Deferred[Status] {
	return onFile(f, "close", func(o op) deferred.Deferred[Status] {
		f.closed = true
		return f.client.closeHandle(f.handle, o)
	})
}
