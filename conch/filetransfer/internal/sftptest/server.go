// Package sftptest starts the SFTP servers that the tests of the client talk to, on pipes instead of a connection.
package sftptest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pkg/sftp"
)

// Server is a server under way.
type Server struct {
	In   io.WriteCloser // what it reads; it ends when that is closed
	Out  io.Reader      // what it writes
	Wait func()         // returns when it has ended
}

// Start starts a server in a directory.
type Start func(t testing.TB, dir string) (Server, error)

// Program is how to start a program that speaks SFTP on standard input and output. What it says on standard error is shown if the test fails.
func Program(name string, arguments ...string) Start {
	return func(t testing.TB, dir string) (Server, error) {
		cmd := exec.Command(name, arguments...)
		cmd.Dir = dir
		var log bytes.Buffer
		cmd.Stderr = &log
		in, inErr := cmd.StdinPipe()
		out, outErr := cmd.StdoutPipe()
		if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
			return Server{}, err
		}
		return Server{in, out, func() {
			_ = cmd.Wait() // it may have ended in anger on purpose of the test
			if t.Failed() && log.Len() > 0 {
				t.Logf("log of %s:\n%s", name, &log)
			}
		}}, nil
	}
}

// Python is Program for a script that needs a Python package; without that it is an error that says what is missing.
func Python(script, needs string) (Start, error) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-W", "ignore", "-c", "import "+needs).Run(); err != nil {
		return nil, fmt.Errorf("%s with the package %s (%w)", python, needs, err)
	}
	script, err := filepath.Abs(script)
	return Program(python, "-W", "ignore", script), err
}

// PkgSFTP starts pkg/sftp's server inside the process.
func PkgSFTP(_ testing.TB, dir string) (Server, error) {
	return Serve(func(rwc io.ReadWriteCloser) error {
		server, err := sftp.NewServer(rwc, sftp.WithServerWorkingDirectory(dir))
		if err != nil {
			return err
		}
		return server.Serve()
	}), nil
}

// Serve runs a server inside the process, which is given its end of the pipes.
func Serve(serve func(io.ReadWriteCloser) error) Server {
	serverIn, in := io.Pipe()
	out, serverOut := io.Pipe()
	served := make(chan struct{})
	go func() { // until its input ends
		defer close(served)
		_ = serve(struct { // what is wrong shows in what it answers
			io.Reader
			io.WriteCloser
		}{serverIn, serverOut})
		serverIn.Close()
		serverOut.Close()
	}()
	return Server{in, out, func() { <-served }}
}
