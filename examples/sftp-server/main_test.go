package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/pkg/sftp"
)

func TestServe(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		log := reactortest.NewLog(t)
		s := newServer(dir, "secret")
		s.ReadOnly = readOnly
		addr := sshdemotest.Serve(t, s, log)
		client, err := sftp.NewClient(sshdemotest.Login(t, addr, "user", "secret"))
		if err != nil {
			t.Fatal(err)
		}
		if f, err := client.Open("../../file"); err != nil {
			t.Error(err)
		} else if info, err := f.Stat(); err != nil || info.Size() != 7 {
			t.Error(info, err)
		}
		err = client.Mkdir("/new")
		if _, statErr := os.Stat(filepath.Join(dir, "new")); (err != nil) != readOnly || (statErr != nil) != readOnly {
			t.Errorf("read-only %v: %v, %v", readOnly, err, statErr)
		}
		if _, err := client.Stat("/etc/passwd"); !os.IsNotExist(err) {
			t.Error(err)
		}
		all := strings.Join(log.Records(), "\n")
		for _, want := range []string{"Accepted password for user", "sftp: open ../../file", "sftp: mkdir /new"} {
			if !strings.Contains(all, want) {
				t.Errorf("not logged: %s\n%s", want, all)
			}
		}
	}
}
