package knownhosts

import (
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

func TestC_CLIENT_32_33_34_35_ParseEntry(t *testing.T) {
	hashed := "|1|JfKTdBh7rNbXkVAQCRp4OQoPfmI=|USECr3SWf1JUPsms5AqfD5QfxkM="
	for _, tt := range []struct {
		name, text      string
		parsed, wrong   bool
		marker          Marker
		hosts, comment  string
		matches, misses string
	}{
		{name: "C-CLIENT-32 blank", text: ""},
		{name: "C-CLIENT-32 blanks", text: " \t "},
		{name: "C-CLIENT-32 comment", text: "# host ssh-ed25519 AAAA"},
		{name: "C-CLIENT-32 indented comment", text: "   # x"},
		{name: "C-CLIENT-32 one word", text: "host", wrong: true},
		{name: "C-CLIENT-32 no key", text: "host ssh-ed25519", wrong: true},
		{name: "C-CLIENT-32 bad base64", text: "host ssh-ed25519 !!!!", wrong: true},
		{name: "C-CLIENT-32 truncated key", text: line("host", ed(1))[:60], wrong: true},
		{name: "C-CLIENT-32 wrong type", text: strings.Replace(line("host", ed(1)), "ssh-ed25519", "ssh-rsa", 1), wrong: true},
		{name: "C-CLIENT-32 two lines", text: line("a", ed(1)) + "\n" + line("b", ed(1)), wrong: true},
		{name: "C-CLIENT-33 plain", text: line("one,two", ed(1)), parsed: true, hosts: "one,two", matches: "two", misses: "three"},
		{name: "C-CLIENT-33 comment", text: line("one", ed(1)) + " who  where", parsed: true, hosts: "one", comment: "who  where", matches: "one"},
		{name: "blanks between", text: "  one \t" + strings.ReplaceAll(line("", ed(1)), " ", "\t ") + "\tc\r", parsed: true, hosts: "one", comment: "c", matches: "one"},
		{name: "letter case", text: line("Host.Example", ed(1)), parsed: true, hosts: "Host.Example", matches: "hOST.eXAMPLE"},
		{name: "port", text: line("[one]:2222", ed(1)), parsed: true, hosts: "[one]:2222", matches: "[one]:2222", misses: "one"},
		{name: "C-CLIENT-34 hashed", text: line(hashed, ed(1)), parsed: true, hosts: hashed, misses: "one"},
		{name: "C-CLIENT-34 hash of another kind", text: line("|2|AAAA|AAAA", ed(1)), wrong: true},
		{name: "C-CLIENT-34 short salt", text: line("|1|AAAA|USECr3SWf1JUPsms5AqfD5QfxkM=", ed(1)), wrong: true},
		{name: "C-CLIENT-34 two hashed names", text: line(hashed+","+hashed, ed(1)), wrong: true},
		{name: "C-CLIENT-35 revoked", text: marked(Revoked, "*", ed(1)), parsed: true, marker: Revoked, hosts: "*", matches: "any"},
		{name: "C-CLIENT-35 revoked, tab", text: "@revoked\t" + line("*", ed(1)), parsed: true, marker: Revoked, hosts: "*", matches: "any"},
		{name: "C-CLIENT-35 authority", text: marked(CertAuthority, "*.org", ed(1)), parsed: true, marker: CertAuthority, hosts: "*.org", matches: "a.org"},
		{name: "marker alone", text: "@revoked", wrong: true},
		{name: "unknown marker", text: "@trusted " + line("*", ed(1)), wrong: true},
		{name: "two markers", text: "@revoked " + marked(CertAuthority, "*", ed(1)), wrong: true},
		{name: "a marker for a host", text: marked(Revoked, "@host", ed(1)), wrong: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := ParseEntry(tt.text)
			if (err != nil) != tt.wrong || e.Parsed() != tt.parsed {
				t.Fatalf("error %v, parsed %v", err, e.Parsed())
			}
			if e.String() != tt.text {
				t.Errorf("prints back as %q", e)
			}
			if e.Marker != tt.marker || e.Hosts != tt.hosts || e.Comment != tt.comment {
				t.Errorf("marker %q, hosts %q, comment %q", e.Marker, e.Hosts, e.Comment)
			}
			if e.MatchesKey(ed(1)) != tt.parsed || e.MatchesKey(ed(2)) {
				t.Error("wrong key")
			}
			if tt.matches != "" && !e.MatchesHost(tt.matches) {
				t.Errorf("does not match %q", tt.matches)
			}
			if e.MatchesHost(tt.misses) && tt.misses != "" || !tt.parsed && e.MatchesHost("host") {
				t.Errorf("matches too much")
			}
		})
	}
}

// The salt and hash of this line come from an independent implementation of HMAC-SHA1.
func TestC_CLIENT_34_HashedName(t *testing.T) {
	e, err := ParseEntry(line("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|bFDVYqbsfLlUB0fPAZemUYx8Gnc=", ed(1)))
	if err != nil {
		t.Fatal(err)
	}
	if !e.Hashed() || !e.MatchesHost("Example.org") || e.MatchesHost("example.com") {
		t.Error("a hashed name must match its own name only")
	}
}

func TestPatterns(t *testing.T) {
	long := strings.Repeat("a", maxPattern)
	for _, tt := range []struct {
		patterns, name string
		want           bool
	}{
		{"a.org", "a.org", true},
		{"a.org", "a.orgs", false},
		{"*", "a.org", true},
		{"*.org", ".org", true},
		{"*.org", "org", false},
		{"a?.org", "ab.org", true},
		{"a?.org", "a.org", false},
		{"*a*b*c", "xxaxxbxbcxc", true},
		{"*a*b*c", "xxaxxbxbcxd", false},
		{"**?", "x", true},
		{"10.0.*", "10.0.255.1", true},
		{"*.org,!b.org", "a.org", true},
		{"*.org,!b.org", "b.org", false},
		{"!b.org,*.org", "b.org", false},
		{"!b.org", "a.org", false},
		{"!b.*,*", "b.org", false},
		{",a,,b,", "b", true},
		{"[*.org]:2222", "[a.org]:2222", true},
		{"*", "[a.org]:2222", true},
		{"*.ORG", "a.org", true},
		{"K", "k", true},
		{"\u212a", "k", false}, // the Kelvin sign is not a letter of a host name
		{long, long, true},
		{long + "a", long + "a", false},
		{"b," + long + "a", "c", false},
	} {
		hosts, err := parseHosts(tt.patterns)
		if err != nil {
			t.Fatal(err)
		}
		if got := hosts.matches(tt.name); got != tt.want {
			t.Errorf("%.40q matches %.40q: %v", tt.patterns, tt.name, got)
		}
	}
}

func TestWildcardTimeIsBounded(t *testing.T) {
	if wildcard(strings.Repeat("*a", 500)+"b", strings.Repeat("a", maxPattern)) {
		t.Error("must not match")
	}
}

func TestName(t *testing.T) {
	for _, tt := range []struct {
		host string
		port int
		want string
	}{
		{"Example.ORG", 22, "example.org"},
		{"example.org", 0, "example.org"},
		{"example.org", 2222, "[example.org]:2222"},
		{"192.0.2.1", 22, "192.0.2.1"},
		{"2001:DB8::1", 22, "2001:db8::1"},
		{"2001:db8::1", 2222, "[2001:db8::1]:2222"},
		{"[2001:db8::1]", 22, "2001:db8::1"},
		{"fe80::1%eth0", 2222, "[fe80::1%eth0]:2222"},
	} {
		if got := Name(tt.host, tt.port); got != tt.want {
			t.Errorf("Name(%q, %d) = %q, want %q", tt.host, tt.port, got, tt.want)
		}
	}
}

func TestMatchesKeyOfCertificate(t *testing.T) {
	cert := hostCert(ed(1), edSigner(9), nil, nil)
	e, _ := ParseEntry(line("host", ed(1)))
	if e.MatchesKey(cert) {
		t.Error("a certificate is not the key inside it")
	}
	if e, err := ParseEntry(line("host", cert)); err != nil || e.Key.Type() != gossh.CertAlgoED25519v01 {
		t.Errorf("a line may hold a certificate: %v", err)
	}
}
