package filetransfer

import (
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// InThreads returns an SFTPServer that runs the methods of b in threads of the
// reactor's pool, at most four at a time. A session needs a BlockingServer of its
// own. InThreads belongs to the loop.
//
// The operations of one file run one after another. A cancelled operation runs
// to its end, but a file that it opens is closed.
func InThreads(r *reactor.Reactor, b BlockingServer) SFTPServer {
	return &threadServer{b: b, t: &threads{r: r}}
}

type threadServer struct {
	BaseSFTPServer
	b BlockingServer
	t *threads
}

// do runs an operation that belongs to no file.
func do[T any](s *threadServer, f func() (T, error)) deferred.Deferred[T] {
	return inThread(s.t, nil, f, nil)
}

// run is do for operations without a result.
func (s *threadServer) run(f func() error) deferred.Deferred[deferred.Void] {
	return do(s, void(f))
}

// ignoreVoid is an errback that handles every error.
func ignoreVoid(error) (deferred.Void, error) { return deferred.Void{}, nil }

func void(f func() error) func() (deferred.Void, error) {
	return func() (deferred.Void, error) { return deferred.Void{}, f() }
}

func (s *threadServer) GotVersion(version uint32, extensions []Extension) []Extension {
	return s.b.GotVersion(version, extensions)
}

func (s *threadServer) OpenFile(path string, flags OpenFlags, attrs Attrs) deferred.Deferred[SFTPFile] {
	return inThread(s.t, nil, func() (SFTPFile, error) {
		f, err := s.b.OpenFile(path, flags, attrs)
		if f == nil {
			return nil, err
		}
		return &threadFile{f: f, threadLane: threadLane{t: s.t}}, err
	}, func(f SFTPFile) { f.Close().AddErrback(ignoreVoid) })
}

func (s *threadServer) OpenDirectory(path string) deferred.Deferred[SFTPDirectory] {
	return inThread(s.t, nil, func() (SFTPDirectory, error) {
		d, err := s.b.OpenDirectory(path)
		if d == nil {
			return nil, err
		}
		return &threadDirectory{d: d, threadLane: threadLane{t: s.t}}, err
	}, func(d SFTPDirectory) { d.Close().AddErrback(ignoreVoid) })
}

func (s *threadServer) RemoveFile(path string) deferred.Deferred[deferred.Void] {
	return s.run(func() error { return s.b.RemoveFile(path) })
}

func (s *threadServer) RemoveDirectory(path string) deferred.Deferred[deferred.Void] {
	return s.run(func() error { return s.b.RemoveDirectory(path) })
}

func (s *threadServer) MakeDirectory(path string, attrs Attrs) deferred.Deferred[deferred.Void] {
	return s.run(func() error { return s.b.MakeDirectory(path, attrs) })
}

func (s *threadServer) RenameFile(oldpath, newpath string) deferred.Deferred[deferred.Void] {
	return s.run(func() error { return s.b.RenameFile(oldpath, newpath) })
}

func (s *threadServer) PosixRename(oldpath, newpath string) deferred.Deferred[deferred.Void] {
	return s.run(func() error { return s.b.PosixRename(oldpath, newpath) })
}

func (s *threadServer) GetAttrs(path string, followLinks bool) deferred.Deferred[Attrs] {
	return do(s, func() (Attrs, error) { return s.b.GetAttrs(path, followLinks) })
}

func (s *threadServer) SetAttrs(path string, attrs Attrs, followLinks bool) deferred.Deferred[deferred.Void] {
	return s.run(func() error { return s.b.SetAttrs(path, attrs, followLinks) })
}

func (s *threadServer) ReadLink(path string) deferred.Deferred[string] {
	return do(s, func() (string, error) { return s.b.ReadLink(path) })
}

func (s *threadServer) MakeLink(linkPath, targetPath string) deferred.Deferred[deferred.Void] {
	return s.run(func() error { return s.b.MakeLink(linkPath, targetPath) })
}

func (s *threadServer) HardLink(oldpath, newpath string) deferred.Deferred[deferred.Void] {
	return s.run(func() error { return s.b.HardLink(oldpath, newpath) })
}

func (s *threadServer) RealPath(path string) deferred.Deferred[string] {
	return do(s, func() (string, error) { return s.b.RealPath(path) })
}

func (s *threadServer) ExpandPath(path string) deferred.Deferred[string] {
	return do(s, func() (string, error) { return s.b.ExpandPath(path) })
}

func (s *threadServer) HomeDirectory(user string) deferred.Deferred[string] {
	return do(s, func() (string, error) { return s.b.HomeDirectory(user) })
}

func (s *threadServer) StatVFS(path string) deferred.Deferred[StatVFS] {
	return do(s, func() (StatVFS, error) { return s.b.StatVFS(path) })
}

func (s *threadServer) UsersGroupsByID(uids, gids []uint32) deferred.Deferred[Names] {
	return do(s, func() (Names, error) { return s.b.UsersGroupsByID(uids, gids) })
}

func (s *threadServer) ExtendedRequest(name string, data []byte) deferred.Deferred[[]byte] {
	return do(s, func() ([]byte, error) { return s.b.ExtendedRequest(name, data) })
}

// SessionEnded closes the BlockingServer.
func (s *threadServer) SessionEnded() {
	closeInThread(s.t, new(lane), s.b.Close).AddErrback(func(err error) (deferred.Void, error) {
		s.t.r.Logger().Warn("filetransfer: closing the server of a session failed", "err", err)
		return ignoreVoid(err)
	})
}

// threadLane runs the operations of one file or directory in order.
type threadLane struct {
	t    *threads
	lane lane
}

func (l *threadLane) run(f func() error) deferred.Deferred[deferred.Void] {
	return inThread(l.t, &l.lane, void(f), nil)
}

type threadFile struct {
	BaseSFTPFile
	threadLane
	f BlockingFile
}

// Concurrent returns true, because the lane keeps the order.
func (f *threadFile) Concurrent() bool { return true }

func (f *threadFile) Close() deferred.Deferred[deferred.Void] {
	return closeInThread(f.t, &f.lane, f.f.Close)
}

func (f *threadFile) ReadChunk(offset uint64, p []byte) deferred.Deferred[int] {
	return inThread(f.t, &f.lane, func() (int, error) {
		n, err := f.f.ReadChunk(offset, p)
		if n > 0 {
			err = nil
		}
		return n, err
	}, nil)
}

func (f *threadFile) WriteChunk(offset uint64, data []byte) deferred.Deferred[deferred.Void] {
	return f.run(func() error { return f.f.WriteChunk(offset, data) })
}

func (f *threadFile) GetAttrs() deferred.Deferred[Attrs] {
	return inThread(f.t, &f.lane, f.f.GetAttrs, nil)
}

func (f *threadFile) SetAttrs(attrs Attrs) deferred.Deferred[deferred.Void] {
	return f.run(func() error { return f.f.SetAttrs(attrs) })
}

func (f *threadFile) Sync() deferred.Deferred[deferred.Void] { return f.run(f.f.Sync) }

func (f *threadFile) StatVFS() deferred.Deferred[StatVFS] {
	return inThread(f.t, &f.lane, f.f.StatVFS, nil)
}

type threadDirectory struct {
	threadLane
	d BlockingDirectory
}

func (d *threadDirectory) ReadEntries(n int) deferred.Deferred[[]Entry] {
	return inThread(d.t, &d.lane, func() ([]Entry, error) { return d.d.ReadEntries(n) }, nil)
}

func (d *threadDirectory) Close() deferred.Deferred[deferred.Void] {
	return closeInThread(d.t, &d.lane, d.d.Close)
}
