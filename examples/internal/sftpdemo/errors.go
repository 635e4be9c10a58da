package sftpdemo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
)

// Line returns an error as one line of text. It removes the package name at the
// front and replaces control characters.
func Line(err error) string {
	text := err.Error()
	for _, prefix := range []string{"sftp: ", "filetransfer: ", "conch: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	// The text "interrupted" already says that the job was cancelled.
	return Printable(strings.TrimSuffix(text, " ("+deferred.ErrCancelled.Error()+")"))
}

// Lost reports whether a new connection may help.
func Lost(err error) bool {
	_, lost := errors.AsType[*filetransfer.ConnectionLostError](err)
	return lost || errors.Is(err, sftp.ErrStalled)
}

// Kept adds a note to the error of a transfer if partial data is kept: how to
// resume the transfer.
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

// Vague reports whether err is the status "failure" of a server. Most servers
// send it if a file system is full or read-only.
func Vague(err error) bool {
	status, ok := errors.AsType[*filetransfer.StatusError](err)
	return ok && status.Code == filetransfer.FXFailure
}

// Explain adds a reason to a vague error if the server's file system is full or
// read-only.
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
