package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// pathError returns err as a *fs.PathError. The operation and the path replace
// those in err.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if failed, ok := errors.AsType[*filetransfer.OpError](err); ok {
		err = failed.Err
	}
	if text := bare(err); text != err.Error() {
		err = &causeError{text, err}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// causeError is an error whose text lacks the name of its package, which would
// stand in the middle of a message.
type causeError struct {
	text string
	err  error
}

func (e *causeError) Error() string { return e.text }

// Unwrap returns the error.
func (e *causeError) Unwrap() error { return e.err }

// taken adds fs.ErrExist to err, the refusal to create name, if name exists:
// most servers report only that the operation has failed.
func (c *Files) taken(ctx context.Context, name string, err error) error {
	status, ok := errors.AsType[*filetransfer.StatusError](err)
	if !ok || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if _, missing := c.Lstat(ctx, name); missing != nil {
		return err
	}
	return fmt.Errorf("%w: %w", fs.ErrExist, &causeError{bare(status), status})
}

// refused reports whether err is the refusal of a request by the server.
func refused(err error) bool {
	_, ok := errors.AsType[*filetransfer.StatusError](err)
	return ok
}
