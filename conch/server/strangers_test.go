package server_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	gossh "golang.org/x/crypto/ssh"
)

// strangers is a server for clients of other projects, and files for them.
type strangers struct {
	*bed
	dir, port string
}

func newStrangers(t *testing.T) *strangers {
	t.Helper()
	dir := t.TempDir()
	user := sshtest.KeyPair(t, filepath.Join(dir, "id"))
	ca := sshtest.KeyPair(t, filepath.Join(dir, "ca"))
	sshtest.KeyPair(t, filepath.Join(dir, "stranger"))
	secret := cred.InMemory(map[string]string{"alice": "secret"})
	b := serve(t, nil, cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"alice": {{Key: user, Source: "memory"}}}),
		&cred.CertificateChecker{Authorities: []gossh.PublicKey{ca}}, secret, cred.AskPassword(secret, ""))
	_, port, _ := net.SplitHostPort(b.addr)
	return &strangers{b, dir, port}
}

func (s *strangers) file(name string) string { return filepath.Join(s.dir, name) }

// run runs a client, and reports whether it has logged in. It returns the
// attempts that the server has logged.
func (s *strangers) run(cmd *exec.Cmd) (in bool, attempts []string, output string) {
	s.t.Helper()
	out, _ := cmd.CombinedOutput() // a client that can open no channel fails
	in, attempts = s.outcome()
	return in, attempts, string(out)
}

// outcome reports whether a client has logged in. It returns the attempts that
// the server has logged.
func (s *strangers) outcome() (in bool, attempts []string) {
	s.t.Helper()
	sshtest.OnLoop(s.t.(*testing.T), s.r, func() {})
	attempts = s.bed.attempts()
	s.log.Take("") // all records
	select {
	case <-s.logins:
		in = true
	default:
	}
	return in, attempts
}

func (s *strangers) ssh(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	all := []string{"-F", "none", "-p", s.port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=" + s.file("known"), "-o", "IdentitiesOnly=yes",
		"-o", "LogLevel=ERROR", "-o", "IdentityFile=none", "-o", "NumberOfPasswordPrompts=1"}
	cmd := exec.CommandContext(t.Context(), conchtest.Program(t, "ssh"), append(append(all, args...), "127.0.0.1", "true")...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=")
	return cmd
}

// answering makes ssh ask a program for passwords.
func (s *strangers) answering(t *testing.T, cmd *exec.Cmd, answer string) *exec.Cmd {
	t.Helper()
	script := s.file("ask")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho '"+answer+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "SSH_ASKPASS="+script, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=none")
	return cmd
}

// TestV_CLIENTS_OpenSSH: ssh logs in with each method.
func TestV_CLIENTS_OpenSSH(t *testing.T) {
	s := newStrangers(t)
	keygen := func(args ...string) {
		if out, err := exec.Command(conchtest.Program(t, "ssh-keygen"), args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	sign := func(name string, args ...string) {
		sshtest.KeyPair(t, s.file(name))
		keygen(append(append([]string{"-q", "-s", s.file("ca"), "-I", "an id"}, args...), s.file(name+".pub"))...)
	}
	sign("good", "-n", "alice,bob", "-V", "-1h:+1h", "-O", "source-address=127.0.0.0/8")
	sign("nobody", "-V", "-1h:+1h")
	sign("elsewhere", "-n", "alice", "-O", "source-address=10.0.0.0/8")
	sign("expired", "-n", "alice", "-V", "-2h:-1h")
	sign("critical", "-n", "alice", "-O", "critical:frobnicate@example.com=1")
	key := func(name string) []string {
		return []string{"-l", "alice", "-o", "IdentityFile=" + s.file(name), "-o", "BatchMode=yes"}
	}
	for _, tt := range []struct {
		name string
		cmd  *exec.Cmd
		want string // the last attempt; empty means that it is not accepted
	}{
		{"key", s.ssh(t, key("id")...), "INFO Accepted publickey for alice"},
		{"unknown key", s.ssh(t, key("stranger")...), ""},
		{"certificate", s.ssh(t, key("good")...), "INFO Accepted publickey for alice"},
		{"certificate for nobody", s.ssh(t, key("nobody")...), ""},
		{"certificate for elsewhere", s.ssh(t, key("elsewhere")...), ""},
		{"expired certificate", s.ssh(t, key("expired")...), ""},
		{"critical option", s.ssh(t, key("critical")...), ""},
		{"password", s.answering(t, s.ssh(t, "-l", "alice", "-o", "PreferredAuthentications=password"), "secret"), "INFO Accepted password for alice"},
		{"questions", s.answering(t, s.ssh(t, "-l", "alice", "-o", "PreferredAuthentications=keyboard-interactive"), "secret"), "INFO Accepted keyboard-interactive for alice"},
	} {
		in, attempts, out := s.run(tt.cmd)
		if last := attempts[len(attempts)-1]; in != (tt.want != "") || in && last != tt.want {
			t.Errorf("%s: %v, %q: %s", tt.name, in, attempts, out)
		}
	}
	for _, method := range []string{"password", "keyboard-interactive"} {
		in, attempts, out := s.run(s.answering(t, s.ssh(t, "-l", "alice", "-o", "PreferredAuthentications="+method), "wrong"))
		if in || attempts[len(attempts)-1] != "INFO Failed "+method+" for alice" {
			t.Errorf("%s: %v, %q: %s", method, in, attempts, out)
		}
	}
}

// TestV_AUTH_10_OpenSSHAgent: ssh signs with an agent, and the server announces rsa-sha2.
func TestV_AUTH_10_OpenSSHAgent(t *testing.T) {
	s := newStrangers(t)
	socket := filepath.Join(sshtest.ShortDir(t), "a")
	agent := exec.Command(conchtest.Program(t, "ssh-agent"), "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait() // it was killed
	})
	add := conchtest.Program(t, "ssh-add")
	for tries := 0; ; tries++ {
		cmd := exec.Command(add, "-q", s.file("stranger"), s.file("id"))
		cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if tries > 1000 {
			t.Fatalf("%s: %v", out, err)
		}
	}
	cmd := s.ssh(t, "-l", "alice", "-o", "IdentitiesOnly=no", "-o", "BatchMode=yes")
	cmd.Args = deleteArg(cmd.Args, "IdentitiesOnly=yes")
	cmd.Env = append(cmd.Env, "SSH_AUTH_SOCK="+socket)
	in, attempts, out := s.run(cmd)
	if want := "INFO Failed publickey for alice"; !in || !strings.Contains(strings.Join(attempts, "\n"), want) || attempts[len(attempts)-1] != "INFO Accepted publickey for alice" {
		t.Errorf("%v, %q: %s", in, attempts, out)
	}
}

// deleteArg removes -o and its value.
func deleteArg(args []string, value string) (rest []string) {
	for i := 0; i < len(args); i++ {
		if args[i] == "-o" && args[i+1] == value {
			i++
			continue
		}
		rest = append(rest, args[i])
	}
	return rest
}

// TestV_AUTH_8_OtherClients: clients of other projects log in with each method that they
// have, and are refused with wrong secrets.
func TestV_AUTH_8_OtherClients(t *testing.T) {
	type client struct {
		python  string // a package with a script in testdata, which makes all attempts in one process
		methods string
		cmd     func(s *strangers, t *testing.T, method, secret string) *exec.Cmd
	}
	for name, c := range map[string]client{
		"paramiko": {"paramiko", "password publickey keyboard-interactive", nil},
		"asyncssh": {"asyncssh", "password publickey keyboard-interactive", nil},
		"dbclient": {"", "password publickey", func(s *strangers, t *testing.T, method, secret string) *exec.Cmd {
			args := []string{"-y", "-y", "-p", s.port}
			if method == "publickey" {
				args = append(args, "-i", s.dropbearKey(t, secret))
			}
			cmd := exec.CommandContext(t.Context(), conchtest.Program(t, "dbclient"), append(args, "alice@127.0.0.1", "true")...)
			cmd.Env = append(os.Environ(), "DROPBEAR_PASSWORD="+secret, "HOME="+s.dir)
			return cmd
		}},
		"plink": {"", "password publickey", func(s *strangers, t *testing.T, method, secret string) *exec.Cmd {
			args := []string{"-batch", "-ssh", "-no-trivial-auth", "-P", s.port, "-hostkey", gossh.FingerprintSHA256(s.host.PublicKey()), "-pw", secret}
			if method == "publickey" {
				args = append(args[:len(args)-2], "-i", s.puttyKey(t, secret))
			}
			return exec.CommandContext(t.Context(), conchtest.Program(t, "plink"), append(args, "alice@127.0.0.1", "true")...)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStrangers(t)
			var script func(method, secret string) string
			if c.python != "" {
				script = s.script(t, c.python)
			}
			for method := range strings.FieldsSeq(c.methods) {
				for _, right := range []bool{true, false} {
					secret := map[bool]string{true: "secret", false: "wrong"}[right]
					if method == "publickey" {
						secret = s.file(map[bool]string{true: "id", false: "stranger"}[right])
					}
					var in bool
					var attempts []string
					var out string
					if script != nil {
						out = script(method, secret)
						in, attempts = s.outcome()
					} else {
						in, attempts, out = s.run(c.cmd(s, t, method, secret))
					}
					want := map[bool]string{true: "INFO Accepted ", false: "INFO Failed "}[right]
					if len(attempts) == 0 || in != right || !strings.HasPrefix(attempts[len(attempts)-1], want) {
						t.Errorf("%s with %s: %v, %q: %s", method, secret, in, attempts, out)
					}
				}
			}
		})
	}
}

// script starts a script of testdata, and returns a function that makes it log
// in. The function returns what the script says.
func (s *strangers) script(t *testing.T, needs string) func(method, secret string) string {
	t.Helper()
	const python = "/usr/bin/python3"
	cmd := exec.Command(python, "-W", "ignore", filepath.Join("testdata", needs+"_client.py"), s.port, "alice") // ends with its input
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		conchtest.MissingPeer(t, python)
	}
	ended := false
	t.Cleanup(func() {
		in.Close()
		if ended {
			return
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, &stderr)
		}
	})
	lines := bufio.NewReader(out)
	return func(method, secret string) string {
		_, _ = fmt.Fprintln(in, method, secret) // a script that has ended says nothing
		line, err := lines.ReadString('\n')
		if err != nil {
			in.Close()
			ended = true
			_ = cmd.Wait() // stderr has the reason
			if strings.Contains(stderr.String(), "ModuleNotFoundError") {
				conchtest.MissingPeer(t, python+" with the package "+needs)
			}
			t.Fatalf("%v: %s", err, &stderr)
		}
		return line
	}
}

// dropbearKey converts a key for Dropbear.
func (s *strangers) dropbearKey(t *testing.T, file string) string {
	t.Helper()
	converted := file + ".dropbear"
	if out, err := exec.Command(conchtest.Program(t, "dropbearconvert"), "openssh", "dropbear", file, converted).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return converted
}

// puttyKey converts a key for PuTTY.
func (s *strangers) puttyKey(t *testing.T, file string) string {
	t.Helper()
	converted := file + ".ppk"
	if out, err := exec.Command(conchtest.Program(t, "puttygen"), file, "-O", "private", "-o", converted).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return converted
}
