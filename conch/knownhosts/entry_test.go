package knownhosts

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wildcard"
	gossh "golang.org/x/crypto/ssh"
)

func TestC_CLIENT_32_33_34_35_ParseEntry(t *testing.T) {
	hashed := "|1|JfKTdBh7rNbXkVAQCRp4OQoPfmI=|USECr3SWf1JUPsms5AqfD5QfxkM="
	for _, tt := range []struct {
		name, text      string
		parsed          bool
		marker          marker
		column          string
		matches, misses string
	}{
		{name: "C-CLIENT-32 blank", text: ""},
		{name: "C-CLIENT-32 blanks", text: " \t "},
		{name: "C-CLIENT-32 comment", text: "# host ssh-ed25519 AAAA"},
		{name: "C-CLIENT-32 indented comment", text: "   # x"},
		{name: "C-CLIENT-32 one word", text: "host"},
		{name: "C-CLIENT-32 no key", text: "host ssh-ed25519"},
		{name: "C-CLIENT-32 bad base64", text: "host ssh-ed25519 !!!!"},
		{name: "C-CLIENT-32 truncated key", text: line("host", ed(1))[:60]},
		{name: "C-CLIENT-32 wrong type", text: strings.Replace(line("host", ed(1)), "ssh-ed25519", "ssh-rsa", 1)},
		{name: "C-CLIENT-32 two lines", text: line("a", ed(1)) + "\n" + line("b", ed(1))},
		{name: "C-CLIENT-33 plain", text: line("one,two", ed(1)), parsed: true, column: "one,two", matches: "two", misses: "three"},
		{name: "C-CLIENT-33 comment", text: line("one", ed(1)) + " who  where", parsed: true, column: "one", matches: "one"},
		{name: "blanks between", text: "  one \t" + strings.ReplaceAll(line("", ed(1)), " ", "\t ") + "\tc\r", parsed: true, column: "one", matches: "one"},
		{name: "letter case", text: line("Host.Example", ed(1)), parsed: true, column: "host.example", matches: "host.example"},
		{name: "port", text: line("[one]:2222", ed(1)), parsed: true, column: "[one]:2222", matches: "[one]:2222", misses: "one"},
		{name: "C-CLIENT-34 hashed", text: line(hashed, ed(1)), parsed: true, column: hashed, misses: "one"},
		{name: "C-CLIENT-35 revoked", text: marked(revoked, "*", ed(1)), parsed: true, marker: revoked, column: "*", matches: "any"},
		{name: "C-CLIENT-35 revoked, tab", text: "@revoked\t" + line("*", ed(1)), parsed: true, marker: revoked, column: "*", matches: "any"},
		{name: "C-CLIENT-35 authority", text: marked(certAuthority, "*.org", ed(1)), parsed: true, marker: certAuthority, column: "*.org", matches: "a.org"},
		{name: "marker alone", text: "@revoked"},
		{name: "unknown marker", text: "@trusted " + line("*", ed(1))},
		{name: "two markers", text: "@revoked " + marked(certAuthority, "*", ed(1))},
		{name: "a marker for a host", text: marked(revoked, "@host", ed(1))},
		{name: "comment behind a marker", text: "@revoked # x y z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, ok := parseEntry(tt.text)
			ok = ok && e.decode()
			if ok != tt.parsed {
				t.Fatalf("parsed: %v", ok)
			}
			if !ok {
				return
			}
			if e.marker != tt.marker || e.hosts != tt.column || !sameKey(e.key, ed(1)) {
				t.Errorf("marker %q, hosts %q", e.marker, e.hosts)
			}
			if tt.matches != "" && !e.matches(tt.matches) || tt.misses != "" && e.matches(tt.misses) {
				t.Error("matches the wrong names")
			}
		})
	}
}

// The salt and hash of this line come from an independent implementation of HMAC-SHA1.
func TestC_CLIENT_34_HashedName(t *testing.T) {
	e := parsed(t, line("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|bFDVYqbsfLlUB0fPAZemUYx8Gnc=", ed(1)))
	if !e.matches("example.org") || e.matches("example.com") {
		t.Error("a hashed name must match its own name only")
	}
}

// A malformed hash matches nothing, even if it has the right HMAC.
func TestC_CLIENT_34_MalformedHash(t *testing.T) {
	hashed := func(salt string) string {
		mac := hmac.New(sha1.New, []byte(salt))
		mac.Write([]byte("host"))
		encode := base64.StdEncoding.EncodeToString
		return hashMagic + encode([]byte(salt)) + hashDelimiter + encode(mac.Sum(nil))
	}
	good := hashed(strings.Repeat("s", sha1.Size))
	for column, want := range map[string]bool{
		good:                                     true,
		hashed("short salt"):                     false,
		hashed(strings.Repeat("s", 2*sha1.Size)): false,
		strings.Replace(good, "1", "2", 1):       false,
		good + "," + good:                        false,
		good + "|":                               false,
		"host," + good:                           true,
		good + ",host":                           false,
		good[:len(good)-4]:                       false,
		"|1||":                                   false,
		"|1|":                                    false,
		"|":                                      false,
	} {
		e := parsed(t, line(column, ed(1)))
		if got := e.matches("host"); got != want {
			t.Errorf("%q matches: %v", column, got)
		}
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
		e := parsed(t, line(tt.patterns, ed(1)))
		if got := e.matches(tt.name); got != tt.want {
			t.Errorf("%.40q matches %.40q: %v", tt.patterns, tt.name, got)
		}
	}
}

func TestWildcardTimeIsBounded(t *testing.T) {
	if wildcard.Match(strings.Repeat("a", maxPattern), strings.Repeat("*a", 500)+"b") {
		t.Error("must not match")
	}
}

func TestF20_Name(t *testing.T) {
	for _, tt := range []struct {
		name Name
		want string
		bare string
	}{
		{HostPort("Example.ORG", 22), "example.org", "example.org"},
		{HostPort("example.org", 0), "example.org", "example.org"},
		{HostPort("example.org", 2222), "[example.org]:2222", "example.org"},
		{HostPort("192.0.2.1", 22), "192.0.2.1", "192.0.2.1"},
		{HostPort("2001:DB8::1", 22), "2001:db8::1", "2001:db8::1"},
		{HostPort("2001:db8::1", 2222), "[2001:db8::1]:2222", "2001:db8::1"},
		{HostPort("[2001:db8::1]", 22), "2001:db8::1", "2001:db8::1"},
		{HostPort("fe80::1%eth0", 2222), "[fe80::1%eth0]:2222", "fe80::1%eth0"},
		{HostPort("B\u00dcCHER.Example", 22), "b\u00dccher.example", "b\u00dccher.example"},
		{HostPort("\u212aELVIN", 22), "\u212aelvin", "\u212aelvin"},
		{Alias("Alias"), "alias", "alias"},
		{Alias("2001:DB8::1"), "2001:db8::1", "2001:db8::1"},
	} {
		if got, bare := tt.name.String(), tt.name.withoutPort().String(); got != tt.want || bare != tt.bare {
			t.Errorf("%q, without port %q; want %q, %q", got, bare, tt.want, tt.bare)
		}
		if err := tt.name.validate(); err != nil {
			t.Error(err)
		}
	}
	if HostPort("A", 0) != HostPort("a", 22) || Alias("a") == HostPort("a", 22) {
		t.Error("equal names are not the same, or an alias is a host")
	}
}

func TestLineWithCertificate(t *testing.T) {
	cert := hostCert(ed(1), edSigner(9), nil, nil)
	if e := parsed(t, line("host", cert)); e.key.Type() != gossh.CertAlgoED25519v01 {
		t.Errorf("a line may hold a certificate: %v", e.key)
	}
	if got := check(t, FromPath(tempFile(t, line("host", ed(1)))), host("host"), cert); got != Known {
		t.Errorf("a certificate without an authority counts as its plain key: %v", got)
	}
}
