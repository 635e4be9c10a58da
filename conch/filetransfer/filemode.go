package filetransfer

import (
	"io/fs"
	"math"
	"path"
	"time"
)

// The bits of POSIX st_mode, which is what servers put into permissions (draft section 5).
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
	0:          0, // some servers send the permission bits alone
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

// FileMode converts POSIX mode bits, as [Attrs] has them in Permissions, to an fs.FileMode. Without type bits it is a regular file; with a
// type that Go has no word for it is fs.ModeIrregular.
func FileMode(permissions uint32) fs.FileMode {
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

// Permissions converts an fs.FileMode to POSIX mode bits, type included. fs.ModeIrregular gives no type bits.
func Permissions(mode fs.FileMode) uint32 {
	permissions := uint32(mode&fs.ModePerm) | permissionTypes[mode.Type()]
	for _, bit := range specialBits {
		if mode&bit.mode != 0 {
			permissions |= bit.posix
		}
	}
	return permissions
}

// FileInfo returns a view of the attributes as an fs.FileInfo of the file that name, a path with slashes, names. What is not present is zero.
// Its Sys returns the Attrs.
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
