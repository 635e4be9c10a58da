//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// process is conch without a terminal.
type process struct {
	*exec.Cmd
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
	err bytes.Buffer
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), os.Args[0], args...), t: t}
	p.Env = append(os.Environ(), asCommand+"=1")
	p.Stderr = &p.err
	in, err := p.StdinPipe()
	out, oerr := p.StdoutPipe()
	if err != nil || oerr != nil {
		t.Fatal(err, oerr)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// line reads a line of standard output.
func (p *process) line(want string) {
	p.t.Helper()
	if line, err := p.out.ReadString('\n'); err != nil || line != want+"\n" {
		p.t.Fatalf("%q, %v, want %q; %s", line, err, want, p.err.String())
	}
}

// end waits for the end, and returns the exit status.
func (p *process) end() int {
	p.t.Helper()
	if _, err := io.Copy(io.Discard, p.out); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		if _, ok := err.(*exec.ExitError); !ok {
			p.t.Fatal(err)
		}
	}
	return p.ProcessState.ExitCode()
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// TestC_SCRIPTS_22_Signals: SIGINT and SIGTERM end conch with status 255, as they
// end ssh. SIGUSR1 connects again.
func TestC_SCRIPTS_22_Signals(t *testing.T) {
	args := append(openSSH(t), "echo ready; cat; exit 3")
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := startProcess(t, args...)
		p.line("ready")
		p.signal(s)
		if status := p.end(); status != 255 || !strings.Contains(p.err.String(), "conch: Killed by signal") {
			t.Errorf("%v: status %d, %s", s, status, p.err.String())
		}
	}
	p := startProcess(t, args...)
	p.line("ready")
	p.signal(syscall.SIGUSR1)
	p.line("ready")
	p.in.Close()
	if status := p.end(); status != 3 || !strings.Contains(p.err.String(), "connecting again") {
		t.Errorf("SIGUSR1: status %d, %s", status, p.err.String())
	}
}

// TestC_SCRIPTS_20_Background: with -f conch returns after the login, and the
// command runs on. A failed login is reported first.
func TestC_SCRIPTS_20_Background(t *testing.T) {
	args := openSSH(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	alive, holds, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(append([]string{"-f"}, args...), "cat '"+fifo+"'")...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stdout = holds
	err = cmd.Run()
	holds.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fifo, []byte("from the background"), 0o600); err != nil { // waits for cat
		t.Fatal(err)
	}
	if out, err := io.ReadAll(alive); err != nil || string(out) != "from the background" { // ends with the process
		t.Errorf("%q, %v", out, err)
	}
	p := startProcess(t, append([]string{"-f", "-o", "BatchMode=yes", "-o", "PreferredAuthentications=password"}, append(args, "cat")...)...)
	if status := p.end(); status != 255 || !strings.Contains(p.err.String(), "Permission denied") {
		t.Errorf("status %d, %s", status, p.err.String())
	}
}
