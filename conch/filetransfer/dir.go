package filetransfer

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/hawser-go/hawser/deferred"
)

// ClientDirectory is an open directory. Its methods belong to the goroutine
// that owns the client. It should be closed, because servers limit the number
// of handles.
type ClientDirectory struct {
	client *FileTransferClient
	handle string
	name   string
	closed bool
}

// Client returns the client that opened the directory.
func (d *ClientDirectory) Client() *FileTransferClient { return d.client }

// Name returns the path that was given to OpenDirectory.
func (d *ClientDirectory) Name() string { return d.name }

// Handle returns the server's handle of the directory: up to 256 arbitrary
// bytes.
func (d *ClientDirectory) Handle() string { return d.handle }

func (d *ClientDirectory) op(name string) op { return op{name: name, path: d.name} }

// Read fires with the next batch of entries (draft section 6.7). The server
// chooses their number, and may include "." and "..". After the last batch Read
// fails with an error that wraps io.EOF.
func (d *ClientDirectory) Read() deferred.Deferred[[]Entry] {
	if d.closed {
		return deferred.Fail[[]Entry](d.op("readdir").wrap(fs.ErrClosed))
	}
	return request(d.client, pathPacket(fxpReaddir, d.handle), d.op("readdir"), entriesAnswer)
}

// ReadAll reads batch after batch and fires with all remaining entries. If they
// need more memory than [FileTransferClient.MaxDirectorySize], ReadAll fails
// with an error that wraps ErrTooManyEntries. An empty batch, which some
// servers send at the end, ends the directory. ReadAll does not close the
// directory.
func (d *ClientDirectory) ReadAll() deferred.Deferred[[]Entry] {
	return deferred.Inline(func(co *deferred.Coro) ([]Entry, error) {
		limit := cmp.Or(d.client.MaxDirectorySize, defaultDirectorySize)
		var batches [][]Entry
		for size := 0; size <= limit; {
			batch, err := deferred.Await(co, d.Read())
			if errors.Is(err, io.EOF) || err == nil && len(batch) == 0 {
				return slices.Concat(batches...), nil
			}
			if err != nil {
				return nil, err
			}
			batches = append(batches, batch)
			size += memory(batch)
		}
		return nil, d.op("readdir").wrap(ErrTooManyEntries)
	})
}

// Close closes the directory (draft section 6.3). Only the first call sends a
// request. Later calls fire at once with the zero Status.
func (d *ClientDirectory) Close() deferred.Deferred[Status] {
	if d.closed {
		return deferred.Succeed(Status{})
	}
	d.closed = true
	return d.client.closeHandle(d.handle, d.op("close"))
}
