package filetransfer

import (
	"io/fs"
	"math"
	"path"
	"time"
)

// The bits of POSIX st_mode, which servers use for permissions (draft section
// 5).
const (
	typeMask   = 0o170000
	typeSocket = 0o140000
	typeLink   = 0o120000
	typeFile   = 0o100000
	typeBlock  = 0o060000
	typeDir    = 0o040000
	typeChar   = 0o020000
	typeFIFO   = 0o010000

	setUID = 0o4000
	setGID = 0o2000
	sticky = 0o1000
)

var fileTypes = map[uint32]fs.FileMode{
	0:          0, // some servers send only the permission bits
	typeFile:   0,
	typeDir:    fs.ModeDir,
	typeLink:   fs.ModeSymlink,
	typeFIFO:   fs.ModeNamedPipe,
	typeSocket: fs.ModeSocket,
	typeBlock:  fs.ModeDevice,
	typeChar:   fs.ModeDevice | fs.ModeCharDevice,
}

var permissionTypes = map[fs.FileMode]uint32{
	0:                                 typeFile,
	fs.ModeDir:                        typeDir,
	fs.ModeSymlink:                    typeLink,
	fs.ModeNamedPipe:                  typeFIFO,
	fs.ModeSocket:                     typeSocket,
	fs.ModeDevice:                     typeBlock,
	fs.ModeDevice | fs.ModeCharDevice: typeChar,
}

var specialBits = []struct {
	posix uint32
	mode  fs.FileMode
}{{setUID, fs.ModeSetuid}, {setGID, fs.ModeSetgid}, {sticky, fs.ModeSticky}}

// fileMode converts POSIX mode bits to an fs.FileMode.
func fileMode(permissions uint32) fs.FileMode {
	mode := fs.FileMode(permissions) & fs.ModePerm
	if kind, ok := fileTypes[permissions&typeMask]; ok {
		mode |= kind
	} else {
		mode |= fs.ModeIrregular
	}
	for _, bit := range specialBits {
		if permissions&bit.posix != 0 {
			mode |= bit.mode
		}
	}
	return mode
}

// Permissions converts an fs.FileMode to POSIX mode bits with a type.
// fs.ModeIrregular has no type bits.
func Permissions(mode fs.FileMode) uint32 {
	bits := uint32(mode&fs.ModePerm) | permissionTypes[mode.Type()]
	for _, special := range specialBits {
		if mode&special.mode != 0 {
			bits |= special.posix
		}
	}
	return bits
}

// FileInfo returns the attributes as an fs.FileInfo with the last element of
// name. Attributes that are not present are zero. Sys returns the Attrs.
func (a Attrs) FileInfo(name string) fs.FileInfo { return &fileInfo{path.Base(name), a} }

type fileInfo struct {
	name  string
	attrs Attrs
}

func (i *fileInfo) Name() string       { return i.name }
func (i *fileInfo) Mode() fs.FileMode  { return i.attrs.FileMode() }
func (i *fileInfo) ModTime() time.Time { return i.attrs.ModTime() }
func (i *fileInfo) IsDir() bool        { return i.Mode().IsDir() }
func (i *fileInfo) Sys() any           { return i.attrs }

func (i *fileInfo) Size() int64 {
	if !i.attrs.Has(AttrSize) {
		return 0
	}
	return int64(min(i.attrs.Size, math.MaxInt64))
}
