//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
	"github.com/hawser-go/hawser/conch/keys"
)

// screen is a shell in a terminal of 80 columns and 24 lines.
type screen struct {
	*tmuxtest.Terminal
	lines int // the number of command lines
}

func openScreen(t *testing.T, dir string) *screen {
	t.Helper()
	// The shell finds the command in a directory of its own.
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asCommand, os.Args[0])
	if err := os.WriteFile(filepath.Join(bin, "ckeygen"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &screen{Terminal: tmuxtest.Start(t, 80, 24, "env", "PS1=$ ", "PATH="+bin+":"+os.Getenv("PATH"), "sh", "-c", `cd "$1" && exec sh`, "sh", dir)}
	s.wait(`^\$\s*$`)
	return s
}

// wait waits until a pattern matches the screen, and returns the screen.
func (s *screen) wait(pattern string) string {
	return s.WaitFor(pattern, regexp.MustCompile(pattern).MatchString)
}

// enter types a text and the enter key.
func (s *screen) enter(text string) { s.Type(text, "Enter") }

// start clears the screen and types a command line.
func (s *screen) start(line string) {
	s.enter("clear")
	s.wait(`^\$\s*$`)
	s.lines++
	s.enter(fmt.Sprintf("clear; %s; echo end-%d:$?", line, s.lines))
}

// end waits for the end of the command line and returns its screen.
func (s *screen) end() string {
	return s.wait(fmt.Sprintf(`end-%d:\d+\n\$\s`, s.lines))
}

// status reports whether the last command line ended with a status.
func (s *screen) status(shown string, status int) bool {
	return strings.Contains(shown, fmt.Sprintf("end-%d:%d\n", s.lines, status))
}

// TestC_SCRIPTS_30_Tmux: a user in a shell. The help fits the screen, secrets
// are not shown, and the terminal is as it was after Ctrl-C too. Ctrl-C ends a
// script around the command.
func TestC_SCRIPTS_30_Tmux(t *testing.T) {
	dir := t.TempDir()
	s := openScreen(t, dir)
	s.start("stty -g > before; ckeygen -h")
	shown := s.end()
	lines := strings.Count(help(t), "\n") + len("\n") // and the mark of the end
	if !strings.HasPrefix(shown, "usage: ckeygen") || strings.Count(strings.TrimSpace(shown), "\n") != lines {
		t.Errorf("the help does not fit:\n%s", shown)
	}

	s.start("ckeygen -a 1 -f key")
	s.wait(`no passphrase\):`)
	s.enter("secret")
	s.wait(`again:`)
	s.enter("secrets")
	s.wait(`do not match(?s:.*)no passphrase\):`)
	s.enter("secret")
	s.wait(`do not match(?s:.*)again:`)
	s.enter("secret")
	if shown := s.end(); strings.Contains(shown, "secret") || !s.status(shown, 0) {
		t.Errorf("made a key:\n%s", shown)
	}
	if _, err := keys.FromFile(filepath.Join(dir, "key"), []byte("secret")); err != nil {
		t.Error(err)
	}

	s.start("sh -c 'ckeygen -f other; echo went on'")
	s.wait(`no passphrase\):`)
	s.Type("C-c")
	s.wait(`no passphrase\):.*\n(?:.*\n)?\$\s*$`)
	s.enter(fmt.Sprintf("echo end-%d:$?", s.lines)) // the shell has dropped the rest of the line
	if shown := s.end(); strings.Contains(shown, "went on\n") || !s.status(shown, 130) {
		t.Errorf("interrupted:\n%s", shown)
	}
	s.start("stty -g | diff before - && ls")
	shown = s.end()
	if !strings.HasPrefix(shown, "before") || strings.Contains(shown, "other") || !s.status(shown, 0) {
		t.Errorf("the terminal or the files have changed:\n%s", shown)
	}
}

// help is the output of ckeygen -h.
func help(t *testing.T) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-h")
	c.Env = append(os.Environ(), asCommand+"=1")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
