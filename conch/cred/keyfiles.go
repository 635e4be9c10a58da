package cred

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// UNIXAuthorizedKeysFiles is an AuthorizedKeysDB of files, usually in the home
// directories of users. It is Twisted's UNIXAuthorizedKeysFiles. Its fields must
// not be changed while it is used. Files are read at each login, in the
// reactor's threads. At most 4 MiB of a file are read.
type UNIXAuthorizedKeysFiles struct {
	// Files are the names of files. A name that is not absolute is below the
	// home directory. %h stands for the home directory, %u for the user name,
	// %U for the number of the user, and %% for a percent sign. Empty means
	// .ssh/authorized_keys and .ssh/authorized_keys2.
	Files []string

	// LookupUser returns a user. nil means the function of package os/user. It
	// runs in a thread.
	LookupUser func(username string) (*user.User, error)

	// LaxModes uses files that others than the user could have written. By
	// default the file, and each directory from it up to the home directory,
	// must belong to the user or to root, and only the owner may write to it.
	// On systems without owners, such as Windows, it must be set.
	LaxModes bool

	r *reactor.Reactor
}

// NewUNIXAuthorizedKeysFiles returns a database of the usual files.
func NewUNIXAuthorizedKeysFiles(r *reactor.Reactor) *UNIXAuthorizedKeysFiles {
	return &UNIXAuthorizedKeysFiles{r: r}
}

// maxKeyFile is the number of bytes of a file that are read.
const maxKeyFile = 4 << 20

var defaultKeyFiles = []string{".ssh/authorized_keys", ".ssh/authorized_keys2"}

// GetAuthorizedKeys implements AuthorizedKeysDB. A file that does not exist has
// no keys. A file that cannot be used gives an AuthorizedKey with an Err.
func (f *UNIXAuthorizedKeysFiles) GetAuthorizedKeys(username string) deferred.Deferred[[]*AuthorizedKey] {
	return reactor.DeferToThread(f.r, func() ([]*AuthorizedKey, error) { return f.read(username) })
}

// read runs in a thread.
func (f *UNIXAuthorizedKeysFiles) read(username string) (all []*AuthorizedKey, err error) {
	if !validName(username) {
		return nil, ErrUnknownUser
	}
	files := f.Files
	if len(files) == 0 {
		files = defaultKeyFiles
	}
	lookup := f.LookupUser
	if lookup == nil {
		lookup = user.Lookup
	}
	u, err := lookup(username)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		return nil, ErrUnknownUser
	}
	if err != nil {
		return nil, fmt.Errorf("cred: %w", err)
	}
	for _, pattern := range files {
		all = append(all, f.readFile(pattern, username, u)...)
	}
	return all, nil
}

// validName reports whether a name cannot lead out of a directory.
func validName(username string) bool {
	return username != "" && username != "." && username != ".." && !strings.ContainsAny(username, "/\\\x00:")
}

func (f *UNIXAuthorizedKeysFiles) readFile(pattern, username string, u *user.User) []*AuthorizedKey {
	path := expand(pattern, username, u)
	content, err := f.content(path, u)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return []*AuthorizedKey{{Source: path, Err: fmt.Errorf("cred: the file of keys is not used: %w", err)}}
	}
	all := ParseAuthorizedKeys(content[:min(len(content), maxKeyFile)], path)
	if len(content) > maxKeyFile {
		all = append(all, &AuthorizedKey{Source: path, Err: fmt.Errorf("cred: %s: only %d bytes are used", text.Line(path), maxKeyFile)})
	}
	return all
}

// content returns at most maxKeyFile+1 bytes of a file.
func (f *UNIXAuthorizedKeysFiles) content(path string, u *user.User) ([]byte, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", text.Line(path))
	}
	if !f.LaxModes {
		if err := checkModes(path, info, u); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(file, maxKeyFile+1))
}

// expand returns the path of a file of a user.
func expand(pattern, username string, u *user.User) string {
	path := strings.NewReplacer("%%", "%", "%h", u.HomeDir, "%u", username, "%U", u.Uid).Replace(pattern)
	if !filepath.IsAbs(path) {
		path = filepath.Join(u.HomeDir, path)
	}
	return path
}

// lineOf names a line of a file.
func lineOf(source string, n int) string { return fmt.Sprintf("%s:%d", source, n) }

var _ AuthorizedKeysDB = (*UNIXAuthorizedKeysFiles)(nil)
