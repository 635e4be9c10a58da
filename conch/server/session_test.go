package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// openSSHBed is a server for OpenSSH's client.
type openSSHBed struct {
	*bed
	key string // the file of the key
}

func newOpenSSHBed(t *testing.T, session func() server.Session) *openSSHBed {
	t.Helper()
	o := &openSSHBed{key: filepath.Join(t.TempDir(), "id")}
	public := sshtest.KeyPair(t, o.key)
	users := cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"alice": {{Key: public, Source: "memory"}}})
	all := sessionRealm{session: session, avatar: func(u *server.ConchUser) {
		u.Forwarding = forward.Rules{Open: forward.AllowAll, Listen: forward.AllowAll}
	}}
	o.bed = serve(t, func(f *server.SSHFactory) { f.Portal = cred.NewPortal(all, users) })
	return o
}

// ssh returns a command that runs OpenSSH's ssh.
func (o *openSSHBed) ssh(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	_, port, _ := net.SplitHostPort(o.addr)
	all := []string{"-F", "none", "-i", o.key, "-p", port, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "alice@127.0.0.1"}
	return exec.CommandContext(t.Context(), conchtest.Program(t, "ssh"), append(all, args...)...)
}

// TestV_CLIENTS_1_OpenSSH: what a user of ssh sees.
func TestV_CLIENTS_1_OpenSSH(t *testing.T) {
	o := newOpenSSHBed(t, shell)
	for _, tt := range []struct {
		args []string
		out  string
		code int
	}{
		{[]string{"echo hi; exit 3"}, "hi\n", 3},
		{[]string{"echo err >&2"}, "err\n", 0},
		{[]string{"kill -9 $$"}, "", 255}, // V-SESSION-3
		{[]string{"head -c 100000 /dev/zero | tr '\\0' x"}, strings.Repeat("x", 100000), 0},
		{[]string{"cat"}, "input", 0},
		{[]string{"-s", "frobnicate"}, "subsystem request failed on channel 0\r\n", 255}, // V-SESSION-20
		{[]string{"-tt", "stty -a | grep -o 'rows [0-9]*'; test -t 0 && test -t 1 && echo terminal; exit 4"}, "rows 0\r\nterminal\r\n", 4},
	} {
		cmd := o.ssh(t, tt.args...)
		if tt.args[0] == "cat" {
			cmd.Stdin = strings.NewReader(tt.out)
		}
		out, _ := cmd.CombinedOutput() // the code is checked
		if code := cmd.ProcessState.ExitCode(); string(out) != tt.out || code != tt.code {
			t.Errorf("%q: %d, %.100q", tt.args, code, out)
		}
	}
	o = newOpenSSHBed(t, func() server.Session { return &server.ProgramSession{Shell: "/bin/sh", Dir: "/", NoPTY: true} })
	out, _ := o.ssh(t, "-tt", "true").CombinedOutput() // it fails
	if string(out) != "PTY allocation request failed on channel 0\r\n" {
		t.Errorf("without a terminal: %q", out) // V-SESSION-11
	}
}

// TestV_SESSION_17_OpenSSH: ssh -A forwards the agent.
func TestV_SESSION_17_OpenSSH(t *testing.T) {
	o := newOpenSSHBed(t, func() server.Session {
		return &server.ProgramSession{Shell: "/bin/sh", Dir: "/", AgentForwarding: true}
	})
	file, key := sshtest.AgentKey(t)
	cmd := o.ssh(t, "-A", "ssh-add -l")
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+sshtest.Agents["ssh-agent"](t, o.r, file))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), gossh.FingerprintSHA256(key.PublicKey())) {
		t.Errorf("%q, %v", out, err)
	}
}

// TestOpenSSHForwards: ssh -W and ssh -R.
func TestOpenSSHForwards(t *testing.T) {
	o := newOpenSSHBed(t, shell)
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() { // ends with the listener
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection
				defer c.Close()
				_, _ = io.Copy(c, c) // the client checks it
			}()
		}
	}()
	c := o.ssh(t, "-W", echo.Addr().String())
	c.Stdin = strings.NewReader("through and back")
	out, err := c.CombinedOutput()
	if string(out) != "through and back" || err != nil {
		t.Errorf("%v %q", err, out)
	}
	c = o.ssh(t, "-N", "-v", "-R", "0:"+echo.Addr().String())
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
	}()
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		_, rest, ok := strings.Cut(lines.Text(), "Allocated port ")
		if !ok {
			continue
		}
		port, _, _ := strings.Cut(rest, " ")
		n, err := net.Dial("tcp", "localhost:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		fmt.Fprint(n, "remote")
		_ = n.(*net.TCPConn).CloseWrite() // the answer shows it
		if back, err := io.ReadAll(n); string(back) != "remote" || err != nil {
			t.Errorf("%q %v", back, err)
		}
		return
	}
	t.Error("no port was allocated")
}

// oddSession answers as a test wants it to.
type oddSession struct {
	server.BaseSession
	events  recorded[string]
	answers map[string]func() deferred.Deferred[struct{}]
	closed  chan bool
}

func (o *oddSession) answer(what string) deferred.Deferred[struct{}] {
	o.events.add(what)
	if f := o.answers[what]; f != nil {
		return f()
	}
	return deferred.Succeed(struct{}{})
}

func (o *oddSession) GetPty(term string, size conch.WindowSize, modes []conch.TerminalMode) deferred.Deferred[struct{}] {
	return o.answer(fmt.Sprint("pty ", term, size, modes))
}

func (o *oddSession) SetEnv(name, value string) deferred.Deferred[struct{}] {
	return o.answer("env " + name + "=" + value)
}

func (o *oddSession) ExecCommand(p *server.SSHSessionProcessProtocol, command string) deferred.Deferred[struct{}] {
	return o.answer("exec " + command)
}

func (o *oddSession) OpenShell(p *server.SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	return o.answer("shell")
}

func (o *oddSession) WindowChanged(size conch.WindowSize) { o.answer(fmt.Sprint("window ", size)) }

func (o *oddSession) SignalReceived(name string) bool {
	o.events.add("signal " + name)
	if name == "PANIC" {
		panic("as planned")
	}
	return name == "TERM"
}

func (o *oddSession) BreakReceived(length time.Duration) bool {
	o.events.add(fmt.Sprint("break ", length))
	return true
}

func (o *oddSession) EOFReceived() { o.events.add("eof") }

func (o *oddSession) Closed() {
	o.events.add("closed")
	o.closed <- true
}

// TestC_SERVER_41_Requests is also about C-SERVER-42 and 46, and V-SESSION-16: the
// methods of a session, in the order of the requests although answers are late.
func TestC_SERVER_41_Requests(t *testing.T) {
	late := deferred.New[struct{}]()
	odd := &oddSession{closed: make(chan bool, 1), answers: map[string]func() deferred.Deferred[struct{}]{
		"env LATE=1": func() deferred.Deferred[struct{}] { return late },
		"exec fail":  func() deferred.Deferred[struct{}] { return deferred.Fail[struct{}](errTest) },
		"exec panic": func() deferred.Deferred[struct{}] { panic("as planned") },
		"exec zero":  func() deferred.Deferred[struct{}] { return deferred.Deferred[struct{}]{} },
	}}
	b := serveSession(t, func() server.Session { return odd })
	s := b.rawLogin(t, rawVersion).open()
	s.ask("env", 1, conch.PackRequestEnv("LATE", "1"))
	size := conch.WindowSize{Rows: 1, Columns: 2, Width: 3, Height: 4}
	s.ask("pty-req", 1, conch.PackRequestPTYReq("xterm", size, []conch.TerminalMode{{Opcode: 53, Value: 1}}))
	s.ask("exec", 1, conch.NS("run"))
	s.ask("signal", 1, conch.NS("TERM"))
	await(t, "the first request", func() bool { return len(odd.events.get()) > 0 })
	if got := odd.events.get(); !slices.Equal(got, []string{"env LATE=1"}) {
		t.Errorf("before the answer: %q", got)
	}
	b.onLoop(func() { late.Errback(errTest) })
	for _, want := range []string{"failure", "success", "success", "success"} {
		if got := s.next(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	s.ask("window-change", 0, conch.PackRequestWindowChange(conch.WindowSize{Rows: 5, Columns: 6}))
	s.ask("window-change", 0, []byte("malformed"))
	for _, name := range []string{"INT", "PANIC"} {
		if got := s.asked("signal", conch.NS(name)); got != "failure" {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, malformed := range []string{"signal", "break", "env", "exec", "subsystem"} {
		if got := s.asked(malformed, []byte{1}); got != "failure" {
			t.Errorf("%s: %s", malformed, got)
		}
	}
	if got := s.asked("break", conch.PackRequestBreak(time.Second)); got != "success" {
		t.Error(got)
	}
	s.leave()
	<-odd.closed
	want := []string{"env LATE=1", "pty xterm{1 2 3 4} [{53 1}]", "exec run", "signal TERM", "window {5 6 0 0}", "signal INT", "signal PANIC", "break 1s", "eof", "closed"}
	if got := odd.events.get(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	// Refused programs, and another try.
	s = b.rawLogin(t, rawVersion).open()
	for _, command := range []string{"fail", "panic", "zero"} {
		if got := s.asked("exec", conch.NS(command)); got != "failure" {
			t.Errorf("%s: %s", command, got)
		}
	}
	if got := s.asked("shell", nil); got != "success" {
		t.Error(got)
	}
	b.wait("err=an error of the test")
	b.log.Take("panic") // as planned
}

// TestC_SERVER_41_Cancelled: a client that goes cancels what it waits for.
func TestC_SERVER_41_Cancelled(t *testing.T) {
	cancelled := make(chan bool, 1)
	odd := &oddSession{closed: make(chan bool, 1), answers: map[string]func() deferred.Deferred[struct{}]{
		"env A=1": func() deferred.Deferred[struct{}] {
			return deferred.New(func(deferred.Deferred[struct{}]) { cancelled <- true })
		},
	}}
	s := serveSession(t, func() server.Session { return odd }).rawLogin(t, rawVersion).open()
	s.ask("env", 1, conch.PackRequestEnv("A", "1"))
	s.ask("exec", 1, conch.NS("x"))
	s.leave()
	<-cancelled
	<-odd.closed
	if got := odd.events.get(); !contains(got, "env A=1") || contains(got, "exec x") || got[len(got)-1] != "closed" {
		t.Errorf("%q", got)
	}
}

// TestBaseSession refuses everything (C-SERVER-43).
func TestBaseSession(t *testing.T) {
	for name, session := range map[string]func() server.Session{"nil": nil, "base": func() server.Session { return &server.BaseSession{} }} {
		s := serveSession(t, session).rawLogin(t, rawVersion).open()
		for _, r := range []struct {
			name    string
			payload []byte
		}{
			{"pty-req", conch.PackRequestPTYReq("xterm", conch.WindowSize{}, nil)}, {"env", conch.PackRequestEnv("LANG", "C")},
			{"auth-agent-req@openssh.com", nil}, {"x11-req", nil}, {"exec", conch.NS("true")}, {"shell", nil}, {"subsystem", conch.NS("sftp")},
			{"signal", conch.NS("TERM")}, {"break", conch.PackRequestBreak(0)}, {"window-change", conch.PackRequestWindowChange(conch.WindowSize{})},
			{"eow@openssh.com", nil},
		} {
			if got := s.asked(r.name, r.payload); got != "failure" {
				t.Errorf("%s: %s: %s", name, r.name, got)
			}
		}
		s.close()
		if got := s.next(); got != "close" {
			t.Error(got)
		}
	}
}

// TestC_SERVER_44_ExtendedData: extended data of a client is dropped, and its
// window is granted again.
func TestC_SERVER_44_ExtendedData(t *testing.T) {
	c := serveSession(t, shell).alice(t)
	ch, requests, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	if ok, err := ch.SendRequest("exec", true, conch.NS("cat")); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for range 100 { // 3 MiB
		if _, err := ch.Stderr().Write(make([]byte, 32<<10)); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprint(ch, "data")
	_ = ch.CloseWrite() // the answer shows it
	if out, err := io.ReadAll(ch); string(out) != "data" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

// TestC_SERVER_49_Helpers: payloads as RFC 4254 has them.
func TestC_SERVER_49_Helpers(t *testing.T) {
	size := conch.WindowSize{Rows: 1, Columns: 2, Width: 3, Height: 4}
	pty := "\x00\x00\x00\x02vt\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x06\x35\x00\x00\x00\x01\x00"
	if got := conch.PackRequestPTYReq("vt", size, []conch.TerminalMode{{Opcode: 53, Value: 1}}); string(got) != pty {
		t.Errorf("%q", got)
	}
	term, parsed, modes, err := conch.ParseRequestPTYReq([]byte(pty))
	if term != "vt" || parsed != size || len(modes) != 1 || modes[0] != (conch.TerminalMode{Opcode: 53, Value: 1}) || err != nil {
		t.Error(term, parsed, modes, err)
	}
	window := conch.PackRequestWindowChange(size)
	if parsed, err := conch.ParseRequestWindowChange(window); string(window) != pty[6:22] || parsed != size || err != nil {
		t.Errorf("%q, %v, %v", window, parsed, err)
	}
}
