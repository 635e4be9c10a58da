// Command sftp-ls lists directories like ls -l, with the server's own long
// lines. It shows how to get the names of users and groups.
//
//	go run ./examples/sftp-ls
//	go run ./examples/sftp-ls -host HOST [-user USER] [-a] [PATH...]
//
// For each entry of a directory an SFTP server sends attributes and a long
// line. The attributes contain numeric IDs of the user and the group. The long
// line usually contains their names.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
)

func main() { sftpdemo.Main(program()) }

func program() sftpdemo.Program {
	all := false
	return sftpdemo.Program{
		Name: "sftp-ls", Args: "[PATH...]", Max: 1000,
		Flags: func(f *flag.FlagSet) { f.BoolVar(&all, "a", false, "names that begin with a dot, too") },
		Demo: func(server, _ string) ([]string, error) {
			return nil, errors.Join(os.Mkdir(filepath.Join(server, "inbox"), 0o750), os.WriteFile(filepath.Join(server, "notes.txt"), []byte("hello\n"), 0o644),
				os.Symlink("notes.txt", filepath.Join(server, "latest")), os.WriteFile(filepath.Join(server, ".profile"), nil, 0o600))
		},
		Job: func(e *sftpdemo.Env, s *sftp.Client) deferred.Deferred[struct{}] { return listAll(e, s, all) },
	}
}

// listAll lists the paths one after the other.
func listAll(e *sftpdemo.Env, s *sftp.Client, all bool) deferred.Deferred[struct{}] {
	paths := e.Args
	if len(paths) == 0 {
		paths = []string{"."}
	}
	return deferred.Inline(func(co *deferred.Coro) (struct{}, error) {
		for _, name := range paths {
			if len(paths) > 1 {
				fmt.Fprintf(e.Out, "%s:\n", sftpdemo.Printable(name))
			}
			attrs, err := deferred.Await(co, s.GetAttrs(name, true))
			if err != nil {
				return struct{}{}, err
			}
			if !attrs.FileMode().IsDir() {
				fmt.Fprintln(e.Out, sftpdemo.Printable(line(name, attrs)))
				continue
			}
			entries, err := list(co, s.FileTransferClient, name)
			if err != nil {
				return struct{}{}, err
			}
			show(e, entries, all)
		}
		return struct{}{}, nil
	})
}

// line formats the attributes of a single file. A server sends long lines only
// for the entries of a directory.
func line(name string, a filetransfer.Attrs) string {
	return fmt.Sprintf("%s %8d %-8d %12d %s %s", a.FileMode(), a.UID, a.GID, a.Size, a.ModTime().Format("Jan _2 15:04"), name)
}

// list returns the entries of a directory.
func list(co *deferred.Coro, client *filetransfer.FileTransferClient, name string) ([]filetransfer.Entry, error) {
	dir, err := deferred.Await(co, client.OpenDirectory(name))
	if err != nil {
		return nil, err
	}
	entries, err := deferred.Await(co, dir.ReadAll())
	if _, closeErr := deferred.Await(co, dir.Close()); err == nil {
		err = closeErr
	}
	return entries, err
}

func show(e *sftpdemo.Env, entries []filetransfer.Entry, all bool) {
	slices.SortFunc(entries, func(a, b filetransfer.Entry) int { return strings.Compare(a.Filename, b.Filename) })
	for _, entry := range entries {
		if all || !strings.HasPrefix(entry.Filename, ".") {
			fmt.Fprintln(e.Out, sftpdemo.Printable(entry.Longname()))
		}
	}
}
