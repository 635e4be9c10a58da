// Command sftp-put uploads a file or a tree and shows the progress. It shows
// how to watch a transfer, and how to stop it.
//
//	go run ./examples/sftp-put
//	go run ./examples/sftp-put -host HOST [-user USER] LOCAL REMOTE
//
// The target appears when it is complete. Ctrl-C stops the transfer, and the
// same command resumes it.
package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
)

func main() { sftpdemo.Main(program()) }

func program() sftpdemo.Program {
	o := sftp.Options{Preserve: true, Resume: true}
	return sftpdemo.Program{
		Name: "sftp-put", Args: "LOCAL REMOTE", Min: 2, Max: 2,
		Demo: func(_, local string) ([]string, error) {
			name := filepath.Join(local, "holiday.film")
			return []string{name, "film"}, sftpdemo.WriteRandom(name, 48<<20)
		},
		Job: func(e *sftpdemo.Env, s *sftp.Client) deferred.Deferred[struct{}] { return put(e, s, o) },
	}
}

func put(e *sftpdemo.Env, s *sftp.Client, o sftp.Options) deferred.Deferred[struct{}] {
	local, remote := e.Args[0], e.Args[1]
	something, meter := false, sftpdemo.Meter(e.Out)
	o.Progress = func(p sftp.Progress) {
		something = p.Bytes > 0
		meter(p)
	}
	put := deferred.ThenBothDeferred(s.GetAttrs(remote, true), func(is filetransfer.Attrs, err error) deferred.Deferred[sftp.Report] {
		if info, statErr := os.Stat(local); err == nil && is.FileMode().IsDir() && statErr == nil && !info.IsDir() {
			return deferred.Fail[sftp.Report](fmt.Errorf("%s is a directory; give the file a name in it, such as %s", remote, path.Join(remote, filepath.Base(local))))
		}
		return s.Put(local, remote, o)
	})
	put.AddErrbackDeferred(func(err error) deferred.Deferred[sftp.Report] { return explain(s, remote, err) })
	return deferred.ThenBoth(put, func(report sftp.Report, err error) (struct{}, error) {
		switch {
		case err != nil:
			return struct{}{}, sftpdemo.Kept(err, something, "the same command")
		case report.Files == 0 && report.Skipped > 0:
			fmt.Fprintf(e.Out, "%s was complete already\n", remote)
		default:
			fmt.Fprintf(e.Out, "%s is there\n", remote)
		}
		return struct{}{}, nil
	})
}

// explain adds the reason to a vague error if the server's file system is full
// or read-only.
func explain(s *sftp.Client, remote string, err error) deferred.Deferred[sftp.Report] {
	if !sftpdemo.Vague(err) {
		return deferred.Fail[sftp.Report](err)
	}
	return deferred.ThenBoth(s.StatVFS(path.Dir(remote)), func(is filetransfer.StatVFS, vfsErr error) (sftp.Report, error) {
		if vfsErr == nil {
			err = sftpdemo.Explain(err, is)
		}
		return sftp.Report{}, err
	})
}
