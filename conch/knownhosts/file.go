package knownhosts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// The known_hosts files for all users, as in ssh's GlobalKnownHostsFile.
const (
	globalFile  = "/etc/ssh/ssh_known_hosts"
	globalFile2 = "/etc/ssh/ssh_known_hosts2"
)

// File is a known_hosts file to which accepted keys are added, and the files
// that are read besides it. Make a File with [FromPath] or [Default]. Any
// goroutine may call its methods, and they can block on file input and output.
type File struct {
	// HashNames makes Accept hash the names that it records, as ssh does with
	// HashKnownHosts. The default is plain names. HashNames must be set before
	// the first call of Accept.
	HashNames bool

	path string
	also []string

	mu      sync.Mutex // guards unsaved, and is held while path is written
	unsaved []string   // accepted lines, with plain names, that path does not hold
}

// FromPath returns a File that reads the file at path and then the files of
// also. Accept writes to path only. Pass the user's first file as path, the
// user's other files and the global files as also. If path is empty, Accept
// cannot save. FromPath itself reads nothing. A file that does not exist counts
// as empty.
func FromPath(path string, also ...string) *File {
	return &File{path: path, also: slices.Clone(also)}
}

// Default returns a File for the files that ssh uses by default:
// .ssh/known_hosts and .ssh/known_hosts2 in the user's home directory,
// /etc/ssh/ssh_known_hosts and /etc/ssh/ssh_known_hosts2. It returns an error
// if the home directory is not known.
func Default() (*File, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("knownhosts: cannot locate .ssh/known_hosts: %w", err)
	}
	user := filepath.Join(home, ".ssh", "known_hosts")
	return FromPath(user, user+"2", globalFile, globalFile2), nil
}

// paths returns the files to read, in order.
func (f *File) paths() []string {
	if f.path == "" {
		return f.also
	}
	return append([]string{f.path}, f.also...)
}

// unsavedLines returns the accepted lines that could not be written.
func (f *File) unsavedLines() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.unsaved)
}
