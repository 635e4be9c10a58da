//go:build unix

package store

import (
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// openFlags are for every file that is opened: a FIFO must not block, and a
// terminal must not become that of the process.
const openFlags = unix.O_NONBLOCK | unix.O_NOCTTY

func systemAttrs(info fs.FileInfo) moreAttrs {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return moreAttrs{links: 1, accessed: info.ModTime()}
	}
	return moreAttrs{uid: stat.Uid, gid: stat.Gid, links: uint64(stat.Nlink), accessed: accessTime(stat)}
}

// timespecs returns times for system calls.
func timespecs(accessed, modified time.Time) []unix.Timespec {
	return []unix.Timespec{unix.NsecToTimespec(accessed.UnixNano()), unix.NsecToTimespec(modified.UnixNano())}
}

// setLinkTimes changes the times of a link itself.
func setLinkTimes(root *os.Root, name string, accessed, modified time.Time) error {
	dir, err := openParent(root, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.UtimesNanoAt(int(dir.Fd()), path.Base(name), timespecs(accessed, modified), unix.AT_SYMLINK_NOFOLLOW)
}

// openParent opens the directory of a name.
func openParent(root *os.Root, name string) (*os.File, error) {
	return root.OpenFile(path.Dir(name), dirFlags, 0)
}

// rename is rename(2). That of os.Root does not replace an empty directory.
func rename(root *os.Root, from, to string) error {
	if from == "." || to == "." {
		return syscall.EBUSY
	}
	fromDir, err := openParent(root, from)
	if err != nil {
		return err
	}
	defer fromDir.Close()
	toDir, err := openParent(root, to)
	if err != nil {
		return err
	}
	defer toDir.Close()
	return unix.Renameat(int(fromDir.Fd()), path.Base(from), int(toDir.Fd()), path.Base(to))
}
