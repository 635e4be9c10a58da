package knownhosts

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestC_CLIENT_36_to_46_Check(t *testing.T) {
	hashedHost := strings.Split(hashNames(line("host,192.0.2.1", ed(1))), "\n")
	type changed struct {
		host string
		line int
	}
	for _, tt := range []struct {
		name    string
		lines   []string
		host    string
		port    int
		ip      string
		alias   string
		want    Outcome
		missing []string
		changed *changed
		revoked int // line
	}{
		{name: "C-CLIENT-40 host and address", lines: []string{line("host", ed(1)), line("192.0.2.1", ed(1))}, ip: "192.0.2.1", want: Known},
		{name: "C-CLIENT-40 hashed", lines: hashedHost, ip: "192.0.2.1", want: Known},
		{name: "C-CLIENT-40 one line", lines: []string{line("host,192.0.2.1", ed(1))}, ip: "192.0.2.1", want: Known},
		{name: "C-CLIENT-40 no address", lines: []string{line("host", ed(1))}, want: Known},
		{name: "C-CLIENT-40 letter case", lines: []string{line("Host", ed(1))}, host: "hOST", want: Known},
		{name: "C-CLIENT-40 hashed, letter case", lines: hashedHost, host: "HOST", want: Known},
		{name: "C-CLIENT-40 host is the address", lines: []string{line("192.0.2.1", ed(1))}, host: "192.0.2.1", ip: "192.0.2.1", want: Known},
		{name: "C-CLIENT-41", lines: []string{line("host", ed(1))}, ip: "192.0.2.1", want: KnownAddIP, missing: []string{"192.0.2.1"}},
		{name: "C-CLIENT-43 address of another type", lines: []string{line("host", ed(1)), line("192.0.2.1", ec(1))}, ip: "192.0.2.1", changed: &changed{"192.0.2.1", 2}},
		{name: "C-CLIENT-41 port", lines: []string{line("[host]:2222", ed(1)), line("192.0.2.1", ed(1))}, port: 2222, ip: "192.0.2.1", want: KnownAddIP, missing: []string{"[192.0.2.1]:2222"}},
		{name: "C-CLIENT-42", lines: []string{"# 1", line("host", ed(2))}, changed: &changed{"host", 2}},
		{name: "C-CLIENT-42 address right", lines: []string{line("192.0.2.1", ed(1)), line("host", ed(2))}, ip: "192.0.2.1", changed: &changed{"host", 2}},
		{name: "C-CLIENT-42 wildcard", lines: []string{line("h*", ed(2))}, changed: &changed{"host", 1}},
		{name: "C-CLIENT-43", lines: []string{line("host", ed(1)), line("192.0.2.1", ed(2))}, ip: "192.0.2.1", changed: &changed{"192.0.2.1", 2}},
		{name: "C-CLIENT-44", lines: []string{line("other", ed(1))}, ip: "192.0.2.1", want: Unknown, missing: []string{"host", "192.0.2.1"}},
		{name: "C-CLIENT-44 port", port: 2222, ip: "2001:db8::1", want: Unknown, missing: []string{"[host]:2222", "[2001:db8::1]:2222"}},
		{name: "C-CLIENT-44 no address", want: Unknown, missing: []string{"host"}},
		{name: "C-CLIENT-46 address with this key", lines: []string{line("192.0.2.1", ed(1))}, ip: "192.0.2.1", want: Unknown, missing: []string{"host"}},
		{name: "C-CLIENT-46 address with another key", lines: []string{line("192.0.2.1", ed(2))}, ip: "192.0.2.1", changed: &changed{"192.0.2.1", 1}},
		{name: "C-CLIENT-36 another type only", lines: []string{line("host", ec(1)), line("host", rsaKey(1)), line("host", ec(2))}, changed: &changed{"host", 1}},
		{name: "C-CLIENT-36 this type and another", lines: []string{line("host", ec(1)), line("host", ed(1))}, want: Known},
		{name: "C-CLIENT-36 first of several", lines: []string{line("host", ec(1)), line("host", ed(2)), line("host", ed(3))}, changed: &changed{"host", 2}},
		{name: "C-CLIENT-37 second line right", lines: []string{line("host", ed(2)), line("host", ed(1))}, want: Known},
		{name: "C-CLIENT-37 address too", lines: []string{line("host,192.0.2.1", ed(2)), line("*", ed(1))}, ip: "192.0.2.1", want: Known},
		{name: "negation", lines: []string{line("*,!host", ed(1))}, want: Unknown, missing: []string{"host"}},
		{name: "negation hides a change", lines: []string{line("*,!host", ed(2))}, want: Unknown, missing: []string{"host"}},
		{name: "port recorded without it", lines: []string{line("host", ed(1))}, port: 2222, want: Known},
		{name: "port recorded without it, address unknown", lines: []string{line("host", ed(1))}, port: 2222, ip: "192.0.2.1", want: Known},
		{name: "port recorded without it, another key", lines: []string{line("host", ed(2))}, port: 2222, want: Unknown, missing: []string{"[host]:2222"}},
		{name: "port recorded otherwise", lines: []string{line("host", ed(1)), line("[host]:2222", ed(2))}, port: 2222, changed: &changed{"[host]:2222", 2}},
		{name: "port not recorded, address changed", lines: []string{line("host", ed(1)), line("[192.0.2.1]:2222", ed(2))}, port: 2222, ip: "192.0.2.1", changed: &changed{"[192.0.2.1]:2222", 2}},
		{name: "other port", lines: []string{line("[host]:2200", ed(1))}, want: Unknown, missing: []string{"host"}},
		{name: "C-CLIENT-35 revoked", lines: []string{line("host", ed(1)), marked(revoked, "*", ed(1))}, revoked: 2},
		{name: "C-CLIENT-35 revoked, unknown host", lines: []string{marked(revoked, "host", ed(1))}, revoked: 1},
		{name: "C-CLIENT-35 revoked for the name, other port", lines: []string{line("[host]:2222", ed(1)), marked(revoked, "host", ed(1))}, port: 2222, revoked: 2},
		{name: "C-CLIENT-35 revoked for the address", lines: []string{line("host", ed(1)), marked(revoked, "192.0.2.*", ed(1))}, ip: "192.0.2.1", revoked: 2},
		{name: "C-CLIENT-35 revoked and changed", lines: []string{line("host", ed(2)), marked(revoked, "*", ed(1))}, revoked: 2},
		{name: "C-CLIENT-35 another key revoked", lines: []string{line("host", ed(1)), marked(revoked, "*", ed(2))}, want: Known},
		{name: "C-CLIENT-35 revoked elsewhere", lines: []string{line("host", ed(1)), marked(revoked, "other", ed(1))}, want: Known},
		{name: "C-CLIENT-35 a certificate of the key revoked", lines: []string{line("host", ed(1)), marked(revoked, "*", hostCert(ed(1), edSigner(9), nil, nil))}, revoked: 2},
		{name: "C-CLIENT-35 authority is no host key", lines: []string{marked(certAuthority, "*", ed(1))}, want: Unknown, missing: []string{"host"}},
		{name: "C-CLIENT-35 authority is no other host key", lines: []string{marked(certAuthority, "*", ed(2))}, want: Unknown, missing: []string{"host"}},
		{name: "bad lines do not count", lines: []string{"host", "@what " + line("host", ed(2)), line("host", ed(2))[:70]}, want: Unknown, missing: []string{"host"}},
		{name: "address in IPv4-mapped form", lines: []string{line("host,192.0.2.1", ed(1))}, ip: "::ffff:192.0.2.1", want: Known},
		{name: "address with a zone", lines: []string{line("host,fe80::1%eth0", ed(1))}, ip: "fe80::1%eth0", want: Known},
		{name: "loopback is not looked up", lines: []string{line("host", ed(1)), line("127.0.0.1,::1", ed(2))}, ip: "::1", want: Known},
		{name: "mapped loopback is not looked up", lines: []string{line("host", ed(1)), line("127.0.0.1,::1", ed(2))}, ip: "::ffff:127.0.0.1", want: Known},
		{name: "no address is not looked up", lines: []string{line("host", ed(1)), line("pipe", ed(2))}, ip: "pipe", want: Known},
		{name: "F20 alias, known", lines: []string{line("ALIAS", ed(1))}, alias: "Alias", ip: "192.0.2.1", want: Known},
		{name: "F20 alias, hashed", lines: []string{line(hashOf("alias"), ed(1))}, alias: "Alias", want: Known},
		{name: "F20 alias, changed", lines: []string{line("alias", ed(2))}, alias: "alias", changed: &changed{"alias", 1}},
		{name: "F20 alias, unknown", lines: []string{line("[alias]:2222", ed(1))}, alias: "alias", ip: "192.0.2.1", want: Unknown, missing: []string{"alias"}},
		{name: "F20 alias, address not compared", lines: []string{line("alias", ed(1)), line("192.0.2.1,[192.0.2.1]:2222", ed(2))}, alias: "alias", ip: "192.0.2.1", want: Known},
		{name: "F20 alias, revoked", lines: []string{line("alias", ed(1)), marked(revoked, "*", ed(1))}, alias: "alias", revoked: 2},
		{name: "F20 alias with a port in it", lines: []string{line("[alias]:2222", ed(2))}, alias: "[alias]:2222", changed: &changed{"[alias]:2222", 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tempFile(t, tt.lines...)
			name := HostPort(cmp.Or(tt.host, "host"), tt.port)
			if tt.alias != "" {
				name = Alias(tt.alias)
			}
			v, err := FromPath(path).Check(name, tt.ip, ed(1))
			switch {
			case tt.changed != nil:
				e, ok := errors.AsType[*HostKeyChangedError](err)
				if !ok || e.Name.String() != tt.changed.host || e.Line != tt.changed.line || e.Path != path {
					t.Fatalf("C-CLIENT-38: error %v", err)
				}
				if want := parsed(t, tt.lines[e.Line-1]).key; !sameKey(e.Recorded, want) || !sameKey(e.Key, ed(1)) {
					t.Errorf("C-CLIENT-38: %v", e)
				}
			case tt.revoked != 0:
				e, ok := errors.AsType[*RevokedKeyError](err)
				if !ok || e.Line != tt.revoked || e.Path != path || e.Name != name {
					t.Fatalf("error %v", err)
				}
			case err != nil:
				t.Fatal(err)
			case v.Outcome != tt.want || !slices.Equal(texts(v.Missing), tt.missing) || v.Name != name || !sameKey(v.Key, ed(1)):
				t.Errorf("%v, missing %q, name %v", v.Outcome, texts(v.Missing), v.Name)
			}
		})
	}
}

func texts(names []Name) []string {
	var all []string
	for _, name := range names {
		all = append(all, name.String())
	}
	return all
}

func TestSeveralFiles(t *testing.T) {
	user := tempFile(t, line("a", ed(1)), line("b", ed(1)), line("d", ed(1)))
	missing := filepath.Join(t.TempDir(), "none")
	user2 := tempFile(t, line("e", ed(1)))
	global := tempFile(t, "# for all", line("b", ed(2)), line("c", ed(2)), marked(revoked, "a,d", ed(1)))
	global2 := tempFile(t, line("f", ed(1)))
	f := FromPath(user, user2, missing, global, global2)
	for _, name := range []string{"b", "e", "f"} {
		if got := check(t, f, host(name), ed(1)); got != Known {
			t.Errorf("any file may have the key of %s: %v", name, got)
		}
	}
	_, err := f.Check(host("c"), "", ed(1))
	if e, ok := errors.AsType[*HostKeyChangedError](err); !ok || e.Path != global || e.Line != 3 {
		t.Errorf("changed key in a global file: %v", err)
	}
	for _, name := range []string{"a", "d"} {
		_, err = f.Check(host(name), "", ed(1))
		if e, ok := errors.AsType[*RevokedKeyError](err); !ok || e.Path != global || e.Line != 4 {
			t.Errorf("revoked in a global file: %v", err)
		}
	}
	before := readFile(t, user2) + readFile(t, global) + readFile(t, global2)
	accept(t, f, host("new"))
	if after := readFile(t, user2) + readFile(t, global) + readFile(t, global2); after != before {
		t.Errorf("written to a file that is only read: %q", after)
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("created a file that is only read: %v", err)
	}
}

// A file that cannot be read is an error, and not an unknown host.
func TestC_CLIENT_27_Unreadable(t *testing.T) {
	f := FromPath(filepath.Join(t.TempDir(), "none"), t.TempDir()) // a directory
	_, err := f.Check(host("host"), "", ed(1))
	if err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("Check: %v", err)
	}
	if _, err := f.HostKeyAlgorithms(host("host"), nil); err == nil {
		t.Error("HostKeyAlgorithms: no error")
	}
}

func TestBadName(t *testing.T) {
	names := []Name{{}, HostPort("host", -1), HostPort("host", 70000), HostPort("[host]:22", 22), HostPort("[]", 22), Alias("")}
	for _, bad := range []string{"a b", "a,b", "*", "a?", "!a", "|1|x|y", "a\nb", "a\x1b[2J", "a\u0085b", "a\u202eb", "a\xff",
		"@revoked", "#a", "a'b", `a"b`, `a\b`, strings.Repeat("a", 2000)} {
		names = append(names, HostPort(bad, 2222), Alias(bad))
	}
	path := filepath.Join(t.TempDir(), "known_hosts")
	f := FromPath(path)
	for _, name := range names {
		if _, err := f.Check(name, "", ed(1)); err == nil || !printable(strings.ReplaceAll(err.Error(), " ", "")) {
			t.Errorf("Check(%.20q): %v", name, err)
		}
		if _, err := f.HostKeyAlgorithms(name, nil); err == nil {
			t.Errorf("HostKeyAlgorithms(%.20q): no error", name)
		}
		if err := f.Accept(Verdict{Key: ed(1), Missing: []Name{host("good"), name}}); err == nil {
			t.Errorf("Accept(%.20q): no error", name)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a bad name was saved: %v", err)
	}
	if got := check(t, f, host("good"), ed(1)); got != Unknown {
		t.Errorf("a bad name was accepted: %v", got)
	}
}
