//go:build !unix

package cred

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
)

func openFile(path string) (*os.File, error) { return os.Open(path) }

// checkModes reports that it cannot be known who could have written a file.
func checkModes(string, fs.FileInfo, *user.User) error {
	return fmt.Errorf("owners cannot be checked on this system; set LaxModes: %w", errors.ErrUnsupported)
}
