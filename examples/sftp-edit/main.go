// Command sftp-edit replaces text in a file on a server. It shows how to change
// a file atomically, so that no reader sees half of the change.
//
//	go run ./examples/sftp-edit
//	go run ./examples/sftp-edit -host HOST [-user USER] FILE OLD NEW
//
// The program uses blocking calls, like package os, on a goroutine. It writes
// the new content to a temporary file beside FILE and renames that to FILE. The
// permissions are kept.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
)

func main() { sftpdemo.Main(program()) }

func program() sftpdemo.Program {
	return sftpdemo.Program{
		Name: "sftp-edit", Args: "FILE OLD NEW", Min: 3, Max: 3,
		Demo: func(server, _ string) ([]string, error) {
			return []string{"motd", "Tuesday", "Wednesday"}, os.WriteFile(filepath.Join(server, "motd"), []byte("The machine is down on Tuesday.\n"), 0o640)
		},
		Task: func(ctx context.Context, e *sftpdemo.Env, files *sftp.Files) error {
			n := 0
			err := edit(ctx, files, e.Args[0], func(content []byte) []byte {
				n = bytes.Count(content, []byte(e.Args[1]))
				return bytes.ReplaceAll(content, []byte(e.Args[1]), []byte(e.Args[2]))
			})
			if err == nil {
				fmt.Fprintf(e.Out, "%s: %d replaced\n", e.Args[0], n)
			}
			return err
		},
	}
}

// errChanged means that the file was changed by another client after we read it
// and before we replaced it.
var errChanged = errors.New("it was changed by somebody else meanwhile; nothing was done")

// edit replaces the content of the file with the result of change.
func edit(ctx context.Context, files *sftp.Files, name string, change func([]byte) []byte) error {
	// If name is a symbolic link, edit replaces its target, not the link.
	name, err := files.RealPath(ctx, name)
	if err != nil {
		return err
	}
	before, err := files.Stat(ctx, name)
	if err != nil {
		return err
	}
	old, err := files.ReadFile(ctx, name)
	if err != nil {
		return err
	}
	content := change(old)
	if bytes.Equal(content, old) {
		return fmt.Errorf("%s: there is nothing to replace", name)
	}
	return replace(ctx, files, name, before, content)
}

// replace replaces the file with content by a rename.
func replace(ctx context.Context, files *sftp.Files, name string, before fs.FileInfo, content []byte) error {
	dir, base := path.Split(name)
	temporary := dir + "." + base + ".new"
	err := write(ctx, files, temporary, before.Mode(), content)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; it is left from an earlier attempt, or somebody is at it", err)
	}
	if err == nil {
		if now, statErr := files.Stat(ctx, name); statErr != nil || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) {
			err = fmt.Errorf("%s: %w", name, errors.Join(errChanged, statErr))
		}
	}
	if err == nil {
		err = files.PosixRename(ctx, temporary, name)
	}
	if err != nil {
		cleanUp := context.WithoutCancel(ctx)
		if left := files.Remove(cleanUp, temporary); left != nil && !errors.Is(left, fs.ErrNotExist) && !sftpdemo.Lost(left) {
			err = errors.Join(err, left)
		}
		if sftpdemo.Vague(err) {
			if is, vfsErr := files.StatVFS(cleanUp, dir); vfsErr == nil {
				err = sftpdemo.Explain(err, is)
			}
		}
	}
	return err
}

// write creates a new file with the content. It flushes the file to the
// server's disk if the server supports that.
func write(ctx context.Context, files *sftp.Files, name string, mode fs.FileMode, content []byte) error {
	f, err := files.OpenFile(ctx, name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(mode) // the server's umask may have cleared bits of the mode
	}
	if err == nil {
		if err = f.Sync(); errors.Is(err, errors.ErrUnsupported) {
			err = nil
		}
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
