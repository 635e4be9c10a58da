// Package sftptest starts SFTP servers for tests of the client. They run on pipes
// instead of a network connection.
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

// Server is a running server.
type Server struct {
	In   io.WriteCloser // the server's input; the server ends when it is closed
	Out  io.Reader      // the server's output
	Wait func()         // returns when the server has ended
}

// Start starts a server in a directory.
type Start func(t testing.TB, dir string) (Server, error)

// Program starts a program that speaks SFTP on standard input and output. Its
// standard error is logged if the test fails.
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
			_ = cmd.Wait() // a test may break the connection on purpose
			if t.Failed() && log.Len() > 0 {
				t.Logf("log of %s:\n%s", name, &log)
			}
		}}, nil
	}
}

// Python is Program for a script that needs a Python package. It returns an error
// that names the package if it is not installed.
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

// Serve runs a server inside the process. serve receives its end of the pipes.
func Serve(serve func(io.ReadWriteCloser) error) Server {
	serverIn, in := io.Pipe()
	out, serverOut := io.Pipe()
	served := make(chan struct{})
	go func() { // until the input ends
		defer close(served)
		_ = serve(struct { // an error shows in the replies
			io.Reader
			io.WriteCloser
		}{serverIn, serverOut})
		serverIn.Close()
		serverOut.Close()
	}()
	return Server{in, out, func() { <-served }}
}
