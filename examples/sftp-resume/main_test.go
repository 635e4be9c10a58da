package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawser-go/hawser/examples/internal/sftpdemo/sftpdemotest"
)

func TestDemo(t *testing.T) {
	sftpdemotest.Check(t, program(), nil, 0, "", "attempt 1: get film: read film: connection lost", "going on at", "complete;")
}

func TestReal(t *testing.T) {
	s, options := sftpdemotest.Server(t)
	content, local := bytes.Repeat([]byte("0123456789"), 100_000), filepath.Join(t.TempDir(), "film")
	past := time.Now().Add(-time.Hour)
	remote := filepath.Join(s.Home, "film")
	if err := errors.Join(os.WriteFile(remote, content, 0o644), os.Chtimes(remote, past, past)); err != nil {
		t.Fatal(err)
	}
	sftpdemotest.Check(t, program(), append(options, "film", local), 0, "", "complete; 976.6 KiB came over this connection")
	sftpdemotest.Check(t, program(), append(options, "film", local), 0, "", "nothing was missing")
	sftpdemotest.Check(t, program(), append(options, "missing", local), 1, "No such file")
	if got, err := os.ReadFile(local); !bytes.Equal(got, content) || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
