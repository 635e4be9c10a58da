package login_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/conchtest"
)

// configuration is the file of -F. {DIR} is a directory with the file "key".
const configuration = `
Host alias
  HostName real.example
  User filed
  Port 1022
  IdentityFile {DIR}/filed
  ProxyJump gate
Host gate
  User keeper
Match user special
  HostKeyAlias special
Host *
  ForwardAgent yes
  ServerAliveInterval 17
  LocalForward 8000 localhost:80
`

// commandLines are compared with ssh: the same command line for both.
var commandLines = []string{
	"h", "me@h", "me@you@h", "ssh://me@h:2222", "ssh://h", "ssh://me%40x@h:5", "::1", "me@::1", "alias", "me@alias",
	"-p 22 h", "-p 22 ssh://h:23", "-p 22 -p 24 h", "-o Port=21 -p 22 h", "-p 22 -o Port=21 h", "h -p 26", "ssh://h:25 -p 26", "-pssh h",
	"ssh://h:25 -oPort=26", "-oPort=26 ssh://h:25", "-p 0 h", "-p x h", "-p 70000 h",
	"-l me h", "-l me you@h", "you@h -l me", "-l me -l you h", "-o User=me you@h", "-o User=me -l you h", "-l you -o User=me h",
	"you@h -o User=me", "h -l me", "h -o User=me", "-l special h", "special@h", "h -ouser=special", "-l ;x h", "-l a\tb h", "-x@h",
	"-i {DIR}/key h", "-i {DIR}/key -i {DIR}/other h", "-i {DIR}/none h", "-i {DIR}/key alias", "-o IdentityFile={DIR}/none -i {DIR}/key h",
	"-i {DIR}/key -o IdentitiesOnly=yes h",
	"-J gate h", "-J a,b h", "-J me@a:5 alias", "-J none alias", "-J ssh://me@gate:22 h", "-J a -J b h", "-o ProxyJump=a h", "-J a -o ProxyJump=b h",
	"-o ProxyJump=a -J b h", "-o ProxyCommand=x -J b h", "-J b -o ProxyCommand=x h", "-J , h", "-J h: h",
	"-c aes128-ctr h", "-c aes128-ctr -c aes256-ctr h", "-o Ciphers=aes128-ctr -c aes256-ctr h", "-c nonsense h", "-c +aes128-ctr h",
	"-m hmac-sha2-256 h", "-m nonsense h", "-m hmac-sha2-256 -o MACs=hmac-sha2-512 h",
	"-A h", "-a h", "-A -a h", "-a -A h", "-a -o ForwardAgent=yes h", "-o ForwardAgent=yes -a h", "h -a",
	"-4 h", "-6 h", "-4 -6 h", "-4 -o AddressFamily=any h", "-C h", "-o Compression=no -C h", "-x h",
	"-v h", "-vv h", "-vvv h", "-vvvvv h", "-q h", "-qv h", "-vq h", "-o LogLevel=ERROR h", "-v -o LogLevel=ERROR h",
	"-o BatchMode=yes h", "-oBatchMode=yes h", "-o batchmode h", "-o Nonsense=1 h", "-o IgnoreUnknown=Non* -o Nonsense=1 h", "-o Host=x h",
	"-o Include=/dev/null h", "-o ServerAliveInterval=5 h", "-o ServerAliveInterval=5 -o ServerAliveInterval=6 h", "h -oServerAliveInterval=5",
	"-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={DIR}/a h", "-o RemoteCommand=ls -o RequestTTY=yes h", "-o SetEnv=A=b h",
	"-o SendEnv=A -o SendEnv=B h", "-o LocalForward=8001\tlocalhost:80 h", "-o ConnectTimeout=1m h", "-o EscapeChar=none h",
	"-o HostName=x h", "-o HostKeyAlias=X h", "-o PreferredAuthentications=password h", "-o CertificateFile={DIR}/key h",
}

// compared are the keywords that are compared.
var compared = strings.Fields(`hostname user port identityfile certificatefile proxyjump proxycommand forwardagent addressfamily loglevel
	batchmode serveraliveinterval stricthostkeychecking userknownhostsfile remotecommand requesttty setenv sendenv localforward
	connecttimeout escapechar hostkeyalias identitiesonly preferredauthentications`)

// newDir returns the directory of the configuration.
func newDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"key": "", "other": "", "config": strings.ReplaceAll(configuration, "{DIR}", dir)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// newLogin returns the login of a command line.
func newLogin(args []string, lines ...string) (*login.Login, error) {
	table := getopt.Table{Options: login.Options("p", ""), Operands: 1}
	line, err := table.Parse(args)
	if err != nil {
		return nil, err
	}
	if len(line.Operands) != 1 {
		return nil, fmt.Errorf("operands %q", line.Operands)
	}
	return login.New(&line, line.Operands[0], lines...)
}

// TestC_CLIENT_50_AsSSH compares the meaning of command lines with ssh -G.
func TestC_CLIENT_50_AsSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	dir := newDir(t)
	t.Setenv("SSH_AUTH_SOCK", "")
	usual, err := sshFields(t, ssh, []string{"-F", "none", "h"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range commandLines {
		t.Run(row, func(t *testing.T) {
			args := []string{"-F", filepath.Join(dir, "config")}
			for _, word := range strings.Split(strings.ReplaceAll(row, "{DIR}", dir), " ") {
				args = append(args, strings.ReplaceAll(word, "\t", " "))
			}
			theirs, sshErr := sshFields(t, ssh, args)
			l, err := newLogin(args)
			if (err != nil) != (sshErr != nil) {
				t.Fatalf("ssh: %v, here: %v", sshErr, err)
			}
			for _, name := range compared {
				if err == nil && theirs[name] != show(name, l.Values(name), usual) {
					t.Errorf("%s: %q, ssh has %q", name, show(name, l.Values(name), usual), theirs[name])
				}
			}
		})
	}
}

// show returns values as ssh -G prints them. usual are its defaults.
func show(name string, values []string, usual map[string]string) string {
	if len(values) == 0 {
		return usual[name]
	}
	separator := " "
	if slices.Contains([]string{"identityfile", "certificatefile", "sendenv", "setenv", "localforward"}, name) {
		separator = "\n"
	}
	shown := strings.Join(values, separator)
	switch name {
	case "proxyjump":
		shown = strings.TrimPrefix(shown, "ssh://")
	case "loglevel": // ssh has several names for some levels
		shown = strings.NewReplacer("DEBUG1", "DEBUG", "QUIET", "SILENT").Replace(shown)
	}
	return shown
}

// sshFields returns the output of ssh -G.
func sshFields(t *testing.T, ssh string, args []string) (map[string]string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), ssh, append([]string{"-G"}, args...)...).Output()
	if exit, ok := err.(*exec.ExitError); ok {
		return nil, fmt.Errorf("%v: %s", err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch value {
		case "true":
			value = "yes"
		case "false":
			value = "no"
		}
		if old, ok := fields[name]; ok {
			value = old + "\n" + value
		}
		fields[name] = value
	}
	return fields, nil
}
