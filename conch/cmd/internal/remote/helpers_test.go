package remote_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/remote"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// result is what a run of a command gave.
type result struct {
	status   int
	out, err string
}

// run runs conch with input from a pipe.
func run(t *testing.T, input string, args ...string) result {
	t.Helper()
	return runWith(t, &remote.Command{}, strings.NewReader(input), args...)
}

// runWith runs conch. Its standard streams are pipes.
func runWith(t *testing.T, c *remote.Command, input io.Reader, args ...string) result {
	t.Helper()
	var out bytes.Buffer
	r := runWithOutput(t, c, input, &out, args...)
	r.out = out.String()
	return r
}

// runWithOutput runs conch and copies its output to out.
func runWithOutput(t *testing.T, c *remote.Command, input io.Reader, out io.Writer, args ...string) (r result) {
	t.Helper()
	var errs bytes.Buffer
	in, feed := pipe(t)
	from, to := pipe(t)
	errFrom, errTo := pipe(t)
	go func() { // ends with the input, or when conch does not read it any more
		_, _ = io.Copy(feed, input)
		feed.Close()
	}()
	var outputs sync.WaitGroup
	outputs.Go(func() { _, _ = io.Copy(out, from) })
	outputs.Go(func() { _, _ = io.Copy(&errs, errFrom) })
	c.Stdin, c.Stdout, c.Stderr = in, to, errTo
	r.status = c.Run(args)
	for _, f := range []*os.File{in, to, errTo} {
		f.Close()
	}
	outputs.Wait()
	r.err = errs.String()
	return r
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// login returns the options to log in to an OpenSSH server.
func login(s *conchtest.OpenSSH) []string {
	_, port := s.HostPort()
	return []string{"-F", "none", "-p", strconv.Itoa(port), "-i", s.ClientKey, "-o", "IdentityAgent=none", "-o", "UserKnownHostsFile=" + s.KnownHosts,
		"-o", "GlobalKnownHostsFile=none", "-o", "BatchMode=yes", "-l", s.User}
}

// runSSH runs the real ssh with the same command line.
func runSSH(t *testing.T, input string, args ...string) (r result) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), conchtest.Program(t, "ssh"), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	if err := cmd.Run(); err != nil {
		if _, ok := err.(*exec.ExitError); !ok {
			t.Fatal(err)
		}
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// shortDir returns a directory with a short name, for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Clean(dir)
}

// user is a UI that answers all questions with one text, or with Ctrl-C if the
// text is empty.
type user struct{ answer string }

func answering(answer string) func(*reactor.Reactor) client.UI {
	return func(*reactor.Reactor) client.UI { return user{answer} }
}

func (u user) Prompt(string) deferred.Deferred[bool] { return deferred.Succeed(true) }

func (u user) ReadLine(string, bool) deferred.Deferred[string] {
	if u.answer == "" {
		return deferred.Fail[string](client.ErrInterrupted)
	}
	return deferred.Succeed(u.answer)
}

func (u user) Warn(string) {}

// neverEnding is an input that ends with the test.
func neverEnding(t *testing.T) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	return r
}
