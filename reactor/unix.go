package reactor

import (
	"io/fs"
	"net"
	"os"

	"github.com/hawser-go/hawser/deferred"
)

// UNIXOptions configures ListenUNIX. The zero value works.
type UNIXOptions struct {
	// Mode is the mode of the socket; 0 means 0666 (R326).
	Mode fs.FileMode

	// WantLock takes a lock file beside the socket, which keeps a second listener away, and tells that a socket without a listener is stale
	// and may be removed (R329).
	WantLock bool

	// Backlog is not used: the system's own limit applies. It is here for the record.
	Backlog int
}

// ListenUNIX listens on a UNIX socket; closing the port removes it (R326, R328). A path that begins with NUL is a name in Linux' abstract
// namespace, which has no file (R332). The error is a *CannotListenError; f is not started then (R327). It must be called on the loop, or
// before Run.
func (r *Reactor) ListenUNIX(path string, f Factory, opts UNIXOptions) (ListeningPort, error) {
	p := &Port{r: r, f: f}
	u := &unixListener{path: path, opts: opts, lock: deferred.NewFilesystemLock(path+lockSuffix, r)}
	p.listen, p.release = u.listen, u.release
	return orNil(p, p.StartListening())
}

// lockSuffix makes the name of the lock file.
const lockSuffix = ".lock"

// unixListener makes the listener of a port, and has its lock.
type unixListener struct {
	path string
	opts UNIXOptions
	lock *deferred.FilesystemLock
}

func (u *unixListener) listen() (net.Listener, error) {
	l, err := u.lockAndListen()
	if err != nil {
		return nil, &CannotListenError{Interface: u.path, Err: err}
	}
	return l, nil
}

func (u *unixListener) lockAndListen() (net.Listener, error) {
	if u.opts.WantLock && !abstract(u.path) {
		if err := u.takeLock(); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", systemPath(u.path))
	if err == nil && !abstract(u.path) {
		err = os.Chmod(u.path, u.mode())
	}
	if err != nil {
		u.release()
		return nil, err
	}
	return l, nil
}

// takeLock takes the lock and removes a socket that nobody can be listening on.
func (u *unixListener) takeLock() error {
	held, err := u.lock.Lock()
	switch {
	case err != nil:
		return err
	case !held:
		return errLocked
	case !u.lock.Clean():
		_ = os.Remove(u.path) // if it is still there, listening will tell
	}
	return nil
}

func (u *unixListener) mode() fs.FileMode {
	if u.opts.Mode == 0 {
		return 0o666
	}
	return u.opts.Mode
}

func (u *unixListener) release() {
	if u.lock.Locked() {
		_ = u.lock.Unlock() // somebody has removed it
	}
}

var errLocked = condition("another process listens there", nil)

// abstract reports whether a path is a name in the abstract namespace.
func abstract(path string) bool { return len(path) > 0 && path[0] == 0 }

// systemPath returns the path as package net wants it.
func systemPath(path string) string {
	if abstract(path) {
		return "@" + path[1:]
	}
	return path
}

// UNIXDialOptions configures ConnectUNIX. The zero value works.
type UNIXDialOptions struct {
	DialOptions // BindAddress is not used

	// CheckLock requires that a living process holds the lock file beside the socket; else the attempt fails with ErrBadFile (R331).
	CheckLock bool
}

// ConnectUNIX connects to a UNIX socket and tells f what becomes of it (R330). It must be called on the loop.
func (r *Reactor) ConnectUNIX(path string, f ClientFactory, opts UNIXDialOptions) Connector {
	return r.newConnector(f, UNIXAddress{path}, func() deferred.Deferred[net.Conn] { return r.DialUNIX(path, opts) }, nil)
}

// DialUNIX is Dial for a UNIX socket.
func (r *Reactor) DialUNIX(path string, opts UNIXDialOptions) deferred.Deferred[net.Conn] {
	if opts.CheckLock && !lockHeld(path, r) {
		return deferred.Fail[net.Conn](&ConnectError{Address: path, Kind: ErrBadFile})
	}
	return r.Dial("unix", systemPath(path), opts.DialOptions)
}

func lockHeld(path string, clock deferred.Clock) bool {
	if _, err := os.Lstat(path + lockSuffix); err != nil {
		return false
	}
	held, err := deferred.NewFilesystemLock(path+lockSuffix, clock).IsLocked()
	return held && err == nil
}
