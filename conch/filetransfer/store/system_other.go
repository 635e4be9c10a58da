//go:build !unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

const (
	hasStatVFS = false
	openFlags  = 0
	statFlags  = os.O_RDONLY
)

func systemAttrs(info fs.FileInfo) moreAttrs {
	return moreAttrs{links: 1, accessed: info.ModTime()}
}

func rename(root *os.Root, from, to string) error { return root.Rename(from, to) }

func setLinkTimes(*os.Root, string, time.Time, time.Time) error { return errors.ErrUnsupported }
func setFileTimes(*os.File, time.Time, time.Time) error         { return errors.ErrUnsupported }

func statVFS(*os.File) (filetransfer.StatVFS, error) {
	return filetransfer.StatVFS{}, errors.ErrUnsupported
}
