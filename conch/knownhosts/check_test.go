package knownhosts

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

func TestC_CLIENT_36_to_46_Check(t *testing.T) {
	hashedHost := hashedLines(mustParse(line("host,192.0.2.1", ed(1))))
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
		key     gossh.PublicKey
		refuse  bool // RefuseOtherTypes
		want    Outcome
		missing []string
		others  int
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
		{name: "C-CLIENT-41 address of another type", lines: []string{line("host", ed(1)), line("192.0.2.1", ec(1))}, ip: "192.0.2.1", want: KnownAddIP, missing: []string{"192.0.2.1"}},
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
		{name: "C-CLIENT-36 another type only", lines: []string{line("host", ec(1)), line("host", rsaKey(1)), line("host", ec(2))}, want: Unknown, missing: []string{"host"}, others: 2},
		{name: "C-CLIENT-36 another type, refused", lines: []string{line("host", ec(1)), line("host", rsaKey(1))}, refuse: true, changed: &changed{"host", 1}},
		{name: "C-CLIENT-36 this type and another, refused", lines: []string{line("host", ec(1)), line("host", ed(1))}, refuse: true, want: Known},
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
		{name: "C-CLIENT-35 revoked", lines: []string{line("host", ed(1)), marked(Revoked, "*", ed(1))}, revoked: 2},
		{name: "C-CLIENT-35 revoked, unknown host", lines: []string{marked(Revoked, "host", ed(1))}, revoked: 1},
		{name: "C-CLIENT-35 revoked for the name, other port", lines: []string{line("[host]:2222", ed(1)), marked(Revoked, "host", ed(1))}, port: 2222, revoked: 2},
		{name: "C-CLIENT-35 revoked for the address", lines: []string{line("host", ed(1)), marked(Revoked, "192.0.2.*", ed(1))}, ip: "192.0.2.1", revoked: 2},
		{name: "C-CLIENT-35 revoked and changed", lines: []string{line("host", ed(2)), marked(Revoked, "*", ed(1))}, revoked: 2},
		{name: "C-CLIENT-35 another key revoked", lines: []string{line("host", ed(1)), marked(Revoked, "*", ed(2))}, want: Known},
		{name: "C-CLIENT-35 revoked elsewhere", lines: []string{line("host", ed(1)), marked(Revoked, "other", ed(1))}, want: Known},
		{name: "C-CLIENT-35 a certificate of the key revoked", lines: []string{line("host", ed(1)), marked(Revoked, "*", hostCert(ed(1), edSigner(9), nil, nil))}, revoked: 2},
		{name: "C-CLIENT-35 authority is no host key", lines: []string{marked(CertAuthority, "*", ed(1))}, want: Unknown, missing: []string{"host"}},
		{name: "C-CLIENT-35 authority is no other host key", lines: []string{marked(CertAuthority, "*", ed(2))}, want: Unknown, missing: []string{"host"}},
		{name: "bad lines do not count", lines: []string{"host", "@what " + line("host", ed(2)), line("host", ed(2))[:70]}, want: Unknown, missing: []string{"host"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tempFile(t, tt.lines...)
			f := FromPath(path)
			f.RefuseOtherTypes = tt.refuse
			if tt.host == "" {
				tt.host = "host"
			}
			if tt.key == nil {
				tt.key = ed(1)
			}
			v, err := f.Check(tt.host, tt.port, tt.ip, tt.key)
			switch {
			case tt.changed != nil:
				e, ok := errors.AsType[*HostKeyChangedError](err)
				if !ok || e.Host != tt.changed.host || e.LineNo != tt.changed.line || e.Path != path {
					t.Fatalf("C-CLIENT-38: error %v", err)
				}
				if e.OffendingEntry.String() != tt.lines[e.LineNo-1] || !sameKey(e.Key, tt.key) {
					t.Errorf("C-CLIENT-38: offending entry %q", e.OffendingEntry)
				}
			case tt.revoked != 0:
				e, ok := errors.AsType[*RevokedKeyError](err)
				if !ok || e.Entry.Line != tt.revoked || e.Entry.Path != path {
					t.Fatalf("error %v", err)
				}
			case err != nil:
				t.Fatal(err)
			case v.Outcome != tt.want || !slices.Equal(v.Missing, tt.missing) || len(v.Others) != tt.others:
				t.Errorf("%v, missing %q, others %v", v.Outcome, v.Missing, v.Others)
			case v.Outcome != Unknown && !v.Entry.MatchesKey(tt.key):
				t.Errorf("entry %q", v.Entry)
			}
		})
	}
}

func mustParse(text string) Entry {
	e, err := ParseEntry(text)
	if err != nil {
		panic(err)
	}
	return e
}

func TestC_CLIENT_36_37_38_HasHostKey(t *testing.T) {
	path := tempFile(t, line("host", ed(2)), line("host", ed(1)), line("changed", ed(2)), line("type", ec(1)), marked(Revoked, "gone", ed(1)))
	f := FromPath(path)
	for _, tt := range []struct {
		name     string
		found    bool
		presence Presence
	}{
		{"host", true, Present},
		{"HOST", true, Present},
		{"nobody", false, Absent},
		{"type", false, Absent},
		{"changed", false, Different},
		{"gone", false, Different},
	} {
		found, err := f.HasHostKey(tt.name, ed(1))
		if found != tt.found || (err != nil) != (tt.presence == Different) {
			t.Errorf("%s: %v, %v", tt.name, found, err)
		}
		if got := f.IsInKnownHosts(tt.name, ed(1)); got != tt.presence {
			t.Errorf("C-CLIENT-27: %s: %d", tt.name, got)
		}
	}
	if found, err := f.HasHostKey("host", hostCert(ed(1), edSigner(9), nil, nil)); !found || err != nil {
		t.Errorf("the key inside a certificate: %v, %v", found, err)
	}
}

func TestC_CLIENT_38_UnsavedOffender(t *testing.T) {
	f := FromPath(filepath.Join(t.TempDir(), "known_hosts"))
	if _, err := f.AddHostKey("host", ed(2)); err != nil {
		t.Fatal(err)
	}
	_, err := f.HasHostKey("host", ed(1))
	e, ok := errors.AsType[*HostKeyChangedError](err)
	if !ok || e.Path != "" || e.LineNo != 0 || !e.OffendingEntry.MatchesKey(ed(2)) {
		t.Errorf("error %#v", err)
	}
	if !strings.Contains(e.Error(), "not saved") {
		t.Error(e)
	}
}

func TestSeveralFiles(t *testing.T) {
	user := tempFile(t, line("a", ed(1)), line("b", ed(2)))
	missing := filepath.Join(t.TempDir(), "none")
	global := tempFile(t, "# for all", line("b", ed(1)), line("c", ed(2)), marked(Revoked, "a", ed(1)))
	f := FromPath(user, missing, global)
	if v, err := f.Check("b", 22, "", ed(1)); err != nil || v.Outcome != Known || v.Entry.Path != global || v.Entry.Line != 2 {
		t.Errorf("any file may have the key: %+v, %v", v, err)
	}
	_, err := f.Check("c", 22, "", ed(1))
	if e, ok := errors.AsType[*HostKeyChangedError](err); !ok || e.Path != global || e.LineNo != 3 {
		t.Errorf("offender in the second file: %v", err)
	}
	_, err = f.Check("a", 22, "", ed(1))
	if e, ok := errors.AsType[*RevokedKeyError](err); !ok || e.Entry.Path != global || e.Entry.Line != 4 {
		t.Errorf("revoked in the second file: %v", err)
	}
}

// Files that cannot be read are an error, never an unknown host.
func TestUnreadable(t *testing.T) {
	f := FromPath(t.TempDir()) // a directory
	if _, err := f.Check("host", 22, "", ed(1)); !isPathError(err) {
		t.Errorf("Check: %v", err)
	}
	if _, err := f.HasHostKey("host", ed(1)); !isPathError(err) {
		t.Errorf("HasHostKey: %v", err)
	}
	if _, err := f.HostKeyAlgorithms("host", 22); !isPathError(err) {
		t.Errorf("HostKeyAlgorithms: %v", err)
	}
	for range f.Entries() {
		t.Error("no entry was to be had")
	}
	if !isPathError(f.Err()) {
		t.Errorf("Err: %v", f.Err())
	}
	if got := f.IsInKnownHosts("host", ed(1)); got != Absent {
		t.Errorf("C-CLIENT-27: %d", got)
	}
}

func isPathError(err error) bool {
	_, ok := errors.AsType[*fs.PathError](err)
	return ok
}

func TestBadHost(t *testing.T) {
	f := New(filepath.Join(t.TempDir(), "known_hosts"))
	for _, name := range []string{"", "a b", "a,b", "*", "a?", "!a", "|1|x|y", "a\nb", "a\x1b[2J", "a\u0085b", "@revoked", "#a", strings.Repeat("a", 2000)} {
		if _, err := f.AddHostKey(name, ed(1)); !errors.Is(err, ErrBadHost) {
			t.Errorf("AddHostKey(%.20q): %v", name, err)
		}
		if _, err := f.Check(name, 2222, "", ed(1)); !errors.Is(err, ErrBadHost) {
			t.Errorf("Check(%.20q): %v", name, err)
		}
		if _, err := f.HasHostKey(name, ed(1)); !errors.Is(err, ErrBadHost) {
			t.Errorf("HasHostKey(%.20q): %v", name, err)
		}
	}
	if _, err := f.Check("host", 22, "192.0.2.1,evil", ed(1)); !errors.Is(err, ErrBadHost) {
		t.Errorf("address: %v", err)
	}
}
