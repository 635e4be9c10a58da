package cred_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	gossh "golang.org/x/crypto/ssh"
)

func newKey(t testing.TB) gossh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer(t, key)
}

func signer(t testing.TB, key any) gossh.Signer {
	t.Helper()
	s, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// certify returns a certificate of a new key. change may change the certificate
// before it is signed.
func certify(t testing.TB, ca gossh.Signer, user string, change func(*gossh.Certificate)) gossh.Signer {
	t.Helper()
	key := newKey(t)
	c := &gossh.Certificate{
		Key: key.PublicKey(), CertType: gossh.UserCert, KeyId: "id", Serial: 7, ValidPrincipals: []string{user},
		ValidBefore: gossh.CertTimeInfinity, Permissions: gossh.Permissions{Extensions: map[string]string{"permit-pty": ""}},
	}
	if change != nil {
		change(c)
	}
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	s, err := gossh.NewCertSigner(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// line returns a public key as a line without its newline.
func line(key gossh.PublicKey) string {
	return strings.TrimSuffix(string(gossh.MarshalAuthorizedKey(key)), "\n")
}

var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000}

// judge returns what a checker with these lines says about a key.
func judge(lines string, user string, key gossh.PublicKey, from net.Addr) (grant *cred.Grant, err error) {
	checker := cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{user: cred.ParseAuthorizedKeys([]byte(lines), "file")})
	c := &cred.PublicKey{Username: user, Key: key, Remote: from, Proven: true, Accept: func(g cred.Grant) error {
		grant = &g
		return nil
	}}
	id, err, fired := checker.RequestAvatarID(c).AddErrback(func(err error) (string, error) { return "refused", nil }).Result()
	if !fired || (id == user) != (grant != nil) || err != nil {
		return nil, fmt.Errorf("fired %v with %q, %v, granted %v", fired, id, err, grant)
	}
	return grant, nil
}

// keysOfLines are the keys of the table below.
type keysOfLines struct {
	user                       string
	key, other, ca             gossh.Signer
	cert                       gossh.Signer
	noPrincipals, expired      gossh.Signer
	fromHere, fromElsewhere    gossh.Signer
	badSource, unknownCritical gossh.Signer
	forced, host, otherUser    gossh.Signer
	future, verify             gossh.Signer
	ecdsa, rsa                 gossh.Signer
}

func newKeysOfLines(t *testing.T, user string) *keysOfLines {
	t.Helper()
	k := &keysOfLines{user: user, key: newKey(t), other: newKey(t), ca: newKey(t)}
	critical := func(name, value string) gossh.Signer {
		return certify(t, k.ca, user, func(c *gossh.Certificate) { c.CriticalOptions = map[string]string{name: value} })
	}
	k.cert = certify(t, k.ca, user, nil)
	k.noPrincipals = certify(t, k.ca, user, func(c *gossh.Certificate) { c.ValidPrincipals = nil })
	k.expired = certify(t, k.ca, user, func(c *gossh.Certificate) { c.ValidBefore = uint64(time.Now().Unix() - 10) })
	k.future = certify(t, k.ca, user, func(c *gossh.Certificate) { c.ValidAfter = uint64(time.Now().Unix() + 3600) })
	k.host = certify(t, k.ca, user, func(c *gossh.Certificate) { c.CertType = gossh.HostCert })
	k.otherUser = certify(t, k.ca, "somebody", nil)
	k.fromHere = critical("source-address", "10.0.0.0/8,127.0.0.0/8")
	k.fromElsewhere = critical("source-address", "10.0.0.0/8")
	k.badSource = critical("source-address", "127.0.0.1,example.com")
	k.unknownCritical = critical("frobnicate", "1")
	k.forced = critical("force-command", "date")
	k.verify = critical("verify-required", "")
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k.ecdsa = signer(t, private)
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k.rsa = signer(t, large)
	return k
}

// verdicts are lines, and whether a key may log in. sshd is true where OpenSSH
// decides otherwise, for a reason that docs/from-twisted.md has.
type verdict struct {
	name  string
	lines string
	key   gossh.Signer
	ok    bool
	sshd  bool // OpenSSH says the opposite
}

func (k *keysOfLines) verdicts() []verdict {
	self, ca := line(k.key.PublicKey()), line(k.ca.PublicKey())
	fields := strings.Fields(self)
	option := func(o string) string { return o + " " + self }
	authority := func(o string) string { return o + " " + ca }
	later := time.Now().UTC().Add(48 * time.Hour)
	return []verdict{
		{"plain", self, k.key, true, false},
		{"with a comment", self + " me at home", k.key, true, false},
		{"other key", self, k.other, false, false},
		{"ECDSA", line(k.ecdsa.PublicKey()), k.ecdsa, true, false},
		{"RSA", line(k.rsa.PublicKey()), k.rsa, true, false},
		{"leading blanks", " \t " + self, k.key, true, false},
		{"comment and empty lines", "# x\n\n \n" + self + "\n", k.key, true, false},
		{"commented out", "#" + self, k.key, false, false},
		{"several blanks", fields[0] + " \t " + fields[1], k.key, true, false},
		{"CR LF", self + "\r\n", k.key, true, false},
		{"no newline, second", line(k.other.PublicKey()) + "\n" + self, k.key, true, false},
		{"type only", fields[0], k.key, false, false},
		{"blob without a type", fields[1], k.key, false, false},
		{"wrong type", "ssh-rsa " + fields[1], k.key, false, false},
		{"restrict in place of a type", "restrict " + fields[1], k.key, false, false},
		{"truncated blob", fields[0] + " " + fields[1][:40], k.key, false, false},
		{"NUL", self[:20] + "\x00" + self[20:], k.key, false, false},

		{"no-pty", option("no-pty"), k.key, true, false},
		{"case of names", option("No-PTY,RESTRICT,x11-forwarding"), k.key, true, false},
		{"all flags", option("agent-forwarding,no-agent-forwarding,port-forwarding,no-port-forwarding,X11-forwarding,no-X11-forwarding,pty,no-pty,user-rc,no-user-rc,restrict"), k.key, true, false},
		{"touch", option("no-touch-required,touch-required"), k.key, true, false},
		{"no-verify-required", option("no-verify-required"), k.key, true, false},
		{"verify-required", option("verify-required"), k.key, false, true}, // OpenSSH obeys it with security keys only
		{"unknown option", option("frobnicate"), k.key, false, false},
		{"unknown option with a value", option(`frobnicate="1"`), k.key, false, false},
		{"no-restrict", option("no-restrict"), k.key, false, false},
		{"no-cert-authority", option("no-cert-authority"), k.key, false, false},
		{"no-command", option(`no-command="x"`), k.key, false, false},
		{"flag with a value", option(`no-pty="1"`), k.key, false, false},
		{"longer name", option("no-ptyx"), k.key, false, false},
		{"value missing", option("command"), k.key, false, false},
		{"empty option", option("no-pty,,restrict"), k.key, false, true}, // OpenSSH 9.2 skips it
		{"leading comma", option(",no-pty"), k.key, false, true},         // as above
		{"trailing comma", option("no-pty,"), k.key, true, false},
		{"blank after a comma", option("no-pty, restrict"), k.key, false, false},

		{"command", option(`command="date"`), k.key, true, false},
		{"command with a blank", option(`command="echo a,b # c"`), k.key, true, false},
		{"command with quotes", option(`command="echo \"a b\""`), k.key, true, false},
		{"backslash", option(`command="echo a\\b"`), k.key, true, false},
		{"backslash at the end", option(`command="echo \\"`), k.key, false, false},
		{"two commands", option(`command="a",command="b"`), k.key, false, false},
		{"no quotes", option(`command=date`), k.key, false, false},
		{"no closing quote", option(`command="date`), k.key, false, false},
		{"three quotes", option(`command="a"b"`), k.key, false, false},
		{"text behind a quote", option(`command="a"b`), k.key, false, false},
		{"quote in a name", option(`no-"pty"`), k.key, false, false},

		{"environment", option(`environment="A_1=b c",environment="A_1=d"`), k.key, true, false},
		{"environment without =", option(`environment="A"`), k.key, false, false},
		{"environment without a name", option(`environment="=b"`), k.key, false, false},
		{"environment with a bad name", option(`environment="A-B=c"`), k.key, false, false},

		{"from", option(`from="127.0.0.1"`), k.key, true, false},
		{"from a network", option(`from="10.0.0.0/8,127.0.0.0/8"`), k.key, true, false},
		{"from a pattern", option(`from="127.0.?.*"`), k.key, true, false},
		{"from elsewhere", option(`from="10.0.0.1"`), k.key, false, false},
		{"from all but here", option(`from="*,!127.0.0.1"`), k.key, false, false},
		{"from all but there", option(`from="!10.0.0.0/8,*"`), k.key, true, false},
		{"negation only", option(`from="!10.0.0.1"`), k.key, false, false},
		{"from with host bits", option(`from="127.0.0.1/8"`), k.key, false, false},
		{"from with a bad mask", option(`from="127.0.0.0/33,*"`), k.key, false, false},
		{"from nowhere", option(`from=""`), k.key, false, false},
		{"from with an empty entry", option(`from="127.0.0.1,,10.0.0.1"`), k.key, false, false},
		{"from twice", option(`from="127.0.0.1",from="127.0.0.1"`), k.key, false, false},
		{"from IPv6", option(`from="::1"`), k.key, false, false},

		{"expired", option(`expiry-time="20200101"`), k.key, false, false},
		{"not expired", option(`expiry-time="` + later.Format("20060102") + `"`), k.key, true, false},
		{"minutes", option(`expiry-time="` + later.Format("200601021504") + `Z"`), k.key, true, false},
		{"seconds", option(`expiry-time="` + later.Format("20060102150405") + `Z"`), k.key, true, false},
		{"the earliest counts", option(`expiry-time="20990101",expiry-time="20200101"`), k.key, false, false},
		{"no date", option(`expiry-time="soon"`), k.key, false, false},
		{"month 13", option(`expiry-time="20991301"`), k.key, false, false},
		{"hours only", option(`expiry-time="2099010110"`), k.key, false, false},
		{"empty date", option(`expiry-time=""`), k.key, false, false},

		{"permitopen", option(`permitopen="host:22",permitopen="[::1]:*"`), k.key, true, false},
		{"permitopen without a port", option(`permitopen="host"`), k.key, false, false},
		{"permitopen with port 0", option(`permitopen="host:0"`), k.key, false, false},
		{"permitopen with a large port", option(`permitopen="host:65536"`), k.key, false, false},
		{"permitopen without a host", option(`permitopen=":22"`), k.key, false, true}, // it could permit nothing
		{"permitlisten", option(`permitlisten="8080",permitlisten="*:80",permitlisten="local*:*"`), k.key, true, false},
		{"permitlisten with a bad port", option(`permitlisten="x"`), k.key, false, false},
		{"tunnel", option(`tunnel="0"`), k.key, false, true}, // there are no tunnel devices

		{"principals without an authority", option(`principals="` + k.user + `"`), k.key, false, false},
		{"authority itself", authority("cert-authority"), k.ca, false, false},
		{"certificate", authority("cert-authority"), k.cert, true, false},
		{"certificate with a plain line", ca, k.cert, false, false},
		{"plain key of a certificate", authority("cert-authority"), k.key, false, false},
		{"other user", authority("cert-authority"), k.otherUser, false, false},
		{"principals", authority(`cert-authority,principals="a,somebody"`), k.otherUser, true, false},
		{"principals replace the user", authority(`cert-authority,principals="somebody"`), k.cert, false, false},
		{"principals twice", authority(`cert-authority,principals="a",principals="b"`), k.cert, false, false},
		{"no principals", authority("cert-authority"), k.noPrincipals, false, true}, // OpenSSH 9.2 accepts it, later ones do not
		{"expired certificate", authority("cert-authority"), k.expired, false, false},
		{"future certificate", authority("cert-authority"), k.future, false, false},
		{"host certificate", authority("cert-authority"), k.host, false, false},
		{"source-address", authority("cert-authority"), k.fromHere, true, false},
		{"source-address elsewhere", authority("cert-authority"), k.fromElsewhere, false, false},
		{"source-address is a name", authority("cert-authority"), k.badSource, false, false},
		{"unknown critical option", authority("cert-authority"), k.unknownCritical, false, false},
		{"verify-required certificate", authority("cert-authority"), k.verify, false, true}, // as above
		{"force-command", authority("cert-authority"), k.forced, true, false},
		{"two forced commands", authority(`cert-authority,command="other"`), k.forced, false, false},
		{"the same command twice", authority(`cert-authority,command="date"`), k.forced, true, false},

		{"second line passes", option(`from="10.0.0.1"`) + "\n" + option("no-pty"), k.key, true, false},
		{"bad line first", option("frobnicate") + "\n" + self, k.key, true, false},
		{"bad line last", self + "\n" + option("frobnicate"), k.key, true, false},
	}
}

// TestV_AUTH_30_31_32_40_41_42_44_Lines: each line decides as the table says.
func TestV_AUTH_30_31_32_40_41_42_44_Lines(t *testing.T) {
	for _, v := range newKeysOfLines(t, "alice").verdicts() {
		grant, err := judge(v.lines, "alice", v.key.PublicKey(), loopback)
		if err != nil || (grant != nil) != v.ok {
			t.Errorf("%s: %v, %v: %s", v.name, grant, err, v.lines)
		}
	}
}

// TestV_AUTH_40_41_42_44_OpenSSH: sshd decides about the lines as the table
// says.
func TestV_AUTH_40_41_42_44_OpenSSH(t *testing.T) {
	file := filepath.Join(t.TempDir(), "authorized_keys")
	s := conchtest.NewOpenSSH(t, "AuthorizedKeysFile "+file, "MaxStartups 100")
	for i, v := range newKeysOfLines(t, s.User).verdicts() {
		if i%5 != 0 && os.Getenv("HAWSER_LONG") == "" {
			continue // sshd is a new process for each
		}
		if err := os.WriteFile(file, []byte(v.lines), 0o600); err != nil {
			t.Fatal(err)
		}
		conn, err := gossh.Dial("tcp", s.Addr.String(), &gossh.ClientConfig{
			User: s.User, Auth: []gossh.AuthMethod{gossh.PublicKeys(v.key)}, HostKeyCallback: gossh.FixedHostKey(s.HostKey.PublicKey()),
		})
		if err == nil {
			conn.Close()
		}
		if (err == nil) != (v.ok != v.sshd) {
			t.Errorf("%s: sshd: %v: %s", v.name, err, v.lines)
		}
	}
}

// TestV_AUTH_41_Reasons: the error of a refused key names the line.
func TestV_AUTH_41_Reasons(t *testing.T) {
	key, other := newKey(t).PublicKey(), newKey(t).PublicKey()
	lines := "# comment\nnonsense\nfrobnicate " + line(key) + "\nfrobnicate " + line(other) + "\n" + strings.Repeat("x", 70<<10)
	checker := cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"u": cred.ParseAuthorizedKeys([]byte(lines), "/etc/keys")})
	_, err, _ := checker.RequestAvatarID(&cred.PublicKey{Username: "u", Key: key}).Result()
	if !errors.Is(err, cred.ErrUnauthorized) {
		t.Fatal(err)
	}
	for _, want := range []string{"/etc/keys:2: no key", `/etc/keys:3: unknown option "frobnicate"`, "/etc/keys:5: the line has more than 65536 bytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %s", err, want)
		}
	}
	if strings.Contains(err.Error(), ":4:") {
		t.Errorf("%v: the line of another key", err)
	}
	_, err, _ = checker.RequestAvatarID(&cred.PublicKey{Username: "v", Key: key}).Result()
	if !errors.Is(err, cred.ErrUnknownUser) {
		t.Error(err)
	}
}

// TestV_AUTH_12_33_40_Effects: what the options forbid.
func TestV_AUTH_12_33_40_Effects(t *testing.T) {
	key, ca := newKey(t).PublicKey(), newKey(t)
	all := cred.Restrictions{NoAgentForwarding: true, NoPortForwarding: true, NoPTY: true, NoUserRC: true, NoX11Forwarding: true}
	allBut := func(change func(*cred.Restrictions)) cred.Restrictions {
		r := all
		change(&r)
		return r
	}
	cert := func(extensions ...string) gossh.PublicKey {
		return certify(t, ca, "u", func(c *gossh.Certificate) {
			c.Extensions = map[string]string{"unknown@example.com": "x"}
			for _, e := range extensions {
				c.Extensions[e] = ""
			}
		}).PublicKey()
	}
	everything := []string{"permit-agent-forwarding", "permit-port-forwarding", "permit-pty", "permit-user-rc", "permit-X11-forwarding"}
	for _, tt := range []struct {
		options string
		key     gossh.PublicKey
		want    cred.Restrictions
		noTouch bool
	}{
		{"", key, cred.Restrictions{}, false},
		{"restrict ", key, all, false},
		{"restrict,pty ", key, allBut(func(r *cred.Restrictions) { r.NoPTY = false }), false},
		{"pty,restrict ", key, all, false},
		{"no-pty,pty ", key, cred.Restrictions{}, false},
		{"no-agent-forwarding,no-x11-forwarding ", key, cred.Restrictions{NoAgentForwarding: true, NoX11Forwarding: true}, false},
		{`command="a \"b\" \\c" `, key, cred.Restrictions{Command: `a "b" \\c`}, false},
		{`environment="A=1",environment="B=2",environment="A=3" `, key, cred.Restrictions{Environment: []string{"A=1", "B=2"}}, false},
		{`permitopen="h:22",permitlisten="80" `, key, cred.Restrictions{PermitOpen: []string{"h:22"}, PermitListen: []string{"*:80"}}, false},
		{"no-touch-required ", key, cred.Restrictions{}, true},
		{"no-touch-required,touch-required ", key, cred.Restrictions{}, false},
		{"cert-authority ", cert(), all, false},
		{"cert-authority ", cert(everything...), cred.Restrictions{}, false},
		{"cert-authority,no-pty ", cert(everything...), cred.Restrictions{NoPTY: true}, false},
		{"cert-authority,restrict,pty ", cert("permit-pty"), allBut(func(r *cred.Restrictions) { r.NoPTY = false }), false},
		{"cert-authority ", cert(append(everything, "no-touch-required")...), cred.Restrictions{}, false},
		{"cert-authority,no-touch-required ", cert(append(everything, "no-touch-required")...), cred.Restrictions{}, true},
		{"cert-authority,no-touch-required ", cert(everything...), cred.Restrictions{}, false},
	} {
		listed := tt.key
		if c, ok := tt.key.(*gossh.Certificate); ok {
			listed = c.SignatureKey
		}
		grant, err := judge(tt.options+line(listed), "u", tt.key, loopback)
		if err != nil || grant == nil {
			t.Errorf("%s: %v, %v", tt.options, grant, err)
			continue
		}
		if fmt.Sprintf("%#v", grant.Restrictions) != fmt.Sprintf("%#v", tt.want) || grant.NoTouch != tt.noTouch || grant.Source != "file:1" {
			t.Errorf("%s: got %#v", tt.options, grant)
		}
	}
}

// TestV_AUTH_34_NoAddress: a restriction of the address refuses peers without an
// IP address.
func TestV_AUTH_34_NoAddress(t *testing.T) {
	key, ca := newKey(t).PublicKey(), newKey(t)
	cert := certify(t, ca, "u", func(c *gossh.Certificate) { c.CriticalOptions = map[string]string{"source-address": "0.0.0.0/0,::/0"} }).PublicKey()
	socket := &net.UnixAddr{Name: "/run/x", Net: "unix"}
	mapped := &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1")}
	for _, tt := range []struct {
		lines string
		key   gossh.PublicKey
		from  net.Addr
		ok    bool
	}{
		{`from="*" ` + line(key), key, socket, false},
		{`from="*" ` + line(key), key, nil, false},
		{`from="192.0.2.0/24" ` + line(key), key, mapped, true},
		{`from="192.0.2.1" ` + line(key), key, mapped, true},
		{`from="2001:DB8::/32" ` + line(key), key, &net.TCPAddr{IP: net.ParseIP("2001:db8::1")}, true},
		{"cert-authority " + line(ca.PublicKey()), cert, socket, false},
		{"cert-authority " + line(ca.PublicKey()), cert, mapped, true},
	} {
		if grant, err := judge(tt.lines, "u", tt.key, tt.from); err != nil || (grant != nil) != tt.ok {
			t.Errorf("%s from %v: %v, %v", tt.lines, tt.from, grant, err)
		}
	}
}

// TestCVE_2026_39829_RSASizes: a short or huge RSA key is refused, wherever it is.
func TestCVE_2026_39829_RSASizes(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := signer(t, small)
	ca := newKey(t)
	cert := &gossh.Certificate{Key: weak.PublicKey(), CertType: gossh.UserCert, ValidPrincipals: []string{"u"}, ValidBefore: gossh.CertTimeInfinity}
	signed := certify(t, weak, "u", nil).PublicKey()
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		lines string
		key   gossh.PublicKey
	}{
		"key":           {line(weak.PublicKey()), weak.PublicKey()},
		"certified key": {"cert-authority " + line(ca.PublicKey()), cert},
		"authority":     {"cert-authority " + line(weak.PublicKey()), signed},
	} {
		if grant, err := judge(tt.lines, "u", tt.key, loopback); err != nil || grant != nil {
			t.Errorf("%s: %v, %v", name, grant, err)
		}
	}
}

// FuzzParseAuthorizedKey: no line panics. A line that is understood stays so if
// blanks are added.
func FuzzParseAuthorizedKey(f *testing.F) {
	key := line(newKey(f).PublicKey())
	f.Add(key)
	f.Add(`restrict,command="a \"b",from="10.0.0.0/8,!*" ` + key)
	f.Add(`permitopen="[::1]:*",permitlisten="80",environment="A=b",expiry-time="20300101Z" ` + key)
	f.Add(base64.StdEncoding.EncodeToString([]byte("x")))
	f.Fuzz(func(t *testing.T, s string) {
		k := cred.ParseAuthorizedKey(s, "f:1")
		if k == nil || k.Err != nil {
			return
		}
		if k.Key == nil {
			t.Fatal("no key and no error")
		}
		if again := cred.ParseAuthorizedKey(" \t"+s+" \r\n", "f:1"); again.Err != nil || line(again.Key) != line(k.Key) {
			t.Fatalf("with blanks: %v", again.Err)
		}
	})
}
