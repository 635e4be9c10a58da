package sftp

import (
	"io/fs"
	"time"
)

const (
	// DefaultConcurrency is how many files are under way at a time; of files that are larger than a chunk it is MaxLarge.
	DefaultConcurrency = 64
	MaxLarge           = 4

	// MaxDepth is how deep directories may be nested.
	MaxDepth = 256

	// DefaultProgressEvery is the time between two calls of Options.Progress.
	DefaultProgressEvery = 200 * time.Millisecond
)

// Options says how to  The zero value moves the content, overwrites what there is, follows no symbolic links and leaves new files
// the permissions of their source less the umask.
type Options struct {
	// Resume goes on where an earlier transfer of the same file ended, and leaves files alone that are complete already. See the
	// document sftp.md for how it tells.
	Resume bool

	// Atomic writes to a file beside the target, ".name.part", and renames it when it is complete: the target is never seen half
	// written. At a server without posix-rename@openssh.com the old target is removed first. In a tree a file of that name, beside
	// one that has the other, is not transferred, and reported.
	Atomic bool

	// Exclusive fails with fs.ErrExist if the target exists. It does not go with Resume.
	Exclusive bool

	// Preserve gives the target the permissions and times of the source. Times are whole seconds. Only the nine permission bits are
	// taken over, never setuid and the like.
	Preserve bool

	// Sync makes each file reach the disk, with fsync, before it counts as complete.
	Sync bool

	// Sparse leaves holes in the target where the source has zeros: blocks of 4 KiB in a download, whole chunks, which then are not
	// sent, in an upload.
	Sparse bool

	// Links says what becomes of symbolic links in a tree.
	Links LinkPolicy

	// Filter, if set, is asked about everything in a tree; what it answers false for is left out. path is relative to the source, with
	// slashes. It is called on the loop.
	Filter func(path string, info fs.FileInfo) bool

	// Progress, if set, is called on the loop while the transfer runs, every ProgressEvery, and once at the end, before the Deferred
	// fires. ProgressEvery of 0 means DefaultProgressEvery.
	Progress      func(Progress)
	ProgressEvery time.Duration

	// StallTimeout ends the transfer with ErrStalled when no byte has moved, over the connection or at the local disk, and no file was
	// finished or has failed for so long. 0 means never.
	StallTimeout time.Duration

	// Concurrency is how many files are under way at a time, fewer if the server states that it has not so many handles; 0 means
	// DefaultConcurrency.
	Concurrency int

	// Channels is the largest number of channels to use: 1 never opens another one, 0 leaves it to the round trip.
	Channels int
}

// LinkPolicy says what becomes of symbolic links in a tree. A source that is itself a link is always followed.
type LinkPolicy uint8

const (
	SkipLinks   LinkPolicy = iota // saveProgress them out; they are counted in Report.Skipped
	CopyLinks                     // make links with the same target; one that points outside of the tree is an error in a download
	FollowLinks                   // transfer what they point to; a link to a directory that it is in is an error
)

// Report says what a transfer has done.
type Report struct {
	Bytes    int64 // of file content that went over the connection
	Files    int   // complete, without Skipped
	Dirs     int   // made, or there already
	Links    int   // copied
	Skipped  int   // files that were complete before; and what is neither file nor directory, or a link that is not wanted
	Elapsed  time.Duration
	Channels int // the most channels that were in use
}

// Progress says how far a transfer is.
type Progress struct {
	Report
	Total      int64   // bytes of the files found so far, those included that need not be sent; of unknown size, when they are complete
	Done       int64   // of these, there already, whether they were sent now or before
	TotalFiles int     // files found so far, with what is Skipped
	Rate       float64 // bytes per second, of late
	Name       string  // the source of the file that was begun last
	Final      bool    // no further call follows
}
