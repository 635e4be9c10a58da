package sftp

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	// DefaultConcurrency is the maximum number of files in progress at a time.
	// At most MaxLarge of them are larger than a chunk.
	DefaultConcurrency = 64
	MaxLarge           = 4

	// MaxDepth is the maximum number of directories above an entry of a tree.
	MaxDepth = 256

	// progressEvery is the time between two calls of Options.Progress.
	progressEvery = 200 * time.Millisecond

	// maxNotes is the maximum number of entries in each list of a Report.
	maxNotes = 32
)

// Options control a transfer. The zero value transfers the content, writes over
// an existing target in place, and skips the symbolic links of a tree. New files
// get the permissions of the source, less the umask.
//
// Options that cannot be honoured are errors: the transfer fails before data is
// sent, with an error that wraps ErrOptions or errors.ErrUnsupported.
type Options struct {
	// Resume writes to a partial file beside the target, like Atomic, and
	// continues a partial file that an earlier transfer of the same version of
	// the source has left. A target with the size and modification time of the
	// source is skipped; therefore the target gets the source's times. Resume
	// cannot be combined with Exclusive.
	Resume bool

	// Atomic writes to a partial file beside the target and renames it when it
	// is whole. The name of the partial file is the target's, with a hash of the
	// source's path, size and modification time: ".name.0123456789abcdef.part".
	Atomic bool

	// Continue continues a target that is shorter than the source where the
	// target ends, and writes in place. The beginnings are compared first, as
	// Verify compares files: the part of the target that is not proven to be the
	// beginning of the source is written again. A target that is longer than the
	// source fails with ErrTargetLonger. Continue cannot be combined with
	// Resume, Atomic or Exclusive.
	Continue bool

	// Exclusive fails with an error that wraps fs.ErrExist if the target exists.
	Exclusive bool

	// Preserve gives the target the permissions and times of the source. Only
	// the nine permission bits are copied. Times are whole seconds. If the
	// server refuses, the transfer succeeds with a warning in the Report.
	Preserve bool

	// Sync writes each file to the disk (fsync) before its transfer ends. An
	// upload needs a server with fsync@openssh.com.
	Sync bool

	// Sparse leaves holes in the target where the source has zeros: blocks of
	// 4 KiB in a download, whole chunks in an upload. Holes are not uploaded.
	Sparse bool

	// Verify compares source and target after the transfer, and before a partial
	// file is renamed: by a SHA-256 sum if the server can compute it (check-file,
	// or sha256sum on a further channel), otherwise by reading the file again.
	// With Resume it also compares a partial file
	// before that is continued, and a target that looks whole. The transfer
	// fails with ErrVerify if the contents differ.
	Verify bool

	// RemoveStale removes the partial files of other versions of the source that
	// Resume or Atomic finds beside the target. Otherwise they are only listed
	// in Report.StaleParts.
	RemoveStale bool

	// Links decides about the symbolic links of a tree.
	Links LinkPolicy

	// Filter, if not nil, is called on the loop for everything in a tree. An
	// entry for which it returns false is left out, a directory with everything
	// in it. The path is relative to the source, with slashes.
	Filter func(path string, info fs.FileInfo) bool

	// Progress, if not nil, is called on the loop five times a second, and once
	// before the Deferred fires.
	Progress func(Progress)

	// StallTimeout ends the transfer with ErrStalled when for so long no data
	// has moved and no file was finished. 0 means no limit.
	StallTimeout time.Duration

	// Concurrency is the maximum number of files in progress at a time. 0 means
	// DefaultConcurrency.
	Concurrency int

	// Channels is the maximum number of channels to use. 0 means up to 8 for
	// each connection, at a server that is known to bear them and is far away. 1
	// means that no further channel is opened. With more than 1, downloads use
	// further channels at any server, and the channels are spread evenly over
	// OpenOptions.Connections.
	Channels int
}

// LinkPolicy decides about the symbolic links of a tree. A source that is itself
// a symbolic link is always followed.
type LinkPolicy uint8

const (
	SkipLinks   LinkPolicy = iota // leave links out, and count them in Report.Skipped
	CopyLinks                     // copy links; one that leads out of the tree is an error in a download
	FollowLinks                   // transfer the targets; a link to a directory above it is an error
)

// Report is the result of a transfer.
type Report struct {
	Bytes    int64 // file content sent over the connection
	Files    int   // files transferred, without those in Skipped
	Dirs     int   // directories created or found
	Links    int   // links copied
	Skipped  int   // files that were whole before, special files, and links that are left out
	Elapsed  time.Duration
	Channels int // the maximum number of channels in use

	StaleParts []string // the first 32 partial files of other versions of the source
	Warnings   []error  // the first 32 failures that have not failed the transfer
}

// Progress is the state of a transfer.
type Progress struct {
	Report
	Total      int64   // bytes of the files found so far; a file of unknown size counts when it is whole
	Done       int64   // the part of Total that is transferred, or was there before
	TotalFiles int     // files found so far, with those in Skipped
	Rate       float64 // recent bytes per second
	Name       string  // the source of the file that was begun last
	Final      bool    // this is the last call
}

// ErrOptions is wrapped by the errors for options that contradict each other or
// have no meaning for the transfer.
var ErrOptions = errors.New("sftp: options cannot be honoured")

// kind is the kind of a transfer, as far as options matter.
type kind uint8

const (
	wholeFiles kind = iota // Get, Put and their globs
	fromReader             // PutFrom
	toWriter               // GetTo
)

// check returns an error if the options cannot be honoured, whatever the server.
func (o *Options) check(k kind) error {
	stream := k != wholeFiles
	for _, bad := range []struct {
		is   bool
		text string
	}{
		{o.Resume && o.Exclusive, "Resume writes over an existing target, and Exclusive must not; remove one of them"},
		{o.Continue && (o.Resume || o.Atomic || o.Exclusive), "Continue writes to an existing target in place, and Resume, Atomic and Exclusive do not; remove one of them"},
		{o.Concurrency < 0, "Concurrency is negative"},
		{o.Channels < 0, "Channels is negative"},
		{o.StallTimeout < 0, "StallTimeout is negative"},
		{o.Links > FollowLinks, "Links is not a LinkPolicy"},
		{o.RemoveStale && !o.Resume && !o.Atomic, "RemoveStale needs Resume or Atomic"},
		{stream && o.Resume, "a reader or writer has no version to resume"},
		{stream && o.Continue, "a reader or writer cannot be compared; use files"},
		{stream && o.Preserve, "a reader or writer has no attributes to preserve"},
		{stream && o.Sparse, "holes need a file on both sides"},
		{stream && o.Verify, "a reader or writer cannot be compared; use files"},
		{stream && o.RemoveStale, "a reader or writer has no version"},
		{k == toWriter && (o.Atomic || o.Exclusive || o.Sync), "the target is a writer, not a file"},
	} {
		if bad.is {
			return fmt.Errorf("%w: %s", ErrOptions, bad.text)
		}
	}
	return nil
}
