package sshconfig

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func parseConfig(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// get returns the values of a keyword, separated by spaces, or the error.
func get(t *testing.T, text, name, keyword string) string {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		return "error: " + err.Error()
	}
	got, err := c.Get(name, keyword)
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.Join(got, " ")
}

// TestF22_NewerKeywords tests keywords and criteria that are newer than the ssh
// of the recorded output.
func TestF22_NewerKeywords(t *testing.T) {
	t.Setenv("HAWSER_VALUE", "value")
	for _, row := range []struct{ text, name, keyword, want string }{
		{"User \"o'brien\"\nMatch originalhost i exec \"true %r\"\nPort 5\nMatch all\nPort 6\n", "h", "port", "6"}, // not run
		{"Tag work\nMatch tagged w*\n User tagged\n", "h", "user", "tagged"},
		{"Match tagged \"\"\n User none\n", "h", "user", "none"},
		{"Match !tagged=work\n User none\n", "h", "user", "none"},
		{"Match command \"\"\n User none\n", "h", "user", "none"},
		{"Match command x\n User x\nMatch all\n User y\n", "h", "user", "y"},
		{"SessionType none\nMatch sessiontype none\n User x\n", "h", "user", "x"},
		{"Match sessiontype shell\n User x\n", "h", "user", "x"},
		{"Match localnetwork 127.0.0.0/8,10.9.8.7/32\n User x\n", "h", "user", "x"},
		{"Match localnetwork 127.0.0.1/8\n", "h", "user", "error: sshconfig: config:1: Match: localnetwork: \"127.0.0.1/8\" is not a network"},
		{"Match localnetwork here\n", "h", "user", "error: sshconfig: config:1: Match: localnetwork: \"here\" is not a network"},
		{"\n\nMatch version OpenSSH*\n", "h", "user", "error: sshconfig: config:3: Match: version: it is not supported, because this is not OpenSSH; remove it"},
		{"ProxyJump a,me@gate:5\nUserKnownHostsFile /k/%j\n", "h", "userknownhostsfile", "/k/gate"},
		{"UserKnownHostsFile /k/%j.\n", "h", "userknownhostsfile", "/k/."},
		{"ObscureKeystrokeTiming no\nWarnWeakCrypto no\nVersionAddendum x\nPort 5\n", "h", "port", "5"},
		{"Host other\n RefuseConnection \"not there\"\nHost h\n Port 5\n", "h", "port", "5"},
		{"RefuseConnection \"not there\"\n", "h", "port", "error: sshconfig: config:1: RefuseConnection: not there"},
		{"Include /no/%h\n", "h", "port", "error: sshconfig: config:1: Include /no/%h: tokens are not supported here; write the name"},
		{"Include ${HAWSER_NOT_SET}/x\n", "h", "port", "error: sshconfig: config:1: Include ${HAWSER_NOT_SET}/x: the environment variable HAWSER_NOT_SET is not set"},
		{"BatchMode yes\nServerAliveInterval 5\n", "h", "serveraliveinterval", "5"},
		{"BatchMode yes\n", "h", "serveraliveinterval", "300"},
		{"", "h", "nonsense", "error: sshconfig: \"nonsense\" is not a keyword"},
		{"SendEnv A B*\nSendEnv -B* C\n", "h", "SendEnv", "A C"},
		{"CanonicalizeHostname yes\nCanonicalizePermittedCNAMEs a:b\n", "h", "port", "error: sshconfig: config:2: CanonicalizePermittedCNAMEs is not supported; remove it"},
		{"Port 1\x00\n", "h", "port", "error: sshconfig: config:1: a NUL byte; this is not a configuration file"},
	} {
		if got := get(t, row.text, row.name, row.keyword); got != row.want {
			t.Errorf("%q: got %s, want %s", row.text, got, row.want)
		}
	}
}

// TestF22_Names tests the forms of a name that ssh does not support.
func TestF22_Names(t *testing.T) {
	for name, want := range map[string]string{
		"host:99": "host 99", "[::1]:99": "::1 99", "[::1]": "::1 22", "::1": "::1 22", "me@::1": "::1 22", "me@host:99": "host 99",
	} {
		if got := get(t, "", name, "hostname") + " " + get(t, "", name, "port"); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"", "host:0", "host:70000", "me@", ":22", "[::1", "[::1]x", "-oProxyCommand=x"} {
		if got := get(t, "", name, "hostname"); !strings.HasPrefix(got, "error") {
			t.Errorf("%q: got %s", name, got)
		}
	}
}

// TestF22_Keywords: every keyword is honoured, ignored or refused.
func TestF22_Keywords(t *testing.T) {
	kinds := map[string]int{}
	for _, name := range honoured {
		kinds[name]++
	}
	for _, names := range ignored {
		for _, name := range names {
			kinds[name]++
		}
	}
	for name := range refused {
		kinds[name]++
	}
	for _, k := range keywords {
		if kinds[k.name] != 1 {
			t.Errorf("%s is of %d kinds", k.name, kinds[k.name])
		}
	}
	for name := range kinds {
		if _, ok := keywords[name]; !ok && !slices.Contains([]string{"host", "applemultipath", "usekeychain"}, name) {
			t.Errorf("%s is not a keyword", name)
		}
	}
}

// TestF22_Canonical: the first of the CanonicalDomains that has the host is
// used.
func TestF22_Canonical(t *testing.T) {
	exists := []string{"h.two.example.", "h.three.example.", "full.example.", "a.b.two.example."}
	for _, row := range []struct{ text, host, want string }{
		{"CanonicalizeHostname yes\nCanonicalDomains one.example Two.Example. three.example\n", "h", "h.two.example"},
		{"CanonicalizeHostname yes\nCanonicalDomains one.example\n", "h", "h"},
		{"CanonicalizeHostname yes\nCanonicalDomains two.example\n", "a.b", "a.b.two.example"},
		{"CanonicalizeHostname yes\nCanonicalDomains two.example\nCanonicalizeMaxDots 0\n", "a.b", "a.b"},
		{"CanonicalizeHostname yes\nCanonicalDomains two.example\n", "full.example.", "full.example"},
		{"CanonicalizeHostname yes\nCanonicalDomains two.example\nProxyCommand x\n", "h", "h"},
		{"CanonicalizeHostname yes\nCanonicalDomains two.example\nProxyJump x\n", "h", "h"},
		{"CanonicalizeHostname always\nCanonicalDomains two.example\nProxyCommand x\n", "h", "h.two.example"},
		{"CanonicalizeHostname no\nCanonicalDomains two.example\n", "h", "h"},
		{"CanonicalizeHostname yes\nCanonicalDomains two.example\n", "10.0.0.1", "10.0.0.1"},
		{"CanonicalizeHostname yes\nCanonicalDomains one.example\nCanonicalizeFallbackLocal no\n", "h", "error"},
		{"CanonicalizeHostname yes\nCanonicalDomains none\nCanonicalizeFallbackLocal no\n", "a.b.c", "a.b.c"},
	} {
		p := &pass{host: row.host, values: values{}, lookup: func(_ context.Context, name string) ([]string, error) {
			if !slices.Contains(exists, name) {
				return nil, errors.New("no such host")
			}
			return []string{"10.0.0.1"}, nil
		}}
		if err := p.run(parseConfig(t, row.text).files); err != nil {
			t.Fatal(err)
		}
		got, err := p.canonical(row.host)
		if err != nil {
			got = "error"
		}
		if got != row.want {
			t.Errorf("%q of %q: got %s, %v", row.host, row.text, got, err)
		}
	}
}

// TestF22_Load: the user's file is read before the system's file. Relative
// names of included files are relative to ~/.ssh.
func TestF22_Load(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // for any umask
			t.Fatal(err)
		}
		return path
	}
	write(".ssh/config", "Include conf.d/*\nUser own\n", 0o644)
	write(".ssh/conf.d/one", "Host h\n Port 1\n", 0o600)
	system := write("system", "Port 2\nUser system\nIdentityFile /s\n", 0o666)
	own := filepath.Join(home, ".ssh/config")
	c, err := Load(own, system)
	if err != nil {
		t.Fatal(err)
	}
	for keyword, want := range map[string]string{"port": "1", "user": "own", "identityfile": "/s"} {
		if got, err := c.Get("h", keyword); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, %v", keyword, got, err)
		}
	}
	if c, err = Load(); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get("h", "port"); err != nil || got[0] != "1" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Load(filepath.Join(home, "missing")); err == nil {
		t.Error("a file that is missing was loaded")
	}
	large := write("large", strings.Repeat("#\n", maxFile), 0o600)
	if _, err := Load(large); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large file: %v", err)
	}
	write(".ssh/conf.d/one", "Host h\n Port 1\n", 0o620)
	if _, err := Load(own); err == nil || !strings.Contains(err.Error(), "conf.d/one: others may write") {
		t.Errorf("an included file of others: %v", err)
	}
	write(".ssh/config", "User own\n", 0o602)
	if _, err := Load(); err == nil || !strings.Contains(err.Error(), "others may write") {
		t.Errorf("a file of others: %v", err)
	}
	write(".ssh/config", "Include many many\n", 0o600)
	write(".ssh/many", "Include many many\n", 0o600)
	if _, err := Load(); err == nil {
		t.Error("an endless Include was loaded")
	}
}

// TestF22_SystemFile: the system's file must not use ~. Relative names are
// relative to its directory.
func TestF22_SystemFile(t *testing.T) {
	r := &reader{account: account{home: "/home/u"}}
	for arg, want := range map[string]string{"conf.d/*": "/etc/ssh/conf.d/*", "/x": "/x"} {
		if got, err := r.includePath(arg, false); err != nil || got != want {
			t.Errorf("%s: got %s, %v", arg, got, err)
		}
	}
	if got, err := r.includePath("~/x", false); err == nil {
		t.Errorf("got %s", got)
	}
	if got, err := r.includePath("x", true); err != nil || got != "/home/u/.ssh/x" {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestF21_CommandsAreSafe: a name that could be a shell command is refused in
// Match exec, and no command runs.
func TestF21_CommandsAreSafe(t *testing.T) {
	t.Setenv("SHELL", "/bin/sh")
	dir := t.TempDir()
	t.Chdir(dir)
	refused := func(text, name string) {
		t.Helper()
		if got := get(t, text, name, "port"); !strings.HasPrefix(got, "error") {
			t.Errorf("%q for %q: got %s", text, name, got)
		}
	}
	both := []string{"`touch hit`.example", "$(touch hit)", "a;touch hit", "'a", "\"a", "a|touch hit", "a&touch hit", "-oProxyCommand=x", "a>hit", "a\x7f", "(a)", "{a}", "a\\"}
	for _, bad := range append(both, "a b", "$a", "a\nb") {
		refused("Match exec \"true %h %n\"\n", bad)
		if strings.Contains(bad, "\n") {
			continue // cannot be written in a file
		}
		refused("HostName "+quote(bad)+"\nMatch exec \"true %h\"\n", "h")
		refused("HostKeyAlias "+quote(bad)+"\nMatch exec \"true %k\"\n", "h")
	}
	for _, bad := range append(both, "a -oProxyCommand=x") {
		refused("", bad+"@h")
		refused("User "+quote(bad)+"\nMatch exec \"true %r\"\n", "h")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("something ran: %v, %v", entries, err)
	}
}

// quote returns an argument for a configuration file.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func FuzzParse(f *testing.F) {
	for _, c := range sshCases {
		f.Add([]byte(c.config), c.targets[0])
	}
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		lower := strings.ToLower(string(text))
		for _, word := range []string{"include", "exec", "canonical", "localforward"} {
			if strings.Contains(strings.ReplaceAll(lower, `"`, ""), word) {
				return // no files, commands and servers here
			}
		}
		c, err := Parse(text)
		if err != nil {
			return
		}
		s, err := c.resolve(name)
		if err != nil {
			return
		}
		if n := s.number("port"); s.first("hostname") == "" || n < 1 || n > 65535 {
			t.Errorf("got %+v", s.values)
		}
	})
}
