package sshconfig

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

func mustTarget(t *testing.T, text, name string) *client.Target {
	t.Helper()
	target, err := parseConfig(t, text).Target(name)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return target
}

// TestF22_Target checks the address of a target and the path to it.
func TestF22_Target(t *testing.T) {
	target := mustTarget(t, `
Host inner
  HostName 10.0.0.1
  User admin
  Port 2222
  ProxyJump me@gate:2022,second
  ServerAliveInterval 1m
  ServerAliveCountMax 5
  ConnectTimeout 7
Host second
  HostName second.example
  ProxyJump unused
  StrictHostKeyChecking yes
Host gate
  ProxyJump first
`, "inner")
	if target.Host != "10.0.0.1" || target.User != "admin" || target.Port != 2222 {
		t.Errorf("got %s@%s:%d", target.User, target.Host, target.Port)
	}
	if o := target.Options; o.ServerAliveInterval != time.Minute || o.ServerAliveCountMax != 5 || o.DialTimeout != 7*time.Second || o.Dial != nil {
		t.Errorf("got %+v", o)
	}
	second := target.Options.Jump
	if second == nil || second.Host != "second.example" || second.Options.HostKeys != client.RefuseNewHosts {
		t.Fatalf("second: %+v", second)
	}
	gate := second.Options.Jump
	if gate == nil || gate.Host != "gate" || gate.User != "me" || gate.Port != 2022 {
		t.Fatalf("gate: %+v", gate)
	}
	first := gate.Options.Jump // from the lines for gate
	if first == nil || first.Host != "first" || first.Options.Jump != nil {
		t.Errorf("first: %+v", first)
	}
}

// TestF20_HostKeyAlias: an alias is used without a port.
func TestF20_HostKeyAlias(t *testing.T) {
	target := mustTarget(t, "Host h\n HostKeyAlias Al\n Port 2222\n", "h")
	if o := target.Options; o.HostKeyAlias != "al" || target.Host != "h" || target.Port != 2222 {
		t.Errorf("got %+v", target)
	}
}

// TestF22_Options checks each keyword that becomes an option.
func TestF22_Options(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("HAWSER_AGENT", "/run/mine")
	t.Setenv("HAWSER_EMPTY", "")
	known := gossh.SupportedAlgorithms()
	in := func(got, want []string) bool { return slices.Equal(got, want) && (got == nil) == (want == nil) }
	for _, row := range []struct {
		text string
		ok   func(o client.Options) bool
	}{
		{"", func(o client.Options) bool {
			return o.KnownHosts == nil && o.GlobalKnownHosts == nil && o.Identities == nil && o.Certificates == nil && o.Methods == nil &&
				o.Ciphers == nil && o.HostKeyAlgorithms == nil && o.PublicKeyAlgorithms == nil && !o.BatchMode && !o.IdentitiesOnly &&
				o.PasswordPrompts == 3 && o.HostKeys == client.AskAboutNewHosts && o.Dial == nil && o.Jump == nil && !o.ForwardAgent &&
				!o.NoAgent && o.AgentSocket == "" && o.ServerAliveInterval == 0 && o.DialTimeout == 0 && o.HostKeyAlias == ""
		}},
		{"UserKnownHostsFile none\n", func(o client.Options) bool { return in(o.KnownHosts, []string{}) && o.GlobalKnownHosts == nil }},
		{"UserKnownHostsFile \"/a b\" ~/c ${HAWSER_AGENT}/%h\n", func(o client.Options) bool {
			return in(o.KnownHosts, []string{"/a b", home + "/c", "/run/mine/h"}) && o.GlobalKnownHosts == nil
		}},
		{"GlobalKnownHostsFile /g ~/h\n", func(o client.Options) bool {
			return in(o.GlobalKnownHosts, []string{"/g", home + "/h"}) && o.KnownHosts == nil
		}},
		{"GlobalKnownHostsFile none\n", func(o client.Options) bool { return in(o.GlobalKnownHosts, []string{}) }},
		{"IdentityFile ~/.ssh/%n-%r\nIdentityFile /k/%%\nIdentitiesOnly yes\nUser u\n", func(o client.Options) bool {
			return in(o.Identities, []string{home + "/.ssh/h-u", "/k/%"}) && o.IdentitiesOnly
		}},
		{"IdentityFile none\n", func(o client.Options) bool { return in(o.Identities, []string{}) }},
		{"CertificateFile ~/c\n", func(o client.Options) bool { return in(o.Certificates, []string{home + "/c"}) }},
		{"StrictHostKeyChecking yes\n", func(o client.Options) bool { return o.HostKeys == client.RefuseNewHosts }},
		{"StrictHostKeyChecking no\n", func(o client.Options) bool { return o.HostKeys == client.AcceptNewHosts }},
		{"StrictHostKeyChecking accept-new\n", func(o client.Options) bool { return o.HostKeys == client.AcceptNewHosts }},
		{"BatchMode yes\n", func(o client.Options) bool { return o.BatchMode && o.ServerAliveInterval == 300*time.Second }},
		{"HashKnownHosts yes\n", func(o client.Options) bool { return o.HashKnownHosts }},
		{"NumberOfPasswordPrompts 1\n", func(o client.Options) bool { return o.PasswordPrompts == 1 && o.Methods == nil }},
		{"NumberOfPasswordPrompts 0\n", func(o client.Options) bool { return in(o.Methods, []string{"publickey"}) }},
		{"PasswordAuthentication no\n", func(o client.Options) bool { return in(o.Methods, []string{"publickey", "keyboard-interactive"}) }},
		{"KbdInteractiveAuthentication no\n", func(o client.Options) bool { return in(o.Methods, []string{"publickey", "password"}) }},
		{"PubkeyAuthentication no\n", func(o client.Options) bool { return in(o.Methods, []string{"keyboard-interactive", "password"}) }},
		{"PubkeyAuthentication host-bound\n", func(o client.Options) bool { return o.Methods == nil }},
		{"PreferredAuthentications gssapi-with-mic,password,publickey,password\n", func(o client.Options) bool { return in(o.Methods, []string{"password", "publickey"}) }},
		{"IdentityAgent none\nForwardAgent yes\n", func(o client.Options) bool { return o.NoAgent && !o.ForwardAgent }},
		{"IdentityAgent SSH_AUTH_SOCK\nForwardAgent yes\n", func(o client.Options) bool { return !o.NoAgent && o.AgentSocket == "" && o.ForwardAgent }},
		{"IdentityAgent $HAWSER_AGENT\n", func(o client.Options) bool { return o.AgentSocket == "/run/mine" }},
		{"IdentityAgent ${HAWSER_AGENT}.%h\n", func(o client.Options) bool { return o.AgentSocket == "/run/mine.h" }},
		{"IdentityAgent $HAWSER_EMPTY\n", func(o client.Options) bool { return o.NoAgent }},
		{"IdentityAgent ~/s\n", func(o client.Options) bool { return o.AgentSocket == home+"/s" }},
		{"ForwardAgent /other\n", func(o client.Options) bool { return o.ForwardAgent && o.ForwardAgentSocket == "/other" }},
		{"ForwardAgent $HAWSER_AGENT\n", func(o client.Options) bool { return o.ForwardAgent && o.ForwardAgentSocket == "/run/mine" }},
		{"ForwardAgent $HAWSER_EMPTY\n", func(o client.Options) bool { return !o.ForwardAgent }},
		{"Ciphers aes256-ctr,aes128-ctr\n", func(o client.Options) bool { return in(o.Ciphers, []string{"aes256-ctr", "aes128-ctr"}) }},
		{"MACs umac-64@openssh.com,hmac-sha2-256\n", func(o client.Options) bool { return in(o.MACs, []string{"hmac-sha2-256"}) }},
		{"KexAlgorithms +diffie-hellman-group1-sha1\n", func(o client.Options) bool {
			base, _ := clientAlgorithms()
			return in(o.KeyExchanges, append(slices.Clone(base.KeyExchanges), "diffie-hellman-group1-sha1"))
		}},
		{"HostKeyAlgorithms ^ssh-ed25519\n", func(o client.Options) bool {
			return o.HostKeyAlgorithms[0] == "ssh-ed25519" && len(o.HostKeyAlgorithms) > 3
		}},
		{"HostKeyAlgorithms -ecdsa*\n", func(o client.Options) bool {
			return len(o.HostKeyAlgorithms) > 3 && !slices.ContainsFunc(o.HostKeyAlgorithms, func(n string) bool { return strings.HasPrefix(n, "ecdsa") })
		}},
		{"PubkeyAcceptedAlgorithms rsa-*\n", func(o client.Options) bool {
			return len(o.PublicKeyAlgorithms) > 1 && !slices.ContainsFunc(o.PublicKeyAlgorithms, func(n string) bool {
				return !strings.HasPrefix(n, "rsa-") || !slices.Contains(known.PublicKeyAuths, n)
			})
		}},
		{"AddressFamily inet\n", func(o client.Options) bool { return o.Dial != nil }},
		{"ProxyCommand nc %h %p\n", func(o client.Options) bool { return o.Dial != nil && o.Jump == nil }},
		{"ProxyJump none\n", func(o client.Options) bool { return o.Dial == nil && o.Jump == nil }},
		{"ProxyCommand none\nProxyJump gate\n", func(o client.Options) bool { return o.Dial == nil && o.Jump == nil }},
	} {
		o := mustTarget(t, row.text, "h").Options
		if !row.ok(o) {
			t.Errorf("%q: %+v", row.text, o)
		}
		if err := o.Validate(); err != nil {
			t.Errorf("%q: %v", row.text, err)
		}
	}
}

// TestF22_NotHonoured: an error names the option and the place.
func TestF22_NotHonoured(t *testing.T) {
	for text, want := range map[string]string{
		"BindInterface eth0":                           "bindinterface",
		"ChannelTimeout session=5m":                    "channeltimeout",
		"CheckHostIP yes":                              "checkhostip",
		"KnownHostsCommand /bin/x":                     "knownhostscommand",
		"NoHostAuthenticationForLocalhost yes":         "nohostauthenticationforlocalhost",
		"PKCS11Provider /lib/x.so":                     "pkcs11provider",
		"ProxyUseFdpass yes":                           "proxyusefdpass",
		"RekeyLimit 1G 1h":                             "rekeylimit",
		"RevokedHostKeys /r":                           "revokedhostkeys",
		"VerifyHostKeyDNS ask":                         "verifyhostkeydns",
		"BindAddress here.example":                     "bindaddress",
		"ProxyCommand -":                               "proxycommand",
		"ProxyCommand nc %q":                           "proxycommand",
		"Ciphers 3des-cbc,-x":                          "ciphers",
		"MACs umac-64@openssh.com":                     "macs",
		"ServerAliveInterval 5\nServerAliveCountMax 0": "serveralivecountmax",
		"IdentityFile ${HAWSER_NOT_SET}":               "identityfile",
		"IdentityFile ~no.such.user/x":                 "identityfile",
		"GlobalKnownHostsFile ~no.such.user/x":         "globalknownhostsfile",
		"ProxyJump -oProxyCommand=x":                   "proxyjump",
	} {
		_, err := parseConfig(t, "# first\n"+text+"\n").Target("h")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "sshconfig: config:"+fmt.Sprint(2+strings.Count(text, "\n"))) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	for _, text := range []string{"CheckHostIP no", "RekeyLimit default none", "RevokedHostKeys none", "VerifyHostKeyDNS no", "KnownHostsCommand none",
		"Host other\n BindInterface eth0", "Compression yes\nControlMaster auto\nControlPath ~/x\nSendEnv X\nLocalForward 1 a:2\nRemoteCommand x\nHostbasedAuthentication yes"} {
		mustTarget(t, text+"\n", "h")
	}
	if _, err := parseConfig(t, "PreferredAuthentications hostbased\n").Target("h"); err == nil || !strings.Contains(err.Error(), "no authentication method") {
		t.Errorf("no method: %v", err)
	}
	for _, text := range []string{"Host a*\n ProxyJump b1\nHost b*\n ProxyJump a1\n", "ProxyJump other,h\n", "ProxyJump h\n"} {
		if _, err := parseConfig(t, text).Target("a1"); err == nil {
			t.Errorf("%q: a circle of jump hosts is accepted", text)
		}
	}
}

// TestF22_Distributions checks the files of Debian and Fedora. Fedora's crypto
// policy must be used.
func TestF22_Distributions(t *testing.T) {
	dir := sshEnvironment(t)
	mustTarget(t, debian, "u@Some.Host")
	target := mustTarget(t, strings.ReplaceAll(fedora, "{DIR}", dir), "u@Some.Host")
	if target.Host != "some.host" || target.Verify == nil {
		t.Errorf("got %+v", target)
	}
	if c := target.Options.Ciphers; len(c) == 0 || c[0] != "aes256-gcm@openssh.com" {
		t.Errorf("ciphers: %v", c)
	}
}

// TestF21_ProxyCommandIsSafe: a host, user, jump host or alias that could be a
// shell command is refused in ProxyCommand.
func TestF21_ProxyCommandIsSafe(t *testing.T) {
	refused := func(text, name string) {
		t.Helper()
		c, err := Parse([]byte(text))
		if err != nil {
			return
		}
		if target, err := c.Target(name); err == nil {
			t.Errorf("%q for %q: got %+v", text, name, target)
		}
	}
	both := []string{"`touch hit`.example", "$(touch hit)", "a;touch hit", "'a", "\"a", "a|touch hit", "-oProxyCommand=x", "a>hit"}
	for _, bad := range append(both, "a b") {
		refused("ProxyCommand nc %h %p\n", bad)
		refused("ProxyCommand nc x\n", bad)
		refused("HostName "+quote(bad)+"\nProxyCommand nc %h %p\n", "h")
		refused("HostKeyAlias "+quote(bad)+"\nProxyCommand nc %k\n", "h")
		if bad == "a b" {
			continue // ProxyJump ends at a space
		}
		refused("Host h\n ProxyJump "+bad+"\n", "h")
		refused("Host h\n ProxyJump gate,"+bad+"\n", "h")
		refused("Host h\n ProxyJump "+bad+",gate\n", "h")
	}
	for _, bad := range both {
		refused("ProxyCommand nc -l %r %h\n", bad+"@h")
		refused("User "+quote(bad)+"\nProxyCommand nc -l %r %h\n", "h")
		refused("Host h\n ProxyJump "+bad+"@gate\n", "h")
	}
}

// TestProxyCommand logs in through a command.
func TestProxyCommand(t *testing.T) {
	reactortest.CheckGoroutines(t)
	t.Setenv("SHELL", "/bin/sh")
	dir := t.TempDir()
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	s := conchtest.NewServer(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}, Exec: func(_ string, ch gossh.Channel) uint32 {
		_, _ = io.Copy(ch, ch) // ends when the channel is closed
		return 0
	}})
	text := fmt.Sprintf("User %s\nIdentityAgent none\nIdentityFile %s/id\nUserKnownHostsFile %s/known\nGlobalKnownHostsFile none\nStrictHostKeyChecking accept-new\nHashKnownHosts yes\nRequiredRSASize 2048\nProxyCommand %s\n",
		s.User, dir, dir, relay(s.Addr.String()))
	target := mustTarget(t, text, "anything")
	r := reactortest.Start(t, reactor.Options{})
	out, err := reactor.Await(t.Context(), r, func() deferred.Deferred[client.Output] { return target.Exec(r, "cat", []byte("piped")) })
	if err != nil || string(out.Stdout) != "piped" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	if saved, err := os.ReadFile(filepath.Join(dir, "known")); err != nil || !strings.HasPrefix(string(saved), "|1|") {
		t.Errorf("saved %q, %v", saved, err)
	}
}

// TestF21_FailureIsTold: the error of Connect contains the command's stderr.
func TestF21_FailureIsTold(t *testing.T) {
	reactortest.CheckGoroutines(t)
	t.Setenv("SHELL", "/bin/sh")
	target := mustTarget(t, "IdentityAgent none\nProxyCommand sh -c 'echo no such gate >&2; exit 3'\n", "anything")
	r := reactortest.Start(t, reactor.Options{})
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[client.Output] { return target.Exec(r, "cat", nil) })
	if err == nil || !strings.Contains(err.Error(), "no such gate") {
		t.Errorf("got %v", err)
	}
}

// TestF22_Dialer: AddressFamily, BindAddress and ConnectionAttempts.
func TestF22_Dialer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // no connection is accepted
	address := l.Addr().String()
	c, err := mustTarget(t, "BindAddress 127.0.0.5\nAddressFamily inet\nTCPKeepAlive no\n", "h").Options.Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if from := c.LocalAddr().(*net.TCPAddr); !from.IP.Equal(net.IPv4(127, 0, 0, 5)) {
		t.Errorf("from %v", from)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if c, err := mustTarget(t, "AddressFamily inet6\n", "h").Options.Dial(t.Context(), "tcp", address); err == nil {
		t.Errorf("IPv6 reached %v", c.RemoteAddr())
	}
}

// TestF22_ConnectionAttempts: there is a second between two attempts. The end
// of ctx ends the wait.
func TestF22_ConnectionAttempts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dial := mustTarget(t, "ConnectionAttempts 3\n", "h").Options.Dial
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if _, err := dial(t.Context(), "tcp", address); err == nil || time.Since(start) != 2*attemptPause {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), attemptPause/2)
		defer cancel()
		start = time.Now()
		if _, err := dial(ctx, "tcp", address); err == nil || time.Since(start) != attemptPause/2 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestF22_RequiredRSASize: the minimum size of an RSA key holds for
// certificates too.
func TestF22_RequiredRSASize(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.NewPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := gossh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if rsaSize(key) != 2048 || rsaSize(&gossh.Certificate{Key: key}) != 2048 || rsaSize(other) != 0 {
		t.Error("wrong sizes")
	}
	verify := mustTarget(t, "RequiredRSASize 3072\n", "h").Verify
	deferredtest.FailureResultOf(t, verify(nil, "", key, ""))
}

func Example() {
	config, err := Parse([]byte("Host backup\n  HostName backup.example.org\n  Port 2222\n  User root\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	target, err := config.Target("backup")
	fmt.Println(target.User, target.Host, target.Port, err)
	// Output: root backup.example.org 2222 <nil>
}
