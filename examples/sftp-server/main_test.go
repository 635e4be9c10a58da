package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

func TestServe(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		r := reactortest.Start(t, reactor.Options{})
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
			return deferred.Maybe(func() (reactor.ListeningPort, error) {
				return serve(r, 0, realm{r, dir, readOnly}, map[string]string{"user": "secret"})
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		config := &gossh.ClientConfig{User: "user", Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey()}
		conn, err := gossh.Dial("tcp", port.GetHost().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		client, err := sftp.NewClient(conn)
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
		if _, err := client.Stat("/etc/passwd"); err == nil || readOnly && !os.IsNotExist(err) {
			t.Error(err)
		}
		var exist fs.FileInfo
		if exist, err = client.Stat("/"); err != nil || !exist.IsDir() {
			t.Error(err)
		}
	}
}
