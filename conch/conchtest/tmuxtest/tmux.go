// Package tmuxtest runs programs in tmux, which is a real terminal, for tests.
package tmuxtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
)

// Terminal is a terminal with one program.
type Terminal struct {
	t            *testing.T
	program, dir string
}

// Start starts a program in a terminal of that size. The test is skipped, or
// fails, if tmux is not installed; see conchtest.Program. The program is killed
// when the test ends.
func Start(t *testing.T, width, height int, command ...string) *Terminal {
	t.Helper()
	m := &Terminal{t: t, program: conchtest.Program(t, "tmux")}
	dir, err := os.MkdirTemp("", "tmux") // names of sockets have a bound
	if err != nil {
		t.Fatal(err)
	}
	m.dir = dir
	t.Cleanup(func() {
		m.Run("kill-server")
		_ = os.RemoveAll(dir)
	})
	size := []string{"-x", fmt.Sprint(width), "-y", fmt.Sprint(height)}
	start := append([]string{"-f", "/dev/null", "new-session", "-d"}, size...)
	quoted := make([]string, len(command))
	for i, word := range command {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	m.Run(append(start, strings.Join(quoted, " "), ";", "set-option", "-g", "status", "off", ";", "set-option", "-g", "remain-on-exit", "on")...)
	m.Resize(width, height)
	return m
}

// Run runs a command of tmux, and returns its output.
func (m *Terminal) Run(args ...string) string {
	m.t.Helper()
	cmd := exec.Command(m.program, append([]string{"-u", "-S", filepath.Join(m.dir, "s")}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm", "TMUX=")
	out, err := cmd.CombinedOutput()
	if err != nil && args[0] != "kill-server" {
		m.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// Resize changes the size of the terminal.
func (m *Terminal) Resize(width, height int) {
	m.t.Helper()
	m.Run("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height))
}

// Type presses keys: names of tmux, such as Up, Enter and C-c, or text.
func (m *Terminal) Type(keys ...string) {
	m.t.Helper()
	m.Run(append([]string{"send-keys"}, keys...)...)
}

// Screen returns the screen. Spaces at the ends of lines are missing.
func (m *Terminal) Screen() string {
	m.t.Helper()
	return m.Run("capture-pane", "-p")
}

// Wait waits until the screen has a text, and returns the screen.
func (m *Terminal) Wait(text string) string {
	m.t.Helper()
	return m.WaitFor(fmt.Sprintf("%q", text), func(screen string) bool { return strings.Contains(screen, text) })
}

// patience is how long WaitFor waits.
const patience = time.Minute

// WaitFor waits until shown returns true for the screen, and returns the screen.
// It fails the test after a minute, and shortly before the test's deadline.
func (m *Terminal) WaitFor(what string, shown func(screen string) bool) string {
	m.t.Helper()
	end := time.Now().Add(patience)
	if deadline, limited := m.t.Deadline(); limited && deadline.Add(-10*time.Second).Before(end) {
		end = deadline.Add(-10 * time.Second)
	}
	for {
		screen := m.Screen()
		if shown(screen) {
			return screen
		}
		if time.Now().After(end) {
			m.t.Fatalf("the screen does not show %s:\n%s", what, screen)
		}
	}
}

// WaitEnd waits until the program ends, and returns its exit status.
func (m *Terminal) WaitEnd() (status int) {
	m.t.Helper()
	dead := 0
	m.WaitFor("the end of the program", func(string) bool {
		_, _ = fmt.Sscan(m.Run("display-message", "-p", "#{pane_dead} #{pane_dead_status}"), &dead, &status) // no status before
		return dead == 1
	})
	return status
}
