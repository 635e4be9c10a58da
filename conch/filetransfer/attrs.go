package filetransfer

import (
	"bytes"
	"io/fs"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// AttrFlags has a bit for each kind of attribute (draft section 5).
type AttrFlags uint32

const (
	AttrSize        AttrFlags = 0x00000001 // Size
	AttrUIDGID      AttrFlags = 0x00000002 // UID and GID, both
	AttrPermissions AttrFlags = 0x00000004 // Permissions
	AttrACModTime   AttrFlags = 0x00000008 // ATime and MTime, both
	AttrExtended    AttrFlags = 0x80000000 // Extended

	attrKnown = AttrSize | AttrUIDGID | AttrPermissions | AttrACModTime | AttrExtended
)

// Attrs are the attributes of a file (draft section 5). A field is present only
// if Flags has its bit. UID and GID are present together, and so are ATime and
// MTime. The zero Attrs have no attributes.
//
// The With methods return a copy with another attribute:
//
//	client.MakeDirectory("spool", filetransfer.Attrs{}.WithMode(0o750))
type Attrs struct {
	Size        uint64 // bytes
	Flags       AttrFlags
	UID, GID    uint32
	Permissions uint32 // POSIX st_mode with the type of the file; see FileMode
	ATime       uint32 // last access, in seconds since 1970 UTC
	MTime       uint32 // last modification, in seconds since 1970 UTC
	Extended    map[string][]byte
}

// Has reports whether all attributes in flags are present.
func (a Attrs) Has(flags AttrFlags) bool { return a.Flags&flags == flags }

// WithSize returns a with the size in bytes. Setting the size of a file
// truncates or extends the file.
func (a Attrs) WithSize(size uint64) Attrs {
	a.Flags |= AttrSize
	a.Size = size
	return a
}

// WithOwner returns a with the numeric ids of owner and group.
func (a Attrs) WithOwner(uid, gid uint32) Attrs {
	a.Flags |= AttrUIDGID
	a.UID, a.GID = uid, gid
	return a
}

// WithMode returns a with the permission, setuid, setgid and sticky bits of
// mode. It drops the type, which cannot be changed. A server that describes a
// file sets the field Permissions, to the result of the function Permissions,
// which has the type.
func (a Attrs) WithMode(mode fs.FileMode) Attrs {
	a.Flags |= AttrPermissions
	a.Permissions = Permissions(mode) &^ typeMask
	return a
}

// WithTimes returns a with the times of last access and last modification. It
// drops fractions of seconds. Times outside 1970 to 2106 become the nearer end
// of that range.
func (a Attrs) WithTimes(atime, mtime time.Time) Attrs {
	a.Flags |= AttrACModTime
	a.ATime, a.MTime = seconds(atime), seconds(mtime)
	return a
}

func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }

// WithExtended returns a with another extended attribute. It does not change
// the map of a.
func (a Attrs) WithExtended(name string, data []byte) Attrs {
	a.Flags |= AttrExtended
	a.Extended = maps.Clone(a.Extended)
	if a.Extended == nil {
		a.Extended = make(map[string][]byte)
	}
	a.Extended[name] = data
	return a
}

// AccessTime returns the time of last access, or the zero Time if it is not
// present.
func (a Attrs) AccessTime() time.Time { return a.time(a.ATime) }

// ModTime returns the time of last modification, or the zero Time if it is not
// present.
func (a Attrs) ModTime() time.Time { return a.time(a.MTime) }

func (a Attrs) time(t uint32) time.Time {
	if !a.Has(AttrACModTime) {
		return time.Time{}
	}
	return time.Unix(int64(t), 0)
}

// FileMode returns Permissions as an fs.FileMode, or 0 if they are not present.
// Without a type the file is regular. A type that Go does not have is
// fs.ModeIrregular.
func (a Attrs) FileMode() fs.FileMode {
	if !a.Has(AttrPermissions) {
		return 0
	}
	return fileMode(a.Permissions)
}

// size returns the size of the encoded attributes in bytes.
func (a *Attrs) size() int {
	n := 4
	for _, part := range []struct {
		flag AttrFlags
		size int
	}{{AttrSize, 8}, {AttrUIDGID, 8}, {AttrPermissions, 4}, {AttrACModTime, 8}, {AttrExtended, 4}} {
		if a.Has(part.flag) {
			n += part.size
		}
	}
	if a.Has(AttrExtended) {
		for name, data := range a.Extended {
			n += stringSize(name) + 4 + len(data)
		}
	}
	return n
}

// encode appends the attributes (draft section 5), with extended attributes
// sorted by name.
func (a *Attrs) encode(e *wire.Encoder) {
	e.Uint32(uint32(a.Flags & attrKnown))
	if a.Has(AttrSize) {
		e.Uint64(a.Size)
	}
	if a.Has(AttrUIDGID) {
		e.Uint32(a.UID)
		e.Uint32(a.GID)
	}
	if a.Has(AttrPermissions) {
		e.Uint32(a.Permissions)
	}
	if a.Has(AttrACModTime) {
		e.Uint32(a.ATime)
		e.Uint32(a.MTime)
	}
	if a.Has(AttrExtended) {
		encodeExtended(e, a.Extended)
	}
}

func encodeExtended(e *wire.Encoder, extended map[string][]byte) {
	e.Uint32(uint32(len(extended)))
	for _, name := range slices.Sorted(maps.Keys(extended)) {
		e.String(name)
		e.Bytes(extended[name])
	}
}

// decodeAttrs reads attributes. It ignores flags that version 3 does not
// define.
func decodeAttrs(d *wire.Decoder) Attrs {
	a := Attrs{Flags: AttrFlags(d.Uint32()) & attrKnown}
	if a.Has(AttrSize) {
		a.Size = d.Uint64()
	}
	if a.Has(AttrUIDGID) {
		a.UID, a.GID = d.Uint32(), d.Uint32()
	}
	if a.Has(AttrPermissions) {
		a.Permissions = d.Uint32()
	}
	if a.Has(AttrACModTime) {
		a.ATime, a.MTime = d.Uint32(), d.Uint32()
	}
	if a.Has(AttrExtended) {
		a.Extended = decodeExtended(d)
	}
	return a
}

// decodeExtended reads extended attributes. If two have the same name, the
// result has the second.
func decodeExtended(d *wire.Decoder) map[string][]byte {
	n := d.Count(2 * 4)
	if n == 0 {
		return nil
	}
	extended := make(map[string][]byte)
	for range n {
		name := d.String()
		extended[name] = bytes.Clone(d.Bytes())
	}
	return extended
}
