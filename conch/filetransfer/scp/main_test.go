package scp_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/scp"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
)

// asSSH makes the test binary the ssh of "scp -S": its last argument is the
// command. The value tells who serves the command: "sh" in the directory of
// served, or a Server with a Dir, or with a Memory of 1,000 bytes.
const (
	asSSH  = "HAWSER_TEST_SCP"
	served = "HAWSER_TEST_SCP_DIR"
)

var t0 = context.Background()

func TestMain(m *testing.M) {
	if by := os.Getenv(asSSH); by != "" {
		os.Exit(serveStandard(by, os.Getenv(served), os.Args[len(os.Args)-1]))
	}
	os.Exit(m.Run())
}

func serveStandard(by, dir, line string) int {
	if by == "sh" {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, os.Stdin, os.Stdout, os.Stderr
		cmd.Env = append(os.Environ(), "HOME="+dir)
		_ = cmd.Run() // the status tells
		return cmd.ProcessState.ExitCode()
	}
	var files filetransfer.BlockingServer = store.NewMemory(1000)
	if by != "full" {
		d, err := store.OpenDir(dir, store.DirOptions{})
		if err != nil {
			panic(err)
		}
		defer d.Close()
		files = d
	}
	s := &scp.Server{Files: files, ReadOnly: by == "read-only"}
	return s.Serve(t0, line, os.Stdin, os.Stdout, os.Stderr)
}

// run runs the command with this input, and returns what the client gets.
func run(files filetransfer.BlockingServer, line, input string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	status = (&scp.Server{Files: files}).Serve(t0, line, bytes.NewReader([]byte(input)), &out, &errs)
	return out.String(), errs.String(), status
}

// content returns the content of a file, or its error.
func content(files filetransfer.BlockingServer, name string) string {
	f, err := files.OpenFile(name, filetransfer.FXFRead, filetransfer.Attrs{})
	if err != nil {
		return fmt.Sprint(err)
	}
	defer f.Close()
	attrs, _ := f.GetAttrs()
	p := make([]byte, attrs.Size)
	n, _ := f.ReadChunk(0, p)
	return string(p[:n])
}
