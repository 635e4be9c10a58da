//go:build unix

package main

import (
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

// TestInterrupt: after Ctrl-C what has arrived is kept, marked as the beginning of this file, and the program says how to go on.
func TestInterrupt(t *testing.T) {
	s, options := sftpdemotest.Server(t)
	local, part := filepath.Join(t.TempDir(), "huge"), filepath.Join(s.Home, ".up.part")
	if err := os.WriteFile(local, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(local, 1<<40); err != nil { // it would take half an hour
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(local, past, past); err != nil {
		t.Fatal(err)
	}
	p := program()
	job := p.Job
	p.Job = func(e *sftpdemo.Env, session *sftp.Client) deferred.Deferred[struct{}] {
		var look func()
		look = func() {
			if info, err := os.Stat(part); err != nil || info.Size() < 1<<20 {
				e.R.CallLater(10*time.Millisecond, look)
			} else if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
		look()
		return job(e, session)
	}
	sftpdemotest.Check(t, p, append(options, local, "up"), 130, "interrupted; what has come is kept, and -resume goes on with it")
	if info, err := os.Stat(part); err != nil || info.Size() < 255<<10 || !info.ModTime().Equal(past) {
		t.Errorf("%v, %v", info, err)
	}
}
