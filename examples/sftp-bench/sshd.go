package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
)

// stage is as much of a test as conchtest needs to start an sshd.
type stage struct {
	testing.TB
	dir      string
	cleanups []func()
	failed   error
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
func (s *stage) Skipf(format string, a ...any) { s.Fatalf(format, a...) }

// withSSHD runs f with an sshd whose files are in memory.
func withSSHD(s *setup, f func() error) (err error) {
	dir, err := os.MkdirTemp(memory(), "sftp-bench-sshd-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stage := &stage{dir: dir}
	defer func() {
		if r := recover(); r != nil {
			err = stage.failed
		}
		for _, clean := range stage.cleanups {
			clean()
		}
	}()
	server := conchtest.NewOpenSSH(stage, "LogLevel ERROR")
	s.target = server.User + "@" + server.Addr.String()
	s.identity, s.knownHosts, s.dir = server.ClientKey, server.KnownHosts, dir
	return f()
}
