//go:build unix

package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/server"
	"golang.org/x/sys/unix"
)

// fifo makes a FIFO.
func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// release writes a line to a FIFO that a program reads.
func release(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(name, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
}

// TestV_SESSION_1_OrderAtTheEnd is also about C-SERVER-47. The exit status does
// not wait for a process that holds stdout, and the close waits for both.
func TestV_SESSION_1_OrderAtTheEnd(t *testing.T) {
	besideSSHD(t, always, rawVersion, shell, func(t *testing.T, c *rawConn) {
		s := c.open()
		s.exec("echo hi; echo err >&2; exit 3")
		got := s.rest()
		end := func(message string) int { return slices.Index(got, message) }
		if len(got) != 5 || end("data hi\n") < 0 || end("stderr err\n") < 0 || end("exit-status 3") < 0 || got[4] != "close" ||
			end("eof") < max(end("data hi\n"), end("stderr err\n")) {
			t.Errorf("received %q", got) // sshd sends the exit status at any time
		}

		s = c.open()
		name := fifo(t)
		s.exec("(read x < " + name + "; echo late) & exit 3")
		if got := s.next(); got != "exit-status 3" {
			t.Errorf("received %q while a process holds stdout", got)
		}
		release(t, name)
		s.wantRest("data late\n", "eof", "close")
	})
}

// TestExitStatusBeforeEndOfFile: a client may close a session at end-of-file,
// and nothing can be sent then. A protocol ends in the same order.
func TestExitStatusBeforeEndOfFile(t *testing.T) {
	for name, session := range map[string]func() server.Session{"a program": shell, "a function": instant(3)} {
		c := serveSession(t, session).rawLogin(t, rawVersion)
		for range 20 {
			s := c.open()
			s.exec("exit 3")
			if got, want := s.rest(), []string{"exit-status 3", "eof", "close"}; !slices.Equal(got, want) {
				t.Fatalf("%s: received %q, want %q", name, got, want)
			}
		}
	}
}

// TestV_SESSION_3_Signals: a program that a signal ends has no exit status.
func TestV_SESSION_3_Signals(t *testing.T) {
	besideSSHD(t, inLongForm, rawVersion, shell, func(t *testing.T, c *rawConn) {
		for _, name := range []string{"KILL", "USR1"} {
			s := c.open()
			s.exec("kill -" + name + " $$")
			s.wantRest(`exit-signal `+name+` core=0 "\x00\x00\x00\x00\x00\x00\x00\x00"`, "eof", "close")
		}
	})
	c := serveSession(t, shell).rawLogin(t, rawVersion)
	for name, want := range map[string]string{"TERM": "TERM", "HUP": "HUP", "INT": "INT", "PIPE": "PIPE", "ALRM": "ALRM", "USR2": "USR2", "XCPU": "XCPU@openssh.com", "SYS": "SYS@openssh.com"} { // sshd sends SIG@openssh.com
		s := c.open()
		s.exec("ulimit -c 0; kill -" + name + " $$")
		s.wantRest("exit-signal "+want+` core=0 "\x00\x00\x00\x00\x00\x00\x00\x00"`, "eof", "close")
	}
}

// TestV_SESSION_3_CannotStart: the client learns why, even if it has asked for no
// answer (V-SESSION-6).
func TestV_SESSION_3_CannotStart(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for shell, want := range map[string]string{"/nonexistent/sh": "127", plain: "126"} {
		for _, reply := range []byte{0, 1} {
			s := serveSession(t, func() server.Session { return &server.ProgramSession{Shell: shell, Dir: "/"} }).rawLogin(t, rawVersion).open()
			s.ask("exec", reply, conch.NS("true"))
			got := s.rest()
			if reply == 1 {
				if got[0] != "success" {
					t.Errorf("the answer is %q", got[0])
				}
				got = got[1:]
			}
			if !strings.HasPrefix(got[0], "stderr cannot start") || !strings.Contains(got[0], shell) || !slices.Contains(got, "exit-status "+want) {
				t.Errorf("received %q, want status %s", got, want)
			}
		}
	}
	s := serveSession(t, func() server.Session { return &server.ProgramSession{Shell: "/bin/sh", Dir: "/nonexistent"} }).rawLogin(t, rawVersion).open()
	s.exec("pwd")
	s.wantRest("stderr cannot use the directory \"/nonexistent\"; starting in /\n", "data /\n", "exit-status 0", "eof", "close")
}

// TestV_SESSION_5_OneProgram is also about C-SERVER-41: the requests of a session
// before, and after, its one program.
func TestV_SESSION_5_OneProgram(t *testing.T) {
	besideSSHD(t, inLongForm, rawVersion, shell, func(t *testing.T, c *rawConn) {
		s := c.open()
		steps := []struct {
			request string
			payload []byte
			want    string
		}{
			{"subsystem", conch.NS("frobnicate"), "failure"},                                                // V-SESSION-20: another try is possible
			{"x11-req", join([]byte{0}, conch.NS("MIT-MAGIC-COOKIE-1"), conch.NS("00"), u32(0)), "failure"}, // V-SESSION-18
			{"simple@putty.projects.tartarus.org", nil, "failure"},                                          // V-SESSION-22
			{"env", conch.PackRequestEnv("LC_TEST", "1"), "success"},
			{"env", conch.PackRequestEnv("FOO", "1"), "failure"},
			{"break", conch.PackRequestBreak(0), "failure"},
			{"signal", conch.NS("TERM"), "failure"},
			{"pty-req", []byte("malformed"), "failure"},
			{"exec", conch.NS("cat; echo $LC_TEST $FOO"), "success"},
			{"exec", conch.NS("true"), "failure"},
			{"shell", nil, "failure"},
			{"subsystem", conch.NS("sftp"), "failure"},
			{"env", conch.PackRequestEnv("LC_TEST", "2"), "failure"},
			{"pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{}, nil), "failure"},
			{"break", conch.PackRequestBreak(0), "failure"}, // V-SESSION-16
			{"signal", conch.NS("STOP"), "failure"},
			{"winadj@putty.projects.tartarus.org", nil, "failure"},
		}
		for _, step := range steps {
			if step.request == "pty-req" && step.payload[0] == 'm' && c.version != "SSH-2.0-hawser" {
				continue // sshd ends the connection
			}
			if got := s.asked(step.request, step.payload); got != step.want {
				t.Errorf("%s %q: %s, want %s", step.request, step.payload, got, step.want)
			}
		}
		s.write("in\n")
		s.eof() // V-SESSION-4: output goes on
		s.wantRest("data in\n1\n", "exit-status 0", "eof", "close")
	})
}

// TestV_SESSION_6_WithoutReply: dbclient and Conch want no answer to exec, and the
// byte of Conch's keep-alive is 255.
func TestV_SESSION_6_WithoutReply(t *testing.T) {
	besideSSHD(t, inLongForm, rawVersion, shell, func(t *testing.T, c *rawConn) {
		s := c.open()
		s.ask("exec", 0, conch.NS("echo hi"))
		s.wantRest("data hi\n", "exit-status 0", "eof", "close")
		s = c.open()
		s.ask("exec", 255, conch.NS("echo hi"))
		s.wantRest("success", "data hi\n", "exit-status 0", "eof", "close")
	})
}

// TestV_SESSION_22_EndOfWrite: a client of OpenSSH learns that the program takes
// no more input, and others do not.
func TestV_SESSION_22_EndOfWrite(t *testing.T) {
	besideSSHD(t, inLongForm, newOpenSSH, shell, func(t *testing.T, c *rawConn) {
		s := c.open()
		name := fifo(t)
		s.exec("exec <&-; echo closed; read x < " + name + "; echo end")
		got := []string{s.next()}
		s.write("for nobody") // sshd notices it now
		got = append(got, s.next())
		if !contains(got, "data closed\n") || !contains(got, "eow@openssh.com") {
			t.Errorf("received %q", got)
		}
		s.write("dropped")
		release(t, name)
		s.wantRest("data end\n", "exit-status 0", "eof", "close")
	})
	for _, version := range []string{rawVersion, "SSH-2.0-OpenSSH_4.3"} {
		s := serveSession(t, shell).rawLogin(t, version).open()
		s.exec("exec <&-; echo closed")
		s.wantRest("data closed\n", "exit-status 0", "eof", "close")
	}
}

// TestV_SESSION_22_EndOfWriteOfTheClient: a program that writes to a client that
// takes nothing more ends, as in a pipe. It is `ssh host yes | head -1`.
func TestV_SESSION_22_EndOfWriteOfTheClient(t *testing.T) {
	besideSSHD(t, inLongForm, newOpenSSH, shell, func(t *testing.T, c *rawConn) {
		s := c.open()
		s.exec("exec yes")
		if got := s.next(); !strings.HasPrefix(got, "data y") {
			t.Errorf("%.30q", got)
		}
		s.ask("eow@openssh.com", 0, nil)
		if end := s.until("close"); !slices.ContainsFunc(end, func(e string) bool { return strings.HasPrefix(e, "exit-signal PIPE") }) {
			t.Errorf("%.100q", end)
		}
		s.close()
	})
}
