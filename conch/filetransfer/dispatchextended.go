package filetransfer

import (
	"math"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// dispatchExtended carries out an extended request.
func (c *call) dispatchExtended(d *wire.Decoder) {
	name := d.String()
	c.kind = extendedKind(name)
	_, known := extendedKinds[name]
	switch {
	case !c.valid(d):
	case !known && c.s.ReadOnly:
		c.refuse(FXOpUnsupported)
	case c.s.refuses(c.kind):
		c.noteRefused(*d)
		c.refuse(FXPermissionDenied)
	case !known:
		data := d.Rest()
		respond(c, func() deferred.Deferred[[]byte] { return c.s.server.ExtendedRequest(name, data) }, c.extended)
	default:
		c.knownExtended(name, d)
	}
}

func (c *call) knownExtended(name string, d *wire.Decoder) {
	switch name {
	case extPosixRename, extHardLink:
		c.renames(name, d)
	case extLSetStat:
		path, attrs, ok := c.pathAttrs(d)
		if ok {
			c.setAttrs(attrs, func() deferred.Deferred[deferred.Void] { return c.s.server.SetAttrs(path, attrs, false) })
		}
	case extFsync, extFStatVFS:
		c.extendedHandle(name, d)
	case extLimits:
		c.limits()
	case extCopyData:
		c.copyData(d)
	case extNamesByID:
		c.usersGroupsByID(d)
	default:
		c.extendedPath(name, d)
	}
}

func (c *call) renames(name string, d *wire.Decoder) {
	oldpath, newpath, ok := c.paths(d)
	if !ok {
		return
	}
	method := c.s.server.PosixRename
	if name == extHardLink {
		method = c.s.server.HardLink
	}
	respondOK(c, func() deferred.Deferred[deferred.Void] { return method(oldpath, newpath) })
}

func (c *call) extendedPath(name string, d *wire.Decoder) {
	path, ok := c.path(d)
	if !ok {
		return
	}
	server := c.s.server
	switch name {
	case extStatVFS:
		respond(c, func() deferred.Deferred[StatVFS] { return server.StatVFS(path) }, c.statVFS)
	case extExpandPath:
		respond(c, func() deferred.Deferred[string] { return server.ExpandPath(path) }, c.name)
	default:
		respond(c, func() deferred.Deferred[string] { return server.HomeDirectory(path) }, c.name)
	}
}

func (c *call) extendedHandle(name string, d *wire.Decoder) {
	h := c.s.find(d.Bytes())
	switch isFile := h != nil && h.file != nil; {
	case !c.valid(d):
	case !isFile && name == extFsync:
		c.refuse(FXNoSuchFile)
	case !isFile:
		c.refuse(FXFailure)
	case name == extFsync:
		c.begins(false, func() { respondOK(c, h.file.Sync) }, h)
	default:
		c.begins(false, func() { respond(c, h.file.StatVFS, c.statVFS) }, h)
	}
}

func (c *call) statVFS(v StatVFS) {
	e := c.begin(fxpExtendedReply)
	for _, field := range v.fields() {
		e.Uint64(*field)
	}
	c.end(e)
}

func (c *call) limits() {
	e := c.begin(fxpExtendedReply)
	e.Uint64(maxServerPacket)
	e.Uint64(maxServerData)
	e.Uint64(MaxChunk)
	e.Uint64(uint64(c.s.MaxHandles))
	c.end(e)
}

func (c *call) usersGroupsByID(d *wire.Decoder) {
	uids, gids := ids(d), ids(d)
	if !c.valid(d) {
		return
	}
	respond(c, func() deferred.Deferred[Names] { return c.s.server.UsersGroupsByID(uids, gids) }, func(names Names) {
		e := c.begin(fxpExtendedReply)
		for _, list := range [][]string{names.Users, names.Groups} {
			var inner wire.Encoder
			for _, name := range list {
				inner.String(name)
			}
			e.Bytes(inner.Data())
		}
		if len(e.Data())-len(c.s.out) > maxServerPacket {
			c.fail(errReplyTooLong)
			return
		}
		c.end(e)
	})
}

// ids reads a string of numbers. If its length is wrong, it reads beyond the
// end, which is an error.
func ids(d *wire.Decoder) (list []uint32) {
	packed := d.Bytes()
	if len(packed)%4 != 0 {
		d.Rest()
		d.Uint8()
		return nil
	}
	for inner := wire.NewDecoder(packed); inner.Len() > 0; {
		list = append(list, inner.Uint32())
	}
	return list
}

// copyData copies from one open file to another.
func (c *call) copyData(d *wire.Decoder) {
	from, fromOffset, length := c.s.find(d.Bytes()), d.Uint64(), d.Uint64()
	to, toOffset := c.s.find(d.Bytes()), d.Uint64()
	if !c.valid(d) {
		return
	}
	if from == nil || to == nil || from.file == nil || to.file == nil || from == to || from.path == to.path {
		c.refuse(FXFailure)
		return
	}
	if length == 0 {
		length = math.MaxInt64
	}
	if fromOffset > math.MaxInt64 || toOffset > math.MaxInt64 || length > math.MaxInt64 {
		c.refuse(FXBadMessage)
		return
	}
	c.s.held += MaxChunk
	c.cost += MaxChunk
	c.note(from.path, to.path)
	c.begins(true, func() {
		respondOK(c, func() deferred.Deferred[deferred.Void] {
			return copyFile(from.file, fromOffset, length, to.file, toOffset)
		})
	}, from, to)
}

// copyFile copies at most length bytes, a piece at a time.
func copyFile(from SFTPFile, offset, length uint64, to SFTPFile, toOffset uint64) deferred.Deferred[deferred.Void] {
	return deferred.Inline(func(co *deferred.Coro) (none deferred.Void, err error) {
		buffer := make([]byte, min(length, MaxChunk))
		for length > 0 && offset <= math.MaxInt64 {
			n, err := deferred.Await(co, from.ReadChunk(offset, buffer[:min(length, uint64(len(buffer)))]))
			switch {
			case err != nil && StatusOf(err).Code == FXEOF, err == nil && n == 0:
				return none, nil
			case err != nil:
				return none, err
			}
			if _, err := deferred.Await(co, to.WriteChunk(toOffset, buffer[:n])); err != nil {
				return none, err
			}
			offset, toOffset, length = offset+uint64(n), toOffset+uint64(n), length-uint64(n)
		}
		return none, nil
	})
}
