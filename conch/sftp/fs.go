package sftp

import (
	"context"
	"io/fs"
	"path"
)

// FS returns the tree below the directory root as a read-only fs.FS, with ctx
// for all operations. The file system implements fs.StatFS, fs.ReadDirFS,
// fs.ReadFileFS, fs.ReadLinkFS, fs.GlobFS and fs.SubFS; its files implement
// io.ReaderAt and io.Seeker. Symbolic links are followed, also out of the tree.
func (c *Files) FS(ctx context.Context, root string) fs.FS { return &fileSystem{c, ctx, root} }

type fileSystem struct {
	c    *Files
	ctx  context.Context
	root string
}

// name returns the path at the server for a path of the file system.
func (f *fileSystem) name(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(f.root, name), nil
}

// local replaces the path in err, which is one at the server, with name.
func local(err error, name string) error {
	if failed, ok := err.(*fs.PathError); ok {
		return &fs.PathError{Op: failed.Op, Path: name, Err: failed.Err}
	}
	return err
}

func (f *fileSystem) Open(name string) (fs.File, error) {
	full, err := f.name("open", name)
	if err != nil {
		return nil, err
	}
	file, err := f.c.Open(f.ctx, full)
	if err != nil {
		return nil, local(err, name)
	}
	return file, nil
}

func (f *fileSystem) Stat(name string) (fs.FileInfo, error) {
	full, err := f.name("stat", name)
	if err != nil {
		return nil, err
	}
	info, err := f.c.Stat(f.ctx, full)
	return info, local(err, name)
}

func (f *fileSystem) Lstat(name string) (fs.FileInfo, error) {
	full, err := f.name("lstat", name)
	if err != nil {
		return nil, err
	}
	info, err := f.c.Lstat(f.ctx, full)
	return info, local(err, name)
}

func (f *fileSystem) ReadLink(name string) (string, error) {
	full, err := f.name("readlink", name)
	if err != nil {
		return "", err
	}
	target, err := f.c.ReadLink(f.ctx, full)
	return target, local(err, name)
}

func (f *fileSystem) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := f.name("readdir", name)
	if err != nil {
		return nil, err
	}
	entries, err := f.c.ReadDir(f.ctx, full)
	return entries, local(err, name)
}

func (f *fileSystem) ReadFile(name string) ([]byte, error) {
	full, err := f.name("readfile", name)
	if err != nil {
		return nil, err
	}
	data, err := f.c.ReadFile(f.ctx, full)
	return data, local(err, name)
}

func (f *fileSystem) Glob(pattern string) ([]string, error) {
	return fs.Glob(struct{ fs.ReadDirFS }{f}, pattern) // not Files.Glob, whose patterns and results are paths at the server
}

func (f *fileSystem) Sub(dir string) (fs.FS, error) {
	full, err := f.name("sub", dir)
	if err != nil {
		return nil, err
	}
	return &fileSystem{f.c, f.ctx, full}, nil
}
