package sftp

import (
	"errors"
	"fmt"
	"strings"
)

const prefix = "sftp: "

var (
	// ErrSourceChanged is wrapped by the error of a transfer with Options.Resume
	// whose source has changed in the meantime. The partial file is removed.
	ErrSourceChanged = errors.New("sftp: the source changed during the transfer; try again")

	// ErrVerify is wrapped by the error of a transfer with Options.Verify if
	// source and target differ.
	ErrVerify = errors.New("sftp: the target differs from the source; transfer it again")

	// ErrTargetLonger is wrapped by the error of a transfer with
	// Options.Continue whose target is longer than the source. The target is not
	// changed.
	ErrTargetLonger = errors.New("sftp: the target is longer than the source; transfer it without Continue")

	// ErrStalled is wrapped by the error of a transfer that has not moved for
	// Options.StallTimeout.
	ErrStalled = errors.New("sftp: the transfer has stalled; Resume can continue it")

	// ErrUnsafeName is wrapped by the error for a name in a directory of the
	// server that cannot be the name of a local file, such as "a/b".
	ErrUnsafeName = errors.New("sftp: the server has listed an entry with an unusable name")

	// ErrTooDeep is wrapped by the error for a directory that is nested more than
	// MaxDepth deep, or whose path is longer than 64 KiB. It is not listed.
	ErrTooDeep = fmt.Errorf("sftp: directories are nested more than %d deep, or the path is too long", MaxDepth)

	// ErrNotRegular is wrapped by the error for a source that is neither a file
	// nor a directory, such as a device.
	ErrNotRegular = errors.New("sftp: neither a regular file nor a directory")

	// ErrIsDirectory is wrapped by the error for a file whose target is a
	// directory.
	ErrIsDirectory = errors.New("sftp: the target is a directory; name a file in it")

	// ErrUnsafeLink is wrapped by the error for a symbolic link that leads out of
	// the tree, or may do so through another link.
	ErrUnsafeLink = errors.New("sftp: the symbolic link leads out of the tree")
)

// FileError is the failure of one file, directory or link.
type FileError struct {
	Op   string // "get", "put" or "remove"
	Path string // the path of the source
	Err  error  // the cause
}

func (e *FileError) Error() string { return prefix + e.Op + " " + e.Path + ": " + bare(e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// maxErrors is the maximum number of errors in a TreeError.
const maxErrors = 32

// TreeError is the failure of some of the files of a transfer. The others were
// transferred.
type TreeError struct {
	Failed int     // the number of files, directories and links that failed
	Errors []error // the first of these errors, each a [*FileError]
	Report Report  // the result for the others
}

func (e *TreeError) Error() string {
	text := bare(e.Errors[0])
	if e.Failed > 1 {
		text = fmt.Sprintf("%d of the files failed, the first: %s", e.Failed, text)
	}
	return prefix + text
}

// Unwrap returns the errors.
func (e *TreeError) Unwrap() []error { return e.Errors }

// bare returns the text of an error without the name of a package in front.
func bare(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), prefix), "filetransfer: ")
}
