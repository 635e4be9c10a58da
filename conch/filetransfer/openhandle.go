package filetransfer

import (
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// maxBatch is the maximum number of entries in one reply, as OpenSSH has it.
const maxBatch = 100

// maxBatchSize is the number of bytes of entries after which a reply is full.
const maxBatchSize = 128 << 10

var (
	errNilHandle    = errors.New("filetransfer: the server returned a nil file or directory")
	errEntryTooLong = errors.New("filetransfer: the entry of a directory is too long for a reply")
)

// openHandle is an open file or directory of a FileTransferServer.
type openHandle struct {
	s          *FileTransferServer
	id         uint32
	path       string
	flags      OpenFlags
	file       SFTPFile      // nil for a directory
	dir        SFTPDirectory // nil for a file
	concurrent bool

	rest    []Entry // read from dir, not sent
	queue   []*call // that wait, oldest first
	running int     // calls in progress
	alone   bool    // the call in progress is exclusive
	moving  bool    // advance is running

	read, written int64 // bytes, for the log
	err           error // of the first read or write that has failed, for the log
}

// reserve counts the handle. The result is false if there are too many.
func (h *openHandle) reserve() bool {
	s := h.s
	if s.open >= s.MaxHandles || !s.Handles.take() {
		return false
	}
	s.open++
	return true
}

func (h *openHandle) unreserve() {
	h.s.open--
	h.s.Handles.give()
}

// giveBack makes a failure to open h give back what reserve has taken.
func giveBack[T any](h *openHandle, d deferred.Deferred[T]) deferred.Deferred[T] {
	if d == (deferred.Deferred[T]{}) {
		h.unreserve()
		return d
	}
	return d.AddErrback(func(err error) (none T, _ error) {
		h.unreserve()
		return none, err
	})
}

func (h *openHandle) valid() bool { return h.file != nil || h.dir != nil }

// add gives the handle an id. Ids count up, so that a request that is late does
// not meet another file.
func (s *FileTransferServer) add(h *openHandle) {
	for s.handles[s.nextHandle] != nil {
		s.nextHandle++
	}
	h.id = s.nextHandle
	s.handles[h.id] = h
	s.nextHandle++
}

// find returns the handle with the given bytes, or nil.
func (s *FileTransferServer) find(handle []byte) *openHandle {
	if len(handle) != 4 {
		return nil
	}
	d := wire.NewDecoder(handle)
	return s.handles[d.Uint32()]
}

// closeHandles closes all handles, in the order in which they were opened.
func (s *FileTransferServer) closeHandles() {
	for _, id := range slices.Sorted(maps.Keys(s.handles)) {
		s.handles[id].close(nil)
	}
}

// begins makes start run when the call is at the front of the queues of its
// handles.
func (c *call) begins(exclusive bool, start func(), handles ...*openHandle) {
	c.exclusive, c.start, c.missing = exclusive, start, len(handles)
	copy(c.on[:], handles)
	for _, h := range handles {
		h.queue = append(h.queue, c)
	}
	for _, h := range handles {
		h.advance()
	}
}

// advance begins the calls at the front of the queue that need not wait.
func (h *openHandle) advance() {
	if h.moving {
		return
	}
	h.moving = true
	for len(h.queue) > 0 {
		c := h.queue[0]
		if alone := c.exclusive || !h.concurrent; h.running > 0 && (alone || h.alone) {
			break
		}
		h.queue[0] = nil
		h.queue = h.queue[1:]
		h.running++
		h.alone = c.exclusive
		if c.missing--; c.missing == 0 {
			c.start()
		}
	}
	h.moving = false
}

// finished is called when a call of the handle is done.
func (h *openHandle) finished(c *call) {
	h.running--
	h.alone = false
	if c.typ == fxpClose {
		h.unreserve()
	}
	h.advance()
}

// close closes the handle after the calls that wait for it, and answers c, if c
// is not nil.
func (h *openHandle) close(c *call) {
	s := h.s
	delete(s.handles, h.id)
	if c == nil {
		c = &call{s: s, typ: fxpClose, kind: requestKinds[fxpClose]}
		s.inFlight++
	}
	c.note(h.path)
	c.begins(true, func() {
		respond(c, func() deferred.Deferred[deferred.Void] {
			if h.file != nil {
				return h.file.Close()
			}
			return h.dir.Close()
		}, func(deferred.Void) { c.fail(nil) })
	}, h)
}

// aboutHandle carries out a request that begins with a handle.
func (c *call) aboutHandle(d *wire.Decoder) {
	h := c.s.find(d.Bytes())
	var offset uint64
	var length uint32
	var data []byte
	var attrs Attrs
	switch c.typ {
	case fxpRead:
		offset, length = d.Uint64(), d.Uint32()
	case fxpWrite:
		offset, data = d.Uint64(), d.Bytes()
	case fxpFsetstat:
		attrs = decodeServerAttrs(d)
	}
	switch isFile := h != nil && h.file != nil; {
	case !c.valid(d):
	case c.typ == fxpClose && h == nil:
		c.refuse(FXNoSuchFile)
	case c.typ == fxpClose:
		h.close(c)
	case c.typ == fxpReaddir && h != nil && h.dir != nil:
		c.begins(true, func() { c.readDirectory(h) }, h)
	case c.typ == fxpReaddir || !isFile:
		c.refuse(FXFailure)
	case c.typ == fxpRead:
		c.read(h, offset, length)
	case c.typ == fxpWrite:
		c.write(h, offset, data)
	case c.typ == fxpFstat:
		c.begins(false, func() { respond(c, h.file.GetAttrs, c.attrs) }, h)
	default:
		c.begins(false, func() {
			c.note(h.path)
			c.setAttrs(attrs, func() deferred.Deferred[deferred.Void] { return h.file.SetAttrs(attrs) })
		}, h)
	}
}

// read answers with file data, which the file puts directly into the reply.
func (c *call) read(h *openHandle, offset uint64, length uint32) {
	n := int(min(length, maxServerData))
	if offset > math.MaxInt64-uint64(length) {
		c.refuse(FXBadMessage)
		return
	}
	c.s.held += n
	c.cost += n
	c.begins(false, func() {
		reply := newBuffer(lengthSize + dataHeaderSize + n)
		respond(c, func() deferred.Deferred[int] {
			d := h.file.ReadChunk(offset, reply[lengthSize+dataHeaderSize:])
			if n > 0 || d == (deferred.Deferred[int]{}) {
				return d
			}
			return d.AddErrback(func(err error) (int, error) { // no data, also at the end
				if StatusOf(err).Code == FXEOF {
					err = nil
				}
				return 0, err
			})
		}, func(got int) { c.data(reply, got, n) })
	}, h)
}

// smallData is the number of bytes of file data that are copied to other
// replies.
const smallData = 4 << 10

// data answers with the first got bytes of file data in reply, where n were
// asked for.
func (c *call) data(reply []byte, got, n int) {
	switch {
	case got < 0 || got > n:
		c.fail(errors.New("filetransfer: ReadChunk returned an impossible number of bytes"))
		return
	case got == 0 && n > 0:
		putBuffer(reply)
		c.refuse(FXEOF)
		return
	}
	data := reply[lengthSize+dataHeaderSize:][:got]
	c.on[0].read += int64(got)
	if got <= smallData || c.s.over() {
		e := c.begin(fxpData)
		e.Bytes(data)
		putBuffer(reply)
		c.end(e)
		return
	}
	e := wire.NewEncoder(reply[:0])
	e.Uint32(uint32(dataHeaderSize + got))
	e.Uint8(uint8(fxpData))
	e.Uint32(c.id)
	e.Uint32(uint32(got))
	c.s.flush()
	c.s.write(reply[:lengthSize+dataHeaderSize+got])
	c.finish()
}

func (c *call) write(h *openHandle, offset uint64, data []byte) {
	if h.flags&FXFAppend == 0 && offset > math.MaxInt64-uint64(len(data)) {
		c.refuse(FXBadMessage)
		return
	}
	c.begins(false, func() {
		respond(c, func() deferred.Deferred[deferred.Void] { return h.file.WriteChunk(offset, data) }, func(deferred.Void) {
			h.written += int64(len(data))
			c.fail(nil)
		})
	}, h)
}

// readDirectory answers with the next entries of a directory.
func (c *call) readDirectory(h *openHandle) {
	switch {
	case len(h.rest) > 0:
		c.entries(h)
	default:
		respond(c, func() deferred.Deferred[[]Entry] {
			return h.dir.ReadEntries(maxBatch)
		}, func(entries []Entry) {
			if h.rest = entries; len(entries) == 0 {
				c.refuse(FXEOF)
				return
			}
			c.entries(h)
		})
	}
}

// entries answers with as many entries as fit.
func (c *call) entries(h *openHandle) {
	e := c.begin(fxpName)
	start := len(e.Data())
	e.Uint32(0)
	sent := 0
	for sent < min(len(h.rest), maxBatch) && len(e.Data())-start < maxBatchSize {
		x := &h.rest[sent]
		long := x.Longname()
		if long == "" {
			long = Longname(x.Filename, x.Attrs, LongnameInfo{Now: time.Now()})
		}
		if len(x.Filename)+len(long)+x.Attrs.size() > maxServerPacket/2-1<<10 {
			h.rest = nil
			c.fail(errEntryTooLong)
			return
		}
		e.String(x.Filename)
		e.String(long)
		x.Attrs.encode(&e)
		sent++
	}
	count := wire.NewEncoder(e.Data()[start:start])
	count.Uint32(uint32(sent))
	h.rest = h.rest[sent:]
	c.end(e)
}
