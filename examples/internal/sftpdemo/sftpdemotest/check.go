// Package sftpdemotest runs the SFTP examples for their tests.
package sftpdemotest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
)

// Server starts a real sshd. It returns the server and the command-line options
// with which an example logs in. The lines of extra are put at the front of the
// server's configuration.
func Server(t *testing.T, extra ...string) (s *conchtest.OpenSSH, options []string) {
	t.Helper()
	s = conchtest.NewOpenSSH(t, extra...)
	host, port := s.HostPort()
	return s, []string{"-host", host, "-port", strconv.Itoa(port), "-user", s.User, "-identity", s.ClientKey, "-known-hosts", s.KnownHosts}
}

// ReadOnly returns a line for Server that makes all SFTP sessions read-only.
func ReadOnly(dir string) string { return "ForceCommand internal-sftp -R -d " + dir }

// Check runs an example, as Main does. It checks the exit code, and that the
// standard output contains each string of out. Standard error must be one line
// that contains say, or empty if say is empty.
func Check(t *testing.T, p sftpdemo.Program, args []string, code int, say string, out ...string) {
	t.Helper()
	var stdout, stderr strings.Builder
	got := p.Run(args, &stdout, &stderr)
	if got != code {
		t.Errorf("%s %q: exit code %d, want %d", p.Name, args, got, code)
	}
	for _, part := range out {
		if !strings.Contains(stdout.String(), part) {
			t.Errorf("%s %q: no %q in the output", p.Name, args, part)
		}
	}
	line := stderr.String()
	if say == "" && line != "" || !strings.Contains(line, say) || code == 1 && strings.Count(line, "\n") != 1 {
		t.Errorf("%s %q: wrong on standard error, want one line with %q", p.Name, args, say)
	}
	if t.Failed() {
		t.Logf("output:\n%s\nstandard error:\n%s", stdout.String(), line)
	}
}
