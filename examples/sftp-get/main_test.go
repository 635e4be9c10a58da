package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/examples/internal/sftpdemo/sftpdemotest"
)

func TestDemo(t *testing.T) {
	sftpdemotest.Check(t, program(), nil, 0, "", "3 of 3 files", "files: 3, directories: 2, links: 1, left alone: 0")
}

func TestReal(t *testing.T) {
	s, options := sftpdemotest.Server(t)
	tree, local := filepath.Join(s.Home, "tree"), filepath.Join(t.TempDir(), "tree")
	if err := errors.Join(os.MkdirAll(tree+"/sub", 0o755), os.WriteFile(tree+"/sub/file", []byte("hello"), 0o644), os.Symlink("/etc", tree+"/out")); err != nil {
		t.Fatal(err)
	}
	sftpdemotest.Check(t, program(), append(options, "tree", local), 1, "1 failed, the rest is there", "failed: get tree/out: the symbolic link leads out of the tree")
	sftpdemotest.Check(t, program(), append(options, "-links", "skip", "tree", local), 0, "", "files: 0", "left alone: 2")
	sftpdemotest.Check(t, program(), append(options, "missing", local), 1, "get missing: stat missing: No such file")
	sftpdemotest.Check(t, program(), append(options, "tree/sub/file", local), 1, "is a directory")
	sftpdemotest.Check(t, program(), append(options, "tree/sub/file", filepath.Join(local, "no", "no")), 1, "no such file or directory")
	for _, nameless := range []string{".", "/", "tree/.."} {
		sftpdemotest.Check(t, program(), append(options, nameless), 1, nameless+" has no name to give the copy; say LOCAL")
	}
	sftpdemotest.Check(t, program(), []string{"-host", "me@example.org", "tree"}, 2, "there are -user and -port")
	sftpdemotest.Check(t, program(), []string{"-host", "example.org:22", "tree"}, 2, "there are -user and -port")
	sftpdemotest.Check(t, program(), append(options, "-links", "eat", "tree", local), 2, "want skip, copy or follow")
	if got, err := os.ReadFile(filepath.Join(local, "sub", "file")); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
