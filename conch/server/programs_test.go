//go:build unix

package server_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// TestV_SESSION_2_NothingIsLost: all output of a program arrives, then its exit
// status. HAWSER_LONG=1 runs it 1,000 times.
func TestV_SESSION_2_NothingIsLost(t *testing.T) {
	runs := 50
	if os.Getenv("HAWSER_LONG") != "" {
		runs = 1000
	}
	b := serveSession(t, shell)
	c := b.alice(t)
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			for run := i; run < runs; run += 4 {
				out, err := runSession(c, "head -c 100000 /dev/zero; exit 3", run%2 == 1)
				if exit, ok := err.(*gossh.ExitError); !ok || exit.ExitStatus() != 3 || len(out) != 100000 {
					t.Errorf("run %d: %d bytes, %v", run, len(out), err)
				}
			}
		})
	}
	clients.Wait()
}

// runSession runs a command, if terminal is true with a terminal in raw mode.
func runSession(c *gossh.Client, command string, terminal bool) ([]byte, error) {
	s, err := c.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if terminal {
		if err := s.RequestPty("vt100", 24, 80, gossh.TerminalModes{gossh.ECHO: 0, 70: 0}); err != nil { // 70 is OPOST
			return nil, err
		}
	}
	return s.Output(command)
}

// instantRealm has sessions whose function returns at once.
func instant(status int) func() server.Session {
	return func() server.Session {
		return &server.HandlerSession{Handle: func(context.Context, *server.Command) int { return status }}
	}
}

// TestV_SESSION_2_AtOnce: a program that ends at once is not taken for a refusal.
func TestV_SESSION_2_AtOnce(t *testing.T) {
	c := serveSession(t, instant(5)).alice(t)
	for range 300 {
		_, err := runSession(c, "x", false)
		if exit, ok := err.(*gossh.ExitError); !ok || exit.ExitStatus() != 5 {
			t.Fatal(err)
		}
	}
}

// TestV_SESSION_4_ClosedStdin: input for a program that takes none is read and
// dropped.
func TestV_SESSION_4_ClosedStdin(t *testing.T) {
	c := serveSession(t, shell).alice(t)
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	name := fifo(t)
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := new(bytes.Buffer)
	s.Stdout = out
	if err := s.Start("exec <&-; read x <" + name + "; echo done"); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	release(t, name)
	if err := s.Wait(); err != nil || out.String() != "done\n" {
		t.Errorf("%v, %q", err, out)
	}
}

// TestV_SESSION_7_CommandLine: the shell gets the command as it is, or the forced
// command.
func TestV_SESSION_7_CommandLine(t *testing.T) {
	line := "printf '%s|' \"a  b\" 'c;d' $((1+2)) \\* é\necho $0"
	const want = "a  b|c;d|3|*|é|sh\n"
	b := serveSession(t, shell)
	if out, err := runSession(b.alice(t), line, false); string(out) != want || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	forced := serveSession(t, shell, cred.Restrictions{Command: `echo "forced $SSH_ORIGINAL_COMMAND"`}).rawLogin(t, rawVersion)
	for kind, want := range map[string]string{"exec": "forced a  'b'", "subsystem": "forced a  'b'", "shell": "forced "} {
		s := forced.open()
		payload := conch.NS("a  'b'")
		if kind == "shell" {
			payload = nil
		}
		if got := s.asked("env", conch.PackRequestEnv("SSH_ORIGINAL_COMMAND", "of the client")); got != "failure" {
			t.Errorf("env: %s", got)
		}
		if got := s.asked(kind, payload); got != "success" {
			t.Fatalf("%s: %s", kind, got)
		}
		s.wantRest("data "+want+"\n", "exit-status 0", "eof", "close")
	}
}

// environment runs env and returns the variables, without those of the shell and
// of this test.
func environment(s *rawSession) map[string]string {
	s.t.Helper()
	s.exec("/usr/bin/env; tty; :")
	all := make(map[string]string)
	for _, message := range s.rest() {
		data, _ := strings.CutPrefix(message, "data ")
		for line := range strings.Lines(strings.ReplaceAll(data, "\r", "")) {
			if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok && !slices.Contains([]string{"PWD", "OLDPWD", "SHLVL", "_", "TZ", "LANG"}, name) {
				all[name] = value
			} else if strings.HasPrefix(line, "/dev/") {
				all["tty"] = strings.TrimSuffix(line, "\n")
			}
		}
	}
	return all
}

// TestV_SESSION_8_Environment is also about C-SERVER-48: programs have the
// variables that sshd gives them, and none of the server's.
func TestV_SESSION_8_Environment(t *testing.T) {
	t.Setenv("HAWSER_SECRET", "of the server")
	var both []map[string]string
	besideSSHD(t, always, rawVersion, func() server.Session { return &server.ProgramSession{Shell: loginShell(t), Env: []string{nestedShell}} }, func(t *testing.T, c *rawConn) {
		for _, terminal := range []bool{false, true} {
			s := c.open()
			if terminal {
				if got := s.asked("pty-req", conch.PackRequestPTYReq("vt220", conch.WindowSize{}, nil)); got != "success" {
					t.Fatal(got)
				}
			}
			if got := s.asked("env", conch.PackRequestEnv("LC_X", "y")); got != "success" {
				t.Error(got)
			}
			env := environment(s)
			if terminal && (env["SSH_TTY"] == "" || env["SSH_TTY"] != env["tty"] || env["TERM"] != "vt220") {
				t.Errorf("the terminal: %q", env)
			}
			digits := regexp.MustCompile(`\d+`)
			for _, name := range []string{"SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "tty"} {
				if _, ok := env[name]; ok {
					env[name] = digits.ReplaceAllString(env[name], "0")
				}
			}
			both = append(both, env)
		}
	})
	if len(both) != 4 {
		return // sshd is missing, or a part has failed
	}
	for i := range 2 {
		if ours, theirs := fmt.Sprint(both[i]), fmt.Sprint(both[i+2]); ours != theirs {
			t.Errorf("sshd has\n%s, this server has\n%s", theirs, ours)
		}
	}
}

// loginShell returns the shell of the user of this process.
func loginShell(t *testing.T) string {
	t.Helper()
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return "/bin/sh"
	}
	for line := range strings.Lines(string(passwd)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) == 7 && fields[2] == strconv.Itoa(os.Getuid()) {
			return fields[6]
		}
	}
	return "/bin/sh"
}

// TestV_SESSION_9_AcceptEnv: which variables a client may set.
func TestV_SESSION_9_AcceptEnv(t *testing.T) {
	kinds := map[string]func(accept []string) func() server.Session{
		"programs": func(accept []string) func() server.Session {
			return func() server.Session {
				return &server.ProgramSession{Shell: "/bin/sh", Dir: "/", AcceptEnv: accept, Env: []string{"OURS=1"}}
			}
		},
		"functions": func(accept []string) func() server.Session {
			return func() server.Session {
				return &server.HandlerSession{AcceptEnv: accept, Handle: func(_ context.Context, c *server.Command) int {
					fmt.Fprintln(c.Stdout, strings.Join(c.Env, "\n"))
					return 0
				}}
			}
		},
	}
	long := strings.Repeat("v", 40<<10)
	for kind, session := range kinds {
		for _, tt := range []struct {
			accept      []string
			name, value string
			want        string
		}{
			{nil, "LANG", "C", "success"},
			{nil, "LC_ALL", "", "success"},
			{nil, "FOO", "1", "failure"},
			{[]string{}, "LANG", "C", "failure"},
			{[]string{"*"}, "FOO", "1", "success"},
			{[]string{"*"}, "LD_PRELOAD", "1", "failure"},
			{[]string{"LD_*"}, "LD_PRELOAD", "1", "failure"},
			{[]string{"*", "LD_X"}, "LD_X", "1", "success"},
			{[]string{"*"}, "PATH", "1", "failure"},
			{[]string{"PATH"}, "PATH", "/bin:/usr/bin", "success"},
			{[]string{"*"}, "BASH_ENV", "1", "failure"},
			{[]string{"*"}, "ENV", "1", "failure"},
			{[]string{"*"}, "IFS", "1", "failure"},
			{[]string{"*"}, "BASH_FUNC_ls%%", "1", "failure"},
			{[]string{"*"}, "HOME", "1", "failure"},
			{[]string{"*"}, "SSH_CLIENT", "1", "failure"},
			{[]string{"*"}, "SSH_ORIGINAL_COMMAND", "1", "failure"},
			{[]string{"*"}, "", "1", "failure"},
			{[]string{"*"}, "A=B", "1", "failure"},
			{[]string{"*"}, "A\x00", "1", "failure"},
			{[]string{"*"}, "A", "\x00", "failure"},
			{[]string{"*"}, "OURS", "2", "success"}, // overridden below
			{[]string{"*"}, "LONG", long, "success"},
		} {
			if tt.name == "" && tt.accept != nil {
				tt.accept = []string{"?*"} // "*" matches it
			}
			b := serveSession(t, session(tt.accept))
			s := b.rawLogin(t, rawVersion).open()
			if got := s.asked("env", conch.PackRequestEnv(tt.name, tt.value)); got != tt.want {
				t.Errorf("%s: %.30s with %q: %s, want %s", kind, tt.name, tt.accept, got, tt.want)
				continue
			}
			s.exec("env")
			pair := tt.name + "=" + tt.value
			if tt.name == "OURS" && kind == "programs" {
				pair = "OURS=1"
			}
			out := strings.Split(strings.TrimPrefix(s.rest()[0], "data "), "\n")
			if got := contains(out, pair); got != (tt.want == "success") {
				t.Errorf("%s: %.40s is there: %v", kind, pair, got)
			}
		}
	}
	s := serveSession(t, kinds["functions"]([]string{"*"})).rawLogin(t, rawVersion).open()
	for range 200 { // those that are not accepted do not count
		s.asked("env", conch.PackRequestEnv("LD_X", "1"))
	}
	for i := range 129 {
		want := map[bool]string{true: "success", false: "failure"}[i < 128]
		if got := s.asked("env", conch.PackRequestEnv("A"+strconv.Itoa(i%127), strconv.Itoa(i))); got != want {
			t.Fatalf("variable %d: %s", i, got)
		}
	}
	s.exec("env")
	if out := s.rest()[0]; strings.Count(out, "\n") != 127 || !strings.Contains(out, "A0=127\n") {
		t.Errorf("%d variables: %q", strings.Count(out, "\n"), out)
	}
	s = serveSession(t, kinds["functions"]([]string{"*"})).rawLogin(t, rawVersion).open()
	for i, want := range []string{"success", "failure", "success"} {
		if got := s.asked("env", conch.PackRequestEnv("A", []string{long, long, "short"}[i])); got != want {
			t.Errorf("%d: %s", i, got)
		}
	}
}

// TestV_SESSION_10_UserEnvironment: the options of a key set variables only if
// the server permits it.
func TestV_SESSION_10_UserEnvironment(t *testing.T) {
	options := cred.Restrictions{Environment: []string{"A=1", "A=2", "B=x=y", "LD_LIBRARY_PATH=/", "PATH=/bin:/usr/bin"}}
	for _, tt := range []struct {
		permit []string
		want   string
	}{
		{nil, ""},
		{[]string{"*"}, "A=1\nB=x=y\n"},
		{[]string{"A", "PATH"}, "A=1\nPATH=/bin:/usr/bin\n"},
	} {
		b := serveSession(t, func() server.Session {
			return &server.ProgramSession{Shell: "/bin/sh", Dir: "/", PermitUserEnvironment: tt.permit}
		}, options)
		out, err := runSession(b.alice(t), "env | grep -e ^A= -e ^B= -e ^LD_ -e ^PATH=/bin: | sort", false)
		if string(out) != tt.want || err != nil {
			t.Errorf("%q: %q, %v", tt.permit, out, err)
		}
	}
}

// TestV_SESSION_11_Terminal is also about C-SERVER-42: the size comes in columns
// and rows, may be zero, and is there before the program starts.
func TestV_SESSION_11_Terminal(t *testing.T) {
	besideSSHD(t, inLongForm, rawVersion, shell, func(t *testing.T, c *rawConn) {
		for want, size := range map[string]conch.WindowSize{"0 0": {}, "30 100": {Rows: 30, Columns: 100, Width: 700, Height: 400}} {
			s := c.open()
			if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", size, nil)); got != "success" {
				t.Fatal(got)
			}
			if c.version == "SSH-2.0-hawser" { // sshd ends the connection
				if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", size, nil)); got != "failure" {
					t.Errorf("a second terminal: %s", got)
				}
			}
			s.exec("stty size; echo err >&2; test -t 0 && test -t 1 && test -t 2; exit 4")
			s.wantRest("data "+want+"\r\nerr\r\n", "exit-status 4", "eof", "close")
		}
	})
	// A client goes on without a terminal.
	refusing := map[string]*bed{
		"NoPTY": serveSession(t, func() server.Session { return &server.ProgramSession{Shell: "/bin/sh", Dir: "/", NoPTY: true} }),
		"key":   serveSession(t, shell, cred.Restrictions{NoPTY: true}),
	}
	for name, b := range refusing {
		s := b.rawLogin(t, rawVersion).open()
		if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{}, nil)); got != "failure" {
			t.Errorf("%s: %s", name, got)
		}
		s.ask("window-change", 0, conch.PackRequestWindowChange(conch.WindowSize{Rows: 1})) // V-SESSION-14: ignored
		if got := s.asked("shell", nil); got != "success" {
			t.Fatal(got)
		}
		s.write("test -t 0 || echo no terminal; echo $0\nexit 3\n")
		s.wantRest("data no terminal\n-sh\n", "exit-status 3", "eof", "close") // C-SERVER-48: a login shell
	}
}

// TestT_SESSION_16_EndOfTerminalInput: the end of the client's input is the end
// of the input of a terminal, also within a line, and before the program starts.
func TestT_SESSION_16_EndOfTerminalInput(t *testing.T) {
	noEcho := conch.TerminalMode{Opcode: 53}
	c := serveSession(t, shell).rawLogin(t, rawVersion)
	for name, row := range map[string]struct {
		input string
		modes []conch.TerminalMode
		early bool
	}{
		"a line":      {"abc\n", []conch.TerminalMode{noEcho}, false},
		"within one":  {"abc", []conch.TerminalMode{noEcho}, false},
		"nothing":     {"", []conch.TerminalMode{noEcho}, false},
		"another key": {"abc", []conch.TerminalMode{noEcho, {Opcode: 5, Value: 'Z'}}, false},
		"early":       {"abc", []conch.TerminalMode{noEcho}, true},
	} {
		s := c.open()
		if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{}, row.modes)); got != "success" {
			t.Fatal(got)
		}
		send := func() {
			s.write(row.input)
			s.eof()
		}
		if row.early {
			send()
		}
		s.exec("cat; echo end; exit 3")
		if !row.early {
			send()
		}
		want := strings.ReplaceAll(row.input, "\n", "\r\n") + "end\r\n"
		if got := s.rest(); !slices.Equal(got, []string{"data " + want, "exit-status 3", "eof", "close"}) && !slices.Equal(got, []string{"data " + want, "eof", "exit-status 3", "close"}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestV_SESSION_12_Modes: a terminal gets the modes that sshd gives it.
func TestV_SESSION_12_Modes(t *testing.T) {
	modes := []conch.TerminalMode{
		{Opcode: 1, Value: 5}, {Opcode: 2, Value: 255}, {Opcode: 3, Value: 8}, {Opcode: 4, Value: 11}, {Opcode: 5, Value: 6}, {Opcode: 6, Value: 65},
		{Opcode: 7, Value: 66}, {Opcode: 8, Value: 67}, {Opcode: 9, Value: 68}, {Opcode: 10, Value: 255}, {Opcode: 12, Value: 70}, {Opcode: 13, Value: 71},
		{Opcode: 14, Value: 72}, {Opcode: 18, Value: 74}, {Opcode: 99, Value: 1}, {Opcode: 159, Value: 1},
	}
	for _, opcodes := range [][2]uint8{{30, 42}, {50, 62}, {70, 75}, {92, 93}} {
		for op := opcodes[0]; op <= opcodes[1]; op++ {
			if op != 51 {
				modes = append(modes, conch.TerminalMode{Opcode: op, Value: uint32(op) % 2})
			}
		}
	}
	modes = append(modes, conch.TerminalMode{Opcode: 90, Value: 1}, conch.TerminalMode{Opcode: 128, Value: 9600}, conch.TerminalMode{Opcode: 129, Value: 19200})
	inverse := slices.Clone(modes)
	for i := range inverse {
		if inverse[i].Opcode >= 30 && inverse[i].Opcode <= 93 {
			inverse[i].Value = 1 - inverse[i].Value
		}
	}
	inverse = append(inverse, conch.TerminalMode{Opcode: 91, Value: 1}, conch.TerminalMode{Opcode: 53, Value: 9})
	var both [][]string
	besideSSHD(t, always, rawVersion, shell, func(t *testing.T, c *rawConn) {
		var states []string
		for _, modes := range [][]conch.TerminalMode{modes, inverse} {
			s := c.open()
			if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{}, modes)); got != "success" {
				t.Fatal(got)
			}
			s.exec("stty -a")
			states = append(states, strings.Fields(s.output())...)
		}
		both = append(both, states)
	})
	if len(both) == 2 && !slices.Equal(both[0], both[1]) {
		for i := range min(len(both[0]), len(both[1])) {
			if both[0][i] != both[1][i] {
				t.Errorf("%s of this server, %s of sshd", both[0][max(i-2, 0):i+1], both[1][max(i-2, 0):i+1])
			}
		}
	}
}

// TestV_SESSION_14_WindowChange is also about V-SESSION-13: of several sizes the
// last counts, and a size for a program that has ended harms nothing.
func TestV_SESSION_14_WindowChange(t *testing.T) {
	c := serveSession(t, shell).rawLogin(t, rawVersion)
	s := c.open()
	s.ask("window-change", 0, conch.PackRequestWindowChange(conch.WindowSize{Rows: 9, Columns: 9})) // before the terminal: ignored
	if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{Rows: 1, Columns: 1}, []conch.TerminalMode{{Opcode: 53, Value: 0}})); got != "success" {
		t.Fatal(got)
	}
	s.ask("window-change", 0, conch.PackRequestWindowChange(conch.WindowSize{Rows: 2, Columns: 2}))
	s.exec("stty size; read x; stty size")
	if got := s.next(); got != "data 2 2\r\n" {
		t.Errorf("%q", got)
	}
	for i := range uint32(20) {
		s.ask("window-change", 0, conch.PackRequestWindowChange(conch.WindowSize{Rows: i, Columns: 100 + i}))
	}
	if got := s.asked("simple@putty.projects.tartarus.org", nil); got != "failure" { // the sizes have arrived
		t.Error(got)
	}
	s.write("\n")
	if got := s.until("close"); !contains(got, "data 19 119\r\n") {
		t.Errorf("%q", got)
	}
	s.ask("window-change", 0, conch.PackRequestWindowChange(conch.WindowSize{Rows: 3, Columns: 3}))
	s.ask("signal", 0, conch.NS("KILL"))
	s.ask("break", 0, conch.PackRequestBreak(0))
	s.close()
	s = c.open()
	s.exec("echo fine")
	s.wantRest("data fine\n", "exit-status 0", "eof", "close")
}

// TestV_SESSION_14_LastSize: a function sees the last size.
func TestV_SESSION_14_LastSize(t *testing.T) {
	resized := make(chan bool)
	b := serveSession(t, func() server.Session {
		return &server.HandlerSession{Terminals: true, Shells: true, Handle: func(_ context.Context, c *server.Command) int {
			<-resized
			fmt.Fprint(c.Stdout, c.Terminal.Term, c.Terminal.Size, <-c.Terminal.Resized)
			return 0
		}}
	})
	s := b.rawLogin(t, rawVersion).open()
	if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{Rows: 1, Columns: 2}, nil)); got != "success" {
		t.Fatal(got)
	}
	if got := s.asked("shell", nil); got != "success" {
		t.Fatal(got)
	}
	for i := range uint32(20) {
		s.ask("window-change", 0, conch.PackRequestWindowChange(conch.WindowSize{Rows: i, Columns: 100}))
	}
	if got := s.asked("simple@putty.projects.tartarus.org", nil); got != "failure" { // the sizes have arrived
		t.Error(got)
	}
	close(resized)
	s.wantRest("data xterm{1 2 0 0} {19 100 0 0}", "exit-status 0", "eof", "close")
}

// TestV_SESSION_15_Signal: which signals reach the program, and what it has
// started (C-SERVER-43 refuses all).
func TestV_SESSION_15_Signal(t *testing.T) {
	c := serveSession(t, shell).rawLogin(t, rawVersion)
	for _, name := range []string{"HUP", "INT", "QUIT", "TERM", "USR1", "USR2"} {
		s := c.open()
		s.exec("exec 2>/dev/null; trap 'echo got " + name + "; exit 7' " + name + "; echo ready; while :; do sleep 0.01; done")
		if got := s.next(); got != "data ready\n" {
			t.Error(got)
		}
		for _, other := range []string{"STOP", "ABRT", "KILL ", "term", "SIGTERM", ""} {
			if got := s.asked("signal", conch.NS(other)); got != "failure" {
				t.Errorf("%s: %s", other, got)
			}
		}
		if got := s.asked("signal", conch.NS(name)); got != "success" {
			t.Errorf("%s: %s", name, got)
		}
		s.wantRest("data got "+name+"\n", "exit-status 7", "eof", "close")
	}
	s := c.open()
	s.exec("sleep 1000 & echo $!; wait") // the close waits for the end of sleep, which holds stdout
	s.next()
	s.ask("signal", 0, conch.NS("KILL"))
	s.wantRest(`exit-signal KILL core=0 "\x00\x00\x00\x00\x00\x00\x00\x00"`, "eof", "close")

	s = serveSession(t, shell, cred.Restrictions{Command: "echo ready; read x; exit 4"}).rawLogin(t, rawVersion).open()
	s.exec("true")
	s.next()
	if got := s.asked("signal", conch.NS("TERM")); got != "failure" {
		t.Errorf("a forced command: %s", got)
	}
	s.write("\n")
	s.wantRest("exit-status 4", "eof", "close")
}

// TestV_SESSION_16_Break: a break needs a terminal.
func TestV_SESSION_16_Break(t *testing.T) {
	besideSSHD(t, inLongForm, rawVersion, shell, func(t *testing.T, c *rawConn) {
		for _, terminal := range []bool{true, false} {
			want := "failure"
			s := c.open()
			if terminal {
				want = "success"
				if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{}, []conch.TerminalMode{{Opcode: 53, Value: 0}})); got != "success" {
					t.Fatal(got)
				}
			}
			s.exec("read x; exit 3")
			if got := s.asked("break", conch.PackRequestBreak(time.Second)); got != want {
				t.Errorf("with a terminal %v: %s", terminal, got)
			}
			s.write("\n")
			s.wantRest("exit-status 3", "eof", "close")
		}
	})
}

// gone runs a program that reports its number first, and then lets the client
// go.
func gone(t *testing.T, session *server.ProgramSession, terminal bool, script string, leave func(*rawSession)) (b *bed, pid int) {
	t.Helper()
	session.Shell, session.Dir = "/bin/sh", "/"
	b = serveSession(t, func() server.Session { return session })
	s := b.rawLogin(t, rawVersion).open()
	if terminal {
		if got := s.asked("pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{}, nil)); got != "success" {
			t.Fatal(got)
		}
	}
	s.exec(script)
	first := strings.TrimSpace(strings.TrimPrefix(s.until("data ")[0], "data "))
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	leave(s)
	return b, pid
}

// ended reports whether a process exists no more, and has been waited for.
func ended(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

// TestV_SESSION_19_ClientGoes is also about C-SERVER-46: what happens to programs
// whose client closes the session, or whose connection ends.
func TestV_SESSION_19_ClientGoes(t *testing.T) {
	closes := (*rawSession).leave
	drops := func(s *rawSession) { s.conn.Close() }
	for name, leave := range map[string]func(*rawSession){"closes": closes, "drops": drops} {
		for _, terminal := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/terminal=%v", name, terminal), func(t *testing.T) {
				_, pid := gone(t, &server.ProgramSession{}, terminal, "echo $$; exec sleep 1000", leave)
				await(t, "SIGHUP", func() bool { return ended(pid) })
			})
		}
		t.Run(name+"/the group", func(t *testing.T) {
			_, pid := gone(t, &server.ProgramSession{}, false, "sleep 1000 & echo $!; wait", leave)
			await(t, "SIGHUP", func() bool { return ended(pid) || zombie(pid) }) // its parent has ended; init waits for it
		})
		t.Run(name+"/killed", func(t *testing.T) {
			_, pid := gone(t, &server.ProgramSession{KillAfter: 20 * time.Millisecond}, false, "trap '' HUP; echo $$; exec sleep 1000", leave)
			await(t, "SIGKILL", func() bool { return ended(pid) })
		})
		t.Run(name+"/exits in time", func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			_, pid := gone(t, &server.ProgramSession{KillAfter: time.Hour}, false, "exec 2>/dev/null; trap 'echo bye >"+out+"; exit' HUP; echo $$; while :; do sleep 0.01; done", leave)
			await(t, "the end", func() bool { return ended(pid) })
			if said, err := os.ReadFile(out); string(said) != "bye\n" || err != nil {
				t.Errorf("%q, %v", said, err)
			}
		})
		t.Run(name+"/left", func(t *testing.T) {
			dir := t.TempDir()
			name := fifo(t)
			_, pid := gone(t, &server.ProgramSession{LeaveRunning: true}, false, "echo $$; cd "+dir+"; cat > in; read x < "+name+"; while echo out; do :; done; echo end > end", leave)
			// The end of the input shows that the pipes are being closed, one after
			// the other. SIGPIPE shows it at the output.
			release(t, name)
			await(t, "the end", func() bool { return ended(pid) })
			if _, err := os.Stat(filepath.Join(dir, "end")); err == nil {
				t.Error("the program could write to a client that has gone")
			}
		})
		t.Run(name+"/does not read", func(t *testing.T) {
			dir, name := t.TempDir(), fifo(t)
			const size = 512 << 10
			_, pid := gone(t, &server.ProgramSession{LeaveRunning: true}, false, "echo $$; read x < "+name+"; wc -c > "+dir+"/count", func(s *rawSession) {
				for range size >> 14 {
					s.write(string(make([]byte, 16<<10)))
				}
				leave(s)
			})
			release(t, name)
			await(t, "the end", func() bool { return ended(pid) })
			count, err := os.ReadFile(filepath.Join(dir, "count"))
			if n, _ := strconv.Atoi(strings.TrimSpace(string(count))); err != nil || n > size {
				t.Errorf("%q, %v", count, err)
			}
		})
	}
}

// zombie reports whether a process has ended, and has not been waited for.
func zombie(pid int) bool {
	state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.HasPrefix(string(state), "Z")
}

// TestV_SESSION_19_DuringStart: a program that is started after the client has
// gone is hung up at once.
func TestV_SESSION_19_DuringStart(t *testing.T) {
	late := &lateSession{start: make(chan func() bool, 1), closed: make(chan bool, 1)}
	b := serveSession(t, func() server.Session { return late })
	s := b.rawLogin(t, rawVersion).open()
	s.ask("exec", 0, conch.NS("exec sleep 1000"))
	start := <-late.start
	s.conn.Close()
	<-late.closed
	pid, cancelled := 0, false
	b.onLoop(func() {
		cancelled = start()
		pid = late.p.Transport().PID()
	})
	if pid == 0 || !cancelled {
		t.Errorf("process %d, cancelled %v", pid, cancelled)
	}
	await(t, "the end of the program", func() bool { return ended(pid) })
}

// lateSession starts programs when the test wants it.
type lateSession struct {
	server.ProgramSession
	p      *server.SSHSessionProcessProtocol
	start  chan func() (cancelled bool)
	closed chan bool
}

func (l *lateSession) ExecCommand(p *server.SSHSessionProcessProtocol, command string) deferred.Deferred[struct{}] {
	cancelled := false
	d := deferred.New(func(deferred.Deferred[struct{}]) { cancelled = true })
	l.p = p
	l.start <- func() bool {
		l.ProgramSession.ExecCommand(p, command)
		_ = d.TryCallback(struct{}{}) // it may have been cancelled
		return cancelled
	}
	return d
}

func (l *lateSession) Closed() { l.closed <- true }

// greeting shows a message of the day.
type greeting struct{ server.ProgramSession }

func (g *greeting) OpenShell(p *server.SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	p.Session().Write([]byte("welcome\n"))
	return g.ProgramSession.OpenShell(p)
}

// TestV_SESSION_23_Greeting: a message of the day is a method that calls the one
// that it replaces. By default there is none.
func TestV_SESSION_23_Greeting(t *testing.T) {
	for want, session := range map[string]server.Session{"welcome\nhi\n": &greeting{}, "hi\n": &server.ProgramSession{Shell: "/bin/sh", Dir: "/"}} {
		if g, ok := session.(*greeting); ok {
			g.Shell, g.Dir = "/bin/sh", "/"
		}
		s := serveSession(t, func() server.Session { return session }).rawLogin(t, rawVersion).open()
		s.ask("shell", 0, nil)
		s.write("echo hi\nexit\n")
		s.wantRest("data "+want, "exit-status 0", "eof", "close")
	}
}
