package knownhosts

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

func TestCertificates(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	ca := edSigner(9)
	authority := marked(CertAuthority, "*.example.org,!bad.example.org", ca.PublicKey())
	other := marked(CertAuthority, "*", ed(8))
	names := []string{"host.example.org"}
	good := hostCert(ed(1), ca, names, nil)
	expired := hostCert(ed(1), ca, names, func(c *gossh.Certificate) { c.ValidBefore = uint64(now.Unix()) })
	forged := hostCert(ed(1), ca, names, nil)
	forged.ValidPrincipals = []string{"host.example.org", "*"}

	for _, tt := range []struct {
		name   string
		lines  []string
		host   string
		port   int
		cert   *gossh.Certificate
		want   Outcome
		reason string // of a *CertificateError
	}{
		{name: "valid", lines: []string{other, authority}, cert: good, want: Known},
		{name: "valid, letter case", lines: []string{authority}, host: "HOST.Example.org", cert: good, want: Known},
		{name: "valid, hashed authority", lines: []string{marked(CertAuthority, hashOf("host.example.org"), ca.PublicKey())}, cert: good, want: Known},
		{name: "valid, on a port", lines: []string{marked(CertAuthority, "[host.example.org]:2222", ca.PublicKey())}, port: 2222, cert: good, want: Known},
		{name: "valid, authority without the port", lines: []string{authority}, port: 2222, cert: good, want: Known},
		{name: "no names in it", lines: []string{authority}, cert: hostCert(ed(1), ca, nil, nil), want: Known},
		{name: "wildcard in it", lines: []string{authority}, cert: hostCert(ed(1), ca, []string{"*.example.org"}, nil), reason: "principal"},
		{name: "beats a changed plain key", lines: []string{line("host.example.org", ed(2)), authority}, cert: good, want: Known},
		{name: "within its time", lines: []string{authority}, cert: hostCert(ed(1), ca, names, func(c *gossh.Certificate) {
			c.ValidAfter, c.ValidBefore = uint64(now.Unix()), uint64(now.Unix()+1)
		}), want: Known},

		{name: "unknown authority", lines: []string{other}, cert: good, want: Unknown},
		{name: "authority of other hosts", lines: []string{authority}, host: "bad.example.org", cert: good, want: Unknown},
		{name: "authority without its marker", lines: []string{line("other", ca.PublicKey())}, cert: good, want: Unknown},
		{name: "unknown authority, known key", lines: []string{other, line("host.example.org", ed(1))}, cert: good, want: Known},
		{name: "expired, known key", lines: []string{authority, line("host.example.org", ed(1))}, cert: expired, want: Known},

		{name: "expired", lines: []string{authority}, cert: expired, reason: "expired"},
		{name: "not yet valid", lines: []string{authority}, cert: hostCert(ed(1), ca, names, func(c *gossh.Certificate) {
			c.ValidAfter = uint64(now.Unix() + 1)
		}), reason: "not yet"},
		{name: "for another host", lines: []string{authority}, host: "two.example.org", cert: good, reason: "principal"},
		{name: "of a user", lines: []string{authority}, cert: hostCert(ed(1), ca, names, func(c *gossh.Certificate) {
			c.CertType = gossh.UserCert
		}), reason: "not that of a host"},
		{name: "critical option", lines: []string{authority}, cert: hostCert(ed(1), ca, names, func(c *gossh.Certificate) {
			c.CriticalOptions = map[string]string{"force-command": "x"}
		}), reason: "critical option"},
		{name: "forged", lines: []string{authority}, cert: forged, reason: "does not verify"},
		{name: "signed with SHA-1", lines: []string{marked(CertAuthority, "*", sha1Authority.PublicKey())}, cert: hostCert(ed(1), sha1Authority, names, nil), reason: "not safe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := FromPath(tempFile(t, tt.lines...))
			f.Now = func() time.Time { return now }
			if tt.host == "" {
				tt.host = "host.example.org"
			}
			v, err := f.Check(tt.host, tt.port, "192.0.2.1", tt.cert)
			if tt.reason != "" {
				e, ok := errors.AsType[*CertificateError](err)
				if !ok || !strings.Contains(e.Error(), tt.reason) || e.Unwrap() == nil || e.Authority.Line == 0 {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil || v.Outcome != tt.want && (tt.want != Known || v.Outcome != KnownAddIP) {
				t.Fatalf("%v, %v", v.Outcome, err)
			}
			if !sameKey(v.Key, ed(1)) {
				t.Error("what is asked about and recorded is the plain key")
			}
		})
	}
}

func TestCertificateRevoked(t *testing.T) {
	ca := edSigner(9)
	cert := hostCert(ed(1), ca, nil, nil)
	authority := marked(CertAuthority, "*", ca.PublicKey())
	for name, revoked := range map[string]gossh.PublicKey{
		"its key":             ed(1),
		"its authority":       ca.PublicKey(),
		"a certificate of it": cert,
	} {
		f := FromPath(tempFile(t, authority, line("host", ed(1)), marked(Revoked, "*", revoked)))
		_, err := f.Check("host", 22, "", cert)
		if e, ok := errors.AsType[*RevokedKeyError](err); !ok || e.Entry.Line != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := FromPath(tempFile(t, authority, line("host", ed(2)))).Check("host", 22, "", hostCert(ed(1), edSigner(7), nil, nil))
	if _, ok := errors.AsType[*HostKeyChangedError](err); !ok {
		t.Errorf("the plain key of a certificate that nobody vouches for has changed: %v", err)
	}
}

func TestAcceptRecordsPlainKey(t *testing.T) {
	f := FromPath(tempFile(t))
	cert := hostCert(ed(1), edSigner(9), nil, nil)
	if e, err := f.AddHostKey("host", cert); err != nil || !e.MatchesKey(ed(1)) {
		t.Errorf("%v, %v", e, err)
	}
}

// sha1Authority signs with ssh-rsa, which ssh does not accept for certificates.
var sha1Authority = func() gossh.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	old, err := gossh.NewSignerWithAlgorithms(signer(key).(gossh.AlgorithmSigner), []string{gossh.KeyAlgoRSA})
	if err != nil {
		panic(err)
	}
	return old
}()

func hashOf(name string) string {
	return mustParse(hashedLines(mustParse(line(name, ed(1))))[0]).Hosts
}
