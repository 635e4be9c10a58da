package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if failed, ok := errors.AsType[*filetransfer.OpError](err); ok {
		err = failed.Err // op and path stand here
	}
	if text := bare(err); text != err.Error() {
		err = &causeError{text, err}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// causeError is an error without the name of its package in front, which would stand in the middle of a message.
type causeError struct {
	text string
	err  error
}

func (e *causeError) Error() string { return e.text }

// Unwrap returns the error.
func (e *causeError) Unwrap() error { return e.err }

// taken makes the failure of an operation that has to make name one that is fs.ErrExist, if something of that name is there: most servers only
// say that it has failed.
func (c *Files) taken(ctx context.Context, name string, err error) error {
	status, ok := errors.AsType[*filetransfer.StatusError](err)
	if !ok || status.Code != filetransfer.FXFailure {
		return err
	}
	if _, missing := c.Lstat(ctx, name); missing != nil {
		return err
	}
	return fmt.Errorf("%w: %w", fs.ErrExist, &causeError{bare(status), status})
}
