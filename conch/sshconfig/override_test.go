package sshconfig

import (
	"slices"
	"strings"
	"testing"
)

func override(t *testing.T, config string, lines ...string) *Config {
	t.Helper()
	c, err := parseConfig(t, config).Override(lines...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestOverride checks that lines of the command precede the files.
func TestOverride(t *testing.T) {
	const files = "Host *\n Port 1\n User file\n IdentityFile b\nMatch user cli\n HostKeyAlias cli\n"
	c := override(t, files, "Port=22", "user \"cli\"", "", "# comment", "IdentityFile a", "Port 23")
	for keyword, want := range map[string]string{"port": "22", "User": "cli", "identityfile": "a,b", "HostKeyAlias": "cli", "hostname": "h"} {
		if got, err := c.Get("h", keyword); err != nil || strings.Join(got, ",") != want {
			t.Errorf("%s: %q, %v, want %s", keyword, got, err, want)
		}
	}
	later, err := c.Override("Port 24")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		config *Config
		name   string
		port   int
	}{{later, "h", 24}, {c, "h", 22}, {later, "ssh://h:25", 25}} {
		if target, err := row.config.Target(row.name); err != nil || target.Port != row.port || target.User != "cli" {
			t.Errorf("%s: %v, %v, want port %d", row.name, target, err, row.port)
		}
	}
}

// TestOverrideJump checks that the lines do not count for jump hosts.
func TestOverrideJump(t *testing.T) {
	c := override(t, "Host gate\n User keeper\n", "ProxyJump gate:2022,inner", "Port 2222", "User me", "BatchMode yes")
	target, err := c.Target("h")
	if err != nil {
		t.Fatal(err)
	}
	inner := target.Options.Jump
	if inner == nil || inner.Options.Jump == nil {
		t.Fatalf("%+v", target)
	}
	gate := inner.Options.Jump
	if gate.User != "keeper" || gate.Port != 2022 || gate.Host != "gate" || gate.Options.BatchMode || gate.Options.Jump != nil ||
		inner.Host != "inner" || inner.Port != 22 || inner.User == "me" || target.Port != 2222 || !target.Options.BatchMode {
		t.Errorf("%v, %v, %v", target, inner, gate)
	}
}

// TestOverrideErrors checks which lines are refused, and where.
func TestOverrideErrors(t *testing.T) {
	for line, reason := range map[string]string{
		"Host x": "files only", "Match all": "files only", "include=/x": "files only", "Port": "no argument", `User "x`: "quote",
		"a\x00": "NUL", "Port x": "bad port", "Nonsense 1": "not a keyword", "CheckHostIP yes": "not supported",
	} {
		c, err := (&Config{}).Override("BatchMode yes", line)
		if err == nil {
			_, err = c.Target("h")
		}
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.HasPrefix(err.Error(), "sshconfig: command line:2: ") {
			t.Errorf("%q: %v", line, err)
		}
	}
	if c := override(t, "", "IgnoreUnknown non*", "Nonsense 1"); c != nil {
		if _, err := c.Target("h"); err != nil {
			t.Error(err)
		}
	}
}

// TestLookup checks that a Host has both the target and the values.
func TestLookup(t *testing.T) {
	h, err := override(t, "LocalForward 80 h:80\n", "LocalForward [::1]:81 h:81", "Port 5").Lookup("me@h")
	if err != nil {
		t.Fatal(err)
	}
	target, err := h.Target()
	if err != nil || target.String() != "me@h:5" {
		t.Errorf("%v, %v", target, err)
	}
	forwards, err := h.Get("LocalForward")
	if err != nil || !slices.Equal(forwards, []string{"[::1]:81 [h]:81", "80 [h]:80"}) {
		t.Errorf("%q, %v", forwards, err)
	}
	if _, err := h.Get("Nonsense"); err == nil {
		t.Error("no error for an unknown keyword")
	}
	if _, err := (&Config{}).Get("-bad", "Nonsense"); err == nil || !strings.Contains(err.Error(), "keyword") {
		t.Error(err)
	}
	if _, err := (&Config{}).Lookup("-bad"); err == nil {
		t.Error("a bad name was looked up")
	}
}
