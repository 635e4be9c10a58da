//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/hawser-go/hawser/conch/keys"
)

// asCommand is the environment variable that makes the test program ckeygen.
const asCommand = "HAWSER_TEST_CKEYGEN"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// session is a process on a terminal of its own.
type session struct {
	t        *testing.T
	far, tty *os.File
	before   *term.State
	output   chan string
	shown    string // since the last wait
	all      string
	process  *exec.Cmd
}

// start runs ckeygen on a new terminal. If stdin is nil the input is the
// terminal.
func start(t *testing.T, stdin io.Reader, args ...string) *session {
	t.Helper()
	far, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, far: far, tty: tty, output: make(chan string, 1000)}
	t.Cleanup(func() { tty.Close(); far.Close() })
	s.before = s.state()
	go func() { // ends when the terminal is closed
		defer close(s.output)
		for {
			p := make([]byte, 256)
			n, err := far.Read(p)
			if err != nil {
				return
			}
			s.output <- string(p[:n])
		}
	}()
	s.process = exec.CommandContext(t.Context(), os.Args[0], args...)
	s.process.Env = append(os.Environ(), asCommand+"=1")
	s.process.Stdin, s.process.Stdout, s.process.Stderr = stdin, tty, tty
	if stdin == nil {
		s.process.Stdin = tty
	}
	s.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// state returns the settings of the terminal.
func (s *session) state() *term.State {
	s.t.Helper()
	state, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// wait reads what the terminal shows up to a text.
func (s *session) wait(text string) {
	s.t.Helper()
	for !strings.Contains(s.shown, text) {
		select {
		case p := <-s.output:
			s.shown += p
			s.all += p
		case <-time.After(time.Minute):
			s.t.Fatalf("waiting for %q: %q", text, s.shown)
		}
	}
	_, s.shown, _ = strings.Cut(s.shown, text)
}

func (s *session) typeKeys(keys string) {
	s.t.Helper()
	if _, err := s.far.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// answer waits for a question and types the answer.
func (s *session) answer(question, keys string) {
	s.t.Helper()
	s.wait(question)
	s.typeKeys(keys)
}

// end waits for the process. The terminal must be as it was, and must never
// have shown a secret.
func (s *session) end() (status int, by syscall.Signal) {
	s.t.Helper()
	err := s.process.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		s.t.Fatal(err)
	}
	if !reflect.DeepEqual(s.state(), s.before) {
		s.t.Errorf("the settings of the terminal have changed")
	}
	if _, err := s.tty.WriteString("\nend of output\n"); err != nil {
		s.t.Fatal(err)
	}
	s.wait("end of output")
	if strings.Contains(s.all, "secret") {
		s.t.Errorf("the terminal shows %q", s.all)
	}
	w := s.process.ProcessState.Sys().(syscall.WaitStatus)
	if w.Signaled() {
		return -1, w.Signal()
	}
	return w.ExitStatus(), 0
}

// The questions.
const (
	which  = "save the key"
	exists = "Overwrite (y/n)? "
	first  = "(empty for no passphrase): "
	second = "again: "
)

// TestC_SCRIPTS_30_Terminal: a user makes a key. The first try of the
// passphrase has a mistake.
func TestC_SCRIPTS_30_Terminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	s := start(t, nil, "-a", "1")
	s.answer(which, path+"\n")
	s.answer(first, "secret\r")
	s.answer(second, "secred\x7f\x7fet!\r")
	s.wait("do not match")
	s.wait(first)
	if reflect.DeepEqual(s.state(), s.before) {
		t.Error("the terminal shows what is typed")
	}
	s.typeKeys("wrong\x15secret two\r")
	s.answer(second, "secret twx\x7fo\r")
	s.wait("The key fingerprint is:")
	if status, by := s.end(); status != 0 || by != 0 {
		t.Errorf("status %d, %v", status, by)
	}
	if _, err := keys.FromFile(path, []byte("secret two")); err != nil {
		t.Error(err)
	}
}

// Answers may be typed, or pasted, ahead of the questions.
func TestC_SCRIPTS_30_TypedAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	s := start(t, nil, "-a", "1")
	s.wait(which)
	s.typeKeys(path + "\n")
	s.answer(first, "secret\rsecret\r")
	s.wait("fingerprint")
	if status, _ := s.end(); status != 0 {
		t.Errorf("status %d", status)
	}
	if _, err := keys.FromFile(path, []byte("secret")); err != nil {
		t.Error(err)
	}
}

// Lines come from standard input, passphrases from the terminal.
func TestC_SCRIPTS_30_Pipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, strings.NewReader("y\n"), "-f", path)
	s.answer(first, "\r")
	s.answer(second, "\r")
	s.wait("fingerprint")
	if status, _ := s.end(); status != 0 {
		t.Errorf("status %d", status)
	}
	if _, err := keys.FromFile(path, nil); err != nil {
		t.Error(err)
	}
}

// TestC_SCRIPTS_30_CtrlC: Ctrl-C at each question ends the process as SIGINT
// does, and so do signals from elsewhere. The terminal and the files are as
// they were. Ctrl-Z and Ctrl-\ do not stop or kill the process halfway.
func TestC_SCRIPTS_30_CtrlC(t *testing.T) {
	for _, row := range []struct {
		name      string
		questions []string // each but the last is answered
		answers   []string
		keys      string
		signal    syscall.Signal
	}{
		{"file", []string{which}, nil, "\x03", syscall.SIGINT},
		{"file, half typed", []string{which}, nil, "/tmp\x03", syscall.SIGINT},
		{"default file", []string{which, first}, []string{"\n"}, "\x03", syscall.SIGINT},
		{"overwrite", []string{exists}, nil, "\x03", syscall.SIGINT},
		{"passphrase", []string{exists, first}, []string{"y\n"}, "sec\x03", syscall.SIGINT},
		{"again", []string{exists, first, second}, []string{"y\n", "secret\r"}, "\x1a\x1c\x03", syscall.SIGINT},
		{"another try", []string{exists, first, second, first}, []string{"y\n", "secret\r", "x\r"}, "\x03", syscall.SIGINT},
		{"SIGTERM", []string{exists, first}, []string{"y\n"}, "", syscall.SIGTERM},
		{"SIGHUP", []string{exists, first}, []string{"y\n"}, "", syscall.SIGHUP},
		{"SIGINT", []string{exists, first}, []string{"y\n"}, "", syscall.SIGINT},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			dir := t.TempDir()
			path := filepath.Join(dir, "key")
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"-a", "1"}
			if row.questions[0] != which {
				args = append(args, "-f", path)
			}
			s := start(t, nil, args...)
			for i, answer := range row.answers {
				s.answer(row.questions[i], answer)
			}
			s.wait(row.questions[len(row.questions)-1])
			if row.keys != "" {
				s.typeKeys(row.keys)
			} else if err := s.process.Process.Signal(row.signal); err != nil {
				t.Fatal(err)
			}
			if status, by := s.end(); by != row.signal {
				t.Errorf("status %d, %v", status, by)
			}
			for _, d := range []string{dir, os.Getenv("HOME")} {
				entries, err := os.ReadDir(d)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					if e.Name() != "key" {
						t.Errorf("left behind: %s", e.Name())
					}
				}
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != "precious" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}

// Ctrl-D is not an empty passphrase.
func TestC_SCRIPTS_30_CtrlD(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	s := start(t, nil, "-a", "1", "-f", path)
	s.answer(first, "\x04")
	s.wait("ended")
	if status, by := s.end(); status != 255 || by != 0 {
		t.Errorf("status %d, %v", status, by)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made")
	}
}
