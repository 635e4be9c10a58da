package cftp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sftp"
)

// errQuit is returned by Run for the commands that end the session.
var errQuit = errors.New("cftp: the session ends")

// failure is an error with the text that the user reads.
type failure struct {
	text string
	err  error // may be nil
}

func (f *failure) Error() string { return f.text }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

func failf(format string, args ...any) error { return &failure{text: fmt.Sprintf(format, args...)} }

// because returns a failure with the text, a colon and the reason.
func because(err error, format string, args ...any) error {
	return &failure{fmt.Sprintf(format, args...) + ": " + reason(err), err}
}

// reason returns the text of an error without the operation and the path, which
// the caller names.
func reason(err error) string {
	if e, ok := errors.AsType[*filetransfer.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	if errors.Is(err, sftp.ErrTargetLonger) {
		return "the target is longer than the source; transfer it without -a"
	}
	return text.Line(text.TrimPrefix(err))
}

// transferred returns the failures of a transfer, one error for each file. name
// is the source, dir the directory that paths are shown relative to.
func transferred(err error, what, name, dir string) []error {
	if tree, ok := errors.AsType[*sftp.TreeError](err); ok {
		var all []error
		for _, err := range tree.Errors {
			all = append(all, transferred(err, what, name, dir)...)
		}
		if more := tree.Failed - len(tree.Errors); more > 0 {
			all = append(all, failf("%s %s: %d further files failed", what, text.Quote(name), more))
		}
		return all
	}
	if file, ok := errors.AsType[*sftp.FileError](err); ok {
		name, err = file.Path, file.Err
		name = shorten(name, dir)
	}
	// The failure may be that of the target, which the error names.
	target := ""
	if e, ok := errors.AsType[*filetransfer.OpError](err); ok {
		target = e.Path
	} else if e, ok := errors.AsType[*fs.PathError](err); ok {
		target = e.Path
	}
	target = shorten(target, dir)
	if target != "" && target != name {
		return []error{because(err, "%s %s: %s", what, text.Quote(name), text.Quote(target))}
	}
	return []error{because(err, "%s %s", what, text.Quote(name))}
}
