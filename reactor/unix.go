package reactor

import (
	"io/fs"
	"net"
	"os"
	"runtime"

	"github.com/hawser-go/hawser/deferred"
)

// UNIXOptions configures ListenUNIX. The zero value works.
type UNIXOptions struct {
	// Mode is the mode of the socket file; 0 means 0666.
	Mode fs.FileMode

	// WantLock takes a lock file beside the socket, whose name is that of the
	// socket with ".lock". A second process that wants the lock cannot listen
	// at the path. If a process has died and left its lock and its socket
	// behind, the next process removes both. Names in the abstract namespace
	// need no lock and get none.
	WantLock bool
}

// ListenUNIX listens at a path and makes a protocol with f for each connection.
// Closing the port removes the socket, unless another file has replaced the
// socket. On Linux, a path that begins with NUL or "@" is a name in the
// abstract namespace, which has no file and no mode. The error is a
// *CannotListenError. ListenUNIX must be called on the loop, or before Run.
func (r *Reactor) ListenUNIX(path string, f Factory, opts UNIXOptions) (ListeningPort, error) {
	r.mustBeOnLoop("ListenUNIX")
	open := func() (net.Listener, error) { return listenUNIX(path, opts, r) }
	return r.listen(&port{f: f, open: open, iface: path})
}

// unixListener is a listener with a socket file, and perhaps a lock file. Its
// Close removes both.
type unixListener struct {
	*net.UnixListener
	path string
	file fs.FileInfo              // the socket file
	lock *deferred.FilesystemLock // nil without a lock
}

func listenUNIX(path string, opts UNIXOptions, clock deferred.Clock) (net.Listener, error) {
	if abstract(path) {
		return net.Listen("unix", systemPath(path))
	}
	l := &unixListener{path: path}
	if opts.WantLock {
		if err := l.takeLock(clock); err != nil {
			return nil, err
		}
	}
	if err := l.open(opts.Mode); err != nil {
		l.unlock()
		return nil, err
	}
	return l, nil
}

// open creates the socket file and sets its mode.
func (l *unixListener) open(mode fs.FileMode) error {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: l.path})
	if err != nil {
		return err
	}
	l.UnixListener = listener
	listener.SetUnlinkOnClose(false) // it would remove any file at the path
	if mode == 0 {
		mode = 0o666
	}
	if l.file, err = os.Lstat(l.path); err == nil {
		err = os.Chmod(l.path, mode)
	}
	if err != nil {
		l.removeSocket()
		_ = listener.Close() // err is the error to report
	}
	return err
}

// Close removes the socket file, closes the socket and releases the lock.
func (l *unixListener) Close() error {
	l.removeSocket()
	err := l.UnixListener.Close()
	l.unlock()
	return err
}

// removeSocket removes the socket file if it still is the one of this listener.
func (l *unixListener) removeSocket() {
	if now, err := os.Lstat(l.path); err == nil && l.file != nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path) // a file that stays makes the next listener fail
	}
}

func (l *unixListener) unlock() {
	if l.lock != nil && l.lock.Locked() {
		_ = l.lock.Unlock() // fails if somebody has removed the lock file
	}
}

// abstract reports whether a path is a name in the abstract namespace.
func abstract(path string) bool {
	return path != "" && (path[0] == 0 || path[0] == '@' && runtime.GOOS == "linux")
}

// systemPath returns a path in the syntax of package net, where a name in the
// abstract namespace begins with "@".
func systemPath(path string) string {
	if abstract(path) {
		return "@" + path[1:]
	}
	return path
}

// UNIXDialOptions configures ConnectUNIX. The zero value works.
type UNIXDialOptions struct {
	DialOptions

	// CheckLock requires that a running process holds the lock file beside the
	// socket (UNIXOptions.WantLock). Otherwise the attempt fails with
	// ErrBadFile. A name in the abstract namespace has no lock file.
	CheckLock bool
}

// ConnectUNIX connects to the UNIX socket at a path and reports the outcome to
// f. ConnectUNIX must be called on the loop, or before Run.
func (r *Reactor) ConnectUNIX(path string, f ClientFactory, opts UNIXDialOptions) Connector {
	r.mustBeOnLoop("ConnectUNIX")
	dial := func() deferred.Deferred[net.Conn] { return r.DialUNIX(path, opts) }
	return r.newConnector(f, UNIXAddress{path}, dial, nil)
}

// DialUNIX is Dial for the UNIX socket at a path. The Deferred fails with a
// *ConnectError of the kind ErrBadFile if CheckLock is set and no running
// process holds the lock. DialUNIX must be called on the loop.
func (r *Reactor) DialUNIX(path string, opts UNIXDialOptions) deferred.Deferred[net.Conn] {
	r.mustBeOnLoop("DialUNIX")
	if opts.CheckLock && !locked(path) {
		return deferred.Fail[net.Conn](&ConnectError{Address: path, Kind: ErrBadFile})
	}
	return r.Dial("unix", systemPath(path), opts.DialOptions)
}
