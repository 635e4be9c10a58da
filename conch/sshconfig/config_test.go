package sshconfig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch/sshconfig"
)

const example = `
Host inner
  HostName 10.0.0.%p
  User admin
  Port 2222
  ProxyJump me@gate:2022,second
  IdentityFile ~/.ssh/%n-%r
  IdentityFile /keys/%%
  IdentitiesOnly yes
  UserKnownHostsFile /a /b
  StrictHostKeyChecking accept-new
  Ciphers aes128-ctr,umac-nonsense
  MACs -hmac-sha1*
  HostKeyAlgorithms ^ssh-ed25519
  ServerAliveInterval 15
  ServerAliveCountMax 5
  ConnectTimeout 7
Host second
  HostName second.example
  StrictHostKeyChecking yes
Host circle
  ProxyJump circle
Match host piped
  ProxyCommand nc %h %p
Match all
  HostKeyAlias shared
`

func parse(t *testing.T, text string) *sshconfig.Config {
	t.Helper()
	c, err := sshconfig.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTarget(t *testing.T) {
	target, err := parse(t, example).Target("inner")
	if err != nil {
		t.Fatal(err)
	}
	o := target.Options
	for what, ok := range map[string]bool{
		"address":     target.Host == "10.0.0.2222" && target.Port == 2222 && target.User == "admin" && o.HostKeyAlias == "shared",
		"identities":  slices.Equal(o.Identities, []string{"~/.ssh/inner-admin", "/keys/%"}) && o.IdentitiesOnly,
		"known hosts": slices.Equal(o.KnownHosts, []string{"/a", "/b"}) && o.HostKeys == client.AcceptNewHosts,
		"ciphers":     slices.Equal(o.Ciphers, []string{"aes128-ctr"}),
		"MACs":        len(o.MACs) > 0 && !slices.Contains(o.MACs, "hmac-sha1"),
		"host keys":   len(o.HostKeyAlgorithms) > 1 && o.HostKeyAlgorithms[0] == "ssh-ed25519",
		"times":       o.ServerAliveInterval == 15*time.Second && o.ServerAliveCountMax == 5 && o.DialTimeout == 7*time.Second,
		"last jump":   o.Jump != nil && o.Jump.Host == "second.example" && o.Jump.Options.HostKeys == client.RefuseNewHosts,
		"first jump": o.Jump != nil && o.Jump.Options.Jump != nil && o.Jump.Options.Jump.Host == "gate" &&
			o.Jump.Options.Jump.User == "me" && o.Jump.Options.Jump.Port == 2022,
	} {
		if !ok {
			t.Errorf("%s: %+v", what, target)
		}
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestTarget_Names(t *testing.T) {
	for name, want := range map[string]string{
		"host": "host 22", "me@host:99": "me@host 99", "ssh://me@host:99/": "me@host 99", "[::1]:99": "::1 99", "::1": "::1 22", "piped": "piped 22",
	} {
		target, err := parse(t, example).Target(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := fmt.Sprint(target.Host, " ", target.Port)
		if strings.Contains(want, "@") {
			got = target.User + "@" + got
		}
		if got != want || (target.Options.Dial != nil) != (name == "piped") {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestTarget_Errors(t *testing.T) {
	for text, name := range map[string]string{
		example: "circle",
		"Host a*\n ProxyJump b1,b2,b3,b4\nHost b*\n ProxyJump c1,c2,c3,c4\n": "a1",
		"Host x\n Port many\n":              "x",
		"Ciphers rot13\n":                   "x",
		"HostName %q\n":                     "x",
		"HostName 5%\n":                     "x",
		"StrictHostKeyChecking sometimes\n": "x",
		"Port 22\n":                         "-oProxyCommand=x",
		"Port 23\n":                         "me@",
		"Port 24\n":                         "host:0",
	} {
		if target, err := parse(t, text).Target(name); err == nil {
			t.Errorf("%q: got %+v", text, target)
		}
	}
	for _, text := range []string{"Match exec true\n", "Match user me\n"} {
		if _, err := sshconfig.Parse([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// TestTarget_Agent: which agent is used, and which is forwarded.
func TestTarget_Agent(t *testing.T) {
	t.Setenv("MY_AGENT", "/run/mine")
	for _, row := range []struct {
		text, socket, forwarded string
		none, forward, bad      bool
	}{
		{text: ""},
		{text: "IdentityAgent none\nForwardAgent yes\n", none: true, forward: true},
		{text: "IdentityAgent SSH_AUTH_SOCK\nForwardAgent no\n"},
		{text: "IdentityAgent ~/%h.sock\n", socket: "~/x.sock"},
		{text: "IdentityAgent $MY_AGENT\nForwardAgent /other\n", socket: "/run/mine", forwarded: "/other", forward: true},
		{text: "ForwardAgent ${MY_AGENT}\n", forwarded: "/run/mine", forward: true},
		{text: "ForwardAgent $SURELY_NOT_SET\n", bad: true},
		{text: "ForwardAgent perhaps\n", bad: true},
	} {
		target, err := parse(t, row.text).Target("x")
		if row.bad {
			if err == nil {
				t.Errorf("%q was accepted", row.text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", row.text, err)
			continue
		}
		o := target.Options
		if o.NoAgent != row.none || o.AgentSocket != row.socket || o.ForwardAgent != row.forward || o.ForwardAgentSocket != row.forwarded {
			t.Errorf("%q: %+v", row.text, o)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	own, more, system := filepath.Join(dir, "own"), filepath.Join(dir, "more"), filepath.Join(dir, "system")
	for file, text := range map[string]string{own: "Include " + more + "\n", more: "Host h\n Port 1\n", system: "Port 2\nUser u\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := sshconfig.Load(own, system)
	if err != nil {
		t.Fatal(err)
	}
	if target, err := c.Target("h"); err != nil || target.Port != 1 || target.User != "u" {
		t.Errorf("got %+v, %v", target, err)
	}
	if _, err := sshconfig.Load(filepath.Join(dir, "missing")); err == nil {
		t.Error("a file that is missing was loaded")
	}
	t.Setenv("HOME", dir)
	if _, err := sshconfig.Load(); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example), "inner")
	f.Add([]byte("Host *\n\tUser %r\n"), "a@b:1")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		if strings.Contains(strings.ToLower(string(text)), "include") {
			return // no files here
		}
		c, err := sshconfig.Parse(text)
		if err != nil {
			return
		}
		if target, err := c.Target(name); err == nil && (target.Host == "" || target.Port < 0) {
			t.Errorf("got %+v", target)
		}
	})
}

func Example() {
	config, err := sshconfig.Parse([]byte("Host backup\n  HostName backup.example.org\n  Port 2222\n  User root\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	target, err := config.Target("backup")
	fmt.Println(target.User, target.Host, target.Port, err)
	// Output: root backup.example.org 2222 <nil>
}
