package sftp_test

import (
	"errors"
	"io/fs"
	"regexp"
	"time"

	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/sftp"
)

// outcome is the expected outcome of a cell. A cell that succeeds must have the
// right content.
type outcome int

const (
	succeeds outcome = iota
	fails            // with an error that wraps exception.is
	either
)

// exception is the expected outcome of cells that may fail.
type exception struct {
	cells string // regular expression for operation/mode/size
	want  outcome
	is    error
	why   string
}

// row is a server of the matrix.
type row struct {
	name    string
	odd     oddserver.Oddities
	version string // empty: the version line of golang.org/x/crypto/ssh
	except  []exception
}

const (
	openSSHVersion = oddserver.OpenSSHVersion
	anyUpload      = `(Put|PutFrom|PutTree|PutGlob)/`
	anyDownload    = `(Get|GetTo|GetTree|GetGlob)/`
	anyTree        = `(PutTree|PutGlob|GetTree|GetGlob)/`
	anyWrite       = `(WriteFile|Write|io.Copy to a File|WriteAt)/`
	anyRead        = `(ReadFile|Read|io.Copy from a File|ReadAt|Seek and Read|Seek from the end|FS.ReadFile|fstest)/`
)

// always are the exceptions for all servers.
var always = []exception{
	{`GetTo/(atomic|exclusive|taken|atomic-exclusive|atomic-taken|resume|preserve|sync|all|sparse|verify|verify-resume)/`, fails, sftp.ErrOptions, "a writer has no such options"},
	{`PutFrom/(resume|preserve|all|sparse|verify|verify-resume)/`, fails, sftp.ErrOptions, "a reader has neither a version nor holes"},
}

// everywhere are the exceptions for all servers whose row has no exception for
// the cell.
var everywhere = []exception{
	{`(Put|PutFrom|Get|PutTree|GetTree|PutGlob|GetGlob)/(taken|atomic-taken)`, fails, fs.ErrExist, "the target exists"},
}

var (
	noFsync  = exception{anyUpload + `(sync|all)/`, fails, errors.ErrUnsupported, "the server has no fsync@openssh.com"}
	noTypes  = exception{anyTree + `|(fstest|Walk|RemoveAll|Glob|MkdirAll)/`, either, nil, "files and directories cannot be told apart"}
	noSeek   = exception{`(WriteAt|append|Truncate|Seek and Write)/`, either, nil, "the server can only write whole files"}
	noSizes  = exception{`(Seek from the end|fstest)/`, either, nil, "the size is not known"}
	noRename = exception{anyUpload + `(atomic|atomic-exclusive|resume|all|verify-resume)/`, fails, nil, "the server renames nothing"}
)

// without returns a server like OpenSSH that lacks the named extensions.
func without(names ...string) oddserver.Oddities { return oddserver.Oddities{Without: names} }

func codes(code uint32, types ...byte) map[byte]uint32 {
	m := make(map[byte]uint32)
	for _, kind := range types {
		m[kind] = code
	}
	return m
}

// noLimits are the extensions that a server without limits lacks.
var noLimits = []string{oddserver.Limits}

// rows are the servers of the matrix.
var rows = []row{
	{"like OpenSSH", oddserver.Oddities{}, openSSHVersion, nil},
	{"like OpenSSH, other version line", oddserver.Oddities{}, "", nil},
	{"no extensions", oddserver.Oddities{NoExtensions: true}, "", []exception{noFsync}},
	{"no extensions, says OpenSSH", oddserver.Oddities{NoExtensions: true}, openSSHVersion, []exception{noFsync}},
	{"no fsync", without(oddserver.Fsync), openSSHVersion, []exception{noFsync}},
	{"no posix-rename", without(oddserver.PosixRename), "", nil},
	{"no posix-rename, no hardlink", without(oddserver.PosixRename, oddserver.Hardlink), "", nil},
	{"no limits", without(oddserver.Limits), "", nil},
	{"check-file", oddserver.Oddities{CheckFile: true}, "", nil},

	// Order of replies and writes.
	{"late writes (npm ssh2)", oddserver.Oddities{WriteDelay: 2 * time.Millisecond, NoExtensions: true}, "", []exception{noFsync}},
	{"late writes, drops data without a handle", oddserver.Oddities{WriteDelay: 2 * time.Millisecond, LostHandleOK: true}, "", nil},
	{"late writes, says OpenSSH", oddserver.Oddities{WriteDelay: 2 * time.Millisecond}, openSSHVersion, nil},
	{"side by side (pkg/sftp)", oddserver.Oddities{Workers: 8, Seed: 1}, "", nil},
	{"side by side, no extensions", oddserver.Oddities{Workers: 8, Seed: 2, NoExtensions: true}, "", []exception{noFsync}},
	{"side by side, says OpenSSH", oddserver.Oddities{Workers: 8, Seed: 3}, openSSHVersion, nil},

	// Writing.
	{"writes in order only (rclone)", oddserver.Oddities{SequentialWrites: true, Without: noLimits}, "", []exception{noSeek}},
	{"writes in order only, says OpenSSH", oddserver.Oddities{SequentialWrites: true, Without: []string{oddserver.Fsync}}, openSSHVersion, []exception{noSeek, noFsync}},
	{"writes in order only, all of OpenSSH's extensions", oddserver.Oddities{SequentialWrites: true}, openSSHVersion,
		[]exception{noSeek, {`(WriteFile|io.Copy to a File|Write)/.*/9437187$`, either, nil, "a File does not start over"}}},
	{"one handle for writing", oddserver.Oddities{OneWriter: true}, "", nil},
	{"one handle for writing, says OpenSSH", oddserver.Oddities{OneWriter: true}, openSSHVersion, nil},
	{"a buffer for each handle", oddserver.Oddities{BufferedHandles: true}, "", nil},
	{"a buffer for each handle, says OpenSSH, no fsync", oddserver.Oddities{BufferedHandles: true, Without: []string{oddserver.Fsync}}, openSSHVersion, []exception{noFsync}},
	{"size 0 until CLOSE", oddserver.Oddities{StaleSize: true}, "", nil},
	{"size 0 until CLOSE, a buffer", oddserver.Oddities{StaleSize: true, BufferedHandles: true}, "", nil},
	{"offsets count in append mode", oddserver.Oddities{AppendByOffset: true}, "", nil},
	{"long writes refused", oddserver.Oddities{MaxWrite: 32 << 10, Without: noLimits}, "", nil},
	{"long writes drop the connection", oddserver.Oddities{MaxWrite: 32 << 10, LongWrite: oddserver.Drop, Without: noLimits}, "", nil},
	{"limit of 16 KiB", oddserver.Oddities{MaxWrite: 16 << 10, MaxRead: 16 << 10, LongRead: oddserver.Refuse}, "", nil},
	{"empty writes refused", oddserver.Oddities{NoEmptyWrite: true}, "", nil},
	{"disk full", oddserver.Oddities{DiskSize: 200_000}, "", []exception{
		{anyUpload + `(plain|exclusive|atomic-exclusive|preserve|sync)/(261119|261120|261121|700001|9437187|-1)`, fails, nil, "the disk is full"},
		{anyWrite + `.*/(261119|261120|261121|700001|9437187)`, fails, nil, "the disk is full"},
		{anyUpload + `|` + anyWrite + `|(append|Seek and Write)/`, either, nil, "the disk may be full"},
	}},
	{"CLOSE fails", oddserver.Oddities{FailClose: 1}, "", []exception{
		{anyUpload, fails, nil, "the data may be lost"},
		{anyWrite + `|(append|Truncate|Seek and Write)/`, fails, nil, "the data may be lost"},
	}},
	{"the second CLOSE fails, says OpenSSH", oddserver.Oddities{FailClose: 2}, openSSHVersion, []exception{
		{`(Put|PutFrom|WriteFile|Write|io.Copy to a File)/.*/9437187`, either, nil, "the upload may start over"},
		{`(PutTree|PutGlob)/`, fails, nil, "a file is lost"},
	}},

	// Reading.
	{"long reads answered short", oddserver.Oddities{MaxRead: 32 << 10, Without: noLimits}, "", nil},
	{"long reads answered short, limits too high", oddserver.Oddities{MaxRead: 10_000}, "", nil},
	{"long reads answered short, says OpenSSH", oddserver.Oddities{MaxRead: 60_000}, openSSHVersion, nil},
	{"long reads refused", oddserver.Oddities{MaxRead: 32 << 10, LongRead: oddserver.Refuse, Without: noLimits}, "", nil},
	{"reads above 64 KiB refused", oddserver.Oddities{MaxRead: 64 << 10, LongRead: oddserver.Refuse, Without: noLimits}, "", nil},
	{"end of file is a failure", oddserver.Oddities{EOFCode: oddserver.Failure}, "", []exception{
		{anyDownload + `|` + anyRead + `|` + anyUpload + `verify`, either, nil, "the end of a file looks like a failure"},
	}},

	// Attributes.
	{"sizes too large", oddserver.Oddities{SizeOff: 1000}, "", []exception{noSizes}},
	{"sizes too large, says OpenSSH", oddserver.Oddities{SizeOff: 1 << 20}, openSSHVersion, []exception{noSizes}},
	{"sizes too small", oddserver.Oddities{SizeOff: -1000}, "", []exception{noSizes}},
	{"sizes much too small, says OpenSSH", oddserver.Oddities{SizeOff: -1 << 20}, openSSHVersion, []exception{noSizes}},
	{"sizes are 0 (/proc)", oddserver.Oddities{ZeroSize: true}, "", []exception{noSizes}},
	{"no sizes", oddserver.Oddities{NoSize: true}, "", []exception{noSizes, {`append/`, either, nil, "the end of the file is not known"}}},
	{"no permissions", oddserver.Oddities{NoPermissions: true}, "", []exception{noTypes}},
	{"no type bits", oddserver.Oddities{NoTypeBits: true}, "", []exception{noTypes}},
	{"no times", oddserver.Oddities{NoTimes: true}, "", []exception{{`Chtimes and Stat/`, either, nil, "there are no times"}}},

	// Refusals.
	{"SETSTAT denied", oddserver.Oddities{Codes: codes(oddserver.Denied, oddserver.SETSTAT, oddserver.FSETSTAT)}, "", setstatRefused},
	{"SETSTAT fails", oddserver.Oddities{Codes: codes(oddserver.Failure, oddserver.SETSTAT, oddserver.FSETSTAT)}, "", setstatRefused},
	{"SETSTAT unsupported", oddserver.Oddities{Codes: codes(oddserver.Unsupported, oddserver.SETSTAT, oddserver.FSETSTAT)}, "", setstatRefused},
	{"FSETSTAT unsupported", oddserver.Oddities{Codes: codes(oddserver.Unsupported, oddserver.FSETSTAT)}, "", setstatRefused},
	{"FSTAT unsupported", oddserver.Oddities{Codes: codes(oddserver.Unsupported, oddserver.FSTAT)}, "", []exception{noSizes}},
	{"REALPATH fails", oddserver.Oddities{Codes: codes(oddserver.Failure, oddserver.REALPATH)}, "", nil},
	{"1 handle", oddserver.Oddities{Handles: 1, Without: noLimits}, "", []exception{{anyTree + `|(fstest|RemoveAll|Walk|Glob)/`, either, nil, "a directory and a file are open at once"}}},
	{"3 handles", oddserver.Oddities{Handles: 3, Without: noLimits}, "", fewHandles},
	{"3 handles, says OpenSSH", oddserver.Oddities{Handles: 3}, openSSHVersion, fewHandles},
	{"missing is denied", oddserver.Oddities{MissingCode: oddserver.Denied}, "", missingOdd},
	{"missing is a failure", oddserver.Oddities{MissingCode: oddserver.Failure}, "", missingOdd},
	{"missing is no such path", oddserver.Oddities{MissingCode: oddserver.NoSuchPath}, "", nil},
	{"missing is a failure, no posix-rename", oddserver.Oddities{MissingCode: oddserver.Failure, NoExtensions: true}, "", append(missingOdd, noFsync)},
	{"EXCL ignored", oddserver.Oddities{IgnoreExcl: true}, "", nil},
	{"exists is code 11", oddserver.Oddities{ExistsCode: oddserver.AlreadyExists}, "", nil},
	{"exists is code 11, no posix-rename", oddserver.Oddities{ExistsCode: oddserver.AlreadyExists, NoExtensions: true}, "", []exception{noFsync}},
	{"permissions denied in OPEN and MKDIR", oddserver.Oddities{PermsCode: oddserver.Denied}, "", nil},
	{"permissions fail in OPEN and MKDIR", oddserver.Oddities{PermsCode: oddserver.Failure}, "", nil},
	{"permissions unsupported in OPEN and MKDIR", oddserver.Oddities{PermsCode: oddserver.Unsupported}, "", nil},
	{"RENAME replaces", oddserver.Oddities{RenameReplaces: true, NoExtensions: true}, "", []exception{noFsync}},
	{"RENAME denied", oddserver.Oddities{Codes: codes(oddserver.Denied, oddserver.RENAME), NoExtensions: true}, "", []exception{
		noFsync, noRename, {`Rename/`, fails, fs.ErrPermission, "denied"},
	}},
	{"REMOVE denied", oddserver.Oddities{Codes: codes(oddserver.Denied, oddserver.REMOVE)}, "", []exception{
		{`RemoveAll/`, fails, fs.ErrPermission, "denied"},
		{anyUpload + `atomic-exclusive/`, either, nil, "the placeholder or the partial file cannot be removed"},
	}},

	// Directories.
	{"listings end with an empty batch", oddserver.Oddities{EndEmpty: true}, "", nil},
	{"listings without dots", oddserver.Oddities{NoDots: true}, "", nil},
	{"hostile names", oddserver.Oddities{Names: []string{"..", "a/b", "", "/etc/passwd"}}, "", []exception{
		{`(GetTree|GetGlob|Glob|ReadDir|Walk|RemoveAll|fstest)/`, either, nil, "there are names that are none"},
	}},
	{"links as in the draft (Twisted)", oddserver.Oddities{DraftSymlink: true}, "SSH-2.0-Twisted_22.4.0", nil},
	{"links as in the draft (asyncssh)", oddserver.Oddities{DraftSymlink: true}, "SSH-2.0-AsyncSSH_2.10.1", nil},

	// Channels.
	{"second channel refused", oddserver.Oddities{Second: oddserver.Refused}, openSSHVersion, nil},
	{"second channel drops the connection", oddserver.Oddities{Second: oddserver.Dropped}, openSSHVersion, []exception{
		{`.*/9437187$`, either, nil, "the connection is lost; Channels: 1 avoids that"},
	}},
	{"second channel not answered", oddserver.Oddities{Second: oddserver.Ignored}, openSSHVersion, nil},
	{"second channel drops the connection, other version line", oddserver.Oddities{Second: oddserver.Dropped}, "", nil},
}

var fewHandles = []exception{{`fstest/`, either, nil, "the test opens many files at once"}}

var setstatRefused = []exception{
	{`(Chtimes and Stat|Truncate)/|` + anyUpload + `sparse/`, either, nil, "the server sets no attributes"},
}

var missingOdd = []exception{
	{`missing/`, either, nil, "the server does not say that a file is missing"},
}

// expected returns how a cell must end.
func (r *row) expected(cell string) exception {
	for _, list := range [][]exception{always, r.except, everywhere} {
		for _, e := range list {
			if regexp.MustCompile(`^(?:` + e.cells + `)`).MatchString(cell) {
				return e
			}
		}
	}
	return exception{}
}
