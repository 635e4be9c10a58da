//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo/sftpdemotest"
)

// TestInterrupt: after Ctrl-C the partial file is kept, and the program prints
// how to resume.
func TestInterrupt(t *testing.T) {
	s, options := sftpdemotest.Server(t)
	local := filepath.Join(t.TempDir(), "huge")
	part := func() (os.FileInfo, error) { // returns an error before the partial file exists
		names, err := filepath.Glob(filepath.Join(s.Home, ".up.*.part"))
		if err != nil || len(names) != 1 {
			return nil, errors.Join(err, fs.ErrNotExist)
		}
		return os.Stat(names[0])
	}
	if err := os.WriteFile(local, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(local, 1<<40); err != nil { // large enough for half an hour
		t.Fatal(err)
	}
	p := program()
	job := p.Job
	p.Job = func(e *sftpdemo.Env, session *sftp.Client) deferred.Deferred[struct{}] {
		var look func()
		look = func() {
			if info, err := part(); err != nil || info.Size() < 1<<20 {
				e.R.CallLater(10*time.Millisecond, look)
			} else if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
		look()
		return job(e, session)
	}
	sftpdemotest.Check(t, p, append(options, local, "up"), 130, "interrupted; partial data is kept, resume with the same command")
	if info, err := part(); err != nil || info.Size() < 255<<10 {
		t.Errorf("%v, %v", info, err)
	}
}
