package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/examples/internal/sftpdemo/sftpdemotest"
)

func TestDemo(t *testing.T) {
	sftpdemotest.Check(t, program(), nil, 0, "", "100 %  48.0 MiB of 48.0 MiB", "film is there")
}

func TestReal(t *testing.T) {
	s, options := sftpdemotest.Server(t)
	local := filepath.Join(t.TempDir(), "notes")
	if err := errors.Join(os.WriteFile(local, []byte("hello"), 0o640), os.Mkdir(filepath.Join(s.Home, "dir"), 0o755)); err != nil {
		t.Fatal(err)
	}
	sftpdemotest.Check(t, program(), append(options, local, "up"), 0, "", "up is there")
	sftpdemotest.Check(t, program(), append(options, local, "up"), 0, "", "complete already")
	sftpdemotest.Check(t, program(), append(options, local+"x", "up"), 1, "no such file")
	sftpdemotest.Check(t, program(), append(options, local, "missing/up"), 1, "open missing/.up.")
	sftpdemotest.Check(t, program(), append(options, local, "dir"), 1, "dir is a directory; give the file a name in it, such as dir/notes")
	sftpdemotest.Check(t, program(), append(options, local), 2, "wrong number of arguments")
	sftpdemotest.Check(t, program(), []string{local, "up"}, 2, "-host")
	if info, err := os.Stat(filepath.Join(s.Home, "up")); err != nil || info.Size() != 5 || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	_, readOnly := sftpdemotest.Server(t, sftpdemotest.ReadOnly(s.Home))
	sftpdemotest.Check(t, program(), append(readOnly, local, "other"), 1, "Permission denied")
}
