package oddserver

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Types of packets.
const (
	initType   = 1
	version    = 2
	OPEN       = 3
	CLOSE      = 4
	READ       = 5
	WRITE      = 6
	LSTAT      = 7
	FSTAT      = 8
	SETSTAT    = 9
	FSETSTAT   = 10
	OPENDIR    = 11
	READDIR    = 12
	REMOVE     = 13
	MKDIR      = 14
	RMDIR      = 15
	REALPATH   = 16
	STAT       = 17
	RENAME     = 18
	READLINK   = 19
	SYMLINK    = 20
	statusType = 101
	handleType = 102
	dataType   = 103
	nameType   = 104
	attrsType  = 105
	EXTENDED   = 200
	replyType  = 201
)

// Status codes.
const (
	OK            = 0
	EOF           = 1
	NoSuchFile    = 2
	Denied        = 3
	Failure       = 4
	BadMessage    = 5
	Unsupported   = 8
	NoSuchPath    = 10
	AlreadyExists = 11
)

// Flags of OPEN.
const (
	flagRead, flagWrite, flagAppend = 1, 2, 4
	flagCreate, flagTrunc, flagExcl = 8, 16, 32
)

// Flags of attributes.
const (
	hasSize, hasOwner, hasPerms, hasTimes = 1, 2, 4, 8
)

// maxPacket is the length of the longest packet that the server reads.
const maxPacket = 256<<10 + 1024

// Request is a request as the server received it. Fields that a type does not
// have are zero.
type Request struct {
	Session       int // the number of the session, from 1
	N             int // the number of the request, over all sessions, from 1
	Type          byte
	Extension     string
	Handle        string
	Path, Path2   string // in the order of the packet
	Flags         uint32 // of OPEN
	Offset        uint64
	Len           int
	WithPerms     bool   // the attributes have permissions
	WithTimes     bool   // the attributes have times
	Answered      int    // the number of the answer, over all sessions, from 1; 0 means none yet
	Code          uint32 // the status code of the answer; OK if the answer has another type
	id, blockSize uint32
	algorithms    string
	attrs         attrs
	data          []byte
}

var typeNames = map[byte]string{
	OPEN: "OPEN", CLOSE: "CLOSE", READ: "READ", WRITE: "WRITE", LSTAT: "LSTAT", FSTAT: "FSTAT", SETSTAT: "SETSTAT",
	FSETSTAT: "FSETSTAT", OPENDIR: "OPENDIR", READDIR: "READDIR", REMOVE: "REMOVE", MKDIR: "MKDIR", RMDIR: "RMDIR",
	REALPATH: "REALPATH", STAT: "STAT", RENAME: "RENAME", READLINK: "READLINK", SYMLINK: "SYMLINK",
}

// String describes the request on one line.
func (r Request) String() string {
	name := typeNames[r.Type]
	if r.Type == EXTENDED {
		name = r.Extension
	}
	text := fmt.Sprintf("%d.%d %s", r.Session, r.N, name)
	for _, s := range []string{r.Handle, r.Path, r.Path2} {
		if s != "" {
			text += fmt.Sprintf(" %q", s)
		}
	}
	if r.Type == READ || r.Type == WRITE {
		text += fmt.Sprintf(" %d+%d", r.Offset, r.Len)
	}
	return fmt.Sprintf("%s -> %d (answer %d)", text, r.Code, r.Answered)
}

type attrs struct {
	flags                         uint32
	size                          uint64
	uid, gid, perms, atime, mtime uint32
}

func (a attrs) encode(b []byte) []byte {
	b = u32(b, a.flags)
	if a.flags&hasSize != 0 {
		b = binary.BigEndian.AppendUint64(b, a.size)
	}
	if a.flags&hasOwner != 0 {
		b = u32(b, a.uid, a.gid)
	}
	if a.flags&hasPerms != 0 {
		b = u32(b, a.perms)
	}
	if a.flags&hasTimes != 0 {
		b = u32(b, a.atime, a.mtime)
	}
	return b
}

func u32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func str[T string | []byte](b []byte, s T) []byte { return append(u32(b, uint32(len(s))), s...) }

// packet begins a packet of the type. seal completes it.
func packet(kind byte, id uint32) []byte { return u32([]byte{0, 0, 0, 0, kind}, id) }

func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// readPacket reads the type and the rest of a packet.
func readPacket(r io.Reader) (kind byte, rest []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 5 || n > maxPacket {
		return 0, nil, fmt.Errorf("oddserver: packet of %d bytes", n)
	}
	rest = make([]byte, n-1)
	_, err = io.ReadFull(r, rest)
	return head[4], rest, err
}

// fields decodes fields. After a field that is missing, all are zero, and bad
// is true.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) take(n int) []byte {
	if f.bad = f.bad || n > len(f.b); f.bad {
		return make([]byte, min(n, 8))
	}
	var b []byte
	b, f.b = f.b[:n], f.b[n:]
	return b
}

func (f *fields) u32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }
func (f *fields) u64() uint64 { return binary.BigEndian.Uint64(f.take(8)) }
func (f *fields) bytes() []byte {
	n := int(f.u32())
	if b := f.take(n); !f.bad {
		return b
	}
	return nil
}
func (f *fields) str() string { return string(f.bytes()) }

func (f *fields) attrs() (a attrs) {
	a.flags = f.u32()
	if a.flags&hasSize != 0 {
		a.size = f.u64()
	}
	if a.flags&hasOwner != 0 {
		a.uid, a.gid = f.u32(), f.u32()
	}
	if a.flags&hasPerms != 0 {
		a.perms = f.u32()
	}
	if a.flags&hasTimes != 0 {
		a.atime, a.mtime = f.u32(), f.u32()
	}
	return a
}

// decode decodes a request. It returns nil if the packet is malformed.
func decode(kind byte, rest []byte) *Request {
	f := &fields{b: rest}
	r := &Request{Type: kind, id: f.u32()}
	switch kind {
	case OPEN:
		r.Path, r.Flags, r.attrs = f.str(), f.u32(), f.attrs()
	case READ, WRITE:
		r.Handle, r.Offset = f.str(), f.u64()
		if kind == READ {
			r.Len = int(f.u32())
		} else {
			r.data = f.bytes()
			r.Len = len(r.data)
		}
	case CLOSE, FSTAT, READDIR:
		r.Handle = f.str()
	case FSETSTAT:
		r.Handle, r.attrs = f.str(), f.attrs()
	case SETSTAT, MKDIR:
		r.Path, r.attrs = f.str(), f.attrs()
	case RENAME, SYMLINK:
		r.Path, r.Path2 = f.str(), f.str()
	case LSTAT, STAT, OPENDIR, REMOVE, RMDIR, REALPATH, READLINK:
		r.Path = f.str()
	case EXTENDED:
		r.Extension = f.str()
		r.decodeExtension(f)
	}
	r.WithPerms, r.WithTimes = r.attrs.flags&hasPerms != 0, r.attrs.flags&hasTimes != 0
	if f.bad {
		return nil
	}
	return r
}

func (r *Request) decodeExtension(f *fields) {
	switch r.Extension {
	case PosixRename, Hardlink:
		r.Path, r.Path2 = f.str(), f.str()
	case StatVFS:
		r.Path = f.str()
	case Fsync, FStatVFS:
		r.Handle = f.str()
	case Lsetstat:
		r.Path, r.attrs = f.str(), f.attrs()
	case "check-file-name", "check-file-handle":
		first := f.str()
		if r.Path = first; r.Extension == "check-file-handle" {
			r.Path, r.Handle = "", first
		}
		r.algorithms, r.Offset, r.Len, r.blockSize = f.str(), f.u64(), int(f.u64()), f.u32()
	}
}
