package filetransfer

import (
	"encoding/binary"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// headerSize is the size of the first fields of a request or reply, in bytes:
// length, type and request id (draft section 3). SSH_FXP_INIT and
// SSH_FXP_VERSION have no request id.
const headerSize = lengthSize + 1 + 4

// PacketType is the type of a packet (draft section 3).
type PacketType uint8

const (
	fxpInit          PacketType = 1   // section 4
	fxpVersion       PacketType = 2   // section 4
	fxpOpen          PacketType = 3   // section 6.3
	fxpClose         PacketType = 4   // section 6.3
	fxpRead          PacketType = 5   // section 6.4
	fxpWrite         PacketType = 6   // section 6.4
	fxpLstat         PacketType = 7   // section 6.8
	fxpFstat         PacketType = 8   // section 6.8
	fxpSetstat       PacketType = 9   // section 6.9
	fxpFsetstat      PacketType = 10  // section 6.9
	fxpOpendir       PacketType = 11  // section 6.7
	fxpReaddir       PacketType = 12  // section 6.7
	fxpRemove        PacketType = 13  // section 6.5
	fxpMkdir         PacketType = 14  // section 6.6
	fxpRmdir         PacketType = 15  // section 6.6
	fxpRealpath      PacketType = 16  // section 6.11
	fxpStat          PacketType = 17  // section 6.8
	fxpRename        PacketType = 18  // section 6.5
	fxpReadlink      PacketType = 19  // section 6.10
	fxpSymlink       PacketType = 20  // section 6.10
	fxpStatus        PacketType = 101 // section 7
	fxpHandle        PacketType = 102 // section 7
	fxpData          PacketType = 103 // section 7
	fxpName          PacketType = 104 // section 7
	fxpAttrs         PacketType = 105 // section 7
	fxpExtended      PacketType = 200 // section 8
	fxpExtendedReply PacketType = 201 // section 8
)

var packetNames = map[PacketType]string{
	fxpInit: "SSH_FXP_INIT", fxpVersion: "SSH_FXP_VERSION", fxpOpen: "SSH_FXP_OPEN", fxpClose: "SSH_FXP_CLOSE", fxpRead: "SSH_FXP_READ",
	fxpWrite: "SSH_FXP_WRITE", fxpLstat: "SSH_FXP_LSTAT", fxpFstat: "SSH_FXP_FSTAT", fxpSetstat: "SSH_FXP_SETSTAT",
	fxpFsetstat: "SSH_FXP_FSETSTAT", fxpOpendir: "SSH_FXP_OPENDIR", fxpReaddir: "SSH_FXP_READDIR", fxpRemove: "SSH_FXP_REMOVE",
	fxpMkdir: "SSH_FXP_MKDIR", fxpRmdir: "SSH_FXP_RMDIR", fxpRealpath: "SSH_FXP_REALPATH", fxpStat: "SSH_FXP_STAT",
	fxpRename: "SSH_FXP_RENAME", fxpReadlink: "SSH_FXP_READLINK", fxpSymlink: "SSH_FXP_SYMLINK", fxpStatus: "SSH_FXP_STATUS",
	fxpHandle: "SSH_FXP_HANDLE", fxpData: "SSH_FXP_DATA", fxpName: "SSH_FXP_NAME", fxpAttrs: "SSH_FXP_ATTRS",
	fxpExtended: "SSH_FXP_EXTENDED", fxpExtendedReply: "SSH_FXP_EXTENDED_REPLY",
}

// String returns the name of the type in the draft, such as SSH_FXP_STATUS.
func (t PacketType) String() string {
	if name, ok := packetNames[t]; ok {
		return name
	}
	return fmt.Sprintf("SSH_FXP_%d", uint8(t))
}

// isRequest reports whether clients send packets of this type.
func (t PacketType) isRequest() bool {
	return t >= fxpInit && t <= fxpSymlink && t != fxpVersion || t == fxpExtended
}

// OpenFlags are the flags of OpenFile (draft section 6.3).
type OpenFlags uint32

const (
	FXFRead   OpenFlags = 0x01 // open for reading
	FXFWrite  OpenFlags = 0x02 // open for writing
	FXFAppend OpenFlags = 0x04 // write at the end of the file
	FXFCreat  OpenFlags = 0x08 // create the file if it does not exist
	FXFTrunc  OpenFlags = 0x10 // with FXFCreat: truncate an existing file
	FXFExcl   OpenFlags = 0x20 // with FXFCreat: fail if the file exists
	FXFText   OpenFlags = 0x40 // text mode, from a later draft; few servers support it
)

// newPacket begins a request with a body of size bytes. seal sets its length
// and id.
func newPacket(typ PacketType, size int) wire.Encoder {
	buf := make([]byte, headerSize, headerSize+size)
	buf[lengthSize] = byte(typ)
	return wire.NewEncoder(buf)
}

// seal sets the length and the id of a request.
func seal(packet []byte, id uint32) {
	binary.BigEndian.PutUint32(packet, uint32(len(packet)-lengthSize))
	binary.BigEndian.PutUint32(packet[lengthSize+1:], id)
}

// stringSize returns the size of an encoded string in bytes.
func stringSize(s string) int { return 4 + len(s) }
