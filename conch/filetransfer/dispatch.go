package filetransfer

import (
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// openFlags are the flags that version 3 defines.
const openFlags = FXFRead | FXFWrite | FXFAppend | FXFCreat | FXFTrunc | FXFExcl

// dispatch carries out a request. Bytes after its last field are ignored, as
// OpenSSH ignores them.
func (c *call) dispatch(d *wire.Decoder) {
	if c.typ == fxpExtended {
		c.dispatchExtended(d)
		return
	}
	if int(c.typ) >= len(requestKinds) || requestKinds[c.typ].name == "" {
		c.refuse(FXOpUnsupported)
		return
	}
	c.kind = requestKinds[c.typ]
	if c.s.refuses(c.kind) {
		c.noteRefused(*d)
		c.refuse(FXPermissionDenied)
		return
	}
	switch c.typ {
	case fxpOpen:
		c.openFile(d)
	case fxpOpendir:
		c.openDirectory(d)
	case fxpRename, fxpSymlink:
		c.twoPaths(d)
	case fxpMkdir, fxpSetstat:
		c.withAttrs(d)
	case fxpLstat, fxpStat, fxpRemove, fxpRmdir, fxpRealpath, fxpReadlink:
		c.onePath(d)
	default:
		c.aboutHandle(d)
	}
}

func (c *call) openFile(d *wire.Decoder) {
	path, flags, attrs := d.String(), OpenFlags(d.Uint32())&openFlags, decodeServerAttrs(d)
	if !c.valid(d, path) {
		return
	}
	if c.s.ReadOnly && flags&(FXFWrite|FXFCreat|FXFTrunc) != 0 {
		c.refuse(FXPermissionDenied)
		return
	}
	if flags&(FXFRead|FXFWrite) == 0 {
		flags |= FXFRead
	}
	if flags&FXFCreat == 0 {
		flags &^= FXFExcl
	}
	attrs.Flags &= AttrPermissions // OpenSSH ignores the others
	c.flags = flags
	h := &openHandle{s: c.s, path: path, flags: flags}
	if !h.reserve() {
		c.refuse(FXFailure)
		return
	}
	respond(c, func() deferred.Deferred[SFTPFile] {
		return giveBack(h, c.s.server.OpenFile(path, flags, attrs))
	}, func(f SFTPFile) {
		h.file = f
		concurrent, ok := f.(ConcurrentFile)
		h.concurrent = ok && concurrent.Concurrent()
		c.opened(h)
	})
}

func (c *call) openDirectory(d *wire.Decoder) {
	path, ok := c.path(d)
	if !ok {
		return
	}
	h := &openHandle{s: c.s, path: path}
	if !h.reserve() {
		c.refuse(FXFailure)
		return
	}
	respond(c, func() deferred.Deferred[SFTPDirectory] {
		return giveBack(h, c.s.server.OpenDirectory(path))
	}, func(dir SFTPDirectory) {
		h.dir = dir
		c.opened(h)
	})
}

// opened answers with a new handle.
func (c *call) opened(h *openHandle) {
	if !h.valid() {
		h.unreserve()
		c.fail(errNilHandle)
		return
	}
	c.s.add(h)
	if c.s.over() || c.s.ending {
		h.close(nil)
		c.finish()
		return
	}
	e := c.begin(fxpHandle)
	e.Uint32(4)
	e.Uint32(h.id)
	c.end(e)
}

func (c *call) twoPaths(d *wire.Decoder) {
	first, second, ok := c.paths(d)
	if !ok {
		return
	}
	server := c.s.server
	respondOK(c, func() deferred.Deferred[deferred.Void] {
		if c.typ == fxpSymlink { // OpenSSH's order: the target is first
			return server.MakeLink(second, first)
		}
		return server.RenameFile(first, second)
	})
}

func (c *call) withAttrs(d *wire.Decoder) {
	path, attrs, ok := c.pathAttrs(d)
	if !ok {
		return
	}
	server := c.s.server
	if c.typ == fxpMkdir {
		attrs.Flags &= AttrPermissions
		respondOK(c, func() deferred.Deferred[deferred.Void] { return server.MakeDirectory(path, attrs) })
		return
	}
	c.setAttrs(attrs, func() deferred.Deferred[deferred.Void] { return server.SetAttrs(path, attrs, true) })
}

// setAttrs changes attributes. Without any there is nothing to do, even if
// there is no file.
func (c *call) setAttrs(attrs Attrs, method func() deferred.Deferred[deferred.Void]) {
	if attrs.Flags == 0 {
		c.fail(nil)
		return
	}
	respondOK(c, method)
}

func (c *call) onePath(d *wire.Decoder) {
	path, ok := c.path(d)
	if !ok {
		return
	}
	server := c.s.server
	switch c.typ {
	case fxpLstat, fxpStat:
		respond(c, func() deferred.Deferred[Attrs] { return server.GetAttrs(path, c.typ == fxpStat) }, c.attrs)
	case fxpRemove:
		respondOK(c, func() deferred.Deferred[deferred.Void] { return server.RemoveFile(path) })
	case fxpRmdir:
		respondOK(c, func() deferred.Deferred[deferred.Void] { return server.RemoveDirectory(path) })
	case fxpReadlink:
		respond(c, func() deferred.Deferred[string] { return server.ReadLink(path) }, c.name)
	default:
		respond(c, func() deferred.Deferred[string] { return server.RealPath(path) }, c.name)
	}
}
