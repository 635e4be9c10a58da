package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo/sftpdemotest"
)

func TestDemo(t *testing.T) {
	sftpdemotest.Check(t, program(), nil, 0, "", "motd: 1 replaced")
}

func TestReal(t *testing.T) {
	s, options := sftpdemotest.Server(t)
	file, link := filepath.Join(s.Home, "file"), filepath.Join(s.Home, "link")
	if err := errors.Join(os.WriteFile(file, []byte("one two one"), 0o604), os.Chmod(file, 0o666), os.Symlink("file", link)); err != nil {
		t.Fatal(err)
	}
	sftpdemotest.Check(t, program(), append(options, "link", "one", "three"), 0, "", "link: 2 replaced")
	sftpdemotest.Check(t, program(), append(options, "file", "one", "three"), 1, "there is nothing to replace")
	sftpdemotest.Check(t, program(), append(options, "missing", "one", "three"), 1, "No such file")
	sftpdemotest.Check(t, program(), append(options, ".", "one", "three"), 1, "is a directory")
	if got, err := os.ReadFile(file); string(got) != "three two three" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	info, err := os.Lstat(link)
	if mode, fileErr := os.Stat(file); err != nil || fileErr != nil || info.Mode().Type() != os.ModeSymlink || mode.Mode() != 0o666 {
		t.Errorf("%v, %v, %v", info, mode, errors.Join(err, fileErr))
	}
	_, readOnly := sftpdemotest.Server(t, sftpdemotest.ReadOnly(s.Home))
	sftpdemotest.Check(t, program(), append(readOnly, "file", "two", "four"), 1, "Permission denied")
}

// TestChangedMeanwhile: a change by another client is kept, and no temporary
// file is left.
func TestChangedMeanwhile(t *testing.T) {
	s, options := sftpdemotest.Server(t)
	file := filepath.Join(s.Home, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := program()
	p.Task = func(ctx context.Context, _ *sftpdemo.Env, files *sftp.Files) error {
		return edit(ctx, files, "file", func([]byte) []byte {
			if err := errors.Join(os.WriteFile(file, []byte("hers"), 0o644), os.Chtimes(file, time.Time{}, time.Unix(1, 0))); err != nil {
				t.Error(err)
			}
			return []byte("mine, changed")
		})
	}
	sftpdemotest.Check(t, p, append(options, "file", "x", "y"), 1, "it was changed by somebody else meanwhile; nothing was done")
	if got, err := os.ReadFile(file); string(got) != "hers" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if left, err := filepath.Glob(filepath.Join(s.Home, ".file*")); len(left) > 0 || err != nil {
		t.Errorf("%q, %v", left, err)
	}
}
