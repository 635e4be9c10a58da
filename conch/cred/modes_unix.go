//go:build unix

package cred

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// openFile opens a file for reading. It does not wait for a writer if the file
// is a named pipe.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// checkModes returns an error if others than the user and root could have
// written a file. info is that of the open file.
func checkModes(path string, info fs.FileInfo, u *user.User) error {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return fmt.Errorf("the user has no number: %w", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	home, err := filepath.EvalSymlinks(u.HomeDir)
	if err != nil {
		home = "" // the file is elsewhere
	}
	for {
		if err := checkMode(path, info, uint32(uid)); err != nil {
			return err
		}
		parent := filepath.Dir(path)
		if path == home || parent == path {
			return nil
		}
		if path, info, err = stat(parent); err != nil {
			return err
		}
	}
}

func stat(path string) (string, fs.FileInfo, error) {
	info, err := os.Stat(path)
	return path, info, err
}

func checkMode(path string, info fs.FileInfo, uid uint32) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || owner.Uid != 0 && owner.Uid != uid:
		return fmt.Errorf("%s belongs neither to the user nor to root", text.Line(path))
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others than its owner may write to %s; run: chmod go-w", text.Line(path))
	}
	return nil
}
