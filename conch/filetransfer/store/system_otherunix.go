//go:build unix && !linux

package store

import (
	"errors"
	"os"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"golang.org/x/sys/unix"
)

const (
	hasStatVFS = false
	statFlags  = os.O_RDONLY | openFlags
	dirFlags   = os.O_RDONLY
)

func setFileTimes(f *os.File, accessed, modified time.Time) error {
	times := []unix.Timeval{unix.NsecToTimeval(accessed.UnixNano()), unix.NsecToTimeval(modified.UnixNano())}
	return unix.Futimes(int(f.Fd()), times)
}

func statVFS(*os.File) (filetransfer.StatVFS, error) {
	return filetransfer.StatVFS{}, errors.ErrUnsupported
}
