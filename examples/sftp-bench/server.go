package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"github.com/hawser-go/hawser/conch/conchtest"
)

// stage implements the methods of testing.TB that conchtest uses to start an
// sshd.
type stage struct {
	testing.TB
	dir      string
	cleanups []func()
	failed   error
	missing  bool
}

func (s *stage) Helper()                      {}
func (s *stage) TempDir() string              { return s.dir }
func (s *stage) Cleanup(f func())             { s.cleanups = append(s.cleanups, f) }
func (s *stage) Failed() bool                 { return s.failed != nil }
func (s *stage) Logf(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
func (s *stage) Fatalf(format string, a ...any) {
	s.failed = fmt.Errorf(format, a...)
	panic(s.failed)
}
func (s *stage) Skipf(format string, a ...any) {
	s.missing = true
	s.Fatalf(format, a...)
}

// withServer runs f with a server whose files are in memory, if possible.
func withServer(kind string, s *setup, f func() error) error {
	dir, err := os.MkdirTemp(memory(), "sftp-bench-server-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stage := &stage{dir: dir}
	defer func() {
		for _, clean := range stage.cleanups {
			clean()
		}
	}()
	switch kind {
	case "sshd":
		err = startSSHD(stage, s)
	case "embedded":
		err = startEmbedded(stage, s)
	case "":
		if err = startSSHD(stage, s); stage.missing {
			fmt.Println("no sshd is installed; the server is embedded")
			err = startEmbedded(stage, s)
		}
	default:
		err = fmt.Errorf("no server %q; there are sshd and embedded", kind)
	}
	if err != nil {
		return err
	}
	return f()
}

func startSSHD(stage *stage, s *setup) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if stage.failed == nil {
				panic(r)
			}
			err = stage.failed
		}
	}()
	server := conchtest.NewOpenSSH(stage, "LogLevel ERROR")
	s.target = server.User + "@" + server.Addr.String()
	s.identity, s.knownHosts, s.dir = server.ClientKey, server.KnownHosts, stage.dir
	return nil
}

// startEmbedded starts a server in this process.
func startEmbedded(stage *stage, s *setup) error {
	files := filepath.Join(stage.dir, "files")
	if err := os.Mkdir(files, 0o755); err != nil {
		return err
	}
	s.identity, s.knownHosts = filepath.Join(stage.dir, "id"), filepath.Join(stage.dir, "known_hosts")
	key, err := conchtest.NewKeyFile(s.identity)
	if err != nil {
		return err
	}
	server, err := conchtest.Start(conchtest.Options{Dir: files, AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}, Exec: cat(files)})
	if err != nil {
		return err
	}
	stage.Cleanup(func() { _ = server.Close() })
	s.target = server.User + "@" + server.Addr.String()
	s.dir, s.sink = "", "/sftp-bench-sink"
	return os.WriteFile(s.knownHosts, []byte(conchtest.KnownHostsLine(server.Addr, server.HostKey)), 0o600)
}

// cat runs the commands of a plain channel: "cat FILE" and "cat > FILE". FILE
// is below dir. The content that "cat > FILE" receives is discarded.
func cat(dir string) func(command string, ch gossh.Channel) uint32 {
	return func(command string, ch gossh.Channel) uint32 {
		name := strings.TrimPrefix(command, "cat ")
		if strings.HasPrefix(name, ">") {
			_, err := io.Copy(io.Discard, ch)
			return status(err)
		}
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return 1
		}
		_, err = io.Copy(ch, f)
		return status(errors.Join(err, f.Close()))
	}
}

func status(err error) uint32 {
	if err != nil {
		return 1
	}
	return 0
}
