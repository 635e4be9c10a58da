package reactor

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// openAgain opens the terminal or pipe of fd once more, without blocking. Other
// files may have effects when they are opened, such as the master of a
// pseudo-terminal, which would be a new one.
func openAgain(fd, mode int, info *unix.Stat_t) (int, error) {
	_, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	master := err == nil
	if master || !isPipe(info) && !term.IsTerminal(fd) {
		return -1, errors.ErrUnsupported
	}
	path := "/proc/self/fd/" + strconv.Itoa(fd)
	again, err := unix.Open(path, mode|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	var now unix.Stat_t
	if err := unix.Fstat(again, &now); err != nil || now.Dev != info.Dev || now.Ino != info.Ino {
		_ = unix.Close(again)
		return -1, errors.ErrUnsupported
	}
	return again, nil
}
