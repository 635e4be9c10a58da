// Command sftp-get downloads a file or a directory tree. It shows how to
// download a tree, and how to report the files that failed.
//
//	go run ./examples/sftp-get
//	go run ./examples/sftp-get -host HOST [-user USER] [-links skip|copy|follow] REMOTE [LOCAL]
//
// Times and permissions are kept. Files that are already complete are skipped,
// so you can run the same command again after a failure.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
)

func main() { sftpdemo.Main(program()) }

func program() sftpdemo.Program {
	o := sftp.Options{Preserve: true, Resume: true, Links: sftp.CopyLinks}
	return sftpdemo.Program{
		Name: "sftp-get", Args: "REMOTE [LOCAL]", Min: 1, Max: 2,
		Flags: func(f *flag.FlagSet) {
			f.Func("links", "what becomes of symbolic links: skip, copy (the default) or follow", func(policy string) error {
				known := false
				o.Links, known = links[policy]
				if !known {
					return errors.New("want skip, copy or follow")
				}
				return nil
			})
		},
		Demo: demo,
		Job:  func(e *sftpdemo.Env, s *sftp.Client) deferred.Deferred[struct{}] { return get(e, s, o) },
	}
}

var links = map[string]sftp.LinkPolicy{"skip": sftp.SkipLinks, "copy": sftp.CopyLinks, "follow": sftp.FollowLinks}

// demo creates a small tree on the server.
func demo(server, local string) ([]string, error) {
	for name, size := range map[string]int{"album/cover.png": 300_000, "album/2026/beach.jpg": 2_000_000, "album/2026/hills.jpg": 1_500_000} {
		full := filepath.Join(server, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), sftpdemo.WriteRandom(full, size)); err != nil {
			return nil, err
		}
	}
	err := os.Symlink("2026/beach.jpg", filepath.Join(server, "album", "best.jpg"))
	return []string{"album", filepath.Join(local, "album")}, err
}

func get(e *sftpdemo.Env, s *sftp.Client, o sftp.Options) deferred.Deferred[struct{}] {
	remote, local := e.Args[0], path.Base(e.Args[0])
	if len(e.Args) > 1 {
		local = e.Args[1]
	} else if local == "." || local == ".." || local == "/" {
		return deferred.Fail[struct{}](fmt.Errorf("%s has no name to give the copy; say LOCAL", remote))
	}
	something, meter := false, sftpdemo.Meter(e.Out)
	o.Progress = func(p sftp.Progress) {
		something = p.Bytes > 0
		meter(p)
	}
	return deferred.ThenBoth(s.Get(remote, local, o), func(report sftp.Report, err error) (struct{}, error) {
		tree, partly := errors.AsType[*sftp.TreeError](err)
		switch {
		case partly:
			for _, failed := range tree.Errors {
				fmt.Fprintln(e.Out, "  failed:", sftpdemo.Line(failed))
			}
			return struct{}{}, fmt.Errorf("%d failed, the rest is there; the same command tries them again", tree.Failed)
		case err != nil:
			return struct{}{}, sftpdemo.Kept(err, something, "the same command")
		}
		fmt.Fprintf(e.Out, "files: %d, directories: %d, links: %d, left alone: %d\n", report.Files, report.Dirs, report.Links, report.Skipped)
		return struct{}{}, nil
	})
}
