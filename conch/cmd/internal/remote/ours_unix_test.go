//go:build unix

package remote_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/remote"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// ourServer starts a server of package server with real programs, and returns a
// command line for it. The password of ana is "secret".
func ourServer(t *testing.T, program server.ProgramSession) []string {
	t.Helper()
	r := reactortest.Start(t, reactor.Options{})
	port, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.ListeningPort] {
		s := &server.Server{
			Passwords:  map[string]string{"ana": "secret"},
			Session:    func(*server.Login) server.Session { p := program; return &p },
			Forwarding: forward.Rules{Open: forward.AllowAll, Listen: forward.AllowAll},
		}
		port, err := s.Listen(r, "127.0.0.1:0")
		if err != nil {
			return deferred.Fail[reactor.ListeningPort](err)
		}
		return deferred.Succeed(port)
	})
	if err != nil {
		t.Fatal(err)
	}
	at := port.GetHost().(reactor.IPAddress).Port()
	return []string{"-F", "none", "--noagent", "-p", fmt.Sprint(at), "-o", "StrictHostKeyChecking=accept-new", "--known-hosts", filepath.Join(t.TempDir(), "known"),
		"-o", "GlobalKnownHostsFile=none", "ana@127.0.0.1"}
}

// TestC_SCRIPTS_20_OurServer: conch and our server together.
func TestC_SCRIPTS_20_OurServer(t *testing.T) {
	args := ourServer(t, server.ProgramSession{Shell: "/bin/sh", Dir: "/"})
	echo := echoServer(t, "tcp", "127.0.0.1:0")
	for _, row := range []struct {
		line, input string
		status      int
		out, err    string
	}{
		{"echo out; echo err >&2; exit 3", "", 3, "out\n", "err\n"},
		{"cat", "some\ninput", 0, "some\ninput", ""},
		{"kill -KILL $$", "", 255, "", ""},
		{"-T", "echo shell; exit 4\n", 4, "shell\n", ""},
		{"-tt stty size; exit 5", "", 5, "0 0\r\n", "conch: Connection to 127.0.0.1 closed.\n"},
		{"-W " + echo, "through", 0, "through", ""},
		{"head -c 300000 /dev/zero | tr '\\0' x; exit 6", "", 6, strings.Repeat("x", 300000), ""},
	} {
		r := runWith(t, &remote.Command{UI: answering("secret")}, strings.NewReader(row.input), append(args[:len(args):len(args)], strings.Fields(row.line)...)...)
		if r.status != row.status || r.out != row.out || r.err != row.err {
			t.Errorf("%s: status %d, %.300q, %q", row.line, r.status, r.out, r.err)
		}
	}
}

// TestC_SCRIPTS_20_NoTerminal: a server without terminals still runs the command,
// as with ssh.
func TestC_SCRIPTS_20_NoTerminal(t *testing.T) {
	args := ourServer(t, server.ProgramSession{Shell: "/bin/sh", Dir: "/", NoPTY: true})
	r := runWith(t, &remote.Command{UI: answering("secret")}, strings.NewReader("input"), append(args, "-tt", "cat; exit 7")...)
	if r.status != 7 || r.out != "input" || !strings.Contains(r.err, "without one") {
		t.Errorf("%+v", r)
	}
}

// TestC_SCRIPTS_20_Agent: with -A, and only with -A, programs on the server use
// the agent.
func TestC_SCRIPTS_20_Agent(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	add := conchtest.Program(t, "ssh-add")
	file, key := sshtest.AgentKey(t)
	t.Setenv("SSH_AUTH_SOCK", sshtest.Agents["x/crypto"](t, nil, file))
	for letter, want := range map[string]bool{"-A": true, "-a": false} {
		args := append(login(s), letter, "127.0.0.1", add, "-l")
		for i, word := range args {
			if word == "IdentityAgent=none" {
				args[i] = "IdentityAgent=SSH_AUTH_SOCK"
			}
		}
		if r := run(t, "", args...); strings.Contains(r.out, sshtest.Fingerprint(key.PublicKey())) != want {
			t.Errorf("%s: %+v", letter, r)
		}
	}
}

// A configuration file says what the command line says.
func TestC_SCRIPTS_20_File(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	config := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("Host inside\n HostName 127.0.0.1\n Port %s\n User %s\n IdentityFile %s\n IdentityAgent none\n UserKnownHostsFile %s\n"+
		" RemoteCommand echo %%n %%r; exit 8\n RequestTTY force\n StdinNull yes\n ExitOnForwardFailure yes\n LocalForward 1 h:1\nHost *\n LogLevel quiet\n",
		portOf(s), s.User, s.ClientKey, s.KnownHosts)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, "", "-F", config, "inside", "-o", "ClearAllForwardings=yes")
	if r.status != 8 || r.out != "inside "+s.User+"\r\n" || r.err != "" {
		t.Errorf("%+v", r)
	}
}
