package store

import (
	"os"
	"syscall"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"golang.org/x/sys/unix"
)

const (
	hasStatVFS = true

	// statFlags and dirFlags open a file for its file system, and a directory
	// for names in it. Neither needs the right to read.
	statFlags = unix.O_PATH
	dirFlags  = unix.O_PATH | unix.O_DIRECTORY
)

func accessTime(stat *syscall.Stat_t) time.Time {
	return time.Unix(int64(stat.Atim.Sec), int64(stat.Atim.Nsec))
}

func setFileTimes(f *os.File, accessed, modified time.Time) error {
	err := unix.UtimesNanoAt(int(f.Fd()), "", timespecs(accessed, modified), unix.AT_EMPTY_PATH)
	if err == unix.EINVAL || err == unix.ENOENT { // an old kernel
		times := []unix.Timeval{unix.NsecToTimeval(accessed.UnixNano()), unix.NsecToTimeval(modified.UnixNano())}
		return unix.Futimes(int(f.Fd()), times)
	}
	return err
}

// statVFS returns what statvfs(3) does.
func statVFS(f *os.File) (v filetransfer.StatVFS, err error) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return v, err
	}
	v = filetransfer.StatVFS{
		BlockSize: uint64(s.Bsize), FragmentSize: uint64(s.Frsize), Blocks: s.Blocks, FreeBlocks: s.Bfree, AvailableBlocks: s.Bavail,
		Files: s.Files, FreeFiles: s.Ffree, AvailableFiles: s.Ffree, MaxFilenameSize: uint64(s.Namelen),
		FileSystemID: uint64(uint32(s.Fsid.Val[0])) | uint64(uint32(s.Fsid.Val[1]))<<32,
	}
	if v.FragmentSize == 0 {
		v.FragmentSize = v.BlockSize
	}
	if s.Flags&unix.ST_RDONLY != 0 {
		v.Flags |= filetransfer.StatReadOnly
	}
	if s.Flags&unix.ST_NOSUID != 0 {
		v.Flags |= filetransfer.StatNoSetUID
	}
	return v, nil
}
