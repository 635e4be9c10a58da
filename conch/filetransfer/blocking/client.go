package blocking

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/transfer"
	"github.com/hawser-go/hawser/deferred"
)

// Await runs f on the loop that owns the client, and waits until the Deferred that it returns has fired, or ctx is done. In the second case it
// returns the cause of that at once, and cancels the Deferred. reactor.Await is like this:
//
//	func(ctx context.Context, f func() deferred.Deferred[struct{}]) error {
//		_, err := reactor.Await(ctx, r, f)
//		return err
//	}
type Await func(ctx context.Context, f func() deferred.Deferred[struct{}]) error

// Client is an SFTP session for goroutine code. Its methods, and those of its files, may be called from any goroutine but the loop's.
type Client struct {
	session *transfer.Session
	client  *filetransfer.FileTransferClient
	await   Await
}

// New returns a Client for a session that await reaches.
func New(session *transfer.Session, await Await) *Client {
	return &Client{session, session.Client(), await}
}

// call runs f on the loop and waits for what its Deferred fires with.
func call[T any](ctx context.Context, c *Client, f func() deferred.Deferred[T]) (v T, err error) {
	var got T
	err = c.await(ctx, func() deferred.Deferred[struct{}] {
		return deferred.Then(f(), func(v T) (struct{}, error) {
			got = v
			return struct{}{}, nil
		})
	})
	if err != nil {
		return v, err // got may be written to still
	}
	return got, nil
}

// settled is call for a request that uses memory of the caller's, or leaves something open: when it returns the request is over. undo, if it is not
// nil, is called on the loop with what came although nobody waited any more.
func settled[T any](ctx context.Context, c *Client, f func() deferred.Deferred[T], undo func(T)) (T, error) {
	var d deferred.Deferred[T]
	begun, came := false, false
	var late T
	v, err := call(ctx, c, func() deferred.Deferred[T] {
		begun = true
		d = f()
		return d.AddCallback(func(v T) (T, error) {
			late, came = v, true
			return v, nil
		})
	})
	if err == nil || ctx.Err() == nil {
		return v, err
	}
	_ = c.await(context.Background(), func() deferred.Deferred[struct{}] { // a loop that has ended does nothing any more
		if begun {
			d.Cancel()
		}
		if came && undo != nil {
			undo(late)
		}
		return deferred.Succeed(struct{}{})
	})
	return v, err
}

// status is call for operations without result.
func (c *Client) status(ctx context.Context, op, name string, f func() deferred.Deferred[filetransfer.Status]) error {
	_, err := call(ctx, c, f)
	return pathError(op, name, err)
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if failed, ok := errors.AsType[*filetransfer.OpError](err); ok {
		err = failed.Err // op and path stand here
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Open opens a file for reading. Directories can be opened, too, for ReadDir and Stat.
func (c *Client) Open(ctx context.Context, name string) (*File, error) {
	return c.OpenFile(ctx, name, os.O_RDONLY, 0)
}

// Create makes a file, or empties the one that is there, and opens it for reading and writing.
func (c *Client) Create(ctx context.Context, name string) (*File, error) {
	return c.OpenFile(ctx, name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

// flagPairs are the flags of package os that SFTP has.
var flagPairs = []struct {
	os   int
	sftp filetransfer.OpenFlags
}{
	{os.O_CREATE, filetransfer.FXFCreat}, {os.O_TRUNC, filetransfer.FXFTrunc}, {os.O_EXCL, filetransfer.FXFExcl}, {os.O_APPEND, filetransfer.FXFAppend},
}

// OpenFile opens a file with flags of package os, of which O_SYNC has no effect. perm is for a file that is made by that.
func (c *Client) OpenFile(ctx context.Context, name string, flag int, perm fs.FileMode) (*File, error) {
	flags, writing := openFlags(flag)
	attrs := filetransfer.Attrs{}
	if flag&os.O_CREATE != 0 {
		attrs = attrs.WithMode(perm)
	}
	if !writing {
		info, err := c.Stat(ctx, name)
		if err != nil {
			return nil, pathError("open", name, errors.Unwrap(err))
		}
		if info.IsDir() {
			return &File{c: c, ctx: ctx, name: name, dir: new(directory), info: info}, nil
		}
	}
	f, err := settled(ctx, c, func() deferred.Deferred[*filetransfer.ClientFile] { return c.client.OpenFile(name, flags, attrs) },
		func(f *filetransfer.ClientFile) { f.Close().AddErrback(ignore) })
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &File{c: c, ctx: ctx, name: name, file: f, flags: flags}, nil
}

func ignore(error) (filetransfer.Status, error) { return filetransfer.Status{}, nil }

func openFlags(flag int) (flags filetransfer.OpenFlags, writing bool) {
	switch flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) {
	case os.O_RDONLY:
		flags = filetransfer.FXFRead
	case os.O_WRONLY:
		flags = filetransfer.FXFWrite
	default:
		flags = filetransfer.FXFRead | filetransfer.FXFWrite
	}
	for _, pair := range flagPairs {
		if flag&pair.os != 0 {
			flags |= pair.sftp
		}
	}
	return flags, flags != filetransfer.FXFRead
}

// ReadFile returns the content of a file.
func (c *Client) ReadFile(ctx context.Context, name string) ([]byte, error) {
	f, err := c.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return data, nil
}

// WriteFile makes a file with the given content, or replaces the content of the one that is there; perm is for a new one. The file is written in
// place: if that fails on the way, a part of it is left.
func (c *Client) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	f, err := c.OpenFile(ctx, name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// Stat returns the attributes of what name leads to.
func (c *Client) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	return c.stat(ctx, "stat", name, true)
}

// Lstat is Stat for a symbolic link itself.
func (c *Client) Lstat(ctx context.Context, name string) (fs.FileInfo, error) {
	return c.stat(ctx, "lstat", name, false)
}

func (c *Client) stat(ctx context.Context, op, name string, follow bool) (fs.FileInfo, error) {
	attrs, err := call(ctx, c, func() deferred.Deferred[filetransfer.Attrs] { return c.client.GetAttrs(name, follow) })
	if err != nil {
		return nil, pathError(op, name, err)
	}
	return attrs.FileInfo(name), nil
}

// ReadDir returns the entries of a directory, sorted by name, without "." and "..".
func (c *Client) ReadDir(ctx context.Context, name string) ([]fs.DirEntry, error) {
	entries, err := call(ctx, c, func() deferred.Deferred[[]filetransfer.Entry] { return c.list(name) })
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	found := make([]fs.DirEntry, 0, len(entries))
	for _, e := range entries {
		if e.Filename != "" && e.Filename != "." && e.Filename != ".." && !strings.Contains(e.Filename, "/") {
			found = append(found, fs.FileInfoToDirEntry(e.FileInfo()))
		}
	}
	slices.SortFunc(found, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return found, nil
}

func (c *Client) list(name string) deferred.Deferred[[]filetransfer.Entry] {
	return deferred.ThenDeferred(c.client.OpenDirectory(name), func(d *filetransfer.ClientDirectory) deferred.Deferred[[]filetransfer.Entry] {
		return d.ReadAll().AddBoth(func(entries []filetransfer.Entry, err error) ([]filetransfer.Entry, error) {
			d.Close().AddErrback(ignore) // everything was read, or it does not matter
			return entries, err
		})
	})
}

// WalkDir calls f for root and everything below, in lexical order, as filepath.WalkDir does. Symbolic links are not followed.
func (c *Client) WalkDir(ctx context.Context, root string, f fs.WalkDirFunc) error {
	info, err := c.Lstat(ctx, root)
	if err != nil {
		err = f(root, nil, err)
	} else {
		err = c.walk(ctx, root, fs.FileInfoToDirEntry(info), f, 0)
	}
	if err == fs.SkipDir || err == fs.SkipAll {
		return nil
	}
	return err
}

func (c *Client) walk(ctx context.Context, name string, d fs.DirEntry, f fs.WalkDirFunc, depth int) error {
	if err := f(name, d, nil); err != nil || !d.IsDir() {
		if err == fs.SkipDir && d.IsDir() {
			return nil
		}
		return err
	}
	entries, err := c.ReadDir(ctx, name)
	if err == nil && depth > transfer.MaxDepth {
		err = pathError("readdir", name, transfer.ErrTooDeep)
	}
	if err != nil {
		if err = f(name, d, err); err != nil {
			if err == fs.SkipDir {
				return nil
			}
			return err
		}
	}
	for _, e := range entries {
		if err := c.walk(ctx, path.Join(name, e.Name()), e, f, depth+1); err != nil {
			if err == fs.SkipDir {
				return nil
			}
			return err
		}
	}
	return nil
}

// Glob returns the paths that match pattern, see [transfer.Glob].
func (c *Client) Glob(ctx context.Context, pattern string) ([]string, error) {
	found, err := call(ctx, c, func() deferred.Deferred[[]transfer.Match] { return transfer.Glob(c.client, pattern) })
	var names []string
	for _, m := range found {
		names = append(names, m.Path)
	}
	return names, err
}

// Get downloads a file or a tree, see [transfer.Session.Get].
func (c *Client) Get(ctx context.Context, remote, local string, o transfer.Options) (transfer.Report, error) {
	return call(ctx, c, func() deferred.Deferred[transfer.Report] { return c.session.Get(remote, local, o) })
}

// Put uploads a file or a tree, see [transfer.Session.Put].
func (c *Client) Put(ctx context.Context, local, remote string, o transfer.Options) (transfer.Report, error) {
	return call(ctx, c, func() deferred.Deferred[transfer.Report] { return c.session.Put(local, remote, o) })
}

// Mkdir makes a directory.
func (c *Client) Mkdir(ctx context.Context, name string, perm fs.FileMode) error {
	return c.status(ctx, "mkdir", name, func() deferred.Deferred[filetransfer.Status] {
		return c.client.MakeDirectory(name, filetransfer.Attrs{}.WithMode(perm))
	})
}

// MkdirAll makes a directory, and those above it that are not there. One that is there is no error.
func (c *Client) MkdirAll(ctx context.Context, name string, perm fs.FileMode) error {
	info, err := c.Stat(ctx, name)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return pathError("mkdir", name, errNotDirectory)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if dir := path.Dir(name); dir != name && dir != "." && dir != "/" {
		if err := c.MkdirAll(ctx, dir, perm); err != nil {
			return err
		}
	}
	if err = c.Mkdir(ctx, name, perm); err == nil {
		return nil
	}
	if info, statErr := c.Stat(ctx, name); statErr == nil && info.IsDir() { // somebody else's
		return nil
	}
	return err
}

var errNotDirectory = errors.New("not a directory")

// Remove removes a file, a symbolic link or an empty directory.
func (c *Client) Remove(ctx context.Context, name string) error {
	info, err := c.Lstat(ctx, name)
	if err != nil {
		return pathError("remove", name, errors.Unwrap(err))
	}
	return c.remove(ctx, name, info.IsDir())
}

func (c *Client) remove(ctx context.Context, name string, dir bool) error {
	return c.status(ctx, "remove", name, func() deferred.Deferred[filetransfer.Status] {
		if dir {
			return c.client.RemoveDirectory(name)
		}
		return c.client.RemoveFile(name)
	})
}

// RemoveAll removes name and everything below. What is not there is no error. Symbolic links are removed, not followed.
func (c *Client) RemoveAll(ctx context.Context, name string) error {
	info, err := c.Lstat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return pathError("removeall", name, errors.Unwrap(err))
	}
	return c.removeAll(ctx, name, info.IsDir(), 0)
}

func (c *Client) removeAll(ctx context.Context, name string, dir bool, depth int) error {
	if depth > transfer.MaxDepth {
		return pathError("removeall", name, transfer.ErrTooDeep)
	}
	if dir {
		entries, err := c.ReadDir(ctx, name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := c.removeAll(ctx, path.Join(name, e.Name()), e.IsDir(), depth+1); err != nil {
				return err
			}
		}
	}
	if err := c.remove(ctx, name, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Rename renames a file or a directory, and replaces what newname named before if the server has posix-rename@openssh.com; else that is an
// error.
func (c *Client) Rename(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "rename", oldname, newname, func() deferred.Deferred[filetransfer.Status] {
		if c.client.HasExtension("posix-rename@openssh.com") {
			return c.client.PosixRename(oldname, newname)
		}
		return c.client.RenameFile(oldname, newname)
	})
}

// Symlink makes newname a symbolic link to oldname.
func (c *Client) Symlink(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "symlink", oldname, newname, func() deferred.Deferred[filetransfer.Status] { return c.client.MakeLink(newname, oldname) })
}

// Link gives the file oldname a second name.
func (c *Client) Link(ctx context.Context, oldname, newname string) error {
	return c.link(ctx, "link", oldname, newname, func() deferred.Deferred[filetransfer.Status] { return c.client.HardLink(oldname, newname) })
}

func (c *Client) link(ctx context.Context, op, oldname, newname string, f func() deferred.Deferred[filetransfer.Status]) error {
	if err := c.status(ctx, op, oldname, f); err != nil {
		return &os.LinkError{Op: op, Old: oldname, New: newname, Err: errors.Unwrap(err)}
	}
	return nil
}

// Readlink returns what a symbolic link points to.
func (c *Client) Readlink(ctx context.Context, name string) (string, error) {
	target, err := call(ctx, c, func() deferred.Deferred[string] { return c.client.ReadLink(name) })
	return target, pathError("readlink", name, err)
}

// RealPath returns the absolute form of a path; that of "." is where relative paths start from.
func (c *Client) RealPath(ctx context.Context, name string) (string, error) {
	real, err := call(ctx, c, func() deferred.Deferred[string] { return c.client.RealPath(name) })
	return real, pathError("realpath", name, err)
}

func (c *Client) setAttrs(ctx context.Context, op, name string, attrs filetransfer.Attrs) error {
	return c.status(ctx, op, name, func() deferred.Deferred[filetransfer.Status] { return c.client.SetAttrs(name, attrs) })
}

// Chmod changes the permissions of a file.
func (c *Client) Chmod(ctx context.Context, name string, mode fs.FileMode) error {
	return c.setAttrs(ctx, "chmod", name, filetransfer.Attrs{}.WithMode(mode))
}

// Chown changes the owner and the group of a file.
func (c *Client) Chown(ctx context.Context, name string, uid, gid int) error {
	return c.setAttrs(ctx, "chown", name, filetransfer.Attrs{}.WithOwner(uint32(uid), uint32(gid)))
}

// Chtimes changes the times of a file, to the second.
func (c *Client) Chtimes(ctx context.Context, name string, atime, mtime time.Time) error {
	return c.setAttrs(ctx, "chtimes", name, filetransfer.Attrs{}.WithTimes(atime, mtime))
}

// Truncate changes the size of a file.
func (c *Client) Truncate(ctx context.Context, name string, size int64) error {
	return c.setAttrs(ctx, "truncate", name, filetransfer.Attrs{}.WithSize(uint64(size)))
}
