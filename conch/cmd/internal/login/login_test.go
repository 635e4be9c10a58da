package login_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
)

// TestC_CLIENT_50_Defaults: without options the values are ssh's, and there is
// no agent for the server.
func TestC_CLIENT_50_Defaults(t *testing.T) {
	l, err := newLogin([]string{"-F", "none", "h"})
	if err != nil {
		t.Fatal(err)
	}
	o := l.Target.Options
	if l.Target.Host != "h" || l.Target.Port != 22 || len(o.Identities) != 0 || o.ForwardAgent || o.NoAgent || len(o.Ciphers) != 0 ||
		l.Debug() != 0 || l.Quiet() || l.LogFile() != "" || l.Warnings != nil || l.Value("RequestTTY") != "" {
		t.Errorf("%+v", l.Target)
	}
}

// TestC_CLIENT_51: values can be read by keyword, whatever its case.
func TestC_CLIENT_51(t *testing.T) {
	l, err := newLogin([]string{"-F", "none", "-A", "-v", "-v", "-E", "log", "-o", "SendEnv=A B", "h"}, "RequestTTY force", "SendEnv C")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.Values("sendenv"), []string{"C", "A", "B"}) || l.Value("requesttty") != "force" || !l.Yes("ForwardAgent") ||
		l.Debug() != 2 || l.LogFile() != "log" || l.Value("RemoteCommand") != "" {
		t.Errorf("%q, %q", l.Values("SendEnv"), l.Value("RequestTTY"))
	}
}

// TestC_CLIENT_52_Options: wrong options are errors that name them, and Twisted's
// long names have a meaning. Ciphers work.
func TestC_CLIENT_52_Options(t *testing.T) {
	dir := newDir(t)
	for line, reason := range map[string]string{
		"-c nonsense h": "nonsense", "-m nonsense h": "nonsense", "--host-key-algorithms nonsense h": "nonsense",
		"-J a -J b h": "commas", "-J a -o ProxyCommand=x h": "", "-o ProxyCommand=x -J a h": "-J", "-l  h": "", "h:22": "-p", "@h": "user name",
		"ssh://h/x": "URI", "ssh://%zz@h": "URI", "--user= h": "-l", "-o Port=x h": "command line:1: port", "-F none/none h": "none/none",
		"-o CheckHostIP=yes h": "not supported",
	} {
		if line == "h:22" {
			reason = "with an option"
		}
		args := append([]string{"-F", "none"}, strings.Split(line, " ")...)
		_, err := newLogin(args)
		if (err == nil) != (reason == "" && !strings.Contains(line, "-l ")) || err != nil && !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", line, err)
		}
	}
	key := filepath.Join(dir, "key")
	l, err := newLogin([]string{"-F", "none", "--user", "me", "--port=5", "--identity", key, "--ciphers", "aes128-ctr", "--macs=hmac-sha2-256",
		"--option", "BatchMode=yes", "--host-key-algorithms", "ssh-ed25519", "--known-hosts", "/a b\"", "--user-authentications", "publickey",
		"--logfile", "-", "--compress", "--log", "--nox11", "--agent", "--noagent", "h"})
	if err != nil {
		t.Fatal(err)
	}
	o := l.Target.Options
	if l.Target.String() != "me@h:5" || !slices.Equal(o.Identities, []string{key}) || !slices.Equal(o.Ciphers, []string{"aes128-ctr"}) ||
		!slices.Equal(o.MACs, []string{"hmac-sha2-256"}) || !o.BatchMode || !slices.Equal(o.HostKeyAlgorithms, []string{"ssh-ed25519"}) ||
		!slices.Equal(o.KnownHosts, []string{"/a b\""}) || !slices.Equal(o.Methods, []string{"publickey"}) || l.LogFile() != "-" ||
		l.Debug() != 1 || !o.NoAgent || o.ForwardAgent {
		t.Errorf("%v: %+v", l.Target, o)
	}
}

// A missing identity is a warning, as with ssh.
func TestWarnings(t *testing.T) {
	l, err := newLogin([]string{"-F", "none", "-i", "/none/x\x1b", "-i", "~/none", "h"})
	if err != nil || len(l.Warnings) != 2 || !strings.Contains(l.Warnings[0], `"/none/x\x1b" is not used: no such file`) || len(l.Target.Options.Identities) != 0 {
		t.Errorf("%v, %q", err, l.Warnings)
	}
}

// TestC_CLIENT_50_MoreThanSSH: ssh has no IPv6 address in a URI.
func TestC_CLIENT_50_MoreThanSSH(t *testing.T) {
	for name, want := range map[string]string{"ssh://me@[::1]:7": "me@[::1]:7", "me@[::1]": "me@[::1]:22", "ssh://me;x=y@h": "me@h:22"} {
		if l, err := newLogin([]string{"-F", "none", name}); err != nil || l.Target.String() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// TestC_CLIENT_54: the path of cftp is behind the first colon; the user stays
// with the host.
func TestC_CLIENT_54(t *testing.T) {
	for destination, want := range map[string][2]string{
		"h": {"h"}, "h:": {"h"}, "me@h:p": {"me@h", "p"}, "h:a:b": {"h", "a:b"}, "h:/a@b": {"h", "/a@b"}, "me@you@h:x": {"me@you@h", "x"},
		"[::1]:p": {"::1", "p"}, "me@[::1]": {"me@::1"}, "me@[::1]:/p:q": {"me@::1", "/p:q"}, "h:[x]": {"h", "[x]"}, "h:x@[y]": {"h", "x@[y]"},
		"sftp://me@h:5/a%20b": {"ssh://me@h:5", "a b"}, "sftp://h": {"ssh://h"}, "sftp://h//etc": {"ssh://h", "/etc"}, "sftp://[::1]:5/": {"ssh://[::1]:5"},
	} {
		if host, path, err := login.SplitPath(destination); err != nil || host != want[0] || path != want[1] {
			t.Errorf("%s: %q, %q, %v", destination, host, path, err)
		}
	}
	for _, bad := range []string{"[::1", "[::1]x", "sftp://h/%zz"} {
		if host, path, err := login.SplitPath(bad); err == nil {
			t.Errorf("%s: %q, %q", bad, host, path)
		}
	}
}

// Options leaves out what the command has itself.
func TestOptions(t *testing.T) {
	var shown []string
	for _, o := range login.Options("P", "aE") {
		shown = append(shown, o.String())
	}
	for _, name := range []string{"-P", "--logfile", "-A"} {
		if !slices.Contains(shown, name) {
			t.Errorf("no %s in %q", name, shown)
		}
	}
	for _, name := range []string{"-p", "-a", "--a", "-E"} {
		if slices.Contains(shown, name) {
			t.Errorf("%s in %q", name, shown)
		}
	}
}

// Any destination and option is read without a panic.
func FuzzNew(f *testing.F) {
	f.Add("me@h:5", "ProxyJump a,b@c")
	f.Add("ssh://%40@[::1]:5", "User \"x\\\"")
	f.Fuzz(func(t *testing.T, destination, option string) {
		_, _, _ = login.SplitPath(destination) // any result
		if strings.Contains(strings.ToLower(option), "canonical") {
			return // no server here
		}
		table := getopt.Table{Options: login.Options("p", "")}
		line, err := table.Parse([]string{"-F", "none", "-o", option, "--", destination})
		if err != nil {
			t.Fatal(err)
		}
		if l, err := login.New(&line, destination); err == nil && l.Target.Host == "" {
			t.Errorf("%q: %v", destination, l.Target)
		}
	})
}
