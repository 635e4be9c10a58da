package filetransfer

import (
	"io/fs"

	"github.com/hawser-go/hawser/deferred"
)

// ClientFile is an open file. Its methods belong to the goroutine that owns the
// client. It should be closed, because servers limit the number of handles.
type ClientFile struct {
	client *FileTransferClient
	handle string
	name   string
	flags  OpenFlags
	closed bool
}

// Client returns the client that opened the file.
func (f *ClientFile) Client() *FileTransferClient { return f.client }

// Name returns the path that was given to OpenFile.
func (f *ClientFile) Name() string { return f.name }

// Handle returns the server's handle of the file, up to 256 arbitrary bytes,
// for extended requests.
func (f *ClientFile) Handle() string { return f.handle }

func (f *ClientFile) op(name string) op { return op{name: name, path: f.name} }

// onFile makes a request about an open file. It fails if the file is closed,
// because the server may have given its handle to another file.
func onFile[T any](f *ClientFile, name string, make func(o op) deferred.Deferred[T]) deferred.Deferred[T] {
	o := f.op(name)
	if f.closed {
		return deferred.Fail[T](o.wrap(fs.ErrClosed))
	}
	return make(o)
}

// GetAttrs fires with the attributes of the file (draft section 6.8).
func (f *ClientFile) GetAttrs() deferred.Deferred[Attrs] {
	return onFile(f, "fstat", func(o op) deferred.Deferred[Attrs] {
		return request(f.client, pathPacket(fxpFstat, f.handle), o, attrsAnswer)
	})
}

// SetAttrs changes the attributes that are present in attrs (draft section
// 6.9).
func (f *ClientFile) SetAttrs(attrs Attrs) deferred.Deferred[Status] {
	return onFile(f, "fsetstat", func(o op) deferred.Deferred[Status] {
		return request(f.client, pathAttrsPacket(fxpFsetstat, f.handle, attrs), o, statusAnswer)
	})
}

// Close closes the file (draft section 6.3). Close also closes the file on this
// side if the server reports an error. Later calls of any method fail with an
// error that wraps fs.ErrClosed, and send nothing.
//
// Some servers handle requests in any order: before Close, wait for the results
// of the writes.
func (f *ClientFile) Close() deferred.Deferred[Status] {
	return onFile(f, "close", func(o op) deferred.Deferred[Status] {
		f.closed = true
		return f.client.closeHandle(f.handle, o)
	})
}
