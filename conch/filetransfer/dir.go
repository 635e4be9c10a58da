package filetransfer

import (
	"errors"
	"io"
	"io/fs"

	"github.com/hawser-go/hawser/deferred"
)

// MaxDirectoryEntries is how many entries ReadAll gathers before it gives up on a directory that does not end.
const MaxDirectoryEntries = 1 << 20

// maxDirectorySize is how many bytes of names and attributes it gathers: 256 for each of them.
const maxDirectorySize = MaxDirectoryEntries * 256

// Entry is one name in a directory (draft section 7).
type Entry struct {
	Filename string // the name in the directory, without the directory; the server's bytes
	Longname string // a line for people, as of ls -l, its form up to the server
	Attrs    Attrs  // of the entry itself, if it is a symbolic link of the link
}

// FileInfo returns a view of the entry as an fs.FileInfo.
func (e Entry) FileInfo() fs.FileInfo { return e.Attrs.FileInfo(e.Filename) }

// ClientDirectory is an open directory. Its methods belong to the goroutine that owns the client. It should be closed: servers limit how many
// handles a session may have.
type ClientDirectory struct {
	client *FileTransferClient
	handle string
	name   string
	closed bool
}

// Client returns the client that the directory was opened with.
func (d *ClientDirectory) Client() *FileTransferClient { return d.client }

// Name returns the path that the directory was opened by, as it was given.
func (d *ClientDirectory) Name() string { return d.name }

// Handle returns the server's name for the open directory: up to 256 bytes of any value.
func (d *ClientDirectory) Handle() string { return d.handle }

func (d *ClientDirectory) op(name string) op { return op{name: name, path: d.name} }

// Read fires with the next batch of entries, as many as the server likes, "." and ".." among them if the server sends them. After the
// last it fails with an error that is io.EOF. (Draft section 6.7, C-SFTP-50.)
func (d *ClientDirectory) Read() deferred.Deferred[[]Entry] {
	if d.closed {
		return deferred.Fail[[]Entry](d.op("readdir").wrap(fs.ErrClosed))
	}
	return request(d.client, pathPacket(fxpReaddir, d.handle), d.op("readdir"), entriesAnswer)
}

// ReadAll reads batch after batch and fires with all the entries that are left, at most MaxDirectoryEntries, and 256 MiB: if there are more it fails
// with ErrTooManyEntries. An empty batch, which some servers send instead of an end, is taken for the end. Cancelling it cancels the batch that
// is on its way. It does not close the directory. (C-SFTP-52.)
func (d *ClientDirectory) ReadAll() deferred.Deferred[[]Entry] {
	r := &reading{dir: d}
	r.result = deferred.New(func(deferred.Deferred[[]Entry]) { r.batch.Cancel() })
	r.next()
	return r.result
}

// reading is a ReadAll under way.
type reading struct {
	dir    *ClientDirectory
	batch  deferred.Deferred[[]Entry]
	got    []Entry
	size   int // of got, in bytes
	result deferred.Deferred[[]Entry]
}

func (r *reading) next() {
	r.batch = r.dir.Read()
	r.batch.AddCallbacks(r.cbBatch, r.ebBatch)
}

func (r *reading) cbBatch(entries []Entry) ([]Entry, error) {
	for _, e := range entries {
		r.size += len(e.Filename) + len(e.Longname) + e.Attrs.size()
	}
	switch r.got = append(r.got, entries...); {
	case len(entries) == 0:
		r.result.Callback(r.got)
	case len(r.got) > MaxDirectoryEntries, r.size > maxDirectorySize:
		r.result.Errback(r.dir.op("readdir").wrap(ErrTooManyEntries))
	default:
		r.next()
	}
	return nil, nil
}

func (r *reading) ebBatch(err error) ([]Entry, error) {
	if errors.Is(err, io.EOF) {
		r.result.Callback(r.got)
	} else {
		r.result.Errback(err)
	}
	return nil, nil
}

// Close closes the directory (draft section 6.3). A second call sends nothing and fires at once with the zero Status (C-SFTP-51).
func (d *ClientDirectory) Close() deferred.Deferred[Status] {
	if d.closed {
		return deferred.Succeed(Status{})
	}
	d.closed = true
	return d.client.closeHandle(d.handle, d.op("close"))
}
