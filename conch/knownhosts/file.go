package knownhosts

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The files that hold host keys for all users of a machine, as OpenSSH's GlobalKnownHostsFile has them.
const (
	globalFile  = "/etc/ssh/ssh_known_hosts"
	globalFile2 = "/etc/ssh/ssh_known_hosts2"
)

// File is a known_hosts file, Conch's KnownHostsFile, with the files that are read beside it. Make one with [FromPath],
// [Default] or [New]. Its exported fields may be set before the first use; their zero values are those of Conch. One goroutine
// at a time may use it.
type File struct {
	// Plain makes AddHostKey record names in clear, as OpenSSH does unless HashKnownHosts is set. Otherwise they are hashed
	// (C-CLIENT-39).
	Plain bool

	// RefuseOtherTypes makes Check and HasHostKey treat a host of which only keys of other types are recorded as changed, as
	// ssh does. Otherwise such a host is unknown (C-CLIENT-36).
	RefuseOtherTypes bool

	// Now tells the time for the validity of certificates; nil means time.Now.
	Now func() time.Time

	path     string
	also     []string
	added    []Entry // not saved yet, in the order of their addition
	discards bool    // the content of path does not count and the next Save replaces it
	err      error   // what ended the last walk of Entries
}

// FromPath gives the known hosts recorded in the file at path, to which Save appends, and in the files also, which are only
// read, after it. A file that does not exist is an empty one. Nothing is read before a method needs it (C-CLIENT-30).
func FromPath(path string, also ...string) *File {
	return &File{path: path, also: also}
}

// New gives a File that ignores what is at path; its first Save replaces that with the additions, be there any or not.
// Afterwards it works like one of FromPath (C-CLIENT-31).
func New(path string) *File {
	return &File{path: path, discards: true}
}

// Default gives the files that ssh reads unless it is told otherwise: .ssh/known_hosts, to which Save appends, and
// .ssh/known_hosts2 in the home directory of the user, then /etc/ssh/ssh_known_hosts and /etc/ssh/ssh_known_hosts2. It
// fails when the home directory is not known.
func Default() (*File, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("knownhosts: no home directory to find .ssh/known_hosts in: %w", err)
	}
	user := filepath.Join(home, ".ssh", "known_hosts")
	return FromPath(user, user+"2", globalFile, globalFile2), nil
}

// SavePath is the path of the file that Save writes (C-CLIENT-39).
func (f *File) SavePath() string { return f.path }

// readPaths lists the files that count, in the order in which they are read.
func (f *File) readPaths() []string {
	if f.discards {
		return f.also
	}
	return append([]string{f.path}, f.also...)
}

// now is the time against which certificates are checked.
func (f *File) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}
