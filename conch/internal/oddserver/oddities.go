// Package oddserver has an SFTP server for tests that can behave like each of
// the servers that differ from OpenSSH's.
//
// The zero value of [Oddities] is a server like OpenSSH's. Each field makes the
// server differ in one way, and fields combine:
//
//	s := oddserver.New(oddserver.Oddities{SequentialWrites: true})
//	go s.Serve(rwc)      // SFTP on a channel or a pipe
//	go s.ServeSSH(c, "") // or SSH on a connection
//
// The files are in memory. The sessions of a server share them. The server
// records all requests.
//
// The package uses neither the codec of this module nor that of pkg/sftp. A
// mistake that a client shares with its codec therefore does not escape.
package oddserver

import (
	"slices"
	"time"
)

// Excess says what a server does with a READ or WRITE that is too long.
type Excess int

// The ways to treat a request that is too long. A short WRITE is impossible, so
// Shorten refuses it.
const (
	Shorten Excess = iota // return less data than the client asked for
	Refuse                // reply with FAILURE
	Drop                  // close the connection
)

// Second says what a server does with a second session channel.
type Second int

// The ways to treat a second session channel.
const (
	Granted Second = iota
	Refused        // reply with an open failure
	Dropped        // close the connection
	Ignored        // do not reply
)

// Oddities says how a server differs from OpenSSH's. Status codes of 0 mean
// those of OpenSSH.
type Oddities struct {
	// WriteDelay is the time after which a WRITE is carried out and answered.
	// Other requests do not wait for it.
	WriteDelay time.Duration

	// Workers is the number of goroutines that carry out requests, in a random
	// order with the seed Seed; 0 keeps the order of arrival.
	Workers int
	Seed    uint64

	// Park reports whether a request waits for Server.Release. Other requests
	// do not wait for it.
	Park func(Request) bool

	// Arrived is called with each request before the server carries it out.
	Arrived func(Request)

	// Writing.
	LostHandleOK     bool // a WRITE without an open handle succeeds, and its data is lost
	SequentialWrites bool // a handle must write from 0 on without gaps
	OneWriter        bool // a file can have one handle for writing at a time
	BufferedHandles  bool // each handle writes to a copy of the file, which replaces the file at CLOSE
	StaleSize        bool // the size of a file is 0 while a handle for writing is open
	AppendByOffset   bool // the offset of a WRITE counts even if the file is open for appending
	MaxWrite         int  // the length of the longest WRITE; 0 means any
	LongWrite        Excess
	NoEmptyWrite     bool  // a WRITE of 0 bytes fails
	DiskSize         int64 // bytes that all files together can have; 0 means any number

	// FailClose is the number of the CLOSE, of those of handles for writing,
	// that fails. The second half of the file is then lost.
	FailClose int

	// Reading.
	MaxRead  int // the length of the longest READ; 0 means 255 KiB
	LongRead Excess
	EOFCode  uint32 // the status code of a READ at the end of a file

	// Attributes of regular files and, except for sizes, of directories.
	SizeOff       int64 // added to each size; the result is at least 0
	ZeroSize      bool  // each size is 0
	NoSize        bool
	NoPermissions bool
	NoTypeBits    bool // permissions have only their lowest 12 bits
	NoTimes       bool

	// Refusals. The keys of Codes are packet types. An operation with a code in
	// Codes fails with it and does nothing, except that CLOSE closes the
	// handle.
	Codes          map[byte]uint32
	Handles        int    // the number of handles that can be open; 0 means any
	MissingCode    uint32 // the status code if a file does not exist
	ExistsCode     uint32 // the status code if a file exists and must not
	PermsCode      uint32 // OPEN and MKDIR with permissions fail with this code; 0 allows them
	IgnoreExcl     bool   // OPEN ignores the flag EXCL
	RenameReplaces bool   // RENAME replaces an existing file

	// Directories.
	EndEmpty bool     // the end of a listing is an empty batch instead of EOF
	NoDots   bool     // listings do not have "." and ".."
	Endless  bool     // listings do not end
	Fertile  int      // each directory has so many directories in it, to any depth
	Names    []string // each listing has these names too; no such files exist

	// Extensions.
	Without      []string // extensions that are not offered and not known
	NoExtensions bool     // no extension at all
	CheckFile    bool     // offers check-file
	DraftSymlink bool     // SYMLINK has the arguments in the order of the draft

	// Endings. Requests are counted over all sessions of the server, from 1.
	DieAt       int  // at this request the connection is lost
	DieAfter    bool // the request of DieAt is carried out first
	MuteAt      int  // from this request on nothing is carried out or answered
	HalfCloseAt int  // the same for one session, after EOF on its channel

	// LateWrites is the number of requests, from DieAt on, that still arrive.
	// The WRITEs among them wait for Server.Release.
	LateWrites int

	Second Second // what becomes of a second session channel
}

// Extension names of the OpenSSH server.
const (
	PosixRename = "posix-rename@openssh.com"
	StatVFS     = "statvfs@openssh.com"
	FStatVFS    = "fstatvfs@openssh.com"
	Hardlink    = "hardlink@openssh.com"
	Fsync       = "fsync@openssh.com"
	Lsetstat    = "lsetstat@openssh.com"
	Limits      = "limits@openssh.com"
	checkFile   = "check-file"
)

// extensions are the extensions that the server can offer, with their versions.
var extensions = [][2]string{
	{PosixRename, "1"}, {StatVFS, "2"}, {FStatVFS, "2"}, {Hardlink, "1"}, {Fsync, "1"}, {Lsetstat, "1"},
	{Limits, "1"}, {checkFile, "1"},
}

// offers reports whether the server knows the extension.
func (o *Oddities) offers(name string) bool {
	return !o.NoExtensions && !slices.Contains(o.Without, name) && (name != checkFile || o.CheckFile)
}
