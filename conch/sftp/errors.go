package sftp

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

const prefix = "sftp: "

var (
	// ErrShort is the cause of the failure of a transfer whose source ended before the size that it had when the transfer began.
	ErrShort = fmt.Errorf("sftp: the file ended early: %w", io.ErrUnexpectedEOF)

	// ErrSourceChanged is wrapped by the error of a transfer with Options.Resume
	// whose source has changed meanwhile. The partial file is removed.
	ErrSourceChanged = errors.New("sftp: the source changed during the transfer; try again")

	// ErrVerify is wrapped by the error of a transfer with Options.Verify if
	// source and target differ.
	ErrVerify = errors.New("sftp: the target differs from the source; transfer it again")

	// ErrStalled is the cause of the failure of a transfer in which nothing has moved for Options.StallTimeout.
	ErrStalled = errors.New("sftp: nothing has moved for too long")

	// ErrUnsafeName is wrapped by the error for an entry of a server's directory
	// whose name cannot be used here, such as one with a slash.
	ErrUnsafeName = errors.New("sftp: the server has listed something that is not a name")

	// ErrTooDeep is wrapped by the error for a directory that is nested more than
	// MaxDepth deep, or whose path is longer than 64 KiB. It is not listed.
	ErrTooDeep = fmt.Errorf("sftp: directories are nested more than %d deep, or the path is too long", MaxDepth)

	// ErrNotRegular is the cause of the failure to transfer something that is neither file nor directory, such as a device.
	ErrNotRegular = errors.New("sftp: neither a regular file nor a directory")

	// ErrIsDirectory is the cause of the failure to put a file, with Options.Atomic, where there is a directory.
	ErrIsDirectory = errors.New("sftp: the target is a directory; give the file a name in it")

	// ErrUnsafeLink is wrapped by the error for a symbolic link that leads out of
	// the tree, or may do so through another link. It is not copied.
	ErrUnsafeLink = errors.New("sftp: the symbolic link points outside of the tree")
)

// FileError is the failure to transfer one file, directory or link.
type FileError struct {
	Op   string // "get" or "put"
	Path string // of the source
	Err  error
}

func (e *FileError) Error() string { return prefix + e.Op + " " + e.Path + ": " + bare(e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// maxErrors is how many errors a TreeError keeps.
const maxErrors = 32

// TreeError is the failure of a transfer of many files, some of which could not be transferred; the others were.
type TreeError struct {
	Failed int     // how many files, directories and links
	Errors []error // the first of them, each a [*FileError]
	Report Report  // of the others
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

// bare returns the text of an error without a package's name in front.
func bare(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), prefix), "filetransfer: ")
}
