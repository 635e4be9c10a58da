package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/examples/internal/sftpdemo/sftpdemotest"
)

func TestDemo(t *testing.T) {
	sftpdemotest.Check(t, program(), nil, 0, "", "drwxr-x---", "inbox\n", "latest", "notes.txt\n")
}

func TestReal(t *testing.T) {
	s, options := sftpdemotest.Server(t)
	dir := filepath.Join(s.Home, "dir")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/.hidden", nil, 0o600), os.WriteFile(dir+"/bad\x1b[31mname", []byte("123"), 0o640)); err != nil {
		t.Fatal(err)
	}
	sftpdemotest.Check(t, program(), append(options, "dir"), 0, "", "-rw-r-----", "bad�[31mname\n")
	sftpdemotest.Check(t, program(), append(options, "-a", "dir", "dir/.hidden"), 0, "", "dir:\n", " .hidden\n", "dir/.hidden\n")
	sftpdemotest.Check(t, program(), append(options, "missing"), 1, "stat missing: No such file")
}
