//go:build unix

package cftp

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// asProgram is the environment variable that makes the test program a small
// program with an interactive session. Its arguments are the target, the
// known-hosts file and a key file, which may be empty.
const asProgram = "HAWSER_TEST_CFTP_INTERACTIVE"

func init() {
	if os.Getenv(asProgram) != "" {
		os.Exit(RunProcess(program))
	}
}

func program(ctx context.Context, p *Process) int {
	options := sftp.OpenOptions{}
	options.KnownHosts, options.UI = []string{os.Args[2]}, client.NewConsoleUI(p.Reactor)
	if os.Args[3] != "" {
		options.Identities = []string{os.Args[3]}
	}
	session, err := reactor.Await(ctx, p.Reactor, func() deferred.Deferred[*sftp.Client] {
		return sftp.Open(p.Reactor, os.Args[1], options)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return StatusLost
	}
	files := session.Files()
	defer files.Close()
	local, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	shell := NewShell(files, local, os.Stdout, os.Stderr)
	if err := shell.Start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return StatusLost
	}
	return Interact(ctx, p, shell, files, Terminal{})
}

// visit is a terminal with a shell, whose directory is local, and in which the
// command cftp starts the program.
type visit struct {
	*tmuxtest.Terminal
	t             *testing.T
	local, target string
}

func newVisit(t *testing.T, width, height int, target, knownHosts, key string) *visit {
	t.Helper()
	v := &visit{t: t, local: t.TempDir(), target: target}
	home := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s=1 SSH_AUTH_SOCK= exec %s %s %s '%s'\n", asProgram, os.Args[0], target, knownHosts, key)
	if err := os.WriteFile(filepath.Join(home, "cftp"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	v.Terminal = tmuxtest.Start(t, width, height, "sh", "-c", fmt.Sprintf(
		`cd %s; HOME=%s PATH=%s:$PATH PS1='sh> ' SHELL=/bin/sh; export HOME PATH PS1 SHELL; exec sh -i`, v.local, home, home))
	v.Wait("sh>")
	v.line("stty -a > " + filepath.Join(home, "mode")) // what the terminal must have at the end
	v.line("check() { stty -a | cmp - " + filepath.Join(home, "mode") + " && echo same mode; }")
	v.line("clear; cftp")
	return v
}

func (v *visit) line(text string) {
	v.t.Helper()
	v.Type("-l", text)
	v.Type("Enter")
}

// end waits for the end of the program: its exit status, and the terminal in
// the mode from before.
func (v *visit) end(status int) {
	v.t.Helper()
	v.WaitFor("the shell", func(screen string) bool { return strings.HasSuffix(strings.TrimSpace(screen), "sh>") })
	v.line("echo status $?; check")
	v.Wait(fmt.Sprintf("\nstatus %d\nsame mode\nsh>", status))
}

// last waits until the last line of the screen is text.
func (v *visit) last(text string) {
	v.t.Helper()
	v.WaitFor(fmt.Sprintf("%q last", text), func(screen string) bool {
		return strings.HasSuffix("\n"+strings.TrimSpace(screen), "\n"+text)
	})
}

// visitHost begins a session in the directory of the host's files.
func visitHost(t *testing.T, width, height int, h *host) *visit {
	t.Helper()
	v := newVisit(t, width, height, h.target(), h.knownHosts, h.key)
	v.last("cftp>")
	return v
}

func write(t *testing.T, size int, elements ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(elements...), make([]byte, size), 0o644); err != nil {
		t.Fatal(err)
	}
}

// signal sends a signal to cftp.
func (v *visit) signal(s syscall.Signal) {
	v.t.Helper()
	out, err := exec.Command("pgrep", "-f", "^"+os.Args[0]+" .*"+v.target).Output()
	var pid int
	if _, scan := fmt.Sscan(string(out), &pid); scan != nil {
		v.t.Fatal(err, scan)
	}
	if err := syscall.Kill(pid, s); err != nil {
		v.t.Fatal(err)
	}
}

func TestC_SCRIPTS_2_Session(t *testing.T) {
	bothHosts(t, func(t *testing.T, h *host) {
		v := visitHost(t, 100, 20, h)
		write(t, 10, h.files, "one")
		v.line("pwd")
		v.Wait("cftp> pwd\nRemote working directory: ")
		v.Type("Up", "Home", "l", "Enter")
		v.last("cftp>")
		v.Wait("cftp> lpwd\nLocal working directory: " + v.local + "\ncftp>")
		v.Type("Up", "Up", "C-c")
		v.last("cftp>")
		v.Wait("cftp> pwd^C\ncftp>")
		v.Type("C-d")
		v.end(0)
	})
}

// Ctrl-Z stops cftp, and the terminal has its mode meanwhile.
func TestCtrlZ(t *testing.T) {
	h := openSSHHost(t)
	v := visitHost(t, 80, 20, h)
	v.Type("pw", "C-z")
	v.Wait("\nsh>")
	v.line("check")
	v.Wait("same mode")
	v.line("clear; fg")
	v.last("cftp> pw")
	v.Type("d", "Enter")
	v.Wait("Remote working directory")
	v.line("exit")
	v.end(0)
}

// Signals from elsewhere end cftp, and the terminal has its mode.
func TestSignals(t *testing.T) {
	h := openSSHHost(t)
	for _, row := range []struct {
		signal syscall.Signal
		status int
	}{{syscall.SIGTERM, 143}, {syscall.SIGHUP, 129}} {
		v := visitHost(t, 80, 20, h)
		v.Type("half")
		v.last("cftp> half")
		v.signal(row.signal)
		v.end(row.status)
	}
	v := visitHost(t, 80, 20, h)
	v.Type("half")
	v.last("cftp> half")
	v.signal(syscall.SIGINT)
	v.last("cftp>")
	v.Wait("cftp> half^C\ncftp>")
	v.line("bye")
	v.end(0)
}

// A server that dies at the prompt ends the session at once.
func TestLostAtPrompt(t *testing.T) {
	bothHosts(t, func(t *testing.T, h *host) {
		v := visitHost(t, 80, 20, h)
		v.Type("half a li")
		v.last("cftp> half a li")
		h.link.cut()
		v.Wait("cftp> half a li\ncftp: ")
		v.end(255)
	})
}

// A change of the width in the middle of a line. The terminal wraps the line
// again, and the text above stays.
func TestResize(t *testing.T) {
	h := openSSHHost(t)
	v := visitHost(t, 60, 20, h)
	v.line("lpwd")
	v.last("cftp>")
	v.Type("-l", "get one two three four five six seven eight")
	v.Type("M-b", "M-b")
	v.Resize(30, 20)
	v.Wait("cftp> get one two three four f\nive six seven eight\n")
	v.Type("-l", "X ")
	v.Wait("cftp> get one two three four f\nive six X seven eight\n")
	v.Resize(80, 20)
	screen := v.Wait("cftp> get one two three four five six X seven eight\n")
	if strings.Count(screen, "cftp>") != 2 || !strings.Contains(screen, "Local working directory") {
		t.Errorf("the screen:\n%s", screen)
	}
	v.Type("C-a", "C-k")
	v.last("cftp>")
	v.Type("C-d")
	v.end(0)
}
