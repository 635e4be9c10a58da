//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// asCommand is the environment variable that makes the test program conch.
const asCommand = "HAWSER_TEST_CONCH"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// screen is a terminal with a shell script that runs conch.
type screen struct {
	*tmuxtest.Terminal
	t   *testing.T
	dir string // with the files before and after: stty -a
}

// start runs conch in a terminal of 80 columns and 24 lines. The screen then
// shows its exit status.
func start(t *testing.T, args ...string) *screen {
	t.Helper()
	t.Setenv(asCommand, "1")
	s := &screen{t: t, dir: t.TempDir()}
	quoted := []string{os.Args[0]}
	for _, word := range args {
		quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	script := fmt.Sprintf("trap : INT; cd '%s'; stty -a >before; sh -c 'echo $$ >pid; exec \"$@\"' sh %s; s=$?; stty -a >after; echo \"status=$s\"; read end", s.dir, strings.Join(quoted, " "))
	s.Terminal = tmuxtest.Start(t, 80, 24, "sh", "-c", script)
	return s
}

// end waits for the end of conch. The settings of the terminal must be as before.
func (s *screen) end() (status int, shown string) {
	s.t.Helper()
	ended := regexp.MustCompile(`(?m)^status=(\d+)$`)
	shown = s.WaitFor("the exit status", func(screen string) bool { return ended.MatchString(screen) })
	if _, err := fmt.Sscan(ended.FindStringSubmatch(shown)[1], &status); err != nil {
		s.t.Fatal(err)
	}
	s.sane()
	return status, shown
}

// signal sends a signal to conch.
func (s *screen) signal(signal syscall.Signal) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		err = syscall.Kill(pid, signal)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// sane compares the settings of the terminal. The size may have changed.
func (s *screen) sane() {
	s.t.Helper()
	size := regexp.MustCompile(`rows \d+; columns \d+`)
	var settings [2]string
	for i, name := range []string{"before", "after"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			s.t.Fatal(err)
		}
		settings[i] = size.ReplaceAllString(string(text), "")
	}
	if settings[0] != settings[1] {
		s.t.Errorf("the settings of the terminal were %s\nand are %s", settings[0], settings[1])
	}
}

// openSSH returns the command line for an OpenSSH server.
func openSSH(t *testing.T) []string {
	s := conchtest.NewOpenSSH(t)
	_, port := s.HostPort()
	return []string{"-F", "none", "-p", fmt.Sprint(port), "-i", s.ClientKey, "-o", "IdentityAgent=none", "-o", "UserKnownHostsFile=" + s.KnownHosts,
		"-o", "GlobalKnownHostsFile=none", "-l", s.User, "127.0.0.1"}
}

// ourServer returns the command line for a server of package server.
func ourServer(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "id")
	key, err := conchtest.NewKeyFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.Start(t, reactor.Options{})
	port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[int] {
		s := &server.Server{
			AuthorizedKeys: map[string]string{"ana": string(gossh.MarshalAuthorizedKey(key.PublicKey()))},
			Session:        func(*server.Login) server.Session { return &server.ProgramSession{Shell: "/bin/sh", Dir: "/"} },
		}
		port, err := s.Listen(r, "127.0.0.1:0")
		if err != nil {
			return deferred.Fail[int](err)
		}
		return deferred.Succeed(port.GetHost().(reactor.IPAddress).Port())
	})
	if err != nil {
		t.Fatal(err)
	}
	return []string{"-F", "none", "-p", fmt.Sprint(port), "-i", file, "--noagent", "-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "GlobalKnownHostsFile=none", "-l", "ana", "127.0.0.1"}
}

// shell returns the command line for a shell with a prompt that tests know.
func shell(server []string) []string {
	return append(server, "-t", "PS1='remote> ' HISTFILE= exec sh -i")
}

// TestC_SCRIPTS_20_Terminal: a shell, with the size and the modes of the local
// terminal, in which keys reach the remote side, Ctrl-C and Ctrl-Z too.
func TestC_SCRIPTS_20_Terminal(t *testing.T) {
	for name, server := range map[string]func(*testing.T) []string{"OpenSSH": openSSH, "ours": ourServer} {
		t.Run(name, func(t *testing.T) { testTerminal(t, server(t)) })
	}
}

func testTerminal(t *testing.T, server []string) {
	s := start(t, shell(server)...)
	s.Wait("remote>")
	s.Type("stty size; echo $TERM", "Enter")
	s.Wait("24 80\n")
	s.Resize(100, 30)
	s.Type(untilSize("30 100"), "Enter")
	s.Wait("has 30 100\n")
	s.Type("clear; sh -c 'echo now$((1+1)); exec sleep 1000'", "Enter")
	s.Wait("now2") // the terminal has a program in its foreground
	s.Type("C-c")
	s.Wait("^C\nremote>")
	s.Type("echo int$((1+1))", "Enter")
	s.Wait("int2")
	s.Type("echo cat$((1+1)); cat", "Enter")
	s.Wait("cat2") // the shell does not edit lines any more
	s.Type("words", "Enter")
	s.WaitFor("words twice", func(screen string) bool { return strings.Count(screen, "words") == 2 })
	s.Type("C-d", "exit 9", "Enter")
	if status, shown := s.end(); status != 9 || !strings.Contains(shown, "Connection to 127.0.0.1 closed.") {
		t.Errorf("status %d: %s", status, shown)
	}
}

// untilSize is a command that waits until the terminal has a size: the keys of the
// command may arrive before the new size.
func untilSize(size string) string {
	return `clear; until [ "$(stty size)" = "` + size + `" ]; do :; done; echo has $(stty size)`
}

// TestC_SCRIPTS_21_Terminal: help, the list of channels, a suspended program, a
// tilde, and the end of the connection.
func TestC_SCRIPTS_21_Terminal(t *testing.T) {
	s := start(t, shell(openSSH(t))...)
	s.Wait("remote>")
	s.Type("Enter", "~?")
	s.Wait("Supported escape sequences:")
	s.Type("Enter", "~#")
	s.Wait("The following connections are open:\n  channel session 0")
	s.Type("Enter", "~R")
	s.Wait("not possible; keys change")
	s.Type("Enter", "clear", "Enter", "~~.", "Enter")
	s.Wait("~.: ")
	s.Type("echo a~.b", "Enter")
	s.Wait("\na~.b\n")
	s.Type("~.")
	if status, shown := s.end(); status != 255 || !strings.Contains(shown, "Connection to 127.0.0.1 closed.") {
		t.Errorf("status %d: %s", status, shown)
	}
}

// TestC_SCRIPTS_21_Suspend: ~^Z stops conch with a sane terminal, and the session
// continues in the foreground, with the size that the terminal has then.
func TestC_SCRIPTS_21_Suspend(t *testing.T) {
	t.Setenv(asCommand, "1")
	m := tmuxtest.Start(t, 80, 24, "env", "PS1=local> ", "bash", "--norc", "--noprofile", "-i")
	m.Wait("local>")
	var quoted []string
	for _, word := range shell(openSSH(t)) {
		quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	script := filepath.Join(t.TempDir(), "run")
	if err := os.WriteFile(script, []byte("exec "+os.Args[0]+" "+strings.Join(quoted, " ")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Type("stty -a > "+script+".before; sh "+script, "Enter")
	m.Wait("remote>")
	m.Type("Enter", "~", "C-z")
	m.Wait("Stopped")
	m.Type("clear; stty -a > "+script+".after; echo here$((1+1))", "Enter")
	m.Wait("here2")
	m.Resize(90, 28)
	m.Type("clear", "Enter", "fg", "Enter")
	m.Type("Enter", untilSize("28 90"), "Enter")
	m.Wait("has 28 90\n")
	m.Type("exit 4", "Enter")
	m.Wait("Connection to 127.0.0.1 closed.")
	m.Type("echo status=$?", "Enter")
	m.Wait("status=4")
	before, err := os.ReadFile(script + ".before")
	after, aerr := os.ReadFile(script + ".after")
	if err != nil || aerr != nil || string(before) != string(after) {
		t.Errorf("%v, %v, the settings of the stopped terminal are %s", err, aerr, after)
	}
}

// password starts conch with a server that wants a password.
func password(t *testing.T, options conchtest.Options, args ...string) (*screen, *conchtest.Server) {
	t.Helper()
	options.Password = "the secret"
	server := conchtest.NewServer(t, options)
	known := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(server.Addr, server.HostKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port := server.HostPort()
	return start(t, append([]string{"-F", "none", "-p", fmt.Sprint(port), "-l", server.User, "-o", "UserKnownHostsFile=" + known, "-o", "GlobalKnownHostsFile=none",
		"-o", "PreferredAuthentications=password", "127.0.0.1"}, args...)...), server
}

// TestC_SCRIPTS_20_Password: the password is not visible. A wrong one is asked
// for again.
func TestC_SCRIPTS_20_Password(t *testing.T) {
	s, _ := password(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		_, _ = ch.Write([]byte("inside\n"))
		return 3
	}}, "run")
	s.Wait("assword")
	s.Type("wrong secret", "Enter")
	s.WaitFor("a second question", func(screen string) bool { return strings.Count(screen, "assword") > 1 })
	s.Type("the secret", "Enter")
	status, shown := s.end()
	if status != 3 || !strings.Contains(shown, "inside\n") || strings.Contains(shown, "secret") {
		t.Errorf("status %d: %s", status, shown)
	}
}

// TestC_SCRIPTS_20_CtrlC: Ctrl-C at the question ends conch as ssh ends.
func TestC_SCRIPTS_20_CtrlC(t *testing.T) {
	s, _ := password(t, conchtest.Options{}, "run")
	s.Wait("assword")
	s.Type("sec", "C-c")
	if status, shown := s.end(); status != 130 || strings.Contains(shown, "sec") {
		t.Errorf("status %d: %s", status, shown)
	}
}

// TestC_SCRIPTS_20_NewHost: the question about a new host; no and Ctrl-C, also on
// the way to the background.
func TestC_SCRIPTS_20_NewHost(t *testing.T) {
	server := conchtest.NewServer(t, conchtest.Options{})
	_, port := server.HostPort()
	args := []string{"-F", "none", "-p", fmt.Sprint(port), "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=none", "127.0.0.1"}
	for keys, want := range map[string]int{"no": 255, "C-c": 130} {
		for _, background := range [][]string{nil, {"-f", "true"}} {
			s := start(t, append(args[:len(args):len(args)], background...)...)
			s.Wait("yes/no")
			s.Type(keys)
			if keys == "no" {
				s.Type("Enter")
			}
			if status, shown := s.end(); status != want || keys == "no" && !strings.Contains(shown, "Host key verification failed.") {
				t.Errorf("%s: status %d: %s", keys, status, shown)
			}
		}
	}
}

// TestC_SCRIPTS_22_Dies: a connection that dies in the middle, and signals, leave
// a sane terminal.
func TestC_SCRIPTS_22_Dies(t *testing.T) {
	server := conchtest.Options{Session: func(ch gossh.Channel, req *gossh.Request) bool {
		if req.Type != "shell" && req.Type != "pty-req" {
			return false
		}
		_ = req.Reply(true, nil) // the connection may be gone
		if req.Type == "shell" {
			_, _ = ch.Write([]byte("the far shell\r\n"))
		}
		return true
	}}
	s, far := password(t, server)
	s.Wait("assword")
	s.Type("the secret", "Enter")
	s.Wait("the far shell")
	far.CloseConnections()
	if status, shown := s.end(); status != 255 || !strings.Contains(shown, "Connection to 127.0.0.1 closed by remote host") {
		t.Errorf("status %d: %s", status, shown)
	}
	for signal, want := range map[syscall.Signal]int{syscall.SIGTERM: 255, syscall.SIGHUP: 128 + 1} {
		s, _ := password(t, server)
		s.Wait("assword")
		s.Type("the secret", "Enter")
		s.Wait("the far shell")
		s.signal(signal)
		if status, shown := s.end(); status != want {
			t.Errorf("%v: status %d: %s", signal, status, shown)
		}
	}
}
