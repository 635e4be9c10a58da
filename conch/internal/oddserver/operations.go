package oddserver

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

func keys(entries map[string]*node) iter.Seq[string] { return maps.Keys(entries) }

// operation carries out a request. Without a packet and an error the answer is
// a status of success.
func (ss *session) operation(r *Request) ([]byte, *status) {
	s := ss.s
	switch r.Type {
	case CLOSE, READ, WRITE, FSTAT, FSETSTAT, READDIR:
		h := ss.handles[r.Handle]
		if h == nil {
			if r.Type == WRITE && s.odd.LostHandleOK {
				return nil, nil
			}
			return nil, &status{Failure, "Bad file descriptor"}
		}
		return ss.onHandle(r, h)
	case OPEN:
		return ss.openFile(r)
	case OPENDIR:
		_, _, n := s.find(r.Path, true)
		if !n.is(dirMode) {
			return nil, s.missing()
		}
		return ss.newHandle(r, &handle{n: n, path: r.Path, dir: true})
	case MKDIR:
		return nil, s.mkdir(r)
	case RENAME:
		return nil, s.rename(r, s.odd.RenameReplaces)
	case SYMLINK:
		target, name := r.Path, r.Path2
		if s.odd.DraftSymlink {
			target, name = name, target
		}
		n := newNode(linkMode | 0o777)
		n.target = target
		return nil, s.link(name, n)
	case EXTENDED:
		return ss.extended(r)
	}
	return s.onPath(r)
}

// onPath carries out a request about one existing path.
func (s *Server) onPath(r *Request) ([]byte, *status) {
	if r.Type == REALPATH {
		return names(r, []entry{{name: path.Clean("/" + r.Path)}}), nil
	}
	dir, base, n := s.find(r.Path, r.Type == STAT || r.Type == SETSTAT)
	if n == nil {
		return nil, s.missing()
	}
	switch r.Type {
	case STAT, LSTAT:
		return s.attrs(n, len(n.data)).encode(packet(attrsType, r.id)), nil
	case SETSTAT:
		n.set(r.attrs)
		return nil, nil
	case READLINK:
		if n.is(linkMode) {
			return names(r, []entry{{name: n.target}}), nil
		}
	case REMOVE:
		if !n.is(dirMode) {
			delete(dir.entries, base)
			return nil, nil
		}
	case RMDIR:
		if n.is(dirMode) && dir != nil && len(n.entries) == 0 {
			delete(dir.entries, base)
			return nil, nil
		}
	default:
		return nil, fail(Unsupported)
	}
	return nil, fail(Failure)
}

func (n *node) set(a attrs) {
	if a.flags&hasSize != 0 {
		n.data = resize(n.data, int(a.size))
	}
	if a.flags&hasOwner != 0 {
		n.uid, n.gid = a.uid, a.gid
	}
	if a.flags&hasPerms != 0 {
		n.mode = n.mode&typeMask | a.perms&0o7777
	}
	if a.flags&hasTimes != 0 {
		n.atime, n.mtime = a.atime, a.mtime
	}
}

// openFile carries out OPEN.
func (ss *session) openFile(r *Request) ([]byte, *status) {
	s := ss.s
	if r.WithPerms && s.odd.PermsCode != 0 {
		return nil, fail(s.odd.PermsCode)
	}
	dir, base, n := s.find(r.Path, true)
	switch {
	case n == nil && (dir == nil || r.Flags&flagCreate == 0):
		return nil, s.missing()
	case n != nil && r.Flags&flagCreate != 0 && r.Flags&flagExcl != 0 && !s.odd.IgnoreExcl:
		return nil, s.exists()
	case n.is(dirMode) && r.Flags&flagWrite != 0:
		return nil, fail(Failure)
	case n != nil && n.writers > 0 && r.Flags&flagWrite != 0 && s.odd.OneWriter:
		return nil, &status{Failure, "The file is being written"}
	}
	created := n
	if n == nil {
		created = newNode(fileMode | 0o644)
		created.set(attrs{flags: r.attrs.flags & hasPerms, perms: r.attrs.perms})
	}
	h := &handle{n: created, path: r.Path, flags: r.Flags}
	b, err := ss.newHandle(r, h)
	if err != nil {
		return nil, err
	}
	if n == nil {
		dir.entries[base] = created
	}
	truncate := r.Flags&flagTrunc != 0 && r.Flags&flagWrite != 0
	if s.odd.BufferedHandles && !truncate {
		h.own = slices.Clone(created.data)
	}
	if truncate && !s.odd.BufferedHandles {
		created.data = nil
	}
	return b, nil
}

// onHandle carries out a request about an open handle.
func (ss *session) onHandle(r *Request, h *handle) ([]byte, *status) {
	s := ss.s
	data := &h.n.data
	if s.odd.BufferedHandles && h.flags&flagWrite != 0 {
		data = &h.own
	}
	switch r.Type {
	case CLOSE:
		delete(ss.handles, r.Handle)
		return nil, s.closed(h, data)
	case READ:
		return s.read(r, h, *data)
	case WRITE:
		return nil, s.write(r, h, data)
	case FSTAT:
		return s.attrs(h.n, len(*data)).encode(packet(attrsType, r.id)), nil
	case FSETSTAT:
		if r.attrs.flags&hasSize != 0 {
			*data = resize(*data, int(r.attrs.size))
			r.attrs.flags &^= hasSize
		}
		h.n.set(r.attrs)
		return nil, nil
	}
	return s.readDir(r, h)
}

// closed completes a handle that is closed.
func (s *Server) closed(h *handle, data *[]byte) *status {
	if h.flags&flagWrite == 0 {
		return nil
	}
	h.n.writers--
	h.n.data = *data
	if s.closes++; s.closes == s.odd.FailClose {
		h.n.data = h.n.data[:len(h.n.data)/2]
		return &status{Failure, "Disk quota exceeded"}
	}
	return nil
}

func (s *Server) read(r *Request, h *handle, data []byte) ([]byte, *status) {
	longest := s.odd.MaxRead
	if longest == 0 {
		longest = 255 << 10
	}
	switch {
	case h.dir || h.flags&flagRead == 0:
		return nil, fail(Failure)
	case r.Len > longest && s.odd.LongRead == Refuse:
		return nil, fail(Failure)
	case r.Len > longest && s.odd.LongRead == Drop:
		return nil, dropped
	case r.Offset >= uint64(len(data)):
		if s.odd.EOFCode != 0 {
			return nil, &status{s.odd.EOFCode, texts[EOF]}
		}
		return nil, fail(EOF)
	}
	data = data[r.Offset:]
	return str(packet(dataType, r.id), data[:min(len(data), r.Len, longest)]), nil
}

func (s *Server) write(r *Request, h *handle, data *[]byte) *status {
	offset, o := r.Offset, &s.odd
	if h.flags&flagAppend != 0 && !o.AppendByOffset {
		offset = uint64(len(*data))
	}
	end := int(offset) + len(r.data)
	switch {
	case h.dir || h.flags&flagWrite == 0, r.Len == 0 && o.NoEmptyWrite:
		return fail(Failure)
	case o.MaxWrite > 0 && r.Len > o.MaxWrite && o.LongWrite == Drop:
		return dropped
	case o.MaxWrite > 0 && r.Len > o.MaxWrite:
		return fail(Failure)
	case o.SequentialWrites && r.Offset != h.next:
		return &status{Failure, "Illegal seek"}
	case o.DiskSize > 0 && s.root.used()+int64(max(0, end-len(*data))) > o.DiskSize:
		return &status{Failure, "No space left on device"}
	}
	h.next += uint64(r.Len)
	if end > len(*data) {
		*data = resize(*data, end)
	}
	copy((*data)[offset:], r.data)
	h.n.mtime = uint32(time.Now().Unix())
	return nil
}

// batch is the number of entries in an answer to READDIR.
const batch = 100

func (s *Server) readDir(r *Request, h *handle) ([]byte, *status) {
	if !h.dir {
		return nil, fail(Failure)
	}
	if !h.read {
		h.entries, h.read = s.list(h.n), true
	}
	if s.odd.Endless {
		for range batch {
			h.next++
			h.entries = append(h.entries, entry{fmt.Sprint("f", h.next), attrs{flags: hasPerms, perms: fileMode | 0o644}})
		}
	}
	n := min(len(h.entries), batch)
	if n == 0 && !s.odd.EndEmpty {
		return nil, fail(EOF)
	}
	b := names(r, h.entries[:n])
	h.entries = h.entries[n:]
	return b, nil
}

func (s *Server) mkdir(r *Request) *status {
	if r.WithPerms && s.odd.PermsCode != 0 {
		return fail(s.odd.PermsCode)
	}
	n := newNode(dirMode | 0o755)
	n.set(attrs{flags: r.attrs.flags & hasPerms, perms: r.attrs.perms})
	return s.link(r.Path, n)
}

// link enters the node with the name.
func (s *Server) link(name string, n *node) *status {
	dir, base, there := s.find(name, false)
	switch {
	case there != nil:
		return s.exists()
	case dir == nil:
		return s.missing()
	}
	dir.entries[base] = n
	return nil
}

func (s *Server) rename(r *Request, replace bool) *status {
	from, old, n := s.find(r.Path, false)
	to, name, there := s.find(r.Path2, false)
	switch {
	case n == nil || from == nil || to == nil:
		return s.missing()
	case there != nil && (!replace || there.is(dirMode) && (!n.is(dirMode) || len(there.entries) > 0)):
		return s.exists()
	}
	delete(from.entries, old)
	to.entries[name] = n
	return nil
}

// extended carries out the operation of an extension.
func (ss *session) extended(r *Request) ([]byte, *status) {
	s := ss.s
	offered := r.Extension
	if strings.HasPrefix(offered, checkFile) {
		offered = checkFile
	}
	if !s.odd.offers(offered) {
		return nil, fail(Unsupported)
	}
	h := ss.handles[r.Handle]
	_, _, n := s.find(r.Path, r.Extension != Hardlink && r.Extension != Lsetstat)
	if h != nil {
		n = h.n
	}
	switch r.Extension {
	case PosixRename:
		return nil, s.rename(r, true)
	case Limits:
		return binary.BigEndian.AppendUint64(s.limits(r), uint64(s.odd.Handles)), nil
	}
	if n == nil || r.Handle != "" && h == nil {
		return nil, s.missing()
	}
	switch r.Extension {
	case Hardlink:
		return nil, s.link(r.Path2, n)
	case Lsetstat:
		n.set(r.attrs)
		return nil, nil
	case Fsync:
		return nil, nil
	case StatVFS, FStatVFS:
		b := packet(replyType, r.id)
		for _, v := range []uint64{4096, 4096, 1 << 20, 1 << 19, 1 << 19, 1 << 16, 1 << 15, 1 << 15, 7, 0, 255} {
			b = binary.BigEndian.AppendUint64(b, v)
		}
		return b, nil
	}
	return checked(r, n.data)
}

// limits begins the answer to limits@openssh.com; the number of handles is
// missing.
func (s *Server) limits(r *Request) []byte {
	read, write := uint64(255<<10), uint64(255<<10)
	if s.odd.MaxRead > 0 && s.odd.LongRead != Shorten {
		read = uint64(s.odd.MaxRead)
	}
	if s.odd.MaxWrite > 0 {
		write = uint64(s.odd.MaxWrite)
	}
	b := packet(replyType, r.id)
	for _, v := range []uint64{maxPacket, read, write} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

var hashes = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New}

// checked answers check-file: the hashes of the blocks of data, or of the whole
// if the block size is 0.
func checked(r *Request, data []byte) ([]byte, *status) {
	data = data[min(r.Offset, uint64(len(data))):]
	if r.Len > 0 {
		data = data[:min(len(data), r.Len)]
	}
	for name := range strings.SplitSeq(r.algorithms, ",") {
		if hashes[name] == nil {
			continue
		}
		b := str(str(packet(replyType, r.id), checkFile), name)
		size := int(r.blockSize)
		if size == 0 {
			size = max(1, len(data))
		}
		for block := range slices.Chunk(data, size) {
			h := hashes[name]()
			h.Write(block)
			b = h.Sum(b)
		}
		return b, nil
	}
	return nil, fail(Unsupported)
}
