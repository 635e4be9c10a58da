//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/cftp"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// asCommand is the environment variable that makes the test program cftp.
const asCommand = "HAWSER_TEST_CFTP"

func TestMain(m *testing.M) {
	switch os.Getenv(asCommand) {
	case "":
		os.Exit(m.Run())
	case "broken":
		os.Exit(cftp.RunProcess(broken))
	}
	main()
}

// broken is a program with a shell that panics, on the server of its arguments.
func broken(ctx context.Context, p *cftp.Process) int {
	session, err := reactor.Await(ctx, p.Reactor, func() deferred.Deferred[*sftp.Client] {
		o := sftp.OpenOptions{Verify: client.AcceptAnyHostKey}
		o.Password = password
		return sftp.Open(p.Reactor, os.Args[len(os.Args)-1], o)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shell := cftp.NewShell(nil, "/", os.Stdout, os.Stderr)
	return (&cftp.User{Process: p}).Interact(ctx, shell, session.Files())
}

// visit is a terminal with a shell, whose directory is local, and in which the
// command cftp runs cftp.
type visit struct {
	*tmuxtest.Terminal
	t           *testing.T
	local, home string
}

// newVisit opens a terminal and runs cftp with the arguments.
func newVisit(t *testing.T, width, height int, args ...string) *visit {
	t.Helper()
	home := t.TempDir()
	v := &visit{t: t, local: t.TempDir(), home: home}
	for name, text := range map[string]string{
		"cftp": fmt.Sprintf("#!/bin/sh\n%s=${CFTP-1} exec %s -F none -o GlobalKnownHostsFile=%s/none \"$@\"\n", asCommand, os.Args[0], home),
		// the first line of stty -a has the size
		"rc": "cd " + v.local + "; PS1='sh> '; stty -a | tail -n +2 > ~/mode; check() { stty -a | tail -n +2 | cmp - ~/mode && echo same mode; }\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	v.Terminal = tmuxtest.Start(t, width, height, "env", "HOME="+home, "ENV="+home+"/rc", "PATH="+home+":"+os.Getenv("PATH"),
		"SHELL=/bin/sh", "SSH_AUTH_SOCK=", "sh", "-i")
	v.Wait("sh>")
	v.line("clear; cftp " + strings.Join(args, " "))
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
	v.Wait(fmt.Sprintf("status %d\nsame mode\nsh>", status))
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
	v := newVisit(t, width, height, h.args()...)
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
	pid := 0
	out, err := exec.Command(conchtest.Program(v.t, "pgrep"), "-f", "^"+os.Args[0]+" .*"+v.home).Output()
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
	v.Type("C-z")
	v.Wait("\nsh>")
	v.signal(syscall.SIGTERM)
	// It continues in the background. There the system may stop it again before
	// it sees the signal (status 149), because it reads the terminal.
	v.line("clear; bg; wait %1; s=$?; [ $s != 149 ] || { fg; s=$?; }; (exit $s)")
	v.end(143)
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

// A panic in a command ends cftp, and the terminal has its mode.
func TestPanic(t *testing.T) {
	h := ownHost(t)
	v := newVisit(t, 80, 30, "-h")
	v.Wait("usage")
	v.line("clear; CFTP=broken cftp " + h.user + "@" + h.link.addr().String())
	v.last("cftp>")
	v.line("ls")
	v.Wait("screen.go")
	v.end(2)
}

// The end of the terminal is the end of cftp. A terminal that does not control
// cftp sends no signal.
func TestHangup(t *testing.T) {
	h := ownHost(t)
	for _, row := range []struct {
		keys  string
		start func(*exec.Cmd) (*os.File, error)
	}{{"", pty.Start}, {"half", pty.Start}, {"!read x\r", pty.Start}, {"half", startWithoutControl}} {
		keys := row.keys
		cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-F", "none"}, h.args()...)...)
		cmd.Env = append(os.Environ(), asCommand+"=1", "SSH_AUTH_SOCK=", "TERM=xterm", "SHELL=/bin/sh")
		terminal, err := row.start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		shown := ""
		for _, text := range []string{cftp.Prompt, strings.TrimSpace(keys)} {
			for p := make([]byte, 1024); !strings.Contains(shown, text); {
				n, err := terminal.Read(p)
				if shown += string(p[:n]); err != nil {
					t.Fatalf("%q: %v", shown, err)
				}
			}
			if text == cftp.Prompt {
				if _, err := terminal.WriteString(keys); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := terminal.Close(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // fails with the signal
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGHUP {
			t.Errorf("%q: %v", keys, cmd.ProcessState)
		}
	}
}

// startWithoutControl is pty.Start with a terminal that is not the controlling
// terminal of the program.
func startWithoutControl(cmd *exec.Cmd) (*os.File, error) {
	terminal, tty, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer tty.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return terminal, cmd.Start()
}

// A server that dies at the prompt ends the session at once.
func TestLostAtPrompt(t *testing.T) {
	bothHosts(t, func(t *testing.T, h *host) {
		v := visitHost(t, 80, 20, h)
		v.Type("half a li")
		v.last("cftp> half a li")
		h.link.cut()
		v.Wait("cftp> half a li\nConnection to 127.0.0.1 closed by remote host")
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

// Tab completes commands, remote and local names; the second Tab lists them.
func TestCompletion(t *testing.T) {
	bothHosts(t, func(t *testing.T, h *host) {
		for _, name := range []string{"report-1.txt", "report-2.txt", "日本語.txt", "two words.txt", "evil\x1b[2Jname", "evilone"} {
			write(t, 1, h.files, name)
		}
		if err := os.Mkdir(filepath.Join(h.files, "directory"), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, 1, h.files, "directory", "inner")
		v := visitHost(t, 60, 24, h)
		write(t, 1, v.local, "local.dat")
		v.Type("ge", "Tab", "re", "Tab")
		v.last("cftp> get report-")
		v.Type("Tab")
		v.Wait("report-1.txt  report-2.txt\ncftp> get report-\n")
		v.Type("2", "Tab", "x", "C-u")
		v.Type("get d", "Tab", "Tab")
		v.last("cftp> get directory/inner")
		v.Type("C-u", "get t", "Tab", "Enter")
		v.Wait(`cftp> get two\ words.txt` + "\n")
		v.Wait("100%")
		v.last("cftp>")
		v.Type("get ", "日", "Tab", "x", "C-h")
		v.last("cftp> get 日本語.txt")
		v.Type("C-u", "get ev", "Tab")
		v.last("cftp> get evilone") // the other name cannot be typed
		v.Type("C-u", "put l", "Tab")
		v.last("cftp> put local.dat")
		v.Type("C-u", "put nothing", "Tab", "Tab", "!")
		v.last("cftp> put nothing!")
		v.Type("C-u", "C-d")
		v.end(0)
	})
}

// Progress of a transfer, Ctrl-C in its middle, and the next one. Keys that are
// typed meanwhile wait.
func TestC_SCRIPTS_7_Transfer(t *testing.T) {
	bothHosts(t, func(t *testing.T, h *host) {
		write(t, 3<<20, h.files, "a file with a long name")
		v := visitHost(t, 70, 20, h)
		h.link.allow(1 << 20)
		v.line(`get "a file with a long name"`)
		shown := regexp.MustCompile(`\na file with a long name +[1-9]\d?% +[1-9]\d*\.\d[kM]B +\d+(\.\d)?[kM]?B/s  `)
		v.WaitFor("progress", func(screen string) bool { return shown.MatchString(screen) })
		v.Resize(40, 20)
		narrow := regexp.MustCompile(`\na file \S+\.\.\.\S* name +[1-9]\d?% .{12}\n+$`)
		v.WaitFor("narrow progress", func(screen string) bool { return narrow.MatchString(screen) })
		v.Resize(70, 20)
		v.WaitFor("progress", func(screen string) bool { return shown.MatchString(screen) })
		v.Type("C-c")
		v.Wait("\ninterrupted\ncftp>")
		h.link.allow(-1)
		v.line("ls") // whose answer comes after the rest of the file
		v.Wait("cftp> ls\na file with a long name\ncftp>")
		h.link.allow(1 << 20)
		v.line(`get "a file with a long name" again`)
		v.WaitFor("progress", func(screen string) bool { return len(shown.FindAllString(screen, -1)) == 2 })
		v.line("lpwd")
		v.Type("C-d")
		h.link.allow(-1)
		v.Wait("100%")
		v.Wait("cftp> lpwd\nLocal working directory")
		v.end(0)
		if info, err := os.Stat(filepath.Join(v.local, "again")); err != nil || info.Size() != 3<<20 {
			t.Errorf("%v, %v", info, err)
		}
	})
}

// Ctrl-C ends a listing and a completion for which the server does not answer.
// A server that dies during a command ends the session.
func TestCtrlC_Silent(t *testing.T) {
	h := openSSHHost(t)
	v := visitHost(t, 80, 20, h)
	h.link.allow(0)
	v.line("ls")
	v.Type("waits", "C-c") // and is dropped
	v.Wait("cftp> ls\ninterrupted\ncftp>")
	v.Type("ls x", "Tab", "y", "C-c")
	v.Type("z")
	v.last("cftp> ls xz")
	v.Type("C-u", "clear", "C-c")
	v.line("ls")
	v.last("cftp> ls") // cftp has the keys
	h.link.cut()
	v.end(255)
}

// Ctrl-C ends much output at once: what waits is not shown any more.
func TestCtrlC_Output(t *testing.T) {
	h := openSSHHost(t)
	text := strings.Repeat("a line of the text\n", 4<<20) + "its end\n"
	if err := os.WriteFile(filepath.Join(h.files, "text"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	v := visitHost(t, 80, 20, h)
	v.line("cat text")
	v.Wait("a line of the text\na line of")
	v.Type("C-c")
	v.Wait("\ninterrupted\ncftp>")
	if strings.Contains(v.Screen(), "its end") {
		t.Error("the screen shows the end of the text")
	}
	v.line("lpwd")
	v.Wait("cftp> lpwd\nLocal working directory")
	v.Type("C-d")
	v.end(0)
}

// A local program gets the terminal in the mode from before, and its keys.
func TestC_SCRIPTS_3_Local(t *testing.T) {
	h := openSSHHost(t)
	v := visitHost(t, 80, 20, h)
	v.line("!check() { stty -a | tail -n +2 | cmp - ~/mode && echo same mode; }; check; pwd; exit 3")
	v.Wait("same mode\n" + v.local + "\nShell exited with status 3\ncftp>")
	v.line("!echo ready; cat") // Ctrl-C ends cat, not the session
	v.Wait("\nready\n")        // it has the keys
	v.Type("hello", "Enter")
	v.Wait("hello\nhello\n")
	v.Type("C-c")
	v.last("cftp>")
	v.line("!")
	v.last("sh>")
	v.line("echo inside")
	v.Wait("\ninside\nsh>")
	v.Type("C-d")
	v.last("cftp>")
	v.Type("Up", "Up", "Up", "C-e", ";tail", "C-c")
	v.line("lpwd")
	v.Wait("Local working directory: " + v.local)
	v.Type("C-d")
	v.end(0)
}

// The questions before a session. Passwords and passphrases are not shown.
// Ctrl-C in each ends the program as SIGINT does.
func TestQuestions(t *testing.T) {
	h := ownHost(t)
	ask := func(t *testing.T, h *host) *visit {
		return newVisit(t, 80, 24, h.args()...)
	}
	unknown, secret, locked := *h, *h, *h
	unknown.knownHosts, secret.key = "", ""
	locked.key = filepath.Join(t.TempDir(), "locked")
	run(t, "cp", h.key, locked.key)
	run(t, "ssh-keygen", "-q", "-p", "-P", "", "-N", "the phrase", "-f", locked.key)

	t.Run("answered", func(t *testing.T) {
		both := secret
		both.knownHosts = ""
		v := ask(t, &both)
		v.Wait("continue (yes/no)?")
		v.line("yes")
		v.Wait("assword:")
		v.line("wrong guess")
		v.WaitFor("a second question", func(screen string) bool { return strings.Count(screen, "assword:") == 2 })
		v.line(password)
		v.last("cftp>")
		if screen := v.Screen(); strings.Contains(screen, "guess") || strings.Contains(screen, "sesame") {
			t.Errorf("the screen shows a password:\n%s", screen)
		}
		v.Type("C-d")
		v.end(0)
	})
	for name, row := range map[string]struct {
		h        *host
		question string
	}{
		"host key": {&unknown, "continue (yes/no)?"}, "password": {&secret, "assword:"},
		"passphrase": {&locked, "assphrase"},
	} {
		t.Run(name, func(t *testing.T) {
			v := ask(t, row.h)
			v.Wait(row.question)
			v.Type("hidden", "C-c")
			v.end(130)
			if screen := v.Screen(); name != "host key" && strings.Contains(screen, "hidden") {
				t.Errorf("the screen shows an answer:\n%s", screen)
			}
		})
	}
}

// Ctrl-C ends the program while a server that accepts the connection is silent.
func TestCtrlC_Dial(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	v := newVisit(t, 80, 24, "sftp://me@"+listener.Addr().String())
	c, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	v.Type("C-c")
	v.end(130)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(conchtest.Program(t, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// A tree shows the file in progress and the totals.
func TestC_SCRIPTS_7_Tree(t *testing.T) {
	bothHosts(t, func(t *testing.T, h *host) {
		if err := os.MkdirAll(filepath.Join(h.files, "tree", "deep"), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			write(t, 1<<20, h.files, "tree", "deep", fmt.Sprint("file", i))
		}
		v := visitHost(t, 80, 20, h)
		h.link.allow(2 << 20)
		v.line("get -r tree")
		shown := regexp.MustCompile(`tree/deep/file\d +[0-4]/[1-5] +[1-9]\d?% +\d\.\dMB +\S+B/s +(\d\d:\d\d ETA|- stalled -|--:-- ETA)`)
		v.WaitFor("progress", func(screen string) bool { return shown.MatchString(screen) })
		h.link.allow(-1)
		whole := regexp.MustCompile(`\n.*tree/deep/file\d +5/5 100% +5\.0MB +\S+B/s +\d\d:\d\d\ncftp>`)
		v.WaitFor("the final line", func(screen string) bool { return whole.MatchString(screen) })
		v.Type("C-d")
		v.end(0)
	})
}

// The history has the commands of the session.
func TestHistory(t *testing.T) {
	v := visitHost(t, 80, 20, openSSHHost(t))
	for _, name := range []string{"one", "two", "three"} {
		v.line("lls " + name)
		v.last("cftp>")
	}
	v.Type("begun", "Up", "Up")
	v.last("cftp> lls two")
	v.Type("Down", "Down")
	v.last("cftp> begun")
	v.Type("C-p", "C-a", "M-f", "C-k", " x", "C-y", "Enter")
	v.Wait("cftp> lls x three\n")
	v.last("cftp>")
	v.Type("Up", "Up", "Up", "Up", "Up", "Up", "Up")
	v.last("cftp> lls one")
	v.Type("C-c", "Up")
	v.last("cftp> lls x three")
	v.Type("C-u", "C-r", "tw")
	v.last("(reverse-i-search)`tw': lls two")
	v.Type("C-e")
	v.last("cftp> lls two")
	v.Type("C-u", "C-d")
	v.end(0)
}

// A terminal that cannot move its cursor has prompts, too.
func TestPlainTerminal(t *testing.T) {
	h := openSSHHost(t)
	v := newVisit(t, 80, 30, "-h")
	v.Wait("usage")
	v.line("clear; TERM=dumb cftp " + strings.Join(h.args(), " "))
	v.last("cftp>")
	v.line("lpwd")
	v.last("cftp>")
	v.Wait("cftp> lpwd\nLocal working directory: " + v.local + "\ncftp>")
	v.line("mkdir new")
	v.Wait("cftp> mkdir new\ncftp>")
	v.Type("C-d")
	v.end(0)
}

// A batch in a terminal: no questions, no progress, and the lines are shown.
func TestC_SCRIPTS_9_Terminal(t *testing.T) {
	h := openSSHHost(t)
	write(t, 1, h.files, "one")
	batch := filepath.Join(t.TempDir(), "batch")
	if err := os.WriteFile(batch, []byte("get one\n-get two\nls\nget three\nls\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	v := newVisit(t, 80, 20, append([]string{"-b", batch}, h.args()...)...)
	v.end(1)
	screen := v.Screen()
	want := "cftp> get one\ncftp> -get two\nFile "
	if !strings.HasPrefix(screen, want) || strings.Count(screen, "cftp> ls\none") != 1 || strings.Contains(screen, "%") {
		t.Errorf("the screen:\n%s", screen)
	}
}

// A file of the command line is downloaded with progress, and Ctrl-C ends the
// program.
func TestC_SCRIPTS_10_Terminal(t *testing.T) {
	h := openSSHHost(t)
	write(t, 3<<20, h.files, "large")
	args := h.args()
	args[len(args)-1] += "/large"
	v := newVisit(t, 80, 20, args...)
	v.Wait("\nlarge                                     100%    3.0MB ")
	v.end(0)
	if info, err := os.Stat(filepath.Join(v.local, "large")); err != nil || info.Size() != 3<<20 {
		t.Errorf("%v, %v", info, err)
	}
	v.line("clear")
	v.WaitFor("a clear screen", func(screen string) bool { return !strings.Contains(screen, "large") })
	h.link.allow(1 << 20)
	v.line("clear; cftp " + strings.Join(args, " "))
	v.Wait("% ")
	v.Type("C-c")
	v.end(130)
}
