package sftpdemo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/transfer"
	"github.com/hawser-go/hawser/deferred"
)

// Line returns an error as one line for people: without the name of a package in front, and without what could change the terminal.
func Line(err error) string {
	text := err.Error()
	for _, prefix := range []string{"transfer: ", "filetransfer: ", "conch: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return Printable(text)
}

// Lost reports whether another connection may help.
func Lost(err error) bool {
	_, lost := errors.AsType[*filetransfer.ConnectionLostError](err)
	return lost || errors.Is(err, transfer.ErrStalled)
}

// Kept adds to the error of a transfer that was cut short that something is there already, and how to go on with it.
func Kept(err error, how string) error {
	switch {
	case errors.Is(err, deferred.ErrCancelled):
		return fmt.Errorf("interrupted; what has come is kept, and %s goes on with it (%w)", how, err)
	case Lost(err):
		return fmt.Errorf("%w; what has come is kept, and %s goes on with it", err, how)
	default:
		return err
	}
}

// Full reports whether there is no room for another chunk of data: most servers have no other word for that than "failure".
func Full(is filetransfer.StatVFS) bool { return is.Free() < filetransfer.MaxChunk }
