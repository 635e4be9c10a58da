package sftpdemo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
)

// Line returns an error as one line for people, without the name of a package in
// front and without control characters.
func Line(err error) string {
	text := err.Error()
	for _, prefix := range []string{"sftp: ", "filetransfer: ", "conch: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return Printable(strings.TrimSuffix(text, " ("+deferred.ErrCancelled.Error()+")")) // "interrupted" says it
}

// Lost reports whether another connection may help.
func Lost(err error) bool {
	_, lost := errors.AsType[*filetransfer.ConnectionLostError](err)
	return lost || errors.Is(err, sftp.ErrStalled)
}

// Kept adds to the error of a transfer that partial data is kept, if that is so,
// and how to resume.
func Kept(err error, something bool, how string) error {
	switch {
	case errors.Is(err, deferred.ErrCancelled):
		return fmt.Errorf("interrupted; partial data is kept, resume with %s (%w)", how, err)
	case something || Lost(err):
		return fmt.Errorf("%w; partial data is kept, resume with %s", err, how)
	default:
		return err
	}
}

// Vague reports whether the server says no more than "failure". Most servers say
// so if a file system is full or read-only.
func Vague(err error) bool {
	status, ok := errors.AsType[*filetransfer.StatusError](err)
	return ok && status.Code == filetransfer.FXFailure
}

// Explain adds a reason to a vague error: the state of the server's file system.
func Explain(err error, is filetransfer.StatVFS) error {
	switch {
	case is.Flags&filetransfer.StatReadOnly != 0:
		return fmt.Errorf("%w; the server's file system is read-only", err)
	case is.Total() > 0 && is.Free() < filetransfer.MaxChunk: // no room for another chunk of data
		return fmt.Errorf("%w; the server's file system is full", err)
	default:
		return err
	}
}
